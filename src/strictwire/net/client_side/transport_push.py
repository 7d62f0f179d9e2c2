"""The fast client side: bytes go to uvicorn's transport in the call that brought them.

``TransportPush`` fulfils ``ClientReply`` (see ``push``) and is at the same time ASGI's ``receive``
and ``send`` for the same request, so that all bytes of a connection are written in one place,
whichever way the application answers. It holds the state of one reply; the state of the
connection is ``PushProtocol``'s, which it reaches through ``Connection``.

Framing (RFC 9112, section 6): chunked; or counted, where the application gave a length; or until
the close, to an HTTP/1.0 client; or none at all, for HEAD, 204 and 304.
"""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING, Protocol

from strictwire.model.errors import MisuseError
from strictwire.net.client_side.asgi import Headers, Message
from strictwire.net.client_side.latch import Flow, Latch
from strictwire.net.client_side.refusals import error_body, error_headers, status_line

if TYPE_CHECKING:
    import asyncio

    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

    from strictwire.net.client_side.push import ClientEvents

# How the body is framed; plain integers, because ``write`` compares one per chunk.
_NOT_STARTED = 0
_CHUNKED = 1
_COUNTED = 2
_UNTIL_CLOSE = 3
_BODILESS = 4
_OVER = 5  # ended, cut or gone: nothing may be written

# The size lines of small chunks: formatting one costs as much as the rest of ``write``.
_LISTED_SIZES = 4096
_SIZE_LINES = [b"%x\r\n" % size for size in range(_LISTED_SIZES)]

# A header that could end its line would let whoever chose its value write the reply.
_GOOD_NAME = re.compile(rb"[-!#$%&'*+.^_`|~0-9A-Za-z]+")
_BAD_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


class Connection(Protocol):
    """What a reply needs of its connection."""

    transport: asyncio.Transport

    def reply_flow(self) -> Flow: ...

    def reply_ended(self, *, close: bool) -> None: ...

    def reply_cut(self, *, needs_reset: bool) -> None: ...


