"""Events to text completion chunks, streamed.

Contract: ``feed`` takes one event and returns the chunk it becomes as a JSON object, or nothing
where the event has no place on this wire (an envelope, usage that was not asked for, and what no
completion can hold: roles, reasoning, refusals, tool calls). One event is one chunk. The writer
is as honest as the reader: it does not repair, the rules and the ending have been there before it.
Source: docs/contract.md, "Completions"; OpenAI API reference, "The completion object".
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from strictwire.dialects.chunk_fields import Envelope, error_object
from strictwire.dialects.completions.fields import ID_PREFIX, OBJECT, sayable
from strictwire.model.errors import MisuseError, WireError
from strictwire.model.events import (
    Begun,
    Event,
    Extension,
    Extra,
    Finished,
    TextDelta,
    UsageTold,
)
from strictwire.model.request import Promise


class CompletionsWriter:
    """Writes one streamed reply."""

    __slots__ = ("_envelope", "_includes_usage")

    def __init__(self, promise: Promise) -> None:
        self._includes_usage = promise.includes_usage
        self._envelope = Envelope.promised(promise, ID_PREFIX)

    def feed(self, event: Event) -> Sequence[dict[str, Any]]:
        chunk = self._chunk_of(event)
        return () if chunk is None else (chunk,)

    def fail(self, error: WireError) -> Sequence[dict[str, Any]]:
        return (error_object(error),)

    def trial(self) -> CompletionsWriter:
        return copy.copy(self)

    def state(self) -> str:
        """As that of chat: only the envelope changes, and its change is an event."""
        return ""

    def _chunk_of(self, event: Event) -> dict[str, Any] | None:
        match event:
            case TextDelta(choice, text):
                return self._chunk(event.extra, choice, text)
            case Finished(choice, reason):
                return self._chunk(event.extra, choice, "", reason)
            case Extension(choice) if choice is not None:
                return self._chunk(event.extra, choice, "")
            case UsageTold(usage):
                return self._usage(event.extra, usage)
            case Begun():
                self._envelope = self._envelope.told(event)
        return None

    def progress(self, told: dict[str, Any]) -> dict[str, Any]:
        """Only a chat chunk carries progress: this dialect's endpoint refuses to ask for it."""
        raise MisuseError("a completion's chunk carries no progress")

    def _chunk(
        self, extra: Extra, choice: int, text: str, reason: str | None = None
    ) -> dict[str, Any]:
        body: dict[str, Any] = {"index": choice, "text": text, "logprobs": None}
        body.update(extra.choice)
        body["finish_reason"] = reason
        chunk = self._envelope.fields(OBJECT)
        chunk["choices"] = [body]
        chunk.update(sayable(extra.top))
        if self._includes_usage:
            chunk["usage"] = None
        return chunk

    def _usage(self, extra: Extra, usage: dict[str, Any]) -> dict[str, Any] | None:
        if not self._includes_usage:
            return None
        chunk = self._envelope.fields(OBJECT)
        chunk["choices"] = []
        chunk.update(sayable(extra.top))
        chunk["usage"] = usage
        return chunk
