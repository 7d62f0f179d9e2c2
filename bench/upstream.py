"""The bench's model server: plays the streams of ``bench.streams`` for as little CPU as it can.

All frames are rendered before the first request. Paced streams share one timer that writes to a
few of them every millisecond, so that 100 streams at 20 ms are 5 writes per tick and not a burst
of 100. It reads requests only as far as it must, and judges nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from typing import Any, cast

import httptools

from bench import control
from bench.streams import PATHS, STREAMS, Script, Stream, find_script

PERIOD_S = 0.020
_SLOTS = 20  # 1 ms each, the resolution of uvloop's timers
# Enough to keep a flat-out reader busy between two turns of the loop, little enough that what is
# counted as sent and what has arrived stay close.
_WRITE_AHEAD_BYTES = 128 * 1024
_STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)
_MODELS = (
    b'{"object":"list","data":[{"id":"bench","object":"model","created":0,"owned_by":"bench"}]}'
)


def _json_reply(status: bytes, body: bytes) -> bytes:
    head = b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return head % (status, len(body)) + body


class Pacer:
    """Writes one piece every 20 ms to each stream that joined."""

    def __init__(self) -> None:
        self._slots: list[dict[Connection, None]] = [{} for _ in range(_SLOTS)]
        self._next_slot = 0
        self._due_s = 0.0
        self._is_running = False
        self.skipped_periods = 0

    def join(self, connection: Connection) -> dict[Connection, None]:
        """Put it into the emptiest slot; the caller takes itself out of what is returned."""
        slot = min(self._slots, key=len)
        slot[connection] = None
        if not self._is_running:
            self._is_running = True
            self._due_s = time.monotonic()
            self._tick()
        return slot

    def _tick(self) -> None:
        now = time.monotonic()
        if now - self._due_s > PERIOD_S:
            # The machine stood still. A burst that catches up would not be a paced stream.
            self.skipped_periods += 1
            self._due_s = now
        while self._due_s <= now:
            for connection in tuple(self._slots[self._next_slot]):
                connection.write_next()
            self._next_slot = (self._next_slot + 1) % _SLOTS
            self._due_s += PERIOD_S / _SLOTS
        if any(self._slots):
            loop = asyncio.get_running_loop()
            loop.call_later(max(0.0, self._due_s - time.monotonic()), self._tick)
        else:
            self._is_running = False


class Ledger:
    """What the upstream tells the bench: requests now open, and when marked ones were lost.

    ``waiting`` has the endless flat-out streams, which begin together when the bench says so:
    the first of them would take the gateway's whole attention while the others are opened.
    """

    def __init__(self) -> None:
        self.open = 0
        self.waiting: list[Connection] = []
        self.lost_ns: dict[str, int] = {}


class Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, pacer: Pacer, ledger: Ledger) -> None:
        self._pacer = pacer
        self._ledger = ledger
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._body = b""
        self._script: Script | None = None
        self._pieces: Iterator[bytes] = iter(())
        self._ending = b""
        self._slot: dict[Connection, None] = {}
        self._may_write = True
        self._is_flat_out = False

    # ---- asyncio ----

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are no subclass of it
        self._transport.set_write_buffer_limits(high=_WRITE_AHEAD_BYTES)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def eof_received(self) -> None:
        self._note_lost()

    def connection_lost(self, exc: Exception | None) -> None:
        self._note_lost()

    def pause_writing(self) -> None:
        self._may_write = False

    def resume_writing(self) -> None:
        self._may_write = True
        if self._is_flat_out:
            self._write_flat_out()

    # ---- httptools ----

    def on_url(self, url: bytes) -> None:
        self._url, self._body = url, b""

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        if self._url.endswith(b"/models"):
            self._transport.write(_json_reply(b"200 OK", _MODELS))
            return
        script = find_script(self._body)
        path = self._url.partition(b"?")[0].decode()
        if script is None or path != PATHS[STREAMS[script.stream].upstream]:
            body = b'{"error":{"message":"The bench knows no such path or model."}}'
            self._transport.write(_json_reply(b"404 Not Found", body))
            return
        self._play(script, STREAMS[script.stream])

    # ---- playing ----

    def _play(self, script: Script, stream: Stream) -> None:
        self._script = script
        self._ledger.open += 1
        if script.pace == "silent":
            return
        if script.pace == "whole":
            self._transport.write(_STREAM_HEAD + stream.whole(script.texts))
            self._end()
            return
        if script.pace == "hold":
            start = _STREAM_HEAD + stream.prelude + b"".join(stream.pieces(script.texts))
            self._transport.write(start)
            return
        self._transport.write(_STREAM_HEAD + stream.prelude)
        self._ending = stream.end(script.texts)
        if script.pace == "flat":
            self._pieces = _blocks(stream, script.texts)
            if script.texts:
                self.begin_flat_out()
            else:
                self._transport.write(stream.cycle[0])
                self._ledger.waiting.append(self)
        else:
            self._pieces = iter(stream.pieces(script.texts)) if script.texts else stream.forever()
            self._slot = self._pacer.join(self)

    def write_next(self) -> None:
        """The next piece of a paced stream; a client that does not read misses it."""
        if not self._may_write:
            return
        piece = next(self._pieces, b"")
        if piece:
            self._transport.write(piece)
        else:
            self._transport.write(self._ending)
            self._end()

    def begin_flat_out(self) -> None:
        self._is_flat_out = self._script is not None  # its client may have left meanwhile
        self._write_flat_out()

    def _write_flat_out(self) -> None:
        # A transport that is closing swallows writes and never asks to pause.
        while self._may_write and self._is_flat_out and not self._transport.is_closing():
            block = next(self._pieces, b"")
            self._transport.write(block or self._ending)
            if not block:
                self._end()

    def _end(self) -> None:
        if self._script is not None:
            self._script = None
            self._ledger.open -= 1
        self._is_flat_out = False
        self._slot.pop(self, None)

    def _note_lost(self) -> None:
        if self._script is not None:
            self._ledger.lost_ns[self._script.mark] = time.monotonic_ns()
        self._end()


def _blocks(stream: Stream, texts: int) -> Iterator[bytes]:
    """Whole cycles joined, then what is left of ``texts``; without end when that is 0."""
    block = b"".join(stream.cycle)
    texts_per_block = len(stream.cycle) // stream.pieces_per_text
    if not texts:
        while True:
            yield block
    for _ in range(texts // texts_per_block):
        yield block
    if texts % texts_per_block:
        yield b"".join(stream.pieces(texts % texts_per_block))


async def _make_handlers() -> Mapping[str, control.Handler]:
    pacer, ledger = Pacer(), Ledger()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Connection(pacer, ledger), "127.0.0.1", 0, backlog=4096
    )

    async def port() -> dict[str, Any]:
        return {"port": server.sockets[0].getsockname()[1]}

    async def state() -> dict[str, Any]:
        return {"open": ledger.open, "skipped_periods": pacer.skipped_periods}

    async def lost() -> dict[str, Any]:
        """When each marked request was lost since the last such question, by monotonic clock."""
        lost_ns, ledger.lost_ns = ledger.lost_ns, {}
        return {"lost_ns": lost_ns}

    async def release() -> dict[str, Any]:
        """Let the flat-out streams begin."""
        waiting, ledger.waiting = ledger.waiting, []
        for connection in waiting:
            connection.begin_flat_out()
        return {}

    return {"port": port, "state": state, "lost": lost, "release": release}


if __name__ == "__main__":
    control.serve(_make_handlers)
