"""What a tool said, as the next request of an agent tells it, in the shape of its dialect.

Only the last thing said counts: a result that was answered already is history. Messages of the
system behind it, as coding agents add them, change nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from strictwire.lab.arguments import WORD
from strictwire.lab.tools import object_or_empty

# How much of a tool's result the answer repeats: enough to prove that it arrived.
REPEATED_RESULT_CHARACTERS = 60
_SYSTEM_ROLES = ("system", "developer")
_OUTPUT_ITEMS = ("function_call_output", "custom_tool_call_output", "local_shell_call_output")


def chat_result(messages: list[Any]) -> str | None:
    """None where the last message is no tool's."""
    last = _last_said(messages)
    if last.get("role") not in ("tool", "function"):
        return None
    return _repeated(last.get("content"))


def responses_result(items: object) -> str | None:
    last = _last_said(items if isinstance(items, list) else [])
    return _repeated(last.get("output")) if last.get("type") in _OUTPUT_ITEMS else None


def messages_result(messages: list[Any]) -> str | None:
    """Text of the user may stand beside the result, as reminders of Claude Code do."""
    last = _last_said(messages)
    blocks = last.get("content")
    if last.get("role") != "user" or not isinstance(blocks, list):
        return None
    results = [each for each in map(object_or_empty, blocks) if each.get("type") == "tool_result"]
    return _repeated(results[-1].get("content")) if results else None


def _last_said(entries: list[Any]) -> dict[str, Any]:
    said = (object_or_empty(entry) for entry in reversed(entries))
    return next((entry for entry in said if entry.get("role") not in _SYSTEM_ROLES), {})


def _repeated(content: object) -> str:
    """From the word on that the lab's harmless command prints, where it is there: agents put
    words of their own before a command's output."""
    text = content if isinstance(content, str) else "".join(_texts(content))
    start = max(text.rfind(WORD), 0)
    return text[start : start + REPEATED_RESULT_CHARACTERS]


def _texts(content: object) -> Iterator[str]:
    for part in content if isinstance(content, list) else ():
        text = object_or_empty(part).get("text")
        if isinstance(text, str):
            yield text
