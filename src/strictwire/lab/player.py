"""Plays one reply on one connection: head, framing, pieces, silences, faults, ending.

Writes raw bytes: nothing here mends what a script says wrongly. A disconnect cancels ``play``.
The order of the body's stages: the script's pieces, the content encoding, the cuts, the fault,
the transfer framing.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from types import MappingProxyType

from strictwire.lab.body import encoded_size, runs
from strictwire.lab.log import Played
from strictwire.lab.playback import NO_TYPE, Body, FaultKind, Playback
from strictwire.lab.script import Ending, Reply, Silence

# A message held open ends some time, even if its client never leaves.
HOLD_LIMIT_S = 300.0
# A declared length that is never reached, for a message that breaks off or stays open.
_MISSING_BYTES = 64
# Linger on, for zero seconds: closing sends a reset.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_ENDINGS: Mapping[FaultKind, Ending] = MappingProxyType(
    {
        "cut": Ending.CUT,
        "reset": Ending.RESET,
        "stall": Ending.HOLD,
        "half-close": Ending.HALF_CLOSE,
    }
)

Drain = Callable[[], Awaitable[None]]


class Player:
    """One reply to one request. ``keeps_alive`` tells afterwards whether another may follow."""

    def __init__(
        self,
        transport: asyncio.Transport,
        drain: Drain,
        reply: Reply,
        playback: Playback,
        *,
        may_keep_alive: bool,
        may_chunk: bool,
    ) -> None:
        self._transport = transport
        self._drain = drain
        self._reply = reply
        self._playback = playback
        fault = playback.fault
        self._ending = _ENDINGS[fault.kind] if fault else reply.ending
        # Bytes of the body that are still sent before the fault; None: all of them.
        self._left = fault.after_bytes if fault else None
        self._skips_head = fault is not None and fault.after_bytes is None
        self._body = _framing(reply, playback, may_chunk=may_chunk)
        is_delimited = self._body in ("chunked", "length") and self._ending is Ending.CLEAN
        self.keeps_alive = may_keep_alive and is_delimited

    async def play(self, entry: Played) -> None:
        await asyncio.sleep(self._reply.delay_beats * self._playback.beat_s)
        if not self._skips_head:
            self._transport.write(self._head())
            await self._play_pieces(entry)
        await self._end()

    def _head(self) -> bytes:
        reply = self._reply
        version = "1.0" if self._body == "http1.0" else "1.1"
        lines = [f"HTTP/{version} {reply.status} {_phrase(reply.status)}"]
        content_type = self._playback.content_type or reply.content_type
        if content_type not in (None, NO_TYPE):
            lines.append(f"content-type: {content_type}")
        if self._playback.encoding:
            lines.append(f"content-encoding: {self._playback.encoding}")
        lines += (f"{name}: {value}" for name, value in reply.headers)
        if self._body == "chunked":
            lines.append("transfer-encoding: chunked")
        if self._body == "length":
            lines.append(f"content-length: {self._declared_bytes()}")
        if self._body != "http1.0" and not self.keeps_alive:
            lines.append("connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")

    def _declared_bytes(self) -> int:
        """The true length; more than that where the message would else end in good order."""
        size = encoded_size(self._reply, self._playback.encoding)
        ends_inside = self._left is not None and self._left < size
        return size + (0 if self._ending is Ending.CLEAN or ends_inside else _MISSING_BYTES)

    async def _play_pieces(self, entry: Played) -> None:
        is_first = True
        for run in runs(self._reply, self._playback):
            if self._left == 0:
                return
            if isinstance(run, Silence):
                await asyncio.sleep(run.beats * self._playback.beat_s)
                continue
            if not is_first:
                # Also without a pace: other connections, and a disconnect, get their turn.
                await asyncio.sleep(self._playback.pace_s)
            is_first = False
            data, count = run
            sent = data if self._left is None else data[: self._left]
            await self._write_piece(sent)
            if self._left is not None:
                self._left -= len(sent)
            if len(sent) == len(data):
                entry.frames_sent += count

    async def _write_piece(self, piece: bytes) -> None:
        for number, part in enumerate(self._playback.pieces(piece)):
            if number:
                await asyncio.sleep(0)
            self._transport.write(self._framed(part))
            await self._drain()

    def _framed(self, part: bytes) -> bytes:
        # An empty chunk would be the last one.
        if self._body != "chunked" or not part:
            return part
        return b"%x\r\n%b\r\n" % (len(part), part)

    async def _end(self) -> None:
        match self._ending:
            case Ending.CLEAN:
                if self._body == "chunked":
                    self._transport.write(b"0\r\n\r\n")
            case Ending.HOLD:
                await asyncio.sleep(HOLD_LIMIT_S)
            case Ending.HALF_CLOSE:
                self._transport.write_eof()
                await asyncio.sleep(HOLD_LIMIT_S)
            case Ending.RESET:
                self._reset()
            case Ending.CUT:
                pass

    def _reset(self) -> None:
        raw: socket.socket = self._transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._transport.abort()


def _framing(reply: Reply, playback: Playback, *, may_chunk: bool) -> Body:
    own: Body = "chunked" if reply.is_event_stream or reply.is_lazy else "length"
    body = playback.body or reply.body or own
    if body == "length" and reply.size_bytes is None:
        body = "chunked"  # what has no end has no length
    # An HTTP/1.0 client does not know chunks.
    return "close" if body == "chunked" and not may_chunk else body


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
