"""The rule for tool calls that come as text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from strictwire.model.chunks import Chunk
from strictwire.model.request import Promise
from strictwire.repairs.chat.call_text import SaidCall, begins_call, calls_in, canonical
from strictwire.repairs.chat.split import bare, envelope_of, only_choice
from strictwire.repairs.chat.tool_index import MAX_CALLS
from strictwire.repairs.chat.tools import body_of, only_piece
from strictwire.repairs.rule import ChunkRule

# A call's arguments are some kilobytes, a file to write some tens of them, in chunks of a token
# each. Text beyond that is released, and arguments beyond it are not looked for, so that memory
# stays bounded.
MAX_HELD_BYTES = 8 * 1024 * 1024
# What a chunk holds beside its text: the dictionaries of its JSON.
CHUNK_OVERHEAD_BYTES = 1200


@dataclass(slots=True)
class _ToldCall:
    name: str
    arguments: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Choice:
    """``is_open``: text that comes now may be a call."""

    is_open: bool = True
    is_call_like: bool = False
    held: list[Chunk] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    size: int = 0
    calls: dict[int, _ToldCall] = field(default_factory=dict)


@dataclass(slots=True)
class LeakedCall(ChunkRule):
    """Make a tool call of content that is nothing but the call, and drop what repeats one.

    Where a server's parser misses its model's form, the call comes as JSON text: the agent shows
    it and runs nothing. Others tell the call and its arguments as content too. Text that may be
    a call is held until the reply ends, so this must be switched on for the provider, and
    it runs only where tools were offered. What turns out to be text is told as it came.
    """

    name = "chat.leaked-call"
    title = "A tool call, or its arguments, come as content"
    quirks = (56,)
    evidence = "lab:leaked-call"
    modes = ("off", "on")
    reads_text = True

    choices: dict[int, _Choice] = field(default_factory=dict)

    @classmethod
    def runs_for(cls, promise: Promise) -> bool:
        return bool(promise.tools) and super(LeakedCall, cls).runs_for(promise)

    def feed(self, item: Chunk) -> Iterator[Chunk]:
        choice = only_choice(item)
        if choice is None:
            yield item
            return
        index = choice["index"]
        known = self.choices.setdefault(index, _Choice())
        found = only_piece(item)
        if found is not None:
            self._note(known, found[1])
            yield item
            return
        content = choice["delta"].get("content")
        if isinstance(content, str) and content and known.is_open:
            yield from self._text(known, item, content)
            if choice["finish_reason"]:
                # The finish is told by the chunk that is held, so it must not wait.
                yield from self._release(known)
            return
        if choice["finish_reason"]:
            known.held = [chunk.held() for chunk in known.held]
        yield item

    def finish(self) -> Iterator[Chunk]:
        for index, known in self.choices.items():
            yield from self._resolve(index, known)

    @staticmethod
    def _note(known: _Choice, piece: dict[str, Any]) -> None:
        """A piece of a call that was told as one. What was said before it was no call."""
        _, text, body = body_of(piece)
        call = known.calls.setdefault(piece["index"], _ToldCall(""))
        call.name = call.name or body.get("name") or ""
        told = body.get(text)
        if isinstance(told, str) and known.size + len(told) <= MAX_HELD_BYTES:
            known.size += len(told)
            call.arguments.append(told)
        known.is_open = True

    def _text(self, known: _Choice, item: Chunk, content: str) -> Iterator[Chunk]:
        """Hold the text while it may be a call."""
        known.held.append(item)
        known.text.append(content)
        known.size += len(content) + CHUNK_OVERHEAD_BYTES
        if not known.is_call_like:
            is_call_like = begins_call("".join(known.text))
            if is_call_like is False:
                yield from self._release(known)
                return
            known.is_call_like = bool(is_call_like)
        if known.size > MAX_HELD_BYTES:
            yield from self._release(known)

    def _release(self, known: _Choice) -> Iterator[Chunk]:
        """It was text."""
        yield from known.held
        known.is_open = False
        self._forget(known)

    def _resolve(self, index: int, known: _Choice) -> Iterator[Chunk]:
        """The reply ends: what is held is a call, the echo of one, or text."""
        if not known.held:
            return
        text = "".join(known.text)
        said = calls_in(text, self.promise.tools) or []
        told = {(call.name, canonical("".join(call.arguments))) for call in known.calls.values()}
        is_echo = canonical(text) in {arguments for _, arguments in told}
        if not (said or is_echo) or len(said) > MAX_CALLS:
            yield from self._release(known)
            return
        self.fired = True
        kind, envelope = type(known.held[-1]), envelope_of(known.held[0].value)
        self._forget(known)
        new = [call for call in said if (call.name, canonical(call.arguments)) not in told]
        for number, call in enumerate(new, start=len(known.calls)):
            for piece in self._pieces(index, number, call):
                choice = bare({"index": index}, {"tool_calls": [piece]})
                yield kind(envelope | {"choices": [choice]})

    def _pieces(self, index: int, number: int, call: SaidCall) -> Iterator[dict[str, Any]]:
        identity = f"call_{self.promise.id}_{index}_{number}"
        function = {"name": call.name, "arguments": ""}
        yield {"index": number, "id": identity, "type": "function", "function": function}
        yield {"index": number, "function": {"arguments": call.arguments}}

    @staticmethod
    def _forget(known: _Choice) -> None:
        known.size -= sum(map(len, known.text)) + len(known.text) * CHUNK_OVERHEAD_BYTES
        known.held.clear()
        known.text.clear()
        known.is_call_like = False
