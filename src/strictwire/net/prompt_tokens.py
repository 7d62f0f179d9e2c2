"""How many tokens of a prompt were read, and how many were found ready: from what a reply told.

Contract: pure. Usage outranks progress, since it is told at the end; of a reply that broke off
before, progress tells how much of the prompt was read until then. Nothing is guessed.
"""

from __future__ import annotations

from typing import Any

from strictwire.model.protocols import ReplyRelay

# More than any prompt has. A server may send a number of a thousand digits, which no counter takes.
_MAX_COUNT = 2**53


def prompt_tokens(relay: ReplyRelay | None) -> tuple[int, int]:
    """Cached tokens and those that were read; zeros where nobody told. Never negative."""
    if relay is None:
        return 0, 0
    usage, told = relay.usage, relay.progressed
    total = _count(usage.get("prompt_tokens")) if usage is not None else 0
    if usage is None or not total:
        return (0, 0) if told is None else _split(told.processed, told.cached)
    details = usage.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else None
    if cached is None and told is not None:
        cached = told.cached
    return _split(total, _count(cached))


def _split(total: int, cached: int) -> tuple[int, int]:
    cached = max(0, min(cached, total))
    return cached, max(0, total - cached)


def _count(value: Any) -> int:
    return value if type(value) is int and 0 < value <= _MAX_COUNT else 0
