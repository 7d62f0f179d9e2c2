"""What one reply is put together from: its relay, by how the upstream answered and by the promise.

Contract: pure. Four combinations from two sources (a stream, an object) and two sinks (a stream, an
object); ``relay.dialects`` is the table of each dialect's parts.
"""

from __future__ import annotations

from collections.abc import Callable

from strictwire.model.life import Life
from strictwire.model.request import Promise
from strictwire.relay.crossing import Crossing
from strictwire.relay.dialects import DIALECTS, SOURCES, Parts
from strictwire.relay.relay import Relay
from strictwire.relay.sinks import StreamSink, StreamWriter, WholeSink, WholeWriter
from strictwire.relay.stages import make_stages
from strictwire.relay.whole_relay import WholeRelay


def make_relay(
    promise: Promise,
    *,
    is_object: bool,
    elapsed: Callable[[], float] = lambda: 0.0,
    may_splice: bool = True,
) -> Relay:
    """The relay for one reply. ``is_object`` says how the upstream answered; how the client is
    answered, and in which dialects both speak, stands in the promise. ``elapsed`` gives the
    seconds since the request began. ``may_splice`` False takes the long way for every frame: the
    same bytes, slower."""
    source = SOURCES[promise.upstream or promise.dialect]
    target = DIALECTS[promise.dialect]
    is_object = is_object and not source.is_line_by_line
    life = None if source.life is None else source.life(promise, is_object=is_object)
    is_native = source is target
    reader = target.native.reader() if is_native and target.native else source.reader()
    crossing = None if is_native else Crossing(promise)
    stages = make_stages(reader, source.chunk_rules, promise, life=life, crossing=crossing)
    sink: StreamSink | WholeSink
    lives: list[Life] = [] if life is None else [life]
    if promise.is_stream:
        writer = _stream_writer(target, promise, life if is_native else None)
        own: Life | None = getattr(writer, "life", None)
        if own is not None and own is not life:
            lives.append(own)
        sink = StreamSink(writer, promise, target.wire, elapsed)
    else:
        sink = WholeSink(_whole_writer(target, promise, life if is_native else None), promise)
    decoder = source.decoder(promise)
    if is_object:
        limit_bytes = promise.max_reply_bytes
        return WholeRelay(stages, sink, decoder, source.chunks_of_reply, limit_bytes)
    # A life that counts nothing keeps nothing either: a frame may pass without its knowledge.
    counting = tuple(one for one in lives if one.next_number is not None)
    # The fast lane knows the frames of event streams alone.
    may_splice = may_splice and not source.is_line_by_line
    return Relay(
        stages,
        sink,
        decoder,
        may_splice=may_splice,
        lives=counting,
        counts_reasoning=promise.counts_reasoning,
    )


def _stream_writer(parts: Parts, promise: Promise, life: Life | None) -> StreamWriter:
    if parts.native is not None and life is not None:
        return parts.native.writer(promise, life)
    return parts.writer(promise)


def _whole_writer(parts: Parts, promise: Promise, life: Life | None) -> WholeWriter:
    if parts.native is not None and life is not None:
        return parts.native.whole_writer(promise, life)
    return parts.whole_writer(promise)
