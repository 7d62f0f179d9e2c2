"""One reply that comes as one object: its bytes in, the client's bytes out.

Contract: that of ``Relay``, and nothing is told before ``finish``: the object is parsed when it has
ended, and laid out as the chunks that a stream would have had. Nothing here waits, keeps time or
does I/O.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from strictwire.model.chunks import Chunk
from strictwire.model.errors import PeerError
from strictwire.relay.dialects import Decoder
from strictwire.relay.parsing import read_json
from strictwire.relay.relay import Relay
from strictwire.relay.sinks import StreamSink, WholeSink, too_large
from strictwire.relay.stages import Stages


class WholeRelay(Relay):
    """A reply that comes as one object. It is parsed when it has ended."""

    __slots__ = ("_chunks_of", "_limit_bytes", "_pieces", "_size_bytes")

    def __init__(
        self,
        stages: Stages,
        sink: StreamSink | WholeSink,
        decoder: Decoder,
        chunks_of: Callable[[dict[str, Any]], list[Chunk]],
        limit_bytes: int,
    ) -> None:
        super().__init__(stages, sink, decoder, may_splice=False)
        self._chunks_of = chunks_of
        self._limit_bytes = limit_bytes
        self._pieces: list[bytes] = []
        self._size_bytes = 0

    def feed(self, data: bytes) -> bytes:
        self._size_bytes += len(data)
        if self._size_bytes > self._limit_bytes:
            self._failure = too_large(self._limit_bytes)
            self._pieces.clear()
            self._note()
        elif self.failure is None:
            self._pieces.append(data)
        return b""

    def finish(self) -> bytes:
        if self._sink.is_done or self.failure is not None:
            return b""
        body = b"".join(self._pieces)
        self._pieces.clear()
        try:
            value, raw = parse_reply(body)
        except PeerError as problem:
            self._failure = problem
            self._note()
            return b""
        if raw and isinstance(self._sink, WholeSink):
            self._sink.expect(value, raw)
        events = list(self._stages.chunks(self._chunks_of(value)))
        events += self._stages.end(has_terminal=True, needs_terminal=False)
        out = self._emit(events)
        self._note()
        return out


def parse_reply(body: bytes) -> tuple[dict[str, Any], bytes]:
    """A reply that came as one object, and its bytes; empty, if a strict reader would not read
    them. Raises PeerError."""
    raw = _object_bytes(body)
    try:
        value, is_strict = read_json(raw)
    except ValueError:
        value, is_strict = None, False
    if not isinstance(value, dict):
        raise PeerError("The upstream's reply is not a JSON object.", code="upstream_malformed")
    return value, raw if is_strict else b""


def _object_bytes(body: bytes) -> bytes:
    """Without a byte order mark, blank lines before (quirk 5) and a stray terminal (quirk 14)."""
    text = body.removeprefix(b"\xef\xbb\xbf").strip()
    head, terminal, tail = text.rpartition(b"data:")
    if terminal and tail.strip() == b"[DONE]":
        return head.strip()
    return text
