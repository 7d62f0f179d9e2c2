"""Events to one text completion object: the collecting bridge's writer.

Contract: ``feed`` gathers, ``finish`` returns the object. Every key that the official schema
requires is there, null where nothing was told. Usage that the upstream never told is zeros, and
``knows_usage`` is False, so that the caller can say so in a header.
Source: docs/contract.md, "Whole objects"; OpenAI API reference, "The completion object".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from strictwire.dialects.chunk_fields import (
    CHOICE_BYTES,
    NO_USAGE,
    PIECE_BYTES,
    TOKEN_BYTES,
    Envelope,
    extras_size,
)
from strictwire.dialects.completions.fields import ID_PREFIX, OBJECT, sayable
from strictwire.model.events import (
    Begun,
    Event,
    Extension,
    Extra,
    Finished,
    TextDelta,
    UsageTold,
)
from strictwire.model.logprobs import joined_logprobs
from strictwire.model.request import Promise


@dataclass(slots=True)
class _Choice:
    text: list[str] = field(default_factory=list)
    reason: str | None = None
    logprobs: list[dict[str, Any]] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)


class CompletionsWholeWriter:
    """Gathers one reply. ``size_bytes`` estimates what it holds, for the caller's bound."""

    __slots__ = ("_choices", "_envelope", "_top", "_usage", "size_bytes")

    def __init__(self, promise: Promise) -> None:
        self._envelope = Envelope.promised(promise, ID_PREFIX)
        self._choices: dict[int, _Choice] = {}
        self._usage: dict[str, Any] | None = None
        self._top: dict[str, Any] = {}
        self.size_bytes = 0

    @property
    def knows_usage(self) -> bool:
        return self._usage is not None

    def feed(self, event: Event) -> None:
        match event:
            case TextDelta(choice, text):
                self._choice(choice, event.extra).text.append(text)
                self.size_bytes += len(text) + PIECE_BYTES
            case Finished(choice, reason):
                self._choice(choice, event.extra).reason = reason
            case Extension(choice) if choice is not None:
                self._choice(choice, event.extra)
            case UsageTold(usage):
                self._usage = usage
                self._top.update(event.extra.top)
            case Begun():
                self._envelope = self._envelope.told(event)

    def finish(self) -> dict[str, Any]:
        return {
            **self._envelope.fields(OBJECT),
            "choices": [_choice_object(at, self._choices[at]) for at in sorted(self._choices)],
            "usage": self._usage or dict(NO_USAGE),
            **sayable(self._top),
        }

    def _choice(self, index: int, extra: Extra) -> _Choice:
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = _Choice()
            self.size_bytes += CHOICE_BYTES
        if extra.top:
            self._top.update(extra.top)
            self.size_bytes += extras_size(extra.top)
        if extra.choice:
            more = dict(extra.choice)
            logprobs = more.pop("logprobs", None)
            if isinstance(logprobs, dict):
                choice.logprobs.append(logprobs)
                self.size_bytes += TOKEN_BYTES * sum(
                    len(told) for told in logprobs.values() if isinstance(told, list)
                )
            choice.extra.update(more)
            self.size_bytes += extras_size(more)
        return choice


def _choice_object(index: int, choice: _Choice) -> dict[str, Any]:
    return {
        "index": index,
        "text": "".join(choice.text),
        "logprobs": joined_logprobs(choice.logprobs),
        "finish_reason": choice.reason,
        **choice.extra,
    }
