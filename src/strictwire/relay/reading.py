"""One reply for whoever wants its events, not its bytes: the reading half of a relay.

Contract: ``feed`` takes the upstream's bytes and returns the neutral events that they tell;
``finish`` says that the body has ended. Rules, life and ending are those of the gateway, so what
is read here is whole and in order: each text once, ``Ended`` after a good end and ``Failed``
after any other, nothing after either.
"""

from __future__ import annotations

from strictwire.model.errors import PeerError
from strictwire.model.events import Ended, Event, Failed
from strictwire.model.request import Promise
from strictwire.relay.dialects import SOURCES
from strictwire.relay.sinks import too_large
from strictwire.relay.stages import make_stages
from strictwire.relay.whole_relay import parse_reply


class Reading:
    """Reads one reply. ``is_object``: it comes as one object, not as a stream."""

    def __init__(self, promise: Promise, *, is_object: bool = False) -> None:
        self._parts = SOURCES[promise.upstream or promise.dialect]
        is_object = is_object and not self._parts.is_line_by_line
        life = None if self._parts.life is None else self._parts.life(promise, is_object=is_object)
        self._stages = make_stages(
            self._parts.reader(), self._parts.chunk_rules, promise, life=life
        )
        self._decoder = self._parts.decoder(promise)
        self._limit_bytes = promise.max_reply_bytes
        self._pieces: list[bytes] | None = [] if is_object else None
        self._size_bytes = 0
        self.is_over = False

    @property
    def is_lingering(self) -> bool:
        """Only the tail may still come."""
        return self._stages.is_lingering

    @property
    def repairs(self) -> set[str]:
        return self._stages.fired

    def feed(self, data: bytes) -> list[Event]:
        if self.is_over:
            return []
        if self._pieces is not None:
            self._pieces.append(data)
            self._size_bytes += len(data)
            is_too_large = self._size_bytes > self._limit_bytes
            return self._fail(too_large(self._limit_bytes)) if is_too_large else []
        return self._frames(data)

    def _frames(self, data: bytes) -> list[Event]:
        try:
            decoded = self._decoder.feed(data)
        except PeerError as problem:
            return self._fail(problem)
        events: list[Event] = []
        for item in decoded:
            events += self._until_over(list(self._stages.frame(item)))
            if self.is_over:
                break
        return events

    def finish(self) -> list[Event]:
        """The body has ended, or nothing more is awaited."""
        if self.is_over:
            return []
        if self._pieces is not None:
            return self._whole(b"".join(self._pieces))
        unended = self._decoder.unended()
        self._decoder.finish()
        events = self._until_over(list(self._stages.last_frames(unended)))
        if not self.is_over:
            events += self._until_over(list(self._stages.end(has_terminal=False)))
        return events

    def _whole(self, body: bytes) -> list[Event]:
        try:
            value, _ = parse_reply(body)
        except PeerError as problem:
            return self._fail(problem)
        events = list(self._stages.chunks(self._parts.chunks_of_reply(value)))
        events += self._stages.end(has_terminal=True, needs_terminal=False)
        return self._until_over(events)

    def _until_over(self, events: list[Event]) -> list[Event]:
        for place, event in enumerate(events):
            if isinstance(event, (Ended, Failed)):
                self.is_over = True
                return events[: place + 1]
        return events

    def _fail(self, problem: PeerError) -> list[Event]:
        self.is_over = True
        return [Failed(problem)]
