"""Which fields of a chat chunk the model has a place for; all others go along as extras."""

from __future__ import annotations

from typing import Any

TOP = frozenset(("id", "object", "created", "model", "choices", "usage"))
CHOICE = frozenset(("index", "delta", "finish_reason"))
DELTA = frozenset(
    ("role", "content", "reasoning_content", "reasoning", "refusal", "tool_calls", "function_call")
)

# Constant in a stream, so they belong on every chunk; other extras belong to one chunk.
STICKY = frozenset(("system_fingerprint", "service_tier"))


def beside(value: dict[str, Any], known: frozenset[str]) -> dict[str, Any]:
    """The fields of an object that are not among the known ones; no copy where there are none."""
    if value.keys() <= known:
        return {}
    return {name: value[name] for name in value if name not in known}


def only_sticky(extras: dict[str, Any]) -> dict[str, Any]:
    return {name: extras[name] for name in extras if name in STICKY}
