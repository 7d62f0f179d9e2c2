"""Chat chunks to events.

Contract: ``feed`` takes one chunk and yields its events in the order of the wire. The reader
repairs nothing: it reads what has the right type and passes over what has not, because the chunk
rules have been there before it. What the model cannot hold goes along in ``extra``, on exactly
one event of the chunk (fields that are constant in a stream go on each).
Source: OpenAI API reference, "The chat completion chunk object".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from strictwire.dialects.chat.fields import CALL, CALL_BODY, CHOICE, DELTA
from strictwire.dialects.choices_reader import ChoicesReader, with_extra
from strictwire.dialects.chunk_fields import beside
from strictwire.model.chunks import Chunk
from strictwire.model.events import (
    FINISH_REASONS,
    NO_EXTRA,
    CallKind,
    Event,
    Extra,
    Finished,
    ReasoningDelta,
    RefusalDelta,
    RoleTold,
    TextDelta,
    ToolCallBegun,
    ToolCallDelta,
)


class ChatReader(ChoicesReader):
    """Reads one reply."""

    __slots__ = ()

    def choice(self, choice: dict[str, Any], top: dict[str, Any], chunk: Chunk) -> Iterator[Event]:
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
        return with_extra(events, extra, index, chunk)


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
        # A name that never came is the empty name of a beginning, which has no arguments.
        if isinstance(name, str) and (name or not arguments):
            yield ToolCallBegun(index, 0, "", name, "legacy", source=chunk)
        if isinstance(arguments, str) and arguments:
            yield ToolCallDelta(index, 0, arguments, "legacy", source=chunk)


def _read_call(
    index: int, position: int, call: dict[str, Any], chunk: Chunk
) -> Iterator[ToolCallBegun | ToolCallDelta]:
    number = call.get("index")
    place = number if isinstance(number, int) else position
    body, custom = call.get("function"), call.get("custom")
    # Where both are there, the function counts, unless that says nothing.
    is_custom = isinstance(custom, dict) and not (isinstance(body, dict) and body)
    body = custom if is_custom else body
    if not isinstance(body, dict):
        return
    kind: CallKind = "custom" if is_custom else "function"
    extra = _call_extra(call, kind, body)
    name, identity = body.get("name"), call.get("id")
    # An empty name begins a call only where nothing else can: arguments without a beginning
    # would be lost, and the client can still answer a call that names no tool.
    if isinstance(name, str) and (name or identity):
        told = identity if isinstance(identity, str) else ""
        yield ToolCallBegun(index, place, told, name, kind, extra=extra, source=chunk)
        extra = NO_EXTRA
    text = body.get("input" if is_custom else "arguments")
    if isinstance(text, str) and (text or extra is not NO_EXTRA):
        yield ToolCallDelta(index, place, text, kind, extra=extra, source=chunk)


def _call_extra(call: dict[str, Any], kind: CallKind, body: dict[str, Any]) -> Extra:
    """What a piece of a call says beside what is known, such as a signature that the server wants
    to be given back."""
    if call.keys() <= CALL and body.keys() <= CALL_BODY:
        return NO_EXTRA
    inner = beside(body, CALL_BODY)
    return Extra(call=beside(call, CALL) | ({kind: inner} if inner else {}))
