"""One reply that comes as a stream: the upstream's bytes in, the client's bytes out.

Contract: see ``model.protocols.ReplyRelay``. The sink makes a stream or an object of it; only
where it is a stream too there is a fast lane. Nothing here waits, keeps time or does I/O.
"""

from __future__ import annotations

from typing import Any

from strictwire.model.errors import PeerError, WireError
from strictwire.model.events import Begun, Event, Progressed
from strictwire.model.frames import Decoded, Frame, Malformed
from strictwire.model.life import Life
from strictwire.relay.dialects import Decoder
from strictwire.relay.reasoning_count import ReasoningCount
from strictwire.relay.sinks import StreamSink, WholeSink
from strictwire.relay.splice import Splicer, block_end
from strictwire.relay.stages import Stages


class Relay:
    """A reply that comes as a stream."""

    # wants_attention: done, failed or lingering, so that a caller in the hot path reads one plain
    # attribute. Only the long way can change it.
    # lane: the splicer, while it knows frames and the decoder stands between two of them. Who
    # has one frame may ask it before ``feed``.
    __slots__ = (
        "_decoder",
        "_failure",
        "_reasoning",
        "_sink",
        "_splicer",
        "_stages",
        "lane",
        "wants_attention",
    )

    def __init__(
        self,
        stages: Stages,
        sink: StreamSink | WholeSink,
        decoder: Decoder,
        *,
        may_splice: bool = True,
        lives: tuple[Life, ...] = (),
        counts_reasoning: bool = False,
    ) -> None:
        self._reasoning = ReasoningCount() if counts_reasoning else None
        self._stages = stages
        self._sink = sink
        self._decoder = decoder
        may_splice = may_splice and isinstance(sink, StreamSink) and not stages.reads_text
        self._splicer = Splicer(lives) if may_splice else None
        self._failure: WireError | None = None
        self.wants_attention = False
        self.lane: Splicer | None = None

    @property
    def is_meaningful(self) -> bool:
        return self._sink.is_meaningful

    @property
    def is_done(self) -> bool:
        return self._sink.is_done

    @property
    def is_lingering(self) -> bool:
        return self._stages.is_lingering

    @property
    def failure(self) -> WireError | None:
        return self._failure or self._sink.failure

    @property
    def frames(self) -> int:
        """Frames that went to the client."""
        return self._sink.frames + (self._splicer.frames if self._splicer else 0)

    @property
    def repairs(self) -> set[str]:
        """The names of the rules that repaired something in this reply."""
        return self._stages.fired

    @property
    def knows_usage(self) -> bool:
        return not isinstance(self._sink, WholeSink) or self._sink.knows_usage

    @property
    def keepalive(self) -> bytes:
        return self._sink.keepalive

    @property
    def cuts_after_error(self) -> bool:
        return self._sink.cuts_after_error

    @property
    def result(self) -> dict[str, Any] | None:
        """The reply as one object, as far as its dialect tells it in a stream."""
        return self._sink.result

    def feed(self, data: bytes) -> bytes:
        if self.lane is not None:
            out, taken = self.lane.take(data)
            return out if taken == len(data) else out + self._long_way(data, taken)
        if self._is_over:
            return b""
        return self._long_way(data, 0)

    def finish(self) -> bytes:
        """The upstream's body has ended, or nothing more is awaited."""
        if self._is_over:
            return b""
        unended = self._decoder.unended()
        self._decoder.finish()
        out = self._emit(list(self._stages.last_frames(unended)))
        if not self._is_over:
            out += self._emit(list(self._stages.end(has_terminal=False)))
        self._note()
        return out

    def fail(self, error: WireError) -> bytes:
        return self._sink.fail(error)

    @property
    def progressed(self) -> Progressed | None:
        return self._sink.progressed

    @property
    def usage(self) -> dict[str, Any] | None:
        told = self._stages.ending.usage
        if told is None or self._reasoning is None:
            return told.usage if told is not None else None
        return self._reasoning.in_usage(told.usage, self._spliced_reasoning)

    @property
    def _spliced_reasoning(self) -> int:
        return self._splicer.reasonings.frames if self._splicer is not None else 0

    def tick_progress(self, *, is_queued: bool, place: int = 0) -> bytes:
        return self._sink.tick_progress(is_queued=is_queued, place=place)

    def _long_way(self, data: bytes, position: int) -> bytes:
        """Block by block while there is a fast lane to return to, else all at once."""
        splicer = self._splicer
        if splicer is None:
            return self._decode(data[position:] if position else data)
        # Joined once: a large piece full of small frames would else copy all its output for each.
        out: list[bytes] = []
        size = len(data)
        while position < size and not self._is_over:
            if self.lane is not None:
                piece, position = splicer.take(data, position)
                out.append(piece)
                if position == size:
                    break
            has_lane = splicer.is_ready or splicer.may_learn
            end = block_end(data, position) if has_lane else size
            out.append(self._decode(data[position:end]))
            position = end
        return out[0] if len(out) == 1 else b"".join(out)

    @property
    def _is_over(self) -> bool:
        return self._sink.is_done or self.failure is not None

    def _decode(self, data: bytes) -> bytes:
        """Decode, repair, read and write each frame."""
        out: list[bytes] = []
        try:
            decoded = self._decoder.feed(data)
        except PeerError as problem:
            self._failure = problem
            decoded = ()
        for item in decoded:
            out.append(self._frame(item) if isinstance(item, Frame) else self._beside(item))
            if self._is_over:
                break
        self._note()
        return out[0] if len(out) == 1 else b"".join(out)

    def _note(self) -> None:
        """After the long way: what the fast one may take for granted until the next time."""
        is_over = self._is_over
        self.wants_attention = is_over or self._stages.is_lingering
        splicer = self._splicer
        is_open = splicer is not None and splicer.is_ready and self._decoder.is_clean
        self.lane = splicer if is_open and not is_over else None

    def _frame(self, frame: Frame) -> bytes:
        splicer, sink = self._splicer, self._sink
        if splicer is None or not isinstance(sink, StreamSink):
            return self._emit(list(self._stages.frame(frame)))
        is_learning = sink.is_meaningful and bool(frame.raw) and splicer.wants_to_learn()
        before = splicer.look(self._stages, sink) if is_learning else None
        events = list(self._stages.frame(frame))
        out = self._emit(events)
        if splicer.is_ready and any(isinstance(event, Begun) for event in events):
            # The envelope changed, which is the reader's and the writer's state, not the stages'.
            splicer.forget()
        if before is not None:
            splicer.learn(frame, events, out, before, self._stages, sink)
        elif splicer.is_ready:
            splicer.check(self._stages, sink)
        return out

    def _beside(self, item: Decoded) -> bytes:
        """A comment, or a line that is no field: nearly always it means nothing."""
        out = self._emit(list(self._stages.frame(item)))
        splicer, sink = self._splicer, self._sink
        if isinstance(item, Malformed) and splicer is not None and splicer.is_ready:
            assert isinstance(sink, StreamSink)  # only streams are spliced
            splicer.check(self._stages, sink)
        return out

    def _emit(self, events: list[Event]) -> bytes:
        sink = self._sink
        if self._reasoning is not None:
            events = self._reasoning.told_in(events, self._spliced_reasoning)
        if len(events) == 1:
            return sink.feed(events[0])
        out: list[bytes] = []
        for event in events:
            out.append(sink.feed(event))
            if sink.failure is not None:
                break
        return b"".join(out)
