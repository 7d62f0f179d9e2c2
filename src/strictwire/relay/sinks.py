"""The last stage: events to bytes, as a stream or as one object.

Contract: ``feed`` returns what goes out for one event. A chunk that the upstream sent and that
says exactly what we would say passes byte for byte. Before the first meaningful event nothing is
returned, so that an early failure can still be a status.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from strictwire.model.errors import PeerError, WireError
from strictwire.model.events import Ended, Event, Failed, Progressed, is_meaningful
from strictwire.model.request import Promise
from strictwire.relay.progress import ProgressTeller, furthest

_encode = msgspec.json.encode

# Roles and extra fields before the first meaningful event wait for it. Who sends more of them than
# any server was seen to has begun to answer, and must not fill our memory with its beginning.
MAX_HELD_BYTES = 64 * 1024

DONE_FRAME = b"data: [DONE]\n\n"
KEEPALIVE = b": keep-alive\n\n"
PING = b'event: ping\ndata: {"type":"ping"}\n\n'


class StreamWriter(Protocol):
    """A dialect's writer: events to the objects that go on the wire, in order. One whose dialect
    has a life keeps it as ``life``."""

    def feed(self, event: Event) -> Sequence[dict[str, Any]]: ...

    def fail(self, error: WireError) -> Sequence[dict[str, Any]]:
        """The error in-band, as the last thing that is told."""
        ...

    def progress(self, told: dict[str, Any]) -> dict[str, Any]:
        """A report of progress inside a complete chunk."""
        ...

    def trial(self) -> StreamWriter:
        """A copy that may be written without changing this one."""
        ...

    def state(self) -> str:
        """All that decides how the next event is written, but for an envelope that an event
        changes, and for the numbers and texts that every delta changes."""
        ...


@dataclass(frozen=True, slots=True)
class Wire:
    """How a dialect's objects stand on the wire. ``names_events``: each frame has an ``event:``
    line with the object's type. ``has_done``: ``[DONE]`` is the last frame. ``pings``: a reply that
    has begun is kept alive by an event of its own. ``result``: the field of the last object that
    holds the reply as a whole."""

    names_events: bool = False
    has_done: bool = True
    pings: bool = False
    result: str = ""

    def frame(self, value: dict[str, Any], raw: bytes) -> bytes:
        if self.names_events:
            return b"event: %b\ndata: %b\n\n" % (value["type"].encode(), raw)
        return b"data: %b\n\n" % raw


class WholeWriter(Protocol):
    @property
    def size_bytes(self) -> int: ...

    @property
    def knows_usage(self) -> bool: ...

    def feed(self, event: Event) -> None: ...

    def finish(self) -> dict[str, Any]: ...


class StreamSink:
    """Events to frames. ``frames`` counts those that carried a part of the reply."""

    __slots__ = (
        "_elapsed",
        "_held",
        "_held_bytes",
        "_progress",
        "_promise",
        "_wire",
        "failure",
        "frames",
        "is_done",
        "is_meaningful",
        "progressed",
        "result",
        "writer",
    )

    def __init__(
        self,
        writer: StreamWriter,
        promise: Promise,
        wire: Wire,
        elapsed: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.writer = writer
        self._promise = promise
        self._wire = wire
        self._elapsed = elapsed
        self._progress = (
            ProgressTeller(promise.progress, writer.progress) if promise.progress else None
        )
        self._held: list[bytes] = []
        self._held_bytes = 0
        self.is_meaningful = False
        self.is_done = False
        self.failure: WireError | None = None
        self.result: dict[str, Any] | None = None
        self.progressed: Progressed | None = None
        self.frames = 0

    @property
    def cuts_after_error(self) -> bool:
        """After an error the connection is closed in the middle of the stream: the setting wants
        it, in the dialects whose errors are no terminal of their own."""
        return not self._wire.names_events and self._promise.after_error == "cut"

    @property
    def keepalive(self) -> bytes:
        return PING if self._wire.pings and self.frames and self.is_meaningful else KEEPALIVE

    def feed(self, event: Event) -> bytes:
        if isinstance(event, Failed):
            self.failure = event.error
            return b""
        if isinstance(event, Progressed):
            self.progressed = furthest(self.progressed, event)
            return self._progress.batch(event, self._elapsed()) if self._progress else b""
        if isinstance(event, Ended):
            out = self._release() + self._render(event)
            if self.failure is not None:
                return out
            self.is_done = True
            return out + self._terminal
        frame = self._render(event)
        if self.failure is not None:
            return b""
        if not self.is_meaningful:
            if frame:
                self._held.append(frame)
                self._held_bytes += len(frame)
            if not is_meaningful(event) and self._held_bytes <= MAX_HELD_BYTES:
                return b""
            self.is_meaningful = True
            if self._progress is not None:
                self._progress.stop()
            return self._release()
        return frame

    def trial(self) -> StreamSink:
        """A copy that writes what this one would write now, and changes nothing here."""
        sink = StreamSink(self.writer.trial(), self._promise, self._wire, self._elapsed)
        sink.is_meaningful = self.is_meaningful
        return sink

    def tick_progress(self, *, is_queued: bool, place: int = 0) -> bytes:
        if self._progress is None or self.is_meaningful or self.failure is not None:
            return b""
        return self._progress.tick(self._elapsed(), is_queued=is_queued, place=place)

    def fail(self, error: WireError) -> bytes:
        """The error in-band, and the terminal where the setting wants one."""
        if self._progress is not None:
            self._progress.stop()
        # Numbered events must not have gaps; roles and extras of a reply that failed say nothing.
        held = self._release() if self._wire.names_events else b""
        self._held.clear()
        frames = [self._framed(value, _encode(value)) for value in self.writer.fail(error)]
        return b"".join((held, *frames, b"" if self.cuts_after_error else self._terminal))

    @property
    def _terminal(self) -> bytes:
        """What follows the last object."""
        is_wanted = self._promise.responses_done or not self._wire.names_events
        return DONE_FRAME if self._wire.has_done and is_wanted else b""

    def _render(self, event: Event) -> bytes:
        try:
            values = self.writer.feed(event)
        except PeerError as beyond:  # a bound of the writer's own life
            self.failure = beyond
            return b""
        if not values:
            return b""
        self.frames += len(values)
        source = event.source
        out: list[bytes] = []
        for value in values:
            if (
                source is not None
                and source.raw
                and (source.value is value or source.value == value)
                and b"\n" not in source.raw
            ):
                out.append(self._framed(value, source.raw))
            else:
                out.append(self._framed(value, _encode(value)))
        return out[0] if len(out) == 1 else b"".join(out)

    def _framed(self, value: dict[str, Any], raw: bytes) -> bytes:
        if self._wire.result and self._wire.result in value:
            self.result = value[self._wire.result]
        return self._wire.frame(value, raw)

    def _release(self) -> bytes:
        held = b"".join(self._held)
        self._held.clear()
        return held


class WholeSink:
    """Events to one object, returned by the ``Ended`` event."""

    __slots__ = (
        "_original",
        "_promise",
        "_writer",
        "failure",
        "frames",
        "is_done",
        "is_meaningful",
        "progressed",
        "result",
    )

    cuts_after_error = True  # there is no in-band error in one object
    keepalive = b"\n"  # white space is legal before a JSON object

    def __init__(self, writer: WholeWriter, promise: Promise) -> None:
        self._writer = writer
        self._promise = promise
        self._original: tuple[dict[str, Any], bytes] | None = None
        self.is_meaningful = False
        self.is_done = False
        self.failure: WireError | None = None
        self.result: dict[str, Any] | None = None
        self.progressed: Progressed | None = None
        self.frames = 0

    @property
    def knows_usage(self) -> bool:
        return self._writer.knows_usage

    def expect(self, value: dict[str, Any], raw: bytes) -> None:
        """The upstream's own object: it passes byte for byte if it is what we would say."""
        self._original = (value, raw)

    def feed(self, event: Event) -> bytes:
        if isinstance(event, Failed):
            self.failure = event.error
            return b""
        if isinstance(event, Ended):
            self._write(event)
            if self.failure is not None:
                return b""
            self.is_done = True
            self.frames = 1
            return self._finish()
        if isinstance(event, Progressed):
            self.progressed = furthest(self.progressed, event)
            return b""  # it is no part of the reply
        self.is_meaningful = self.is_meaningful or is_meaningful(event)
        self._write(event)
        return b""

    def tick_progress(self, *, is_queued: bool, place: int = 0) -> bytes:
        return b""

    def fail(self, error: WireError) -> bytes:
        """Nothing can be said in one object: the connection is cut instead."""
        return b""

    def _write(self, event: Event) -> None:
        try:
            self._writer.feed(event)
        except PeerError as beyond:  # a bound of the writer's own life
            self.failure = beyond
        if self._writer.size_bytes > self._promise.max_reply_bytes:
            self.failure = too_large(self._promise.max_reply_bytes)

    def _finish(self) -> bytes:
        value = self.result = self._writer.finish()
        if self._original is not None and _is_same(self._original[0], value):
            return self._original[1]
        return _encode(value)


def _is_same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """The same JSON but for the order of keys. ``==`` would take true for 1 and 1.0 for 1."""
    first, second = (_encode(value, order="deterministic") for value in (one, other))
    return first == second


def too_large(limit_bytes: int) -> PeerError:
    return PeerError(
        f"The upstream's reply is larger than {limit_bytes} bytes (setting: max_reply_bytes).",
        code="upstream_reply_too_large",
    )
