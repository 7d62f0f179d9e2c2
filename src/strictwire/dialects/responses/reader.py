"""Strict Responses chunks to events: what the life gives, as the other dialects understand it.

Contract: the chunks are in order and complete (see ``life``), so nothing is repaired here, and what
is told again (done events, the items of the final object) says nothing new. What only this dialect
knows is ``Native``. A good end is ``Finished``, ``UsageTold`` where there is one, ``Ended``.
Token probabilities and annotations have chat's shape (see ``model.events.Extra``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from strictwire.dialects.chunk_fields import progress_told
from strictwire.dialects.responses.errors import error_told
from strictwire.dialects.responses.kinds import (
    BY_DELTA,
    CALLS,
    INPUT,
    KNOWN_ITEMS,
    OUTPUT_TEXT,
    REFUSAL,
    SUMMARY_TEXT,
    TextKind,
)
from strictwire.dialects.responses.life import TERMINALS
from strictwire.dialects.responses.logprobs import token_logprobs
from strictwire.dialects.responses.usage import usage_in_chat_names
from strictwire.model.chunks import Chunk
from strictwire.model.events import (
    NO_EXTRA,
    REDACTED_PREFIX,
    Begun,
    CallKind,
    Ended,
    Event,
    Extension,
    Extra,
    Failed,
    Finished,
    FinishReason,
    Native,
    ReasoningDelta,
    RefusalDelta,
    RoleTold,
    Sealed,
    Separated,
    TextDelta,
    ToolCallBegun,
    ToolCallDelta,
    UsageTold,
)

CALL_KINDS: Mapping[str, CallKind] = {"function_call": "function", "custom_tool_call": "custom"}

_LIFECYCLE = frozenset(("response.queued", "response.in_progress"))
# What only frames an answer, or tells it again.
_FRAMES = frozenset(
    (
        "response.output_item.added",
        "response.output_item.done",
        "response.content_part.added",
        "response.content_part.done",
        "response.reasoning_summary_part.added",
        "response.reasoning_summary_part.done",
        "response.output_text.annotation.added",
        *(kind.done for kind in BY_DELTA.values()),
    )
)
_REASONS: Mapping[str, FinishReason] = {
    "max_output_tokens": "length",
    "content_filter": "content_filter",
}


def begun(chunk: Chunk) -> Begun:
    response = chunk.value["response"]
    created = int(response["created_at"])
    return Begun(response["id"], created, response["model"], source=chunk)


def failed(value: Mapping[str, Any], chunk: Chunk) -> Failed:
    """The failure that an ``error`` event tells, or a failed response."""
    response = value.get("response")
    error = response.get("error") if isinstance(response, dict) else value
    return Failed(error_told(error if isinstance(error, dict) else {}), source=chunk)


def finish_of(response: Mapping[str, Any], *, has_called: bool) -> FinishReason:
    if response.get("status") == "incomplete":
        details = response.get("incomplete_details") or {}
        return _REASONS.get(details.get("reason", ""), "length")
    return "tool_calls" if has_called else "stop"


def delta_event(kind: TextKind, text: str, call: int, chunk: Chunk) -> Event:
    """The event of a piece of text; ``call`` is the number of its call, where it is one's."""
    if kind is OUTPUT_TEXT:
        logprobs = token_logprobs({"logprobs": {"content": chunk.value.get("logprobs")}})
        told = {"logprobs": {"content": logprobs, "refusal": None}}
        extra = Extra(choice=told) if logprobs else NO_EXTRA
        return TextDelta(0, text, extra=extra, source=chunk)
    if kind is REFUSAL:
        return RefusalDelta(0, text, source=chunk)
    if kind.item == "reasoning":
        form: Any = "summary" if kind is SUMMARY_TEXT else "text"
        return ReasoningDelta(0, text, form, source=chunk)
    return ToolCallDelta(0, call, text, "custom" if kind is INPUT else "function", source=chunk)


def call_begun(item: Mapping[str, Any], call: int, chunk: Chunk) -> ToolCallBegun:
    kind = CALL_KINDS[item["type"]]
    return ToolCallBegun(0, call, item["call_id"], item["name"], kind, source=chunk)


