"""Chat chunks to events.

Contract: ``feed`` takes one chunk and yields its events in the order of the wire. The reader
repairs nothing: it reads what has the right type and passes over what has not, because the chunk
rules have been there before it. What the model cannot hold goes along in ``extra``, on exactly
one event of the chunk (fields that are constant in a stream go on each).
Source: OpenAI API reference, "The chat completion chunk object".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from strictwire.dialects.chat.fields import CHOICE, DELTA, TOP, beside, only_sticky
from strictwire.model.chunks import Chunk
from strictwire.model.errors import PeerError
from strictwire.model.events import (
    FINISH_REASONS,
    NO_EXTRA,
    Begun,
    Event,
    Extension,
    Extra,
    Failed,
    Finished,
    Progressed,
    ReasoningDelta,
    RefusalDelta,
    RoleTold,
    TextDelta,
    ToolCallBegun,
    ToolCallDelta,
    UsageTold,
)


class ChatReader:
    """Reads one reply. State: the envelope last told, so that ``Begun`` comes once."""

    __slots__ = ("_envelope",)

    def __init__(self) -> None:
        self._envelope: tuple[str, int | None, str] = ("", None, "")

    def feed(self, chunk: Chunk) -> Iterator[Event]:
        value = chunk.value
        error = value.get("error")
        if isinstance(error, dict):
            yield Failed(_error_of(error), source=chunk)
            return
        yield from self._progress(value, chunk)
        yield from self._begin(value, chunk)
        top = beside(value, TOP)
        choices = value.get("choices")
        told = 0
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict):
                yield from _read_choice(choice, top if told == 0 else only_sticky(top), chunk)
                told += 1
        usage = value.get("usage")
        if isinstance(usage, dict):
            extra = Extra(top=top if told == 0 else only_sticky(top))
            yield UsageTold(usage, extra=extra, source=chunk)

    def finish(self) -> Iterator[Event]:
        return iter(())

    def _begin(self, value: dict[str, Any], chunk: Chunk) -> Iterator[Event]:
        identity, created, model = value.get("id"), value.get("created"), value.get("model")
        told = (
            identity if isinstance(identity, str) else "",
            created if isinstance(created, int) else None,
            model if isinstance(model, str) else "",
        )
        if told != self._envelope and value.get("choices") is not None:
            self._envelope = told
            yield Begun(*told, source=chunk)

    @staticmethod
    def _progress(value: dict[str, Any], chunk: Chunk) -> Iterator[Event]:
        progress = value.get("prompt_progress")
        if not isinstance(progress, dict):
            return
        counts = [progress.get(name) for name in ("total", "cache", "processed")]
        if all(isinstance(count, int) for count in counts):
            total, cached, processed = (int(count or 0) for count in counts)
            yield Progressed(total, cached, processed, source=chunk)


def _error_of(error: dict[str, Any]) -> PeerError:
    code, param, status = error.get("code"), error.get("param"), error.get("status")
    kind = error.get("type")
    return PeerError(
        str(error.get("message") or "The upstream reported an error without a message."),
        status=status if isinstance(status, int) else None,
        type=kind if isinstance(kind, str) and kind else None,
        param=param if isinstance(param, str) else None,
        code=code if isinstance(code, str) else None,
    )


def _read_choice(choice: dict[str, Any], top: dict[str, Any], chunk: Chunk) -> Iterator[Event]:
    delta = choice.get("delta")
    if not isinstance(delta, dict):
        delta = {}
    number = choice.get("index")
    index = number if isinstance(number, int) else 0
    events = list(_read_delta(index, delta, chunk))
    reason = choice.get("finish_reason")
    if isinstance(reason, str) and reason in FINISH_REASONS:
        events.append(Finished(index, reason, source=chunk))  # type: ignore[arg-type]
    extra = Extra(top, beside(choice, CHOICE), beside(delta, DELTA))
    if not events:
        if extra.choice or extra.delta or not extra.top.keys() <= only_sticky(extra.top).keys():
            yield Extension(index, extra=extra, source=chunk)
        return
    bearer = next(
        (i for i, event in enumerate(events) if isinstance(event, (TextDelta, RefusalDelta))),
        len(events) - 1,
    )
    sticky = only_sticky(top)
    rest = Extra(sticky) if sticky else NO_EXTRA
    for position, event in enumerate(events):
        share = extra if position == bearer else rest
        yield event if share == NO_EXTRA else replace(event, extra=share)


def _read_delta(index: int, delta: dict[str, Any], chunk: Chunk) -> Iterator[Event]:
    role = delta.get("role")
    if isinstance(role, str) and role:
        yield RoleTold(index, role, source=chunk)
    # A server that has both keys sends the same text twice (quirk 58).
    reasoning = delta.get("reasoning_content") or delta.get("reasoning")
    if isinstance(reasoning, str) and reasoning:
        yield ReasoningDelta(index, reasoning, source=chunk)
    content = delta.get("content")
    if isinstance(content, str) and content:
        yield TextDelta(index, content, source=chunk)
    refusal = delta.get("refusal")
    if isinstance(refusal, str) and refusal:
        yield RefusalDelta(index, refusal, source=chunk)
    calls = delta.get("tool_calls")
    for position, call in enumerate(calls if isinstance(calls, list) else ()):
        if isinstance(call, dict):
            yield from _read_call(index, position, call, chunk)
    legacy = delta.get("function_call")
    if isinstance(legacy, dict):
        name, arguments = legacy.get("name"), legacy.get("arguments")
        if isinstance(name, str) and name:
            yield ToolCallBegun(index, 0, "", name, "legacy", source=chunk)
        if isinstance(arguments, str) and arguments:
            yield ToolCallDelta(index, 0, arguments, "legacy", source=chunk)


def _read_call(
    index: int, position: int, call: dict[str, Any], chunk: Chunk
) -> Iterator[ToolCallBegun | ToolCallDelta]:
    number = call.get("index")
    place = number if isinstance(number, int) else position
    is_custom = isinstance(call.get("custom"), dict)
    body = call.get("custom") if is_custom else call.get("function")
    if not isinstance(body, dict):
        return
    name, identity = body.get("name"), call.get("id")
    # An empty name begins a call only where nothing else can: arguments without a beginning
    # would be lost, and the client can still answer a call that names no tool.
    if isinstance(name, str) and (name or identity):
        told = identity if isinstance(identity, str) else ""
        kind = "custom" if is_custom else "function"
        yield ToolCallBegun(index, place, told, name, kind, source=chunk)  # type: ignore[arg-type]
    text = body.get("input" if is_custom else "arguments")
    if isinstance(text, str) and text:
        kind = "custom" if is_custom else "function"
        yield ToolCallDelta(index, place, text, kind, source=chunk)  # type: ignore[arg-type]
