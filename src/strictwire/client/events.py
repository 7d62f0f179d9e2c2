"""What a reply tells, as its reader is given it: small, complete, the same for every dialect.

Contract: each piece of text and of reasoning comes once, however the server told it. A ``ToolCall``
comes when nothing of it can change any more, just before the end; its pieces come as they arrive,
for who wants to show them. ``Finish`` is the last event of a reply that is whole; a reply that is
not ends in an error instead.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Literal

from strictwire.model.request import Dialect

FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]
ProgressStatus = Literal["queued", "processing", "done"]


@dataclass(frozen=True, slots=True)
class Started:
    """The reply has begun. Empty where the server named none."""

    id: str = ""
    model: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of the answer. ``block`` counts the parts of a reply that its server told apart, from
    0. ``logprobs`` are token probabilities in chat's shape, where they were asked for."""

    text: str
    block: int = 0
    logprobs: tuple[dict[str, Any], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Reasoning:
    """A piece of what the model thought. ``is_summary``: a summary of it, not its own words."""

    text: str
    block: int = 0
    is_summary: bool = False


@dataclass(frozen=True, slots=True)
class ReasoningSeal:
    """What the server wants given back with the reasoning before it: a signature, or the
    reasoning itself, encrypted (then ``is_redacted``, if none of it could be read)."""

    seal: str = field(repr=False)
    id: str = ""
    is_redacted: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """A piece of the model's refusal to answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Annotation:
    """A citation or the like, in chat's shape: ``{"type": T, T: {...}}``."""

    value: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ToolCallStarted:
    """A tool call begins. ``index`` tells parallel calls apart."""

    index: int
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """A piece of a call's arguments, as the model writes them."""

    index: int
    arguments: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A whole call. ``arguments`` is the model's own text: JSON for a function, if the model wrote
    it well, and free text for a custom tool."""

    index: int
    id: str
    name: str
    arguments: str
    is_custom: bool = False

    def parsed(self) -> Any:
        """The arguments as a value. Raises ValueError where the model wrote no JSON."""
        return json.loads(self.arguments)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens. ``input_tokens`` contain the cached ones, ``output_tokens`` those of reasoning.
    ``told`` has all that the server said, in chat's names."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    told: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def total_tokens(self) -> int:
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the prompt is read. ``processed`` and ``total`` are tokens, ``fraction`` (0 to 1)
    counts those that were not cached, ``place`` is that in the server's line while the request is
    queued, 1 for the next; None where the server does not know."""

    status: ProgressStatus
    processed: int | None = None
    total: int | None = None
    fraction: float | None = None
    place: int | None = None


@dataclass(frozen=True, slots=True)
class Native:
    """What only this dialect can say (a step of a web search, say), as it came."""

    dialect: Dialect
    value: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Finish:
    """The reply is whole."""

    reason: FinishReason


Event = (
    Started
    | Text
    | Reasoning
    | ReasoningSeal
    | Refusal
    | Annotation
    | ToolCallStarted
    | ToolCallDelta
    | ToolCall
    | Usage
    | Progress
    | Native
    | Finish
)
