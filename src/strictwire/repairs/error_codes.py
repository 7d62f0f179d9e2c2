"""What an upstream's error is about, as a code that clients act on.

Contract: pure. ``name_cause`` looks at an upstream's status, code, type and words, and where they
tell one of a few causes, sets the error's ``code`` to OpenAI's name for it. Agents decide by that
name alone whether they shorten the conversation, wait, or give up; each server has its own words
for it. An error whose cause is not known stays as it is, and so does one with a code that is known
already, or one of the gateway's own, whose code begins with ``upstream_``.

Source: OpenAI's error codes; the words are those of llama.cpp, vLLM, SGLang, Ollama, LM Studio,
Anthropic, Google, Groq, Mistral and Amazon Bedrock, as they and their users quote them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from strictwire.model.errors import WireError

CONTEXT_LENGTH_EXCEEDED = "context_length_exceeded"
RATE_LIMIT_EXCEEDED = "rate_limit_exceeded"
INSUFFICIENT_QUOTA = "insufficient_quota"
OVERLOADED = "server_is_overloaded"
# Not OpenAI's, who has no such models: it says so without a code.
UNSUPPORTED_MODEL = "unsupported_model"
# Nobody is helped by asking the same again.
_HOPELESS = (CONTEXT_LENGTH_EXCEEDED, UNSUPPORTED_MODEL)

_OWN_CODES = "upstream_"

# An error says what it is about in its first sentences; what follows may be the prompt.
MAX_SEARCHED_CHARACTERS = 2000

_TRY_AGAIN = re.compile(r"try again in\s*\d+(?:\.\d+)?\s*(?:ms|s)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Cause:
    """``statuses`` tell the cause by themselves, ``never`` rule it out; ``names`` are the codes and
    types that mean it, ``words`` what messages say."""

    code: str
    names: frozenset[str]
    words: re.Pattern[str]
    statuses: frozenset[int] = frozenset()
    never: frozenset[int] = frozenset()


def _words(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


# The first that fits wins: who has no credit is told so under the status of a rate limit too.
CAUSES: tuple[Cause, ...] = (
    Cause(
        INSUFFICIENT_QUOTA,
        frozenset(
            ("insufficient_quota", "billing_error", "billing_hard_limit_reached",
             "insufficient_balance", "insufficient_credits")
        ),
        _words(
            r"exceeded your current quota", r"credit balance is too low",
            r"insufficient (?:credits?|balance|funds|quota)", r"out of credits",
        ),
        statuses=frozenset((402,)),
        never=frozenset((401, 404)),
    ),
    Cause(
        CONTEXT_LENGTH_EXCEEDED,
        frozenset(
            ("context_length_exceeded", "exceed_context_size_error", "context_window_exceeded",
             "model_context_window_exceeded", "contextwindowexceedederror")
        ),
        _words(
            r"maximum context length",
            r"maximum prompt length",
            r"exceed(?:s|ed)? (?:the |your |its )?(?:available |model'?s? |maximum )*context",
            r"context (?:length|window|size)[^.]{0,40} (?:exceeded|overflow|is full)",
            r"context[_ ]length[_ ]exceeded",
            r"context (?:the )?overflows?",
            r"(?:prompt|input) (?:is )?too long",
            r"input token count[^.]{0,40} exceeds",
            r"l(?:ong|arg)er than the (?:model'?s? )?(?:maximum )?context",
            r"reduce the length of the (?:messages|prompt|input)",
            r"too large for model with \d+ maximum context",
        ),
        never=frozenset((401, 403, 404, 429)),
    ),
    Cause(
        UNSUPPORTED_MODEL,
        frozenset(),
        # llama.cpp says it under 500, the status of a defect.
        _words(r"^(?:image|audio|video) input is not supported"),
        never=frozenset((401, 403, 404, 429)),
    ),
    Cause(
        RATE_LIMIT_EXCEEDED,
        frozenset(
            ("rate_limit_exceeded", "rate_limit_error", "rate_limited", "too_many_requests",
             "ratelimiterror", "resource_exhausted")
        ),
        _words(r"\brate limit (?:reached|exceeded)", r"\btoo many requests\b"),
        statuses=frozenset((429,)),
        never=frozenset((401, 404)),
    ),
    Cause(
        OVERLOADED,
        frozenset(
            ("server_is_overloaded", "slow_down", "overloaded_error", "engine_overloaded",
             "service_unavailable", "unavailable_error", "overloaded")
        ),
        _words(r"\b(?:server|engine|model) is (?:currently )?overloaded\b"),
        statuses=frozenset((503, 529)),
        never=frozenset((401, 404)),
    ),
)  # fmt: skip
KNOWN_CODES = frozenset(cause.code for cause in CAUSES) | {
    "invalid_prompt",
    "server_error",
    "slow_down",
    "usage_not_included",
}


def name_cause(error: WireError) -> None:
    """Give an upstream's error the code of its cause. Changes the error itself.

    A prompt that is too long stays so, and so does one of images for a model without eyes, whoever
    says it and how: such an error is always a 400, never a status that invites to try again.
    """
    if (error.code or "").startswith(_OWN_CODES):
        return
    if error.code not in KNOWN_CODES:
        cause = next((cause for cause in CAUSES if _fits(cause, error)), None)
        if cause is None:
            return
        error.code = cause.code
    if error.code in _HOPELESS:
        error.status = 400
        error.type = "invalid_request_error"


def tells_wait(message: str) -> bool:
    """Whether it says when to come back, as OpenAI words it: "try again in 1.5s"."""
    return _TRY_AGAIN.search(message, 0, MAX_SEARCHED_CHARACTERS) is not None


def _fits(cause: Cause, error: WireError) -> bool:
    if error.status in cause.never:
        return False
    named = ((error.code or "").lower(), error.type.lower())
    return (
        error.status in cause.statuses
        or any(name in cause.names for name in named)
        or cause.words.search(error.message, 0, MAX_SEARCHED_CHARACTERS) is not None
    )
