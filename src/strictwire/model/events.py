"""Stream events: what every dialect's reader produces and every writer consumes.

``choice`` is the choice's index, ``call`` a tool call's dense index within its choice. What a
dialect says beyond these goes along in ``extra``. ``source`` is the chunk an event was read from,
so that a writer of the same dialect can pass an untouched chunk on byte for byte; it takes no
part in equality.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from strictwire.model.chunks import Chunk
from strictwire.model.errors import WireError

FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "function_call"]
FINISH_REASONS: frozenset[str] = frozenset(
    ("stop", "length", "tool_calls", "content_filter", "function_call")
)
CallKind = Literal["function", "custom", "legacy"]


@dataclass(frozen=True, slots=True)
class Extra:
    """Fields beside the known ones, by where they stood: the object, its choice, its delta, its
    tool call. Those of a call's inner object stand in ``call`` too, under the name of its kind."""

    top: dict[str, Any] = field(default_factory=dict)
    choice: dict[str, Any] = field(default_factory=dict)
    delta: dict[str, Any] = field(default_factory=dict)
    call: dict[str, Any] = field(default_factory=dict)


NO_EXTRA = Extra()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    extra: Extra = NO_EXTRA
    source: Chunk | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Begun(_Told):
    """The envelope as far as the upstream told it: empty or None where it said nothing."""

    id: str = ""
    created: int | None = None
    model: str = ""


@dataclass(frozen=True, slots=True)
class RoleTold(_Told):
    choice: int
    role: str


@dataclass(frozen=True, slots=True)
class TextDelta(_Told):
    choice: int
    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta(_Told):
    choice: int
    text: str


@dataclass(frozen=True, slots=True)
class RefusalDelta(_Told):
    choice: int
    text: str


@dataclass(frozen=True, slots=True)
class ToolCallBegun(_Told):
    """``kind`` "legacy" is a bare ``function_call``: it has no id and no index."""

    choice: int
    call: int
    id: str
    name: str
    kind: CallKind = "function"


@dataclass(frozen=True, slots=True)
class ToolCallDelta(_Told):
    choice: int
    call: int
    arguments: str
    kind: CallKind = "function"


@dataclass(frozen=True, slots=True)
class Extension(_Told):
    """A chunk that held nothing but extra fields; ``choice`` is None where it named none."""

    choice: int | None


@dataclass(frozen=True, slots=True)
class UsageTold(_Told):
    usage: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Finished(_Told):
    choice: int
    reason: FinishReason


@dataclass(frozen=True, slots=True)
class Progressed(_Told):
    """Prompt tokens: ``total`` of them, ``cached`` found ready, ``processed`` so far (cached
    ones included), as llama.cpp counts them."""

    total: int
    cached: int
    processed: int


@dataclass(frozen=True, slots=True)
class Failed(_Told):
    error: WireError


@dataclass(frozen=True, slots=True)
class Ended(_Told):
    """The dialect's own success terminal (``[DONE]``)."""


Event = (
    Begun
    | RoleTold
    | TextDelta
    | ReasoningDelta
    | RefusalDelta
    | ToolCallBegun
    | ToolCallDelta
    | Extension
    | UsageTold
    | Finished
    | Progressed
    | Failed
    | Ended
)

# Events after which an upstream has begun to answer: no silent retry is allowed any more.
MEANINGFUL = (TextDelta, ReasoningDelta, RefusalDelta, ToolCallBegun, ToolCallDelta, Finished)
