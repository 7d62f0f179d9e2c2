"""The rule for tool-call arguments: JSON text, once, and never altered beyond that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from strictwire.model.chunks import Chunk
from strictwire.repairs.chat.split import bare, envelope_of, only_choice
from strictwire.repairs.chat.tools import arguments_text, body_of, only_piece, with_piece
from strictwire.repairs.json_end import JsonEnd
from strictwire.repairs.rule import ChunkRule, nothing


@dataclass(slots=True)
class _Arguments:
    kind: str
    envelope: dict[str, Any]
    end: JsonEnd = field(default_factory=JsonEnd)
    held: Chunk | None = None  # an empty object that may be followed by the real one
    has_any: bool = False


@dataclass(slots=True)
class ToolArguments(ChunkRule):
    """Say a call's arguments as JSON text, each piece once.

    An object where text belongs is executed as ``{}`` by some agents; ``{}`` before the real
    object, or the whole object again at the end, makes invalid JSON of the two. A call that told
    no arguments at all gets ``{}``, or parsers fail on the empty text. What the model wrote is
    never altered.
    """

    name = "chat.tool-arguments"
    title = "Tool-call arguments are an object, doubled or empty"
    quirks = (52, 53, 54)
    evidence = "lab:tool-arguments-object"

    calls: Mapping[tuple[int, int], _Arguments] = field(default_factory=nothing)

    def feed(self, item: Chunk) -> Iterator[Chunk]:
        found = only_piece(item)
        if found is None:
            choice = only_choice(item)
            if choice is not None and choice["finish_reason"]:
                yield from self._close(choice["index"])
            yield item
            return
        choice, piece = found
        key = (choice["index"], piece["index"])
        kind, text, body = body_of(piece)
        call = self.calls.get(key)
        if call is None:
            call = _Arguments(kind, envelope_of(item.value))
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
        for index in sorted({key[0] for key in self.calls}):
            yield from self._close(index)

    def _add(self, call: _Arguments, told: str, item: Chunk) -> Iterator[Chunk]:
        if call.held is not None:
            # The empty object was a placeholder: the real arguments follow.
            self.fired = True
            call.held = None
        elif not call.has_any and call.kind == "function" and told.strip() == "{}":
            call.held = item
            return
        elif call.end.is_complete and call.end.has_told(told):
            self.fired = True
            return
        call.has_any = True
        if call.kind == "function":
            call.end.feed(told)
        yield item

    def _close(self, index: int) -> Iterator[Chunk]:
        for key, call in self.calls.items():
            if key[0] != index or call.has_any:
                continue
            call.has_any = True
            if call.held is not None:
                held, call.held = call.held, None
                yield held
            elif call.kind == "function":
                self.fired = True
                piece = {"index": key[1], "function": {"arguments": "{}"}}
                choice = bare({"index": index}, {"tool_calls": [piece]})
                yield Chunk(call.envelope | {"choices": [choice]})
