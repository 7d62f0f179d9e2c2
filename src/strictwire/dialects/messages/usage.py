"""Token counts: Anthropic's names and the model's, which are chat's.

Contract: pure. Anthropic counts what was read from the cache, or written to it, beside
``input_tokens``; chat counts it within ``prompt_tokens``. Turned without a look at that, the cached
part is billed twice (quirk 81).
Source: Anthropic API reference, "Prompt caching", "Tracking cache performance".
"""

from __future__ import annotations

from typing import Any

COUNTS = (
    "input_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
    "output_tokens",
)


def is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _count(usage: dict[str, Any], name: str) -> int:
    value = usage.get(name)
    return value if type(value) is int and value >= 0 else 0


def _details(usage: dict[str, Any], name: str) -> dict[str, Any]:
    details = usage.get(name)
    return details if isinstance(details, dict) else {}


def usage_from_chat(usage: dict[str, Any]) -> dict[str, Any]:
    """The final usage of a message. What was cached is none of the input, so it is taken out."""
    prompt = _details(usage, "prompt_tokens_details")
    read, written = _count(prompt, "cached_tokens"), _count(prompt, "cache_write_tokens")
    told: dict[str, Any] = {
        "input_tokens": max(0, _count(usage, "prompt_tokens") - read - written),
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": read,
        "output_tokens": _count(usage, "completion_tokens"),
    }
    thought = _count(_details(usage, "completion_tokens_details"), "reasoning_tokens")
    if thought:
        told["output_tokens_details"] = {"thinking_tokens": thought}
    return told


def usage_to_chat(usage: dict[str, Any]) -> dict[str, Any]:
    """The usage of a message, all of it, as the model has it."""
    read = _count(usage, "cache_read_input_tokens")
    written = _count(usage, "cache_creation_input_tokens")
    prompt = _count(usage, "input_tokens") + read + written
    output = _count(usage, "output_tokens")
    details = {"cached_tokens": read} | ({"cache_write_tokens": written} if written else {})
    told: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": output,
        "total_tokens": prompt + output,
        "prompt_tokens_details": details,
    }
    thought = _count(_details(usage, "output_tokens_details"), "thinking_tokens")
    if thought:
        told["completion_tokens_details"] = {"reasoning_tokens": thought}
    return told


def joined_usage(first: Any, later: Any) -> dict[str, Any]:
    """Counts are cumulative, so the later word counts; but a null or a zero replaces nothing."""
    joined = dict(first) if isinstance(first, dict) else {}
    for name, value in (later if isinstance(later, dict) else {}).items():
        if value or name not in joined or joined[name] is None:
            joined[name] = value
    return joined


def strict_usage(told: Any, required: tuple[str, ...]) -> dict[str, Any]:
    """Usage in which every count is one: the same object where that is so. A count that is none
    becomes null, or 0 where it must be there."""
    usage = told if isinstance(told, dict) else {}
    wrong = {
        name: 0 if name in required else None
        for name in COUNTS
        if not (is_count(usage.get(name)) or (name not in required and usage.get(name) is None))
    }
    return usage | wrong if wrong or usage is not told else usage
