"""The last stage: events to bytes, as a stream or as one object.

Contract: ``feed`` returns what goes out for one event. A chunk that the upstream sent and that
says exactly what we would say passes byte for byte. Before the first meaningful event nothing is
returned, so that an early failure can still be a status.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from strictwire.model.errors import PeerError, WireError
from strictwire.model.events import MEANINGFUL, Ended, Event, Failed, Progressed
from strictwire.model.request import Promise
from strictwire.relay.progress import ProgressTeller
from strictwire.wire.sse import format_frame

_encode = msgspec.json.encode

# Roles and extra fields before the first meaningful event wait for it. Who sends more of them than
# any server was seen to has begun to answer, and must not fill our memory with its beginning.
MAX_HELD_BYTES = 64 * 1024

DONE_FRAME = b"data: [DONE]\n\n"


class StreamWriter(Protocol):
    def feed(self, event: Event) -> dict[str, Any] | None: ...

    def progress(self, told: dict[str, Any]) -> dict[str, Any]:
        """A report of progress inside a complete chunk."""
        ...


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
        "_error_object",
        "_held",
        "_held_bytes",
        "_progress",
        "_promise",
        "_writer",
        "failure",
        "frames",
        "is_done",
        "is_meaningful",
    )

    def __init__(
        self,
        writer: StreamWriter,
        promise: Promise,
        error_object: Callable[[WireError], dict[str, Any]],
        elapsed: Callable[[], float],
    ) -> None:
        self._writer = writer
        self._promise = promise
        self._error_object = error_object
        self._elapsed = elapsed
        self._progress = (
            ProgressTeller(promise.progress, writer.progress) if promise.progress else None
        )
        self._held: list[bytes] = []
        self._held_bytes = 0
        self.is_meaningful = False
        self.is_done = False
        self.failure: WireError | None = None
        self.frames = 0

    def feed(self, event: Event) -> bytes:
        if isinstance(event, Failed):
            self.failure = event.error
            return b""
        if isinstance(event, Progressed):
            return self._progress.batch(event, self._elapsed()) if self._progress else b""
        if isinstance(event, Ended):
            self.is_done = True
            return self._release() + DONE_FRAME
        frame = self._render(event)
        if not self.is_meaningful:
            if frame:
                self._held.append(frame)
                self._held_bytes += len(frame)
            if not isinstance(event, MEANINGFUL) and self._held_bytes <= MAX_HELD_BYTES:
                return b""
            self.is_meaningful = True
            if self._progress is not None:
                self._progress.stop()
            return self._release()
        return frame

    def trial(self) -> StreamSink:
        """A copy that writes what this one would write now, and changes nothing here."""
        writer = copy.copy(self._writer)
        sink = StreamSink(writer, self._promise, self._error_object, self._elapsed)
        sink.is_meaningful = self.is_meaningful
        return sink

    def tick_progress(self, *, is_queued: bool) -> bytes:
        if self._progress is None or self.is_meaningful or self.failure is not None:
            return b""
        return self._progress.tick(self._elapsed(), is_queued=is_queued)

    def fail(self, error: WireError) -> bytes:
        """The error in-band, and the terminal where the setting wants one."""
        if self._progress is not None:
            self._progress.stop()
        self._held.clear()
        frame = format_frame(_encode(self._error_object(error)))
        return frame + DONE_FRAME if self._promise.after_error == "done" else frame

    def _render(self, event: Event) -> bytes:
        value = self._writer.feed(event)
        if value is None:
            return b""
        self.frames += 1
        source = event.source
        if source is not None and source.raw and source.value == value and b"\n" not in source.raw:
            return b"data: %b\n\n" % source.raw
        return b"data: %b\n\n" % _encode(value)

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
    )

    def __init__(self, writer: WholeWriter, promise: Promise) -> None:
        self._writer = writer
        self._promise = promise
        self._original: tuple[dict[str, Any], bytes] | None = None
        self.is_meaningful = False
        self.is_done = False
        self.failure: WireError | None = None
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
            self.is_done = True
            self.frames = 1
            return self._finish()
        self.is_meaningful = self.is_meaningful or isinstance(event, MEANINGFUL)
        self._writer.feed(event)
        if self._writer.size_bytes > self._promise.max_reply_bytes:
            self.failure = too_large(self._promise.max_reply_bytes)
        return b""

    def tick_progress(self, *, is_queued: bool) -> bytes:
        return b""

    def fail(self, error: WireError) -> bytes:
        """There is no in-band error in one object: the connection is cut instead."""
        return b""

    def _finish(self) -> bytes:
        value = self._writer.finish()
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
