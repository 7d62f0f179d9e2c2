"""What a model's own form leaks into the text: thinking between tags, and calls as JSON.

Contract: both are legal text, and looked for only where the rule that mends them is switched on.
``ThinkTags.finds`` says for a piece of text whether it shows that the text has such thinking;
``is_leaked_call`` judges a whole text. Source: docs/quirks.md, 56, 59 and 95.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

_OPENERS = ("<think>", "<thinking>")
_TAG = re.compile("<(/?)think(?:ing)?>")
# One character less than the longest tag: what of a text may be the beginning of one.
_LONGEST_HALF = len("</thinking>") - 1
_FENCE = re.compile(r"```\w*\s*(.*?)\s*```", re.DOTALL)
_TAGGED_CALL = re.compile(r"\s*<tool_call>(.*?)(?:</tool_call>|\Z)\s*", re.DOTALL)


@dataclass(slots=True)
class ThinkTags:
    """Follows the text of one choice. ``is_opened``: the opener stands in the prompt."""

    is_opened: bool
    is_decided: bool = False
    has_text: bool = False
    half: str = ""

    def finds(self, text: str) -> bool:
        if self.is_decided or not text:
            return False
        text = self.half + text
        if not self.has_text:
            body = text.lstrip()
            self.half = text
            if any(opener.startswith(body) and body != opener for opener in _OPENERS):
                return False
            self.has_text = True
            if self.is_opened or body.startswith(_OPENERS):
                self.is_decided = True
                return True
        match = _TAG.search(text)
        if match is None:
            self.half = text[-_LONGEST_HALF:]
            return False
        # A closer without an opener ends thinking; an opener in the text only speaks of the tag.
        self.is_decided = True
        return bool(match[1])

    def reasons_itself(self) -> None:
        """The server tells reasoning by itself, so the prompt left nothing open."""
        self.is_decided = self.is_decided or (self.is_opened and not self.has_text)
        self.is_opened = False


def is_leaked_call(text: str, tools: frozenset[str], told: list[str]) -> bool:
    """Whether a text is nothing but calls of these tools, or the arguments of a call that was
    ``told`` (JSON texts)."""
    if told:
        value = _json(text)
        if any(text == one or (value is not None and value == _json(one)) for one in told):
            return True
    values = _values_in(text.strip())
    return bool(values) and all(_is_call(value, tools) for value in values)


def is_told_call(text: str, told: list[tuple[str, str]]) -> bool:
    """Whether all calls of a text were told as calls too (name, arguments)."""
    known = [(name, _json(arguments)) for name, arguments in told]
    return all(_name_and_arguments(value) in known for value in _values_in(text.strip()))


def _values_in(text: str) -> list[Any]:
    fenced = _FENCE.fullmatch(text)
    if fenced is not None:
        text = fenced[1]
    if not text.startswith("<tool_call>"):
        value = _json(text)
        return value if isinstance(value, list) else [value]
    values, position = [], 0
    while position < len(text):
        match = _TAGGED_CALL.match(text, position)
        if match is None:
            return [None]
        values.append(_json(match[1]))
        position = match.end()
    return values


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _inner(value: Any) -> dict[str, Any]:
    inner = value.get("function") if isinstance(value, dict) else None
    if isinstance(inner, dict):
        return inner
    return value if isinstance(value, dict) else {}


def _name_and_arguments(value: Any) -> tuple[Any, Any]:
    call = _inner(value)
    told = call.get("arguments", call.get("parameters"))
    return call.get("name"), _json(told) if isinstance(told, str) else told


def _is_call(value: Any, tools: frozenset[str]) -> bool:
    call = _inner(value)
    if not call.keys() <= {"type", "id", "name", "arguments", "parameters"}:
        return False
    name, arguments = _name_and_arguments(value)
    return name in tools and isinstance(arguments, dict)
