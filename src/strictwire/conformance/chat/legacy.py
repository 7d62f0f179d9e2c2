"""The legacy ``function_call`` of a streamed choice: its name, then its arguments as text.

Source: docs/contract.md, "Chat chunks", tool calls; docs/quirks.md, 51 to 53.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from strictwire.conformance.json_text import JsonText, Where
from strictwire.conformance.reply import Reply

RULE = "chat.function-call"
Json = dict[str, Any]


@dataclass(slots=True)
class _Legacy:
    has_arguments: bool = False


class LegacyJudge:
    __slots__ = ("_calls", "_found", "_reply")

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._found = reply.found
        self._calls: dict[int, _Legacy] = {}

    def piece(self, index: int, delta: Json, text: JsonText, place: int) -> None:
        at = text.at("choices", place, "delta", "function_call")
        said, told = self._reply.said(index), delta["function_call"]
        call = self._calls.get(index)
        if "tool_calls" in delta or (said.has_called and call is None):
            self._found.add(RULE, at, "it comes beside tool calls")
            return
        if len(delta) > 1:
            self._found.add(RULE, at, "something else is in the delta")
        if call is None:
            call = self._calls[index] = _Legacy()
            said.has_called = True
            is_right = (
                isinstance(told, dict)
                and told.keys() == {"name", "arguments"}
                and isinstance(told["name"], str)
                and told["arguments"] == ""
            )
        else:
            is_right = (
                isinstance(told, dict)
                and told.keys() == {"arguments"}
                and isinstance(told["arguments"], str)
                and bool(told["arguments"])
            )
        if not is_right:
            self._found.add(RULE, at, "it is laid out another way")
        call.has_arguments |= isinstance(told, dict) and bool(told.get("arguments"))

    def close(self, index: int, offset: Where) -> None:
        call = self._calls.get(index)
        if call is not None and not call.has_arguments:
            call.has_arguments = True
            self._found.add(RULE, offset, "it has no arguments")
