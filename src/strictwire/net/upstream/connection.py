"""One HTTP/1.1 connection to an upstream, and one request's handle on it.

``Connection`` is the ``asyncio.Protocol``: what arrives goes through the ``ReplyReader`` and out
into ``UpstreamEvents`` within the same call. No queue, no task, nothing to wake up. ``HttpCall``
is what the caller holds; it outlives a stale connection and goes on over a fresh one.

A connection is in use (a reader and a call), lingering (a reader, the call has been released),
idle (neither), or closed. It keeps one timer at most: the grace time, or the idle time.
It does not connect, choose connections or keep a request's time: see ``pool`` and the exchange.
"""

from __future__ import annotations

import asyncio
from typing import Protocol, cast

from strictwire.model.errors import WireError
from strictwire.model.protocols import UpstreamEvents, UpstreamRequest
from strictwire.net.upstream import failures
from strictwire.net.upstream.address import Origin
from strictwire.net.upstream.reply_reader import SIZE_LINES, ReplyReader
from strictwire.net.upstream.request_body import BodyWriter


class ConnectionOwner(Protocol):
    """What a connection tells its pool."""

    def on_opened(self, connection: Connection) -> None: ...

    def on_idle(self, connection: Connection) -> None: ...  # it may be given out again

    def on_unusable(self, connection: Connection) -> None: ...  # an idle one that may not, now

    def on_closed(self, connection: Connection) -> None: ...  # the socket is gone

    def on_stale(self, call: HttpCall) -> None: ...  # closed while idle: send it again

    @property
    def grace_s(self) -> float: ...


