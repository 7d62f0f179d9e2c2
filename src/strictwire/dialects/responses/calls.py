"""Tool calls on their way to a Responses client: by the name and as the kind that it knows.

Contract: a tool that went upstream under another name (``Promise.folded``) comes back under its
own, with its namespace. The input of a custom tool that went upstream as a function with one
argument is held until it is whole, then unwrapped: JSON cut in two cannot be read. What is no such
JSON is what the model wrote, and stays it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from strictwire.model.events import ToolCallBegun
from strictwire.model.request import FoldedTool, Promise

_decode = msgspec.json.decode


@dataclass(slots=True)
class OpenCall:
    """A call under way. ``held`` gathers what must be unwrapped, None where nothing must."""

    item_id: str
    index: int
    item_type: str
    wrapper: str = ""
    held: list[str] | None = None
    held_chars: int = 0

    def unwrapped(self) -> str:
        """The input of a custom tool, out of the arguments of its function."""
        text = "".join(self.held or ())
        try:
            told = _decode(text)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return text
        inner = told.get(self.wrapper) if isinstance(told, dict) else None
        if inner is None and isinstance(told, dict) and len(told) == 1:
            inner = next(iter(told.values()))  # the model took another name for it
        return inner if isinstance(inner, str) else text


@dataclass(slots=True)
class Calls:
    """The calls of one reply, by their number in it."""

    promise: Promise
    open: dict[int, OpenCall] = field(default_factory=dict)

    def begin(self, event: ToolCallBegun, item_id: str, index: int) -> dict[str, Any]:
        """A call begins: its item as a loose chunk announces it."""
        folded = self.promise.folded.get(event.name, FoldedTool(event.name))
        is_custom = event.kind == "custom" or folded.is_custom
        call = OpenCall(item_id, index, "custom_tool_call" if is_custom else "function_call")
        if folded.is_custom and event.kind != "custom":
            call.wrapper, call.held = folded.wrapper, []
        self.open[event.call] = call
        item: dict[str, Any] = {
            "id": item_id,
            "type": call.item_type,
            "status": "in_progress",
            "call_id": event.id or f"call_{self.promise.id}_{index}",
            "name": folded.name,
            ("input" if is_custom else "arguments"): "",
        }
        if folded.namespace:
            item["namespace"] = folded.namespace
        return item

    def copied(self) -> Calls:
        twins = {
            number: OpenCall(
                call.item_id,
                call.index,
                call.item_type,
                call.wrapper,
                None if call.held is None else call.held.copy(),
                call.held_chars,
            )
            for number, call in self.open.items()
        }
        return Calls(self.promise, twins)
