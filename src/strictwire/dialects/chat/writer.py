"""Events to chat chunks, streamed.

Contract: ``feed`` takes one event and returns the chunk it becomes as a JSON object, or nothing
where the event has no place on this wire (an envelope, usage that was not asked for). One event
is one chunk, so a frame is never half written. The writer is as honest as the reader: it does
not repair, the rules and the ending have been there before it.
Source: docs/contract.md, "Chat".
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from strictwire.dialects.chunk_fields import Envelope, error_object
from strictwire.model.errors import WireError
from strictwire.model.events import (
    NO_EXTRA,
    Begun,
    Event,
    Extension,
    Extra,
    Finished,
    ReasoningDelta,
    RefusalDelta,
    RoleTold,
    TextDelta,
    ToolCallBegun,
    ToolCallDelta,
    UsageTold,
)
from strictwire.model.request import Promise, ReasoningKey

ID_PREFIX = "chatcmpl-"
OBJECT = "chat.completion.chunk"


def reasoning_fields(key: ReasoningKey, text: str | None) -> dict[str, Any]:
    """Reasoning under the key, or keys, that the setting ``reasoning_key`` names."""
    if key == "both":
        return {"reasoning_content": text, "reasoning": text}
    return {key: text}


def with_call_extra(call: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
    """A tool call, or a piece of one, with what was said beside it (see ``Extra.call``)."""
    for name, value in extra.items():
        # Under the kind's name stands the inner object, which is there already.
        before = call.get(name) if name in ("function", "custom") else None
        call = call | {name: before | value if before else value}
    return call


class ChatWriter:
    """Writes one streamed reply."""

    __slots__ = ("_envelope", "_promise")

    def __init__(self, promise: Promise) -> None:
        self._promise = promise
        self._envelope = Envelope.promised(promise, ID_PREFIX)

    def feed(self, event: Event) -> Sequence[dict[str, Any]]:
        chunk = self._chunk_of(event)
        return () if chunk is None else (chunk,)

    def fail(self, error: WireError) -> Sequence[dict[str, Any]]:
        return (error_object(error),)

    def trial(self) -> ChatWriter:
        return copy.copy(self)

    def state(self) -> str:
        """The same event is always written the same way, but for the envelope, whose change is
        an event."""
        return ""

    def _chunk_of(self, event: Event) -> dict[str, Any] | None:
        match event:
            case TextDelta(choice, text):
                return self._chunk(event.extra, choice, {"content": text})
            case ReasoningDelta(choice, text):
                key = self._promise.reasoning_key
                return self._chunk(event.extra, choice, reasoning_fields(key, text))
            case ToolCallDelta():
                return self._chunk(event.extra, event.choice, _call_delta(event))
            case ToolCallBegun():
                return self._chunk(event.extra, event.choice, _call_begun(event))
            case RoleTold(choice, role):
                return self._chunk(event.extra, choice, {"role": role})
            case RefusalDelta(choice, text):
                return self._chunk(event.extra, choice, {"refusal": text})
            case Finished(choice, reason):
                return self._chunk(event.extra, choice, {}, reason)
            case Extension(choice) if choice is not None:
                return self._chunk(event.extra, choice, {})
            case UsageTold(usage):
                return self._usage(event.extra, usage)
            case Begun():
                self._envelope = self._envelope.told(event)
        return None

    def progress(self, told: dict[str, Any]) -> dict[str, Any]:
        """A report of prefill progress, as the carrier "chunk" has it."""
        return self._chunk(NO_EXTRA, 0, {}) | {"prompt_progress": told}

    def _chunk(
        self, extra: Extra, choice: int, delta: dict[str, Any], reason: str | None = None
    ) -> dict[str, Any]:
        chunk = self._envelope.fields(OBJECT)
        if extra.delta:
            delta = delta | extra.delta
        body: dict[str, Any] = {"index": choice, "delta": delta}
        body.update(extra.choice)
        body["finish_reason"] = reason
        chunk["choices"] = [body]
        chunk.update(extra.top)
        if self._promise.includes_usage:
            chunk["usage"] = None
        return chunk

    def _usage(self, extra: Extra, usage: dict[str, Any]) -> dict[str, Any] | None:
        if not self._promise.includes_usage:
            return None
        chunk = self._envelope.fields(OBJECT)
        chunk["choices"] = []
        chunk.update(extra.top)
        chunk["usage"] = usage
        return chunk


def _call_begun(event: ToolCallBegun) -> dict[str, Any]:
    if event.kind == "legacy":
        return {"function_call": {"name": event.name, "arguments": ""}}
    text = "input" if event.kind == "custom" else "arguments"
    call = {
        "index": event.call,
        "id": event.id,
        "type": event.kind,
        event.kind: {"name": event.name, text: ""},
    }
    return {"tool_calls": [with_call_extra(call, event.extra.call)]}


def _call_delta(event: ToolCallDelta) -> dict[str, Any]:
    if event.kind == "legacy":
        return {"function_call": {"arguments": event.arguments}}
    text = "input" if event.kind == "custom" else "arguments"
    piece = {"index": event.call, event.kind: {text: event.arguments}}
    return {"tool_calls": [with_call_extra(piece, event.extra.call)]}
