"""Usage: three whole numbers, once, in a chunk of its own, to who asked for it.

Source: docs/contract.md, "Chat chunks", usage.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from strictwire.conformance.json_text import JsonText, Path
from strictwire.conformance.reply import Reply

COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")


def is_whole_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def is_well_shaped(usage: object) -> bool:
    """Three counts, and no null, neither in itself nor in its details."""
    if not isinstance(usage, dict) or not all(is_whole_number(usage.get(n)) for n in COUNTS):
        return False
    return not any(
        value is None or (isinstance(value, dict) and None in value.values())
        for value in usage.values()
    )


def is_told(usage: object) -> bool:
    """Whether anything can be made of it: without either count it was never told."""
    return isinstance(usage, dict) and any(
        isinstance(usage.get(name), int | float) and 0 <= usage[name] < math.inf
        for name in COUNTS[:2]
    )


def elsewhere(value: dict[str, Any]) -> Iterator[Path]:
    """Where usage stands that no client looks for (quirk 61)."""
    groq, choices = value.get("x_groq"), value.get("choices")
    if isinstance(groq, dict) and "usage" in groq:
        yield ("x_groq", "usage")
    for place, choice in enumerate(choices if isinstance(choices, list) else ()):
        if isinstance(choice, dict) and "usage" in choice:
            yield ("choices", place, "usage")


def in_chunk(value: dict[str, Any]) -> tuple[Any, Path]:
    """The usage that a chunk tells, wherever, and its place."""
    if value.get("usage") is None:
        for path in elsewhere(value):
            told: Any = value
            for step in path:
                told = told[step]
            if told:
                return told, path
    return value.get("usage"), ("usage",)


def judge_in_chunk(
    value: dict[str, Any], text: JsonText, reply: Reply, *, has_choices: bool
) -> None:
    """The usage of one chunk, and whether it should have one."""
    asked, found = reply.asked, reply.found
    usage, path = in_chunk(value)
    at = text.at(*path)
    for other in elsewhere(value):
        found.add("chat.usage-elsewhere", text.at(*other))
    if asked.is_stream is not False:
        if asked.includes_usage is False:
            if "usage" in value:
                found.add("reply.usage-unasked", at)
        elif asked.includes_usage and "usage" not in value:
            found.add("reply.usage-null", text.at())
    if usage is None:
        return
    if not is_well_shaped(usage):
        found.add("chat.usage-shape", at)
    if not is_told(usage):
        return
    if has_choices:
        found.add("chat.usage-placement", at)
    if reply.usage_at is not None:
        found.add("reply.usage-repeated", at)
    reply.usage_at = at
    if asked.choices != 1 and _is_of_one_choice(usage, value.get("timings")):
        # One that tells again what a choice told already is no other choice's.
        reply.usages_of_choices = min(reply.usages_of_choices + 1, reply.finished)
        if reply.usages_of_choices > 1:
            found.add("chat.usage-of-choice", at, "the tokens of other choices are not in it")


def _is_of_one_choice(usage: dict[str, Any], timings: Any) -> bool:
    """As llama.cpp tells it: its timings are those of one choice, and count the same (quirk 96)."""
    count = usage.get("completion_tokens")
    is_same = isinstance(timings, dict) and timings.get("predicted_n") == count
    return is_same and is_whole_number(count)
