"""The rule for tool-call arguments: JSON text, once, and never altered beyond that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from strictwire.model.chunks import Chunk, HeldChunk
from strictwire.model.json_end import JsonEnd
from strictwire.repairs.chat.split import bare, envelope_of, only_choice
from strictwire.repairs.chat.tools import (
    arguments_text,
    body_of,
    only_extras,
    only_piece,
    with_piece,
)
from strictwire.repairs.rule import ChunkRule, nothing


@dataclass(slots=True)
class _Arguments:
    kind: str
    envelope: dict[str, Any]
    end: JsonEnd = field(default_factory=JsonEnd)
    held: Chunk | None = None  # an empty object that may be followed by the real one
    has_any: bool = False
    has_finished: bool = False  # its choice told a finish reason since


@dataclass(slots=True)
class ToolArguments(ChunkRule):
    """Say a call's arguments as JSON text, each piece once.

    An object where text belongs is executed as ``{}`` by some agents; ``{}`` before the real
    object, or the whole object again at the end, makes invalid JSON of the two. A call that told
    no arguments at all gets ``{}``, or parsers fail on the empty text; that shows at the end of
    the reply only, since a finish reason may come too early. What the model wrote is never altered.
    """

    name = "chat.tool-arguments"
    title = "Tool-call arguments are an object, doubled or empty"
    quirks = (52, 53)
    evidence = "lab:tool-arguments-object"
    is_foundation = True  # nothing later can read what it mends: it would be lost

    calls: Mapping[tuple[int, int], _Arguments] = field(default_factory=nothing)

    def feed(self, item: Chunk) -> Iterator[Chunk]:
        found = only_piece(item)
        if found is None:
            choice = only_choice(item)
            if self.calls and choice is not None and choice["finish_reason"]:
                self._note_finish(choice["index"])
            yield item
            return
        choice, piece = found
        key = (choice["index"], piece["index"])
        kind, text, body = body_of(piece)
        call = self.calls.get(key)
        if call is None:
            yield from self._release(choice["index"])
            has_finished = isinstance(item, HeldChunk)
            call = _Arguments(kind, envelope_of(item.value), has_finished=has_finished)
            self.calls = {**self.calls, key: call}
        if "name" in body:
            yield item
            return
        told = body.get(text)
        if not isinstance(told, str):
            self.fired = True
            told = arguments_text(told)
            item = with_piece(item, choice, piece | {kind: {text: told}})
        yield from self._add(call, told, item)

    def finish(self) -> Iterator[Chunk]:
        for key in sorted(self.calls):
            call = self.calls[key]
            if call.held is not None:
                yield call.held
            elif not call.has_any and call.kind == "function":
                self.fired = True
                piece = {"index": key[1], "function": {"arguments": "{}"}}
                choice = bare({"index": key[0]}, {"tool_calls": [piece]})
                kind = HeldChunk if call.has_finished else Chunk
                yield kind(call.envelope | {"choices": [choice]})

    def _add(self, call: _Arguments, told: str, item: Chunk) -> Iterator[Chunk]:
        if not told:
            # A piece that says something beside the arguments, which say nothing.
            yield item
            return
        if call.held is not None:
            # The empty object was a placeholder: the real arguments follow, or it comes again.
            self.fired = True
            is_again = told.strip() == "{}"
            yield from only_extras(item if is_again else call.held)
            if is_again:
                return
            call.held = None
        elif not call.has_any and call.kind == "function" and told.strip() == "{}":
            call.held = item
            return
        elif call.end.is_complete and call.end.has_told(told):
            self.fired = True
            yield from only_extras(item)
            return
        call.has_any = True
        if call.kind == "function":
            call.end.feed(told)
        yield item

    def _note_finish(self, index: int) -> None:
        """The choice finishes, or says so: arguments may still follow."""
        for key, call in self.calls.items():
            if key[0] == index:
                call.has_finished = True
                call.held = call.held and call.held.held()

    def _release(self, index: int) -> Iterator[Chunk]:
        """Another call of the choice begins: the empty objects before it were the arguments."""
        for key, call in self.calls.items():
            if key[0] == index and call.held is not None:
                held, call.held = call.held, None
                call.has_any = True
                call.end.feed("{}")
                yield held
