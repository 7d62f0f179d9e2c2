"""The rule for the legacy ``function_call``: some servers still send it, some clients want it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from strictwire.model.chunks import Chunk, HeldChunk
from strictwire.repairs.chat.split import bare, envelope_of, lay_out, only_choice, split
from strictwire.repairs.chat.tools import arguments_text
from strictwire.repairs.rule import ChunkRule, nothing


@dataclass(slots=True)
class _Legacy:
    envelope: dict[str, Any]
    has_arguments: bool = False
    has_finished: bool = False  # its choice told a finish reason since


@dataclass(slots=True)
class FunctionCall(ChunkRule):
    """Say a legacy function call's name once, then its arguments as text.

    An object in place of the text reads as no arguments at all, a repeated name is joined to
    another name, and no arguments are invalid JSON. A choice calls tools or a function, never
    both: what began first stays, or a client would run the same call twice.
    """

    name = "chat.function-call"
    title = "A legacy function_call is repeated, empty, an object, or beside tool calls"
    quirks = (51, 52)
    evidence = "lab:function-call-object"
    is_foundation = True  # nothing later can read what it mends: it would be lost

    calls: Mapping[int, _Legacy] = field(default_factory=nothing)
    tool_callers: tuple[int, ...] = ()

    def feed(self, item: Chunk) -> Iterator[Chunk]:
        choice = only_choice(item)
        if choice is None:
            yield item
            return
        index, delta = choice["index"], choice["delta"]
        if delta.get("tool_calls"):
            yield from self._beside_tools(item, choice)
        elif "function_call" in delta:
            yield from self._pieces(item, choice)
        else:
            if index in self.calls and choice["finish_reason"]:
                self.calls[index].has_finished = True
            yield item

    def finish(self) -> Iterator[Chunk]:
        """A call that told no arguments has none. Not before the end: a finish reason may come
        too early."""
        for index, call in self.calls.items():
            if not call.has_arguments:
                self.fired = True
                choice = bare({"index": index}, {"function_call": {"arguments": "{}"}})
                kind = HeldChunk if call.has_finished else Chunk
                yield kind(call.envelope | {"choices": [choice]})

    def _beside_tools(self, item: Chunk, choice: dict[str, Any]) -> Iterator[Chunk]:
        """Tool calls pass unless a function call came first; then the function call goes."""
        index, delta = choice["index"], choice["delta"]
        unwanted = "tool_calls" if index in self.calls else "function_call"
        if unwanted == "function_call" and index not in self.tool_callers:
            self.tool_callers = (*self.tool_callers, index)
        if unwanted not in delta:
            yield item
            return
        self.fired = True
        kept = {name: delta[name] for name in delta if name != unwanted}
        if "function_call" in kept:
            yield from self._pieces(item, choice | {"delta": kept})
        else:
            laid = lay_out(choice, kept, [])
            if laid:
                yield from split(item, laid)

    def _pieces(self, item: Chunk, choice: dict[str, Any]) -> Iterator[Chunk]:
        index, delta = choice["index"], choice["delta"]
        told = delta["function_call"]
        parts = [] if index in self.tool_callers else list(self._parts(item, index, told))
        if parts == [told] and item.value["choices"][0]["delta"] is delta and len(delta) == 1:
            yield item
            return
        self.fired = True
        rest = {name: delta[name] for name in delta if name != "function_call"}
        laid = lay_out(choice, rest, [{"function_call": part} for part in parts])
        if laid:
            yield from split(item, laid)

    def _parts(self, item: Chunk, index: int, told: Any) -> Iterator[dict[str, Any]]:
        if not isinstance(told, dict):
            return
        name, arguments = told.get("name"), told.get("arguments")
        text = arguments_text(arguments)
        if index not in self.calls and (name or text):
            self.calls = {**self.calls, index: _Legacy(envelope_of(item.value))}
            yield {"name": name if isinstance(name, str) else "", "arguments": ""}
        if text:
            self.calls[index].has_arguments = True
            yield {"arguments": text}
