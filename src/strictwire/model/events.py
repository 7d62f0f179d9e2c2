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
from strictwire.model.request import Dialect

FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "function_call"]
FINISH_REASONS: frozenset[str] = frozenset(
    ("stop", "length", "tool_calls", "content_filter", "function_call")
)
# How the id of a reasoning item begins that is nothing but a seal of Anthropic's: the item comes
# back as what it was, though Responses have no other place to say so.
REDACTED_PREFIX = "rs_redacted_"
CallKind = Literal["function", "custom", "legacy"]
# What a piece of reasoning is: a summary of it, its own text, or nobody said.
ReasoningForm = Literal["", "summary", "text"]


@dataclass(frozen=True, slots=True)
class Extra:
    """Fields beside the known ones, by where they stood: the object, its choice, its delta, its
    tool call. Those of a call's inner object stand in ``call`` too, under the name of its kind.

    What several dialects can say stands here in chat's shape: ``choice["logprobs"]``,
    ``delta["annotations"]``, ``top["service_tier"]``."""

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
    form: ReasoningForm = ""


@dataclass(frozen=True, slots=True)
class Sealed(_Told):
    """The reasoning so far is complete, and ``seal`` is what its server wants given back with it:
    Anthropic's ``signature``, OpenAI's ``encrypted_content``. ``is_redacted``: there was no
    reasoning to read, the seal is all of it (``redacted_thinking``). ``id`` is the item's."""

    choice: int
    seal: str
    is_redacted: bool = False
    id: str = ""


@dataclass(frozen=True, slots=True)
class Separated(_Told):
    """What follows is another block, or item, although it is of the kind of the one before."""

    choice: int


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
class Native(_Told):
    """What only its own dialect can say (a step of a web search, say), as that dialect has it.
    ``is_answer``: it is a part of the answer. Writers of other dialects drop it."""

    dialect: Dialect
    value: dict[str, Any]
    is_answer: bool = True


@dataclass(frozen=True, slots=True)
class UsageTold(_Told):
    """In chat's names: ``prompt_tokens`` (cached ones included), ``completion_tokens``,
    ``total_tokens``, ``prompt_tokens_details``, ``completion_tokens_details``."""

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

    @property
    def fraction(self) -> float:
        """How much of what had to be read is read, 0 to 1: tokens found ready are no work."""
        uncached, read = self.total - self.cached, self.processed - self.cached
        if read >= uncached or uncached <= 0:
            return 1.0
        return max(0, read) / uncached  # below 1, so that no number is too large to divide


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
    | Sealed
    | Separated
    | RefusalDelta
    | ToolCallBegun
    | ToolCallDelta
    | Extension
    | Native
    | UsageTold
    | Finished
    | Progressed
    | Failed
    | Ended
)

_MEANINGFUL = (
    TextDelta,
    ReasoningDelta,
    Sealed,
    RefusalDelta,
    ToolCallBegun,
    ToolCallDelta,
    Finished,
)


def is_meaningful(event: Event) -> bool:
    """Whether the upstream has begun to answer: then no silent retry is allowed any more."""
    return isinstance(event, _MEANINGFUL) or (isinstance(event, Native) and event.is_answer)
