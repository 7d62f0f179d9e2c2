"""Responses on both sides: strict chunks pass as they are, one event for each.

Contract: the reader says of each chunk what the relay must know (text for the fast lane, a failure,
the end); the writer gives the chunk back. So nothing is lost that this dialect can say, and what
the life left untouched goes out byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from strictwire.dialects.chunk_fields import progress_told
from strictwire.dialects.responses.kinds import BY_DELTA, CALLS, KNOWN_ITEMS
from strictwire.dialects.responses.life import TERMINALS
from strictwire.dialects.responses.reader import begun, call_begun, delta_event, failed, finish_of
from strictwire.dialects.responses.usage import no_usage
from strictwire.model.chunks import Chunk
from strictwire.model.errors import MisuseError, WireError
from strictwire.model.events import Ended, Event, Finished, Native
from strictwire.model.life import Life
from strictwire.model.request import Promise

# What says that there will be an answer, but is no part of it yet.
_BEFORE_ANSWER = frozenset(
    (
        "response.queued",
        "response.in_progress",
        "response.content_part.added",
        "response.reasoning_summary_part.added",
    )
)


class ResponsesNativeReader:
    """Reads one reply for a client of the same dialect."""

    __slots__ = ("_calls",)

    def __init__(self) -> None:
        self._calls: dict[int, int] = {}

    def feed(self, chunk: Chunk) -> Iterator[Event]:
        value = chunk.value
        told = value.get("type")
        kind = BY_DELTA.get(told) if isinstance(told, str) else None
        if kind is not None and value["delta"]:
            call = self._calls.get(value["output_index"], 0)
            yield delta_event(kind, value["delta"], call, chunk)
        elif told == "response.created":
            yield begun(chunk)
        elif told == "error" or told == "response.failed":
            yield failed(value, chunk)
        elif told in TERMINALS:
            response = value["response"]
            reason = finish_of(response, has_called=bool(self._calls))
            yield Finished(0, reason, source=chunk)
            yield Ended()
        elif told is None:
            progress = progress_told(value, chunk)
            if progress is not None:
                yield progress
        else:
            yield self._other(chunk)

    def finish(self) -> Iterator[Event]:
        return iter(())

    def _other(self, chunk: Chunk) -> Event:
        value = chunk.value
        kind = value["type"]
        if kind == "response.output_item.added":
            item = value["item"]
            if item["type"] in CALLS:
                call = self._calls[value["output_index"]] = len(self._calls)
                return call_begun(item, call, chunk)
            return Native("responses", value, item["type"] not in KNOWN_ITEMS, source=chunk)
        # An event that belongs to no item (a keepalive, limits) says nothing of the answer.
        is_answer = kind not in _BEFORE_ANSWER and "output_index" in value
        return Native("responses", value, is_answer, source=chunk)


class ResponsesNativeWriter:
    """Writes one streamed reply."""

    __slots__ = ("life",)

    def __init__(self, promise: Promise, life: Life) -> None:
        self.life: Life | None = life

    def feed(self, event: Event) -> Sequence[dict[str, Any]]:
        source = event.source
        if source is None or "type" not in source.value:
            return ()
        value = source.value
        return (with_usage_at_end(value),) if isinstance(event, Finished) else (value,)

    def fail(self, error: WireError) -> Sequence[dict[str, Any]]:
        return [chunk.value for chunk in self.life.fail(error)] if self.life else ()

    def progress(self, told: dict[str, Any]) -> dict[str, Any]:
        raise MisuseError("the carrier of progress inside a chunk is chat's alone")

    def trial(self) -> ResponsesNativeWriter:
        return self  # it keeps nothing of its own

    def state(self) -> str:
        return ""


class ResponsesNativeWholeWriter:
    """Gathers one reply: the object is the one that the stream ends with."""

    __slots__ = ("_life", "_response")

    def __init__(self, promise: Promise, life: Life) -> None:
        self._life = life
        self._response: dict[str, Any] = {}

    @property
    def size_bytes(self) -> int:
        return self._life.size_bytes

    @property
    def knows_usage(self) -> bool:
        return isinstance(self._response.get("usage"), dict)

    def feed(self, event: Event) -> None:
        if isinstance(event, Finished) and event.source is not None:
            self._response = event.source.value["response"]

    def finish(self) -> dict[str, Any]:
        return with_usage(self._response)


def with_usage_at_end(event: dict[str, Any]) -> dict[str, Any]:
    """The last event of a stream that ended well. The schema lets its usage be null; the AI SDK
    of 2026, which OpenCode uses, then sees no end, and asks again for ever."""
    response = with_usage(event["response"])
    is_same = response is event["response"] or event["type"] == "response.failed"
    return event if is_same else event | {"response": response}


def with_usage(response: dict[str, Any]) -> dict[str, Any]:
    """A whole response, with zeros for a usage that nobody told."""
    if isinstance(response.get("usage"), dict):
        return response
    return response | {"usage": no_usage()}
