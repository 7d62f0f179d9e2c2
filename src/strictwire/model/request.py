"""What was promised to one client, as far as a relay must know it. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Dialect = Literal["chat", "completions"]
Carrier = Literal["event", "comment", "chunk"]
ReasoningKey = Literal["reasoning_content", "reasoning", "both"]
ExtraFields = Literal["keep", "drop"]
AfterError = Literal["done", "cut"]

# The settings name no rule: each runs in its own default mode. A plain dict and never changed,
# since rules are copied by pickling while the splice proves a frame.
_DEFAULT_MODES: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Promise:
    """What the client asked for, and the ids and times to use where the upstream tells none.

    ``id`` is without its dialect's prefix. ``created`` is in seconds since the epoch. ``model``
    is shown always if ``is_model_pinned`` (an alias was asked for), else only if the upstream
    names none. ``choices`` is how many were asked for, None where nobody knows. ``tools`` names
    the request's tools. ``modes`` says the mode of each rule that the settings name.
    """

    id: str
    created: int
    model: str
    dialect: Dialect = "chat"
    is_model_pinned: bool = False
    is_stream: bool = True
    includes_usage: bool = False
    choices: int | None = None
    tools: frozenset[str] = frozenset()
    progress: Carrier | None = None
    reasoning_key: ReasoningKey = "reasoning_content"
    extra_fields: ExtraFields = "keep"
    after_error: AfterError = "done"
    modes: Mapping[str, str] = field(default_factory=lambda: _DEFAULT_MODES)
    max_reply_bytes: int = 64 * 1024 * 1024
