"""Events to one chat completion object: the collecting bridge's writer.

Contract: ``feed`` gathers, ``finish`` returns the object. Every key that the official schema
requires is there, null where nothing was told. Usage that the upstream never told is zeros, and
``knows_usage`` is False, so that the caller can say so in a header.
Source: docs/contract.md, "Whole objects"; OpenAI API reference, "The chat completion object".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from strictwire.dialects.chat.seals import joined_details
from strictwire.dialects.chat.writer import ID_PREFIX, reasoning_fields, with_call_extra
from strictwire.dialects.chunk_fields import (
    CHOICE_BYTES,
    NO_USAGE,
    PIECE_BYTES,
    TOKEN_BYTES,
    Envelope,
    extras_size,
)
from strictwire.model.events import (
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
from strictwire.model.request import Promise

# About what a tool call costs beside its arguments, in bytes.
_CALL_BYTES = 256
# Of these each delta tells some more. Of any other field that is beside the text the last word
# counts.
_GROWING = ("annotations", "reasoning_details")


@dataclass(slots=True)
class _Call:
    id: str
    name: str
    kind: str
    arguments: list[str] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class _Choice:
    role: str = "assistant"
    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    refusal: list[str] = field(default_factory=list)
    calls: dict[int, _Call] = field(default_factory=dict)
    legacy: _Call | None = None
    reason: str | None = None
    logprobs: dict[str, Any] | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    message_extra: dict[str, Any] = field(default_factory=dict)
    entries: dict[str, list[Any]] = field(default_factory=dict)


class ChatWholeWriter:
    """Gathers one reply. ``size_bytes`` estimates what it holds, for the caller's bound."""

    __slots__ = (
        "_choices",
        "_envelope",
        "_promise",
        "_top",
        "_usage",
        "size_bytes",
    )

    def __init__(self, promise: Promise) -> None:
        self._promise = promise
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
                self._grow(self._choice(choice, event.extra).text, text)
            case ReasoningDelta(choice, text):
                self._grow(self._choice(choice, event.extra).reasoning, text)
            case RefusalDelta(choice, text):
                self._grow(self._choice(choice, event.extra).refusal, text)
            case ToolCallBegun():
                self._begin_call(self._choice(event.choice, event.extra), event)
            case ToolCallDelta():
                self._add_arguments(self._choice(event.choice, event.extra), event)
            case RoleTold(choice, role):
                self._choice(choice, event.extra).role = role
            case Finished(choice, reason):
                self._choice(choice, event.extra).reason = reason
            case Extension(choice):
                self._extend(choice, event.extra)
            case UsageTold(usage):
                self._usage = usage
                self._keep(self._top, event.extra.top)
            case Begun():
                self._envelope = self._envelope.told(event)

    def finish(self) -> dict[str, Any]:
        choices = [
            self._choice_object(index, self._choices[index]) for index in sorted(self._choices)
        ]
        return {
            **self._envelope.fields("chat.completion"),
            "choices": choices,
            "usage": self._usage or dict(NO_USAGE),
            **self._top,
        }

    def _grow(self, pieces: list[str], text: str) -> None:
        pieces.append(text)
        self.size_bytes += len(text) + PIECE_BYTES

    def _choice(self, index: int, extra: Extra) -> _Choice:
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = _Choice()
            self.size_bytes += CHOICE_BYTES
        if extra.top:
            self._keep(self._top, extra.top)
        if extra.delta:
            self._keep_beside(choice, extra.delta)
        if extra.choice:
            self._add_choice_extra(choice, extra.choice)
        return choice

    def _keep(self, kept: dict[str, Any], extras: dict[str, Any]) -> None:
        kept.update(extras)
        self.size_bytes += extras_size(extras)

    def _keep_beside(self, choice: _Choice, told: dict[str, Any]) -> None:
        self._keep(choice.message_extra, told)
        for name in _GROWING:
            if isinstance(told.get(name), list):
                choice.entries.setdefault(name, []).extend(told[name])

    def _extend(self, index: int | None, extra: Extra) -> None:
        if index is None:
            self._keep(self._top, extra.top)
        else:
            self._choice(index, extra)

    def _add_choice_extra(self, choice: _Choice, extra: dict[str, Any]) -> None:
        for name, value in extra.items():
            if name != "logprobs":
                self._keep(choice.extra, {name: value})
            elif isinstance(value, dict):
                self._add_logprobs(choice, value)

    def _add_logprobs(self, choice: _Choice, told: dict[str, Any]) -> None:
        """Token lists grow delta by delta; whatever else is told, the last word counts."""
        if choice.logprobs is None:
            choice.logprobs = {"content": None, "refusal": None}
        for name, value in told.items():
            before = choice.logprobs.get(name)
            if isinstance(value, list) and isinstance(before, list):
                before.extend(value)
            elif value is not None or name not in choice.logprobs:
                choice.logprobs[name] = list(value) if isinstance(value, list) else value
            self.size_bytes += TOKEN_BYTES * len(value) if isinstance(value, list) else 0

    def _begin_call(self, choice: _Choice, event: ToolCallBegun) -> None:
        call = _Call(event.id, event.name, event.kind, extra=event.extra.call)
        self.size_bytes += _CALL_BYTES + extras_size(event.extra.call)
        if event.kind == "legacy":
            choice.legacy = call
        else:
            choice.calls[event.call] = call

    def _add_arguments(self, choice: _Choice, event: ToolCallDelta) -> None:
        call = choice.legacy if event.kind == "legacy" else choice.calls.get(event.call)
        if call is not None:
            self._grow(call.arguments, event.arguments)
            if event.extra.call:
                other = "custom" if call.kind == "function" else "function"
                told = {n: v for n, v in event.extra.call.items() if n != other}
                call.extra = with_call_extra(call.extra, told)
                self.size_bytes += extras_size(event.extra.call)

    def _choice_object(self, index: int, choice: _Choice) -> dict[str, Any]:
        message: dict[str, Any] = {"role": choice.role}
        has_calls = bool(choice.calls or choice.legacy)
        text = "".join(choice.text)
        is_silent = has_calls or bool(choice.refusal)
        message["content"] = text if text or not is_silent else None
        message["refusal"] = "".join(choice.refusal) or None
        if choice.reasoning:
            key = self._promise.reasoning_key
            message.update(reasoning_fields(key, "".join(choice.reasoning)))
        if choice.calls:
            message["tool_calls"] = [
                _call_object(choice.calls[number]) for number in sorted(choice.calls)
            ]
        if choice.legacy:
            arguments = "".join(choice.legacy.arguments)
            message["function_call"] = {"name": choice.legacy.name, "arguments": arguments}
        message.update(choice.message_extra)
        message.update(choice.entries)
        if "reasoning_details" in choice.entries:
            message["reasoning_details"] = joined_details(choice.entries["reasoning_details"])
        if not isinstance(message.get("annotations", []), list):
            del message["annotations"]  # the one extra that may be left out, but be no null
        return {
            "index": index,
            "message": message,
            "logprobs": choice.logprobs,
            "finish_reason": choice.reason,
            **choice.extra,
        }


def _call_object(call: _Call) -> dict[str, Any]:
    text = "input" if call.kind == "custom" else "arguments"
    body = {"name": call.name, text: "".join(call.arguments)}
    return with_call_extra({"id": call.id, "type": call.kind, call.kind: body}, call.extra)
