"""What the request asked for, as far as the judge of its reply must know it. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from strictwire.model.request import (
    AfterError,
    Carrier,
    Dialect,
    ExtraFields,
    Promise,
    ReasoningKey,
)


@dataclass(frozen=True, slots=True)
class Asked:
    """``is_stream`` None: the body's own first bytes say what it is. ``includes_usage`` and
    ``choices`` None: nobody knows whether usage, and how many choices, were asked for. ``modes``
    are those of the setting ``repairs``: what a rule that is off would mend is not looked for,
    and what rules mend only on demand (think tags in the text) is looked for where their mode
    says so. ``tools`` names the request's tools. ``responses_done`` says whether ``[DONE]`` must
    follow the terminal event of a Responses stream; None: nobody knows what was promised."""

    dialect: Dialect = "chat"
    is_stream: bool | None = None
    includes_usage: bool | None = None
    progress: Carrier | None = None
    choices: int | None = None
    tools: frozenset[str] = frozenset()
    reasoning_key: ReasoningKey = "reasoning_content"
    extra_fields: ExtraFields = "keep"
    after_error: AfterError = "done"
    responses_done: bool | None = None
    allows_keepalive: bool = True
    modes: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def by(cls, promise: Promise) -> Asked:
        """The same words as the gateway's own promise to a client."""
        return cls(
            dialect=promise.dialect,
            is_stream=promise.is_stream,
            includes_usage=promise.includes_usage,
            progress=promise.progress,
            choices=promise.choices,
            tools=promise.tools,
            reasoning_key=promise.reasoning_key,
            extra_fields=promise.extra_fields,
            after_error=promise.after_error,
            responses_done=promise.responses_done,
            modes=promise.modes,
        )
