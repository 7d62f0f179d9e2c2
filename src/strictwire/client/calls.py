"""Tool calls: their pieces as they come, and each call once it is whole.

Contract: pure. Calls may grow side by side; ``finish`` gives all of them in the order in which
they began. A tool that went to the server under another name is told under its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from strictwire.client.events import ToolCall, ToolCallDelta, ToolCallStarted
from strictwire.model import events as told
from strictwire.model.request import FoldedTool


@dataclass(slots=True)
class _Call:
    id: str
    name: str
    is_custom: bool
    wrapper: str  # the argument in which a custom tool's input stands, see ``FoldedTool``
    pieces: list[str] = field(default_factory=list)

    @property
    def arguments(self) -> str:
        text = "".join(self.pieces)
        return _unwrapped(text, self.wrapper) if self.wrapper else text


class CallGatherer:
    """The calls of one reply. How much they may hold is bounded by who feeds it."""

    def __init__(self, folded: Mapping[str, FoldedTool]) -> None:
        self._folded = folded
        self._calls: dict[int, _Call] = {}

    def begin(self, event: told.ToolCallBegun) -> ToolCallStarted:
        tool = self._folded.get(event.name) or FoldedTool(event.name)
        is_custom = event.kind == "custom" or tool.is_custom
        self._calls[event.call] = _Call(event.id, tool.name, is_custom, tool.wrapper)
        return ToolCallStarted(event.call, event.id, tool.name)

    def grow(self, event: told.ToolCallDelta) -> Iterator[ToolCallDelta]:
        call = self._calls.get(event.call)
        if call is None:  # no reader tells of a call that did not begin
            return
        call.pieces.append(event.arguments)
        # A wrapped input is no text to show before its wrapping is off.
        if event.arguments and not call.wrapper:
            yield ToolCallDelta(event.call, event.arguments)

    def finish(self) -> Iterator[ToolCall]:
        for index, call in self._calls.items():
            yield ToolCall(index, call.id, call.name, call.arguments, call.is_custom)


def _unwrapped(text: str, wrapper: str) -> str:
    """The input inside the wrapping; the text itself where the model did not keep to it."""
    try:
        value = json.loads(text, strict=False)
    except ValueError:
        return text
    inner = value.get(wrapper) if isinstance(value, dict) else None
    return inner if isinstance(inner, str) else text