class HttpCall:
    """An ``UpstreamCall``. ``events`` is None once nothing may be told any more."""

    __slots__ = ("_connection", "_is_paused", "events", "head", "origin", "request", "retry")

    def __init__(
        self, events: UpstreamEvents, origin: Origin, head: bytes, request: UpstreamRequest
    ) -> None:
        self.events: UpstreamEvents | None = events
        self.origin = origin
        # Kept until the reply begins, for the one retry over a fresh connection.
        self.head = head
        self.request: UpstreamRequest | None = request
        self.retry: asyncio.Task[None] | None = None
        self._connection: Connection | None = None
        self._is_paused = False

    # ---- the caller's side ----

    def pause(self) -> None:
        """Read no more; what is on its way to ``on_body`` in this very call may still come."""
        self._is_paused = True
        if self._connection is not None:
            self._connection.pause()

    def resume(self) -> None:
        self._is_paused = False
        if self._connection is not None:
            self._connection.resume()

    def release(self) -> None:
        """No more events; the connection is kept if the body ends within the grace time."""
        if self.events is None:
            return
        self.events = None
        if self._connection is not None:
            self._connection.linger()
        self._let_go()

    def cancel(self) -> None:
        """No more events, and the connection is closed now."""
        self.events = None
        if self._connection is not None:
            self._connection.abort()
        self._let_go()

    # ---- the connection's and the pool's side ----

    def begin(self, connection: Connection) -> None:
        """Send the request over this connection."""
        self._connection = connection
        connection.begin(self)
        if self._is_paused:
            connection.pause()

    def tell_head(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self.head, self.request = b"", None
        if self.events is not None:
            self.events.on_head(status, headers)

    def end(self) -> None:
        events, self.events = self.events, None
        self._let_go()
        if events is not None:
            events.on_end()

    def fail(self, error: WireError) -> None:
        events, self.events = self.events, None
        self._let_go()
        if events is not None:
            events.on_error(error)

    def _let_go(self) -> None:
        self._connection = None
        self.head, self.request = b"", None
        if self.retry is not None:
            retry, self.retry = self.retry, None
            # A retry that reports its own failure must not cancel itself by that.
            if retry is not asyncio.current_task():
                retry.cancel()


class Connection(asyncio.Protocol):
    """A connection of a pool; see the module's text for its states."""

    __slots__ = (
        "_body",
        "_call",
        "_is_aborted",
        "_is_paused",
        "_is_used",
        "_loop",
        "_owner",
        "_reader",
        "_timer",
        "_transport",
        "origin",
    )

    def __init__(self, owner: ConnectionOwner, origin: Origin) -> None:
        self.origin = origin
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None  # None: not yet, or no more
        self._reader: ReplyReader | None = None
        self._call: HttpCall | None = None
        self._body: BodyWriter | None = None  # of a request whose body is still on its way
        self._timer: asyncio.TimerHandle | None = None
        self._is_used = False  # it has carried a reply before, so it may have gone stale
        self._is_paused = False
        self._is_aborted = False

    @property
    def is_usable(self) -> bool:
        """Whether a request may begin on it, as far as one can know."""
        transport = self._transport
        return transport is not None and not transport.is_closing() and self._reader is None

    # ---- what its call and its pool ask ----

    def begin(self, call: HttpCall) -> None:
        """Send the request of ``call`` and read its reply."""
        transport = self._transport
        if transport is None or transport.is_closing():
            call.fail(failures.closed(failures.BEFORE_REPLY))
            return
        self._stop_timer()
        self._call = call
        request = call.request
        assert request is not None
        self._reader = ReplyReader(request.method, undoes_coding=request.undoes_coding)
        if request.pieces is not None:
            transport.write(call.head)
            self._body = BodyWriter(transport, request.pieces, request.length_bytes, self.fail)
        elif request.body:
            transport.writelines((call.head, request.body))
        else:
            transport.write(call.head)

    def pause(self) -> None:
        if self._transport is not None and not self._is_paused:
            self._is_paused = True
            if not self._transport.is_closing():
                self._transport.pause_reading()

    def resume(self) -> None:
        if self._transport is not None and self._is_paused:
            self._is_paused = False
            if not self._transport.is_closing():
                self._transport.resume_reading()

    def linger(self) -> None:
        """Read on in silence for the grace time, in the hope that the body ends."""
        if self._reader is None:
            return
        self._call = None
        if self._body is not None:
            self.abort()  # nobody is there to send the rest
            return
        self._reader.discard_body()
        self.resume()
        self._timer = self._loop.call_later(self._owner.grace_s, self.abort)

    def wait_idle(self, idle_s: float) -> None:
        """Stay open, unused, for so long."""
        self._timer = self._loop.call_later(idle_s, self.abort)

    def abort(self) -> None:
        """Close at once, whatever is under way; nobody is told but the pool."""
        self._is_aborted = True
        self._stop_timer()
        self._stop_body()
        self._call = self._reader = None
        self._owner.on_unusable(self)
        if self._transport is not None:
            self._transport.abort()

    def fail(self, error: WireError) -> None:
        """Close at once and tell the call why."""
        call = self._call
        self.abort()
        if call is not None:
            call.fail(error)

    # ---- what the loop calls ----

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if self._is_aborted:  # given up before it was made
            self._transport.abort()
            return
        self._owner.on_opened(self)

    def pause_writing(self) -> None:
        if self._body is not None:
            self._body.pause()

    def resume_writing(self) -> None:
        if self._body is not None:
            self._body.resume()

    def data_received(self, data: bytes) -> None:
        reader = self._reader
        if reader is None:  # nobody asked: a timeout notice, or worse. Never the next reply.
            self.abort()
            return
        call = self._call
        if reader.is_between_chunks and call is not None:
            # Nearly every piece of a stream arrives as one whole HTTP chunk, and nothing can be
            # over by it. This is the hot path: what is not needed here is not called.
            size, begin = SIZE_LINES.get(data[:5]), 5
            if size is None:
                size, begin = SIZE_LINES.get(data[:4]), 4
            if size is not None and len(data) == begin + size + 2 and data[-2:] == b"\r\n":
                if (events := call.events) is not None:
                    events.on_body(data[begin:-2])
                return
        body = reader.feed(data)
        if call is not None:
            if reader.head is not None:
                head, reader.head = reader.head, None
                call.tell_head(*head)
            # Each callback may have cancelled or released the call: look again.
            if body and (events := call.events) is not None:
                events.on_body(body)
        if reader.is_over and self._reader is reader:
            self._settle(reader)

    def eof_received(self) -> None:
        """The peer sends no more. A half-open connection is of no use: it closes."""
        self._lose(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._lose(exc)
        self._owner.on_closed(self)

    # ---- steps ----

    def _settle(self, reader: ReplyReader) -> None:
        """The reply is over: keep the connection or close it, then tell the call."""
        assert self._transport is not None
        call, self._call = self._call, None
        self._reader = None
        self._stop_timer()
        # A request that is not wholly sent would run into the next one.
        is_sent = self._body is None or self._body.is_done
        self._stop_body()
        if reader.is_reusable and is_sent and self._transport.get_write_buffer_size() == 0:
            self._is_used = True
            self.resume()
            self._owner.on_idle(self)
        else:
            self.abort()
        if call is None:
            return
        if reader.failure is None:
            call.end()
        else:
            call.fail(reader.failure)

    def _lose(self, exc: Exception | None) -> None:
        """The peer closed (None), or the connection broke."""
        reader, call = self._reader, self._call
        self.abort()
        if reader is None or call is None:
            return
        if self._is_used and not reader.has_begun:
            self._owner.on_stale(call)
            return
        if exc is None:
            reader.finish()
        else:
            reader.lose()
        if reader.failure is None:
            call.end()
        else:
            call.fail(reader.failure)

    def _stop_body(self) -> None:
        if self._body is not None:
            self._body.stop()
            self._body = None

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