class TransportPush:
    """``ClientReply`` on uvicorn's transport."""

    __slots__ = (
        "_connection",
        "_cycle",
        "_done",
        "_events",
        "_framing",
        "_left_bytes",
        "_transport",
        "is_complete",
        "is_gone",
        "is_paused",
        "is_started",
    )

    def __init__(self, connection: Connection, cycle: RequestResponseCycle) -> None:
        self._connection = connection
        self._cycle = cycle
        self._transport = connection.transport
        self._events: ClientEvents | None = None
        self._done: Latch | None = None
        self._framing = _NOT_STARTED
        self._left_bytes = 0
        self.is_started = False
        # The reply before this one on the connection may still be in the buffer.
        self.is_paused = connection.reply_flow().write_paused
        self.is_gone = False
        self.is_complete = False

    # ---- ClientReply ----

    def attach(self, events: ClientEvents, *, is_body_read: bool = True) -> None:
        if self._framing == _OVER:
            if self.is_gone:
                events.on_gone()
            return
        self._events = events
        if self.is_paused:
            events.on_pause()

    def start(self, status: int, headers: Headers) -> None:
        if self._framing == _OVER:
            return
        if self._framing != _NOT_STARTED:
            raise MisuseError("a reply was started twice")
        cycle = self._cycle
        head, length, says_close = _format_headers(headers)
        # The rest of a request that was answered before it was whole is not waited for.
        if says_close or cycle.more_body:
            cycle.keep_alive = False
        is_http_10 = cycle.scope["http_version"] == "1.0"
        framing = _framing(cycle.scope["method"], status, length, is_http_10=is_http_10)
        if framing == _UNTIL_CLOSE:
            cycle.keep_alive = False
        elif framing == _COUNTED:
            self._left_bytes = length or 0
        elif framing == _CHUNKED:
            head.append(b"transfer-encoding: chunked\r\n")
        if not cycle.keep_alive and not says_close:
            head.append(b"connection: close\r\n")
        defaults = [b"%b: %b\r\n" % header for header in cycle.default_headers]
        self._framing = framing
        self.is_started = True
        cycle.response_started = True
        cycle.waiting_for_100_continue = False
        cycle.chunked_encoding = framing == _CHUNKED
        self._transport.write(b"".join([status_line(status), *defaults, *head, b"\r\n"]))

    def write(self, data: bytes) -> None:
        # An empty chunk is the end of a chunked body.
        if self._framing == _CHUNKED:
            size = len(data)
            if size < _LISTED_SIZES:
                if size:
                    self._transport.write(_SIZE_LINES[size] + data + b"\r\n")
            else:
                self._transport.write(b"%x\r\n%b\r\n" % (size, data))
        else:
            self._write_unchunked(data)

    def _write_unchunked(self, data: bytes) -> None:
        framing = self._framing
        if framing == _NOT_STARTED:
            raise MisuseError("a body was written before the reply was started")
        if framing == _COUNTED:
            self._left_bytes -= len(data)
            if self._left_bytes < 0:
                raise MisuseError("a body was longer than its content-length")
        if framing in (_COUNTED, _UNTIL_CLOSE) and data:
            self._transport.write(data)

    def end(self, *, close: bool = False) -> None:
        if self._framing == _OVER:
            return
        if self._framing == _NOT_STARTED:
            raise MisuseError("a reply was ended before it was started")
        if self._framing == _CHUNKED:
            if close or not self._cycle.keep_alive:
                _join_end_and_close(self._transport)
            self._transport.write(b"0\r\n\r\n")
        # A body shorter than it was declared to be: only a close tells the client.
        must_close = close or self._left_bytes > 0
        self.is_complete = True
        self._over()
        self._connection.reply_ended(close=must_close)

    def cut(self) -> None:
        if self._framing == _OVER:
            return
        needs_reset = self._framing == _UNTIL_CLOSE
        self.is_complete = True
        self._over()
        self._connection.reply_cut(needs_reset=needs_reset)

    async def finished(self) -> None:
        if self._framing == _OVER:
            return
        if self._done is None:
            self._done = Latch()
        await self._done.wait()

    # ---- ASGI, for applications that answer the ordinary way ----

    async def receive(self) -> Message:
        message: Message = await self._cycle.receive()  # type: ignore[assignment]
        if not message.get("more_body", False):
            # A body over uvicorn's high-water mark paused reading, and nobody calls receive()
            # again: the client's disconnect would never be seen.
            self._connection.reply_flow().resume_reading()
        return message

    async def send(self, message: Message) -> None:
        if self.is_paused and self._framing != _OVER:
            await self._connection.reply_flow().drain()
        match message["type"]:
            case "http.response.start":
                self.start(message["status"], list(message.get("headers", ())))
            case "http.response.body":
                self.write(message.get("body", b""))
                if not message.get("more_body", False):
                    self.end()
            case other:
                raise MisuseError(f"an ASGI message of type {other!r} is not sent over HTTP")

    # ---- for the connection ----

    @property
    def cycle(self) -> RequestResponseCycle:
        return self._cycle

    def pause_told(self) -> None:
        self.is_paused = True
        if self._events is not None:
            self._events.on_pause()

    def resume_told(self) -> None:
        self.is_paused = False
        if self._events is not None:
            self._events.on_resume()

    def client_gone(self) -> None:
        """The client went away. Wakes whoever waits for the request's body, too."""
        if self._framing == _OVER:
            return
        self.is_gone = True
        self._cycle.disconnected = True
        self._cycle.message_event.set()
        events = self._events
        self._over()
        if events is not None:
            events.on_gone()

    def fail_internally(self) -> None:
        """Our own code failed: a 500 where that can still be said, else a broken transfer."""
        if self._framing == _NOT_STARTED:
            body = error_body("Internal server error.", kind="server_error", code="internal_error")
            self.start(500, error_headers(body))
            self.write(body)
            self.end(close=True)
        else:
            self.cut()

    def _over(self) -> None:
        self._framing = _OVER
        self._events = None
        if self._done is not None:
            self._done.set()


def _join_end_and_close(transport: asyncio.Transport) -> None:
    """The next bytes and the close that follows reach the client as one segment.

    The head of a stream cannot say ``connection: close`` for an error that comes later. A client
    that sees the message end before it sees the close puts the connection back into its pool, and
    loses its next request: a quarter of them, in a loop of httpx over loopback.
    """
    sock: socket.socket | None = transport.get_extra_info("socket")
    if sock is None or sock.family not in (socket.AF_INET, socket.AF_INET6):
        return
    cork = getattr(socket, "TCP_CORK", None)  # Linux; elsewhere the two may come apart
    if cork is not None:
        sock.setsockopt(socket.IPPROTO_TCP, cork, 1)


def _format_headers(headers: Headers) -> tuple[list[bytes], int | None, bool]:
    """(header lines, declared length, whether they say ``connection: close``)."""
    lines = []
    length = None
    says_close = False
    for name, value in headers:
        if not _GOOD_NAME.fullmatch(name) or _BAD_VALUE.search(value):
            raise MisuseError(f"the reply's header {name!r} cannot be written")
        lowered = name.lower()
        if lowered == b"transfer-encoding":
            continue  # the framing is decided here
        if lowered == b"content-length":
            length = int(value)
        elif lowered == b"connection":
            tokens = [token.strip() for token in value.lower().split(b",")]
            says_close = says_close or b"close" in tokens
        lines.append(b"%b: %b\r\n" % (lowered, value))
    return lines, length, says_close


def _framing(method: str, status: int, length: int | None, *, is_http_10: bool) -> int:
    if method == "HEAD" or status in (204, 304) or status < 200:
        return _BODILESS
    if length is not None:
        return _COUNTED
    return _UNTIL_CLOSE if is_http_10 else _CHUNKED
