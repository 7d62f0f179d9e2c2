"""What was promised to one client, as far as a relay must know it. Pure data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Carrier = Literal["event", "comment"]
ReasoningKey = Literal["reasoning_content", "reasoning", "both"]
AfterError = Literal["done", "cut"]


@dataclass(frozen=True, slots=True)
class Promise:
    """What the client asked for, and the ids and times to use where the upstream tells none.

    ``id`` is without its dialect's prefix. ``created`` is in seconds since the epoch. ``model``
    is shown always if ``is_model_pinned`` (an alias was asked for), else only if the upstream
    names none.
    """

    id: str
    created: int
    model: str
    is_model_pinned: bool = False
    is_stream: bool = True
    includes_usage: bool = False
    progress: Carrier | None = None
    reasoning_key: ReasoningKey = "reasoning_content"
    after_error: AfterError = "done"
    repairs_off: frozenset[str] = field(default_factory=frozenset)
    max_reply_bytes: int = 64 * 1024 * 1024
