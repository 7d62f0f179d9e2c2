"""Events of any dialect to a strict Responses stream.

Contract: an event becomes loose chunks (which item, which text), and the life of this dialect makes
the promised ones of them. Text, refusals and reasoning have one open item at a time; calls stay
open until the reply ends, since other dialects may tell several side by side.
Source: docs/contract.md, "Responses".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from strictwire.dialects.responses.annotations import flat_annotations
from strictwire.dialects.responses.calls import Calls
from strictwire.dialects.responses.kinds import (
    ARGUMENTS,
    INPUT,
    OUTPUT_TEXT,
    REASONING_TEXT,
    REFUSAL,
    SUMMARY_TEXT,
    TextKind,
    derived_id,
)
from strictwire.dialects.responses.life import ResponsesLife
from strictwire.dialects.responses.logprobs import token_logprobs
from strictwire.dialects.responses.response_object import ID_PREFIX
from strictwire.dialects.responses.usage import no_usage, usage_from_chat_names
from strictwire.model.chunks import Chunk
from strictwire.model.errors import MisuseError, PeerError, WireError
from strictwire.model.events import (
    REDACTED_PREFIX,
    Begun,
    Ended,
    Event,
    Extra,
    Finished,
    FinishReason,
    ReasoningDelta,
    RefusalDelta,
    Sealed,
    Separated,
    TextDelta,
    ToolCallBegun,
    ToolCallDelta,
    UsageTold,
)
from strictwire.model.life import Life
from strictwire.model.request import Promise

_INCOMPLETE: dict[FinishReason, str] = {
    "length": "max_output_tokens",
    "content_filter": "content_filter",
}
# Annotations that come before the text to which they belong.
MAX_EARLY_ANNOTATIONS = 256


class ResponsesWriter:
    """Writes one streamed reply. Choices beyond the first have no place on this wire."""

    __slots__ = ("_calls", "_early", "_index", "_is_apart", "_item", "_life", "_place", "_promise",
                 "_reason", "_tier", "_usage")  # fmt: skip

    def __init__(self, promise: Promise) -> None:
        self._promise = promise
        self._life = ResponsesLife(promise)
        self._index = -1  # of the item that was begun last
        self._item: tuple[str, str, int] | None = None  # the open one: type, id, index
        self._place = (OUTPUT_TEXT, -1)  # its open part
        self._is_apart = False
        self._calls = Calls(promise)
        self._early: list[dict[str, Any]] = []
        self._reason: FinishReason = "stop"
        self._usage: dict[str, Any] | None = None
        self._tier: str | None = None

    @property
    def life(self) -> Life | None:
        return self._life

    def feed(self, event: Event) -> Sequence[dict[str, Any]]:
        if getattr(event, "choice", 0):
            return ()
        told: list[Chunk] = []
        try:
            for loose in self._loose(event):
                told += self._life.feed(Chunk(loose))
        except PeerError:  # a bound; what was told before it is numbered, so it goes out first
            self._life.take_back(told)
            raise
        return [strict.value for strict in told if "type" in strict.value]

    def fail(self, error: WireError) -> Sequence[dict[str, Any]]:
        return [chunk.value for chunk in self._life.fail(error)]

    def progress(self, told: dict[str, Any]) -> dict[str, Any]:
        raise MisuseError("the carrier of progress inside a chunk is chat's alone")

    def trial(self) -> ResponsesWriter:
        twin = ResponsesWriter(self._promise)
        for name in self.__slots__:
            setattr(twin, name, getattr(self, name))
        twin._life = self._life.trial()
        twin._calls = self._calls.copied()
        twin._early = self._early.copy()
        return twin

    def state(self) -> str:
        place = (self._place[0].delta, self._place[1])
        calls = [(n, call.index, call.held is None) for n, call in self._calls.open.items()]
        told = (self._index, self._item, place, self._is_apart, calls, len(self._early))
        return repr((told, self._reason, self._usage, self._tier, self._life.state()))

    def _loose(self, event: Event) -> Iterator[dict[str, Any]]:
        extra = event.extra
        if extra.top:
            self._note_tier(extra)
        match event:
            case TextDelta(_, text):
                yield from self._delta(OUTPUT_TEXT, text, token_logprobs(extra.choice))
            case ReasoningDelta(_, text):
                kind = REASONING_TEXT if event.form == "text" else SUMMARY_TEXT
                yield from self._delta(kind, text, None)
            case RefusalDelta(_, text):
                yield from self._delta(REFUSAL, text, None)
            case ToolCallBegun():
                yield from self._begin_call(event)
            case ToolCallDelta():
                yield from self._call_delta(event)
            case Sealed():
                yield from self._sealed(event)
            case Separated():
                self._is_apart = True
            case Finished():
                self._reason = event.reason
            case UsageTold():
                self._usage = usage_from_chat_names(event.usage)
            case Begun():
                yield _created(event)
            case Ended():
                yield from self._end()
        if extra.delta:
            yield from self._annotate(extra)

    def _note_tier(self, extra: Extra) -> None:
        tier = extra.top.get("service_tier")
        if isinstance(tier, str):
            self._tier = tier

    # ---- items ----

    def _delta(
        self, kind: TextKind, text: str, logprobs: list[Any] | None
    ) -> Iterator[dict[str, Any]]:
        yield from self._item_for(kind)
        _, item_id, index = self._item or ("", "", 0)
        told: dict[str, Any] = {
            "type": kind.delta,
            "item_id": item_id,
            "output_index": index,
            kind.place: self._place[1],
            "delta": text,
        }
        if kind is OUTPUT_TEXT:
            told["logprobs"] = logprobs or []
        yield told

    def _item_for(self, kind: TextKind) -> Iterator[dict[str, Any]]:
        """Have an open item of the right type, and the right part of it."""
        if self._item is None or self._item[0] != kind.item:
            yield from self._close()
            yield from self._open(kind.item, "")
            self._place = (kind, 0)
        elif self._place[0] is not kind or self._is_apart:
            is_same_list = self._place[0].holder == kind.holder
            self._place = (kind, self._place[1] + 1 if is_same_list else self._parts_in(kind))
        self._is_apart = False
        if self._early and kind is OUTPUT_TEXT:
            early, self._early = self._early, []
            yield from map(self._annotation, early)

    def _parts_in(self, kind: TextKind) -> int:
        """How many parts the open item has in the list in which a kind stands."""
        return self._life.parts_in(self._item[1] if self._item else "", kind.holder)

    def _open(self, item_type: str, item_id: str) -> Iterator[dict[str, Any]]:
        self._index += 1
        item_id = item_id or derived_id(item_type, self._promise.id, self._index)
        self._item = (item_type, item_id, self._index)
        item = {"id": item_id, "type": item_type}
        yield _event("response.output_item.added", self._index, item)

    def _close(self, **told: Any) -> Iterator[dict[str, Any]]:
        if self._item is not None:
            item_type, item_id, index = self._item
            self._item = None
            item = {"id": item_id, "type": item_type, "status": "completed", **told}
            if item_type == "reasoning":
                del item["status"]
            yield _event("response.output_item.done", index, item)

    def _sealed(self, event: Sealed) -> Iterator[dict[str, Any]]:
        """The seal stands in the item that is done; one that seals nothing has its own item."""
        is_open = self._item is not None and self._item[0] == "reasoning"
        if not is_open or event.is_redacted:
            yield from self._close()
            yield from self._open("reasoning", _reasoning_id(event, self._promise, self._index + 1))
        yield from self._close(encrypted_content=event.seal)
        self._is_apart = False

    # ---- calls ----

    def _begin_call(self, event: ToolCallBegun) -> Iterator[dict[str, Any]]:
        yield from self._close()
        self._index += 1
        folded = self._promise.folded.get(event.name)
        is_custom = event.kind == "custom" or (folded is not None and folded.is_custom)
        item_type = "custom_tool_call" if is_custom else "function_call"
        item_id = derived_id(item_type, self._promise.id, self._index)
        item = self._calls.begin(event, item_id, self._index)
        yield _event("response.output_item.added", self._index, item)

    def _call_delta(self, event: ToolCallDelta) -> Iterator[dict[str, Any]]:
        call = self._calls.open.get(event.call)
        if call is None:
            return
        if call.held is not None:
            call.held.append(event.arguments)
            self._life.hold(len(event.arguments))
            return
        kind = INPUT if call.item_type == "custom_tool_call" else ARGUMENTS
        place = {"item_id": call.item_id, "output_index": call.index}
        yield {"type": kind.delta, **place, "delta": event.arguments}

    def _close_calls(self) -> Iterator[dict[str, Any]]:
        for call in self._calls.open.values():
            place = {"item_id": call.item_id, "output_index": call.index}
            if call.held is not None:
                yield {"type": INPUT.delta, **place, "delta": call.unwrapped()}
            item = {"id": call.item_id, "type": call.item_type, "status": "completed"}
            yield _event("response.output_item.done", call.index, item)

    # ---- beside the text ----

    def _annotate(self, extra: Extra) -> Iterator[dict[str, Any]]:
        for annotation in flat_annotations(extra.delta):
            if self._item is not None and self._item[0] == "message":
                yield self._annotation(annotation)
            elif len(self._early) < MAX_EARLY_ANNOTATIONS:
                self._early.append(annotation)

    def _annotation(self, annotation: dict[str, Any]) -> dict[str, Any]:
        _, item_id, index = self._item or ("", "", 0)
        return {
            "type": "response.output_text.annotation.added",
            "item_id": item_id,
            "output_index": index,
            "content_index": self._place[1],
            "annotation": annotation,
        }

    # ---- end ----

    def _end(self) -> Iterator[dict[str, Any]]:
        yield from self._close()
        yield from self._close_calls()
        reason = _INCOMPLETE.get(self._reason)
        response: dict[str, Any] = {"usage": self._usage or no_usage()}
        if self._tier is not None:
            response["service_tier"] = self._tier
        if reason is None:
            yield {"type": "response.completed", "response": response}
        else:
            response["incomplete_details"] = {"reason": reason}
            yield {"type": "response.incomplete", "response": response}


def _event(kind: str, index: int, item: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, "output_index": index, "item": item}


def _created(event: Begun) -> dict[str, Any]:
    """Another dialect's id says nothing here; one of ours is kept."""
    told = event.id if event.id.startswith(ID_PREFIX) else None
    response = {"id": told, "created_at": event.created, "model": event.model}
    return {"type": "response.created", "response": response}


def _reasoning_id(event: Sealed, promise: Promise, index: int) -> str:
    prefix = REDACTED_PREFIX if event.is_redacted else "rs_"
    if event.id.startswith(prefix):
        return event.id
    return f"{prefix}{promise.id}_{index}"