class ResponsesReader:
    """Reads one reply for a writer of another dialect."""

    __slots__ = ("_before", "_calls", "_has_spoken", "_open_part")

    def __init__(self) -> None:
        # The calls by output index, numbered as they begin.
        self._calls: dict[int, int] = {}
        self._before = ""  # the kind of the part that was told last, where nothing came between
        self._open_part: tuple[int, str, int] | None = None
        self._has_spoken = False

    def feed(self, chunk: Chunk) -> Iterator[Event]:
        value = chunk.value
        told = value.get("type")
        kind = BY_DELTA.get(told) if isinstance(told, str) else None
        if kind is not None:
            yield from self._delta(kind, value, chunk)
        elif told == "response.output_item.added":
            yield from self._added(value["item"], value["output_index"], chunk)
        elif told == "response.output_item.done":
            yield from self._done(value["item"], chunk)
        elif told == "response.output_text.annotation.added":
            yield _annotated(value["annotation"], chunk)
        elif told == "response.created":
            yield begun(chunk)
            yield RoleTold(0, "assistant", source=chunk)
        elif told == "error" or told == "response.failed":
            yield failed(value, chunk)
        elif told in TERMINALS:
            yield from self._terminal(value["response"], chunk)
        elif told is None:
            progress = progress_told(value, chunk)
            if progress is not None:
                yield progress
        elif told not in _LIFECYCLE and told not in _FRAMES:
            yield Native("responses", value, "item_id" in value, source=chunk)

    def finish(self) -> Iterator[Event]:
        return iter(())

    def _delta(self, kind: TextKind, value: dict[str, Any], chunk: Chunk) -> Iterator[Event]:
        index, text = value["output_index"], value["delta"]
        if kind.place:
            part = (index, kind.place, value[kind.place])
            if part != self._open_part:
                if self._before == kind.delta:
                    yield Separated(0, source=chunk)
                self._before, self._open_part = kind.delta, part
        if text:
            yield delta_event(kind, text, self._calls.get(index, 0), chunk)

    def _added(self, item: dict[str, Any], index: int, chunk: Chunk) -> Iterator[Event]:
        if item["type"] in CALLS:
            self._between()
            call = self._calls[index] = len(self._calls)
            yield call_begun(item, call, chunk)
        elif item["type"] not in KNOWN_ITEMS:
            self._between()
            yield Native("responses", chunk.value, source=chunk)

    def _done(self, item: dict[str, Any], chunk: Chunk) -> Iterator[Event]:
        seal = item.get("encrypted_content")
        if item["type"] == "reasoning" and isinstance(seal, str) and seal:
            self._between()
            is_redacted = item["id"].startswith(REDACTED_PREFIX)
            yield Sealed(0, seal, is_redacted, item["id"], source=chunk)
        elif item["type"] not in KNOWN_ITEMS:
            yield Native("responses", chunk.value, source=chunk)

    def _between(self) -> None:
        """What comes next is another block without a word."""
        self._before, self._open_part = "", None

    def _terminal(self, response: dict[str, Any], chunk: Chunk) -> Iterator[Event]:
        tier = response.get("service_tier")
        is_told = isinstance(tier, str) and tier != "auto"
        extra = Extra(top={"service_tier": tier}) if is_told else NO_EXTRA
        reason = finish_of(response, has_called=bool(self._calls))
        yield Finished(0, reason, extra=extra, source=chunk)
        usage = response.get("usage")
        if isinstance(usage, dict):
            yield UsageTold(usage_in_chat_names(usage), extra=extra, source=chunk)
        yield Ended()


def _annotated(annotation: Any, chunk: Chunk) -> Extension:
    told = annotation if isinstance(annotation, dict) else {}
    kind = str(told.get("type", ""))
    body = {name: told[name] for name in told if name != "type"}
    extra = Extra(delta={"annotations": [{"type": kind, kind: body}]})
    return Extension(0, extra=extra, source=chunk)
