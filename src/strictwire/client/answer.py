"""A whole answer, gathered from its events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from strictwire.client import events
from strictwire.client.events import Event, FinishReason, ReasoningSeal, ToolCall, Usage
from strictwire.dialects.chat.seals import detail_of


@dataclass(frozen=True, slots=True)
class Answer:
    """``usage`` is None where the server never told it, ``finish_reason`` where the answer is only
    a part. ``reasoning`` has a blank line between its blocks."""

    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    usage: Usage | None = None
    finish_reason: FinishReason | None = None
    id: str = ""
    model: str = ""
    seals: tuple[ReasoningSeal, ...] = ()
    annotations: tuple[dict[str, Any], ...] = field(default=(), repr=False)
    logprobs: tuple[dict[str, Any], ...] = field(default=(), repr=False)

    def as_message(self) -> dict[str, Any]:
        """The turn to put behind the request's ``messages``, in chat's shape. Reasoning goes along
        where the server sealed it, since only then does it want it back."""
        message: dict[str, Any] = {"role": "assistant", "content": self.text or None}
        if self.refusal:
            message["refusal"] = self.refusal
        if self.tool_calls:
            message["tool_calls"] = [_call_in_chat(call) for call in self.tool_calls]
        if self.seals:
            if self.reasoning:
                message["reasoning_content"] = self.reasoning
            message["reasoning_details"] = [
                detail_of(one.seal, one.id, is_redacted=one.is_redacted) for one in self.seals
            ]
        return message


def _call_in_chat(call: ToolCall) -> dict[str, Any]:
    if call.is_custom:
        body: Mapping[str, str] = {"name": call.name, "input": call.arguments}
        return {"id": call.id, "type": "custom", "custom": body}
    body = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": body}


class AnswerGatherer:
    """Events -> ``Answer``. How large it may grow is bounded where the events come from."""

    def __init__(self) -> None:
        self._started = events.Started()
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._reasoning_block: int | None = None
        self._refusal: list[str] = []
        self._calls: list[ToolCall] = []
        self._seals: list[ReasoningSeal] = []
        self._annotations: list[dict[str, Any]] = []
        self._logprobs: list[dict[str, Any]] = []
        self._usage: Usage | None = None
        self._finish_reason: FinishReason | None = None

    def feed(self, event: Event) -> None:
        match event:
            case events.Started():
                self._started = event
            case events.Text():
                self._text.append(event.text)
                self._logprobs += event.logprobs
            case events.Reasoning():
                if self._reasoning_block not in (None, event.block):
                    self._reasoning.append("\n\n")
                self._reasoning_block = event.block
                self._reasoning.append(event.text)
            case events.Refusal():
                self._refusal.append(event.text)
            case events.ToolCall():
                self._calls.append(event)
            case events.ReasoningSeal():
                self._seals.append(event)
            case events.Annotation():
                self._annotations.append(event.value)
            case events.Usage():
                self._usage = event
            case events.Finish():
                self._finish_reason = event.reason
            case _:
                pass  # pieces of calls and progress are of the moment

    def answer(self) -> Answer:
        return Answer(
            text="".join(self._text),
            reasoning="".join(self._reasoning),
            refusal="".join(self._refusal),
            tool_calls=tuple(self._calls),
            usage=self._usage,
            finish_reason=self._finish_reason,
            id=self._started.id,
            model=self._started.model,
            seals=tuple(self._seals),
            annotations=tuple(self._annotations),
            logprobs=tuple(self._logprobs),
        )
