"""Text that may be a tool call: whether it still can be one, and which calls it says.

Contract: ``begins_call`` says of a text's beginning whether calls, and nothing else, may follow;
``calls_in`` reads a whole text, and returns None where it says anything but calls. Known are a
JSON object or a list of them, bare or in a fence, and objects between ``<tool_call>`` tags.
"""

from __future__ import annotations

import re
import string
from dataclasses import dataclass
from typing import Any

import msgspec

_TAG = "<tool_call>"
_FENCE = "```"
# What begins a JSON value, or stands in the tag, can be calls to its end; a fence with code in it
# cannot, so the body's own first character decides.
_BEGUN = re.compile(r"\s*(?:<tool_call>|(?:```[A-Za-z_]{0,16}\s*)?[{\[])")
_UNDECIDED = re.compile(r"\s*(?:`{0,2}|```[A-Za-z_]{0,16}\s*)")
# By then a fence has said what is in it.
MAX_UNDECIDED_CHARACTERS = 256
_TAGGED = re.compile(r"\s*<tool_call>(.*?)(?:</tool_call>|\Z)\s*", re.DOTALL)
_ARGUMENTS = ("arguments", "parameters")
_WORD = string.ascii_letters + "_"
_CALL_KEYS = frozenset(("type", "id", "name", *_ARGUMENTS))

_encode = msgspec.json.encode


@dataclass(frozen=True, slots=True)
class SaidCall:
    """``arguments`` is JSON text."""

    name: str
    arguments: str


def begins_call(text: str) -> bool | None:
    """Whether the text begins as calls do; None while more of it must come to know."""
    if _BEGUN.match(text) is not None:
        return True
    may_be_tag = _TAG.startswith(text.lstrip())
    if len(text) > MAX_UNDECIDED_CHARACTERS or not (may_be_tag or _UNDECIDED.fullmatch(text)):
        return False
    return None


def calls_in(text: str, tools: frozenset[str]) -> list[SaidCall] | None:
    """The calls of offered tools that are all that the text says; None where it says more."""
    calls = []
    for value in _values_in(text.strip()):
        call = _call_of(value, tools)
        if call is None:
            return None
        calls.append(call)
    return calls or None


def canonical(text: str) -> bytes:
    """The same for all spellings of one JSON value; the text itself where it is none."""
    try:
        return _encode(msgspec.json.decode(text), order="deterministic")
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return text.strip().encode("utf-8", "surrogatepass")


def _values_in(text: str) -> list[Any]:
    """The JSON values; a None among them is a text that is none."""
    if text.startswith(_FENCE) and text.endswith(_FENCE):
        text = text[len(_FENCE) : -len(_FENCE)].lstrip(_WORD).strip()
    if not text.startswith(_TAG):
        value = _json(text)
        return value if isinstance(value, list) else [value]
    values, position = [], 0
    while position < len(text):
        tagged = _TAGGED.match(text, position)
        if tagged is None:
            return [None]
        values.append(_json(tagged.group(1)))
        position = tagged.end()
    return values


def _json(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


def _call_of(value: Any, tools: frozenset[str]) -> SaidCall | None:
    """``{"name": …, "arguments": {…}}``, also inside of ``{"function": …}``."""
    if not isinstance(value, dict):
        return None
    inner = value.get("function")
    if isinstance(inner, dict) and value.keys() <= {"type", "id", "function"}:
        value = inner
    key = next((name for name in _ARGUMENTS if name in value), None)
    if key is None or not value.keys() <= _CALL_KEYS or value.get("name") not in tools:
        return None
    told = value[key]
    if isinstance(told, str):
        return SaidCall(value["name"], told) if isinstance(_json(told), dict) else None
    return SaidCall(value["name"], _encode(told).decode()) if isinstance(told, dict) else None
