"""The fields of a response object, of its items, their parts and its usage.

Contract: each function names what is missing or wrong, in an order that does not change; nothing
where all is as promised. It follows no links: ids and places are for others.
Source: OpenAI API reference, "The response object"; docs/contract.md, "Responses".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from strictwire.conformance.usage import is_whole_number

Json = dict[str, Any]
Test = Callable[[Any], bool]

_UNFINISHED = ("in_progress", "queued", "failed", "cancelled")


def is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def is_time(value: Any) -> bool:
    """Seconds since the epoch; 0 is a time that nobody set."""
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _is_string(value: Any) -> bool:
    return isinstance(value, str)


def _is_any(value: Any) -> bool:
    return True


def _one_of(*known: str) -> Test:
    return lambda value: isinstance(value, str) and value in known


# What the official schema requires of every response, and the status, without which nobody knows
# how it stands.
_RESPONSE: Mapping[str, Test] = {
    "id": is_text,
    "object": _one_of("response"),
    "created_at": is_time,
    "status": _one_of("completed", "failed", "in_progress", "cancelled", "queued", "incomplete"),
    "error": _is_any,
    "incomplete_details": _is_any,
    "instructions": _is_any,
    "model": is_text,
    "tools": _is_list,
    "output": _is_list,
    "parallel_tool_calls": lambda value: isinstance(value, bool),
    "metadata": _is_any,
    "tool_choice": bool,
    "temperature": _is_any,
    "top_p": _is_any,
}
_STATUS = _one_of("in_progress", "completed", "incomplete")
_ITEMS: Mapping[str, Mapping[str, Test]] = {
    "message": {"status": _STATUS, "role": _one_of("assistant"), "content": _is_list},
    "reasoning": {"summary": _is_list},
    "function_call": {
        "call_id": is_text, "name": _is_string, "arguments": _is_string,
    },
    "custom_tool_call": {"call_id": is_text, "name": _is_string, "input": _is_string},
}  # fmt: skip
_PARTS: Mapping[str, Mapping[str, Test]] = {
    "output_text": {"text": _is_string, "annotations": _is_list, "logprobs": _is_list},
    "refusal": {"refusal": _is_string},
    "summary_text": {"text": _is_string},
    "reasoning_text": {"text": _is_string},
}
_DETAILS = {
    "input_tokens_details": ("cached_tokens", "cache_write_tokens"),
    "output_tokens_details": ("reasoning_tokens",),
}


def wrong_in_response(value: Json) -> Iterator[str]:
    yield from _wrong(value, _RESPONSE)
    usage = value.get("usage")
    if usage is not None and not is_usage(usage):
        yield "usage"


def lacks_usage(value: Json) -> bool:
    """Whether a reply that is over tells no usage, not even zeros."""
    return value.get("usage") is None and value.get("status") not in _UNFINISHED


def is_usage(usage: Any) -> bool:
    if not isinstance(usage, dict):
        return False
    counts = ("input_tokens", "output_tokens", "total_tokens")
    details = {name: usage.get(name) for name in _DETAILS}
    return all(is_whole_number(usage.get(name)) for name in counts) and all(
        isinstance(told, dict) and all(is_whole_number(told.get(name)) for name in _DETAILS[group])
        for group, told in details.items()
    )


def wrong_in_item(item: Any, *, is_done: bool) -> Iterator[str]:
    """What an item lacks. ``is_done``: no more of it comes, so its parts are whole too."""
    if not isinstance(item, dict):
        yield "item"
        return
    kind = item.get("type")
    rules = _ITEMS.get(kind, {}) if isinstance(kind, str) else {}
    yield from _wrong(item, {"id": is_text, "type": is_text, **rules})
    if not is_done:
        return
    if item.get("status") == "in_progress":
        yield "status"
    for group in ("content", "summary"):
        parts = item.get(group)
        for part in parts if rules and isinstance(parts, list) else ():
            yield from (f"{group} {name}" for name in wrong_in_part(part))


def wrong_in_part(part: Any) -> Iterator[str]:
    if not isinstance(part, dict):
        yield "part"
        return
    kind = part.get("type")
    rules = _PARTS.get(kind, {}) if isinstance(kind, str) else {}
    yield from _wrong(part, {"type": is_text, **rules})


def _wrong(value: Json, rules: Mapping[str, Test]) -> Iterator[str]:
    return (name for name, is_right in rules.items() if name not in value
            or not is_right(value[name]))  # fmt: skip
