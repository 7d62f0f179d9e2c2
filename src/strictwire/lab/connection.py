"""One client's connection: bytes -> requests, answered one after the other in their order.

httptools reads, we write raw. Everything is bounded; what goes over a bound, or is no HTTP, gets
an error in OpenAI's shape and the connection closes.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import httptools

from strictwire.lab.log import Played
from strictwire.lab.passthrough import MAX_KEPT_HEAD_BYTES
from strictwire.lab.playback import Playback
from strictwire.lab.player import Player
from strictwire.lab.script import Reply, error_value, json_reply

_log = logging.getLogger(__name__)

# A coding agent's request is some hundred kilobytes; this leaves room for images.
MAX_BODY_BYTES = 16 * 1024 * 1024
MAX_HEAD_BYTES = 64 * 1024
# Requests sent before the reply to the first; more than any client pipelines.
MAX_PIPELINED = 16


@dataclass(slots=True)
class HttpRequest:
    """``headers`` have lower-case names; of a repeated one the last counts.

    Of a streamed body only the first bytes are kept in ``body``; ``size_bytes`` and ``sha256``
    tell of all of it.
    """

    method: str = ""
    target: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)
    keeps_alive: bool = False
    is_http10: bool = False
    is_streamed: bool = False
    size_bytes: int = 0
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)

    @property
    def path(self) -> str:
        return self.target.split(b"?", 1)[0].decode("latin-1")

    @property
    def query(self) -> str:
        return self.target.partition(b"?")[2].decode("latin-1")

    @property
    def sha256(self) -> str:
        return self.digest.hexdigest()

    def add(self, data: bytes) -> None:
        self.size_bytes += len(data)
        if not self.is_streamed:
            self.body += data
            return
        self.digest.update(data)
        self.body += data[: MAX_KEPT_HEAD_BYTES - len(self.body)]


@dataclass(frozen=True, slots=True)
class Performance:
    """What to play to a request. ``entry`` is None for what the log does not keep."""

    reply: Reply
    playback: Playback = field(default_factory=Playback)
    entry: Played | None = None


Answerer = Callable[[HttpRequest], Performance]
Streams = Callable[[HttpRequest], bool]
Ender = Callable[[Played, bool], None]


class LabConnection(asyncio.Protocol):
    """``answer`` maps a request to a performance; ``streams`` says, by its head, whether its body
    may be of any size; ``on_end`` is told of each logged one, and whether it was played to its
    end."""

    def __init__(
        self,
        answer: Answerer,
        on_end: Ender,
        connections: set[LabConnection],
        streams: Streams = lambda request: False,
    ) -> None:
        self._answer = answer
        self._streams = streams
        self._on_end = on_end
        self._connections = connections
        self._parser = httptools.HttpRequestParser(self)
        self._request = HttpRequest()
        self._head_bytes = 0
        self._waiting: deque[tuple[HttpRequest, Performance]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._may_write = asyncio.Event()
        self._may_write.set()
        self._is_deaf = False

    # ---- asyncio ----

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are of no class of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        raw = transport.get_extra_info("socket")
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connections.add(self)

    def data_received(self, data: bytes) -> None:
        if self._is_deaf:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # The request was answered as if it had not asked; what follows it is not HTTP.
            self._is_deaf = True
        except httptools.HttpParserError:
            self._refuse(400, "the request is not valid HTTP")

    def eof_received(self) -> bool:
        # A half-closed client counts as gone; returning False closes our side too.
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)
        self._may_write.set()
        if self._task is not None:
            self._task.cancel()
        while self._waiting:
            self._end(self._waiting.popleft()[1], is_played=False)

    def pause_writing(self) -> None:
        self._may_write.clear()

    def resume_writing(self) -> None:
        self._may_write.set()

    async def abort(self) -> None:
        """Closes at once, and returns when nothing of this connection runs any more."""
        self._transport.abort()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    # ---- httptools ----

    def on_message_begin(self) -> None:
        self._request = HttpRequest()
        self._head_bytes = 0

    def on_url(self, url: bytes) -> None:
        self._request.target += url
        self._count_head(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._request.headers[name.decode("latin-1").lower()] = value.decode("latin-1")
        self._count_head(len(name) + len(value))

    def on_headers_complete(self) -> None:
        request = self._request
        request.method = self._parser.get_method().decode("latin-1")
        is_upgrade = self._parser.should_upgrade()
        request.keeps_alive = self._parser.should_keep_alive() and not is_upgrade
        request.is_http10 = self._parser.get_http_version() == "1.0"
        request.is_streamed = self._streams(request)
        is_idle = self._task is None and not self._waiting
        if request.headers.get("expect", "").lower() == "100-continue" and is_idle:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        if self._is_deaf:
            return
        self._request.add(body)
        if not self._request.is_streamed and self._request.size_bytes > MAX_BODY_BYTES:
            self._refuse(413, f"the body is longer than {MAX_BODY_BYTES} bytes")

    def on_message_complete(self) -> None:
        if self._is_deaf:
            return
        if len(self._waiting) >= MAX_PIPELINED:
            self._refuse(429, f"more than {MAX_PIPELINED} requests wait on this connection")
            return
        # Answered now and not when its turn comes: a client that leaves at once is recorded too.
        self._enqueue(self._request, self._answer(self._request))

    # ---- ours ----

    def _count_head(self, size_bytes: int) -> None:
        self._head_bytes += size_bytes
        if self._head_bytes > MAX_HEAD_BYTES and not self._is_deaf:
            self._refuse(431, f"the headers are longer than {MAX_HEAD_BYTES} bytes")

    def _refuse(self, status: int, message: str) -> None:
        self._is_deaf = True
        value = error_value(message, type="invalid_request_error")
        self._enqueue(HttpRequest(), Performance(json_reply(value, status=status)))

    def _enqueue(self, request: HttpRequest, performance: Performance) -> None:
        self._waiting.append((request, performance))
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._serve())

    async def _serve(self) -> None:
        try:
            await self._serve_waiting()
        except Exception:  # noqa: BLE001 - the top of this task
            # A scenario that cannot be played is our own fault: say so, and let the client go.
            _log.exception("a reply could not be played")
            self._transport.abort()

    async def _serve_waiting(self) -> None:
        """Plays what waits, in order. A refusal is the last thing that a connection says."""
        while self._waiting:
            if not await self._perform(*self._waiting.popleft()):
                self._transport.close()
                return
        self._task = None

    async def _perform(self, request: HttpRequest, performance: Performance) -> bool:
        player = self._player(performance.reply, performance.playback, request)
        is_played = False
        try:
            await player.play(performance.entry or _unlogged(performance.reply))
            is_played = True
        finally:
            self._end(performance, is_played=is_played)
        return player.keeps_alive

    def _end(self, performance: Performance, *, is_played: bool) -> None:
        if performance.entry is not None:
            self._on_end(performance.entry, is_played)

    def _player(self, reply: Reply, playback: Playback, request: HttpRequest) -> Player:
        return Player(
            self._transport,
            self._drain,
            reply,
            playback,
            may_keep_alive=request.keeps_alive and not request.is_http10,
            may_chunk=not request.is_http10,
        )

    async def _drain(self) -> None:
        await self._may_write.wait()


def _unlogged(reply: Reply) -> Played:
    return Played(model="", script="", headers={}, body=b"", frames_total=len(reply.frames))
