"""The rule for content that is no text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from strictwire.repairs.rule import ChoiceRule


@dataclass(slots=True)
class ContentParts(ChoiceRule):
    """Turn content that is a list of parts, or one part, into reasoning and text.

    ``content`` is a string on this wire; a list makes SDKs throw, or show ``[object Object]``.
    Reasoning comes as parts too, and a number is the text that says it.
    """

    name = "chat.content-parts"
    title = "content is a list of parts"
    quirks = (47,)
    evidence = "lab:content-parts"
    is_foundation = True  # nothing later can read what it mends: it would be lost

    def mend(self, choice: dict[str, Any]) -> dict[str, Any]:
        content = choice["delta"].get("content")
        thoughts = choice["delta"].get("reasoning_content")
        if isinstance(content, str | None) and isinstance(thoughts, str | None):
            return choice
        own = ("content", "reasoning_content")
        delta = {name: value for name, value in choice["delta"].items() if name not in own}
        parts, thought = _parts_of(content), _parts_of(thoughts)
        reasoning = "".join(
            (*_texts(thought, is_thinking=True), *_texts(thought, is_thinking=False),
             *_texts(parts, is_thinking=True))
        )  # fmt: skip
        text = "".join(_texts(parts, is_thinking=False))
        if reasoning:
            delta["reasoning_content"] = reasoning
        if text:
            delta["content"] = text
        return choice | {"delta": delta}


def _parts_of(told: Any) -> list[Any]:
    if isinstance(told, list):
        return told
    if isinstance(told, int | float) and not isinstance(told, bool):
        return [str(told)]
    return [] if told is None else [told]


def _texts(parts: list[Any], *, is_thinking: bool) -> Iterator[str]:
    for part in parts:
        if isinstance(part, str):
            if not is_thinking:
                yield part
        elif isinstance(part, dict):
            thought = part.get("thinking")
            is_thought = thought is not None or part.get("type") in ("thinking", "reasoning")
            if is_thought != is_thinking:
                continue
            body = thought if thought is not None else part.get("text", part.get("reasoning"))
            if isinstance(body, list):
                yield from _texts(body, is_thinking=False)
            elif isinstance(body, str):
                yield body
