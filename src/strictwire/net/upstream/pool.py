"""``HttpUpstream``: requests over pooled HTTP/1.1 connections, replies pushed as they arrive.

Contract: ``send`` returns once the request is on its way. It raises ``MisuseError`` for a request
that cannot be sent and ``CancelledError`` if it is cancelled while it connects (which abandons the
connect); all that an upstream does wrong, a refused connect too, comes through ``on_error``.
A connection that went stale while idle is replaced once by a fresh one, unless a byte of the reply
came; a body in pieces always gets a fresh one. Redirects are not followed, and no time but that of
connecting is kept.
"""

from __future__ import annotations

import asyncio
import contextlib

from strictwire.model.errors import MisuseError, PeerError
from strictwire.model.protocols import UpstreamCall, UpstreamEvents, UpstreamRequest
from strictwire.net.upstream import failures
from strictwire.net.upstream.address import Origin, parse_address
from strictwire.net.upstream.connecting import Connector, SocketConnector, TlsSettings
from strictwire.net.upstream.connection import Connection, HttpCall
from strictwire.net.upstream.request_head import format_head

# A connect takes one round trip, or three with TLS; ten seconds outlast two lost packets.
DEFAULT_CONNECT_TIMEOUT_S = 10.0

# Per origin. Enough for the bursts of one busy provider; each costs both sides a descriptor.
DEFAULT_MAX_IDLE = 64

# Most servers and load balancers close an idle connection after 60 s or more. Some do after 5 s:
# that is seen at once as an end, and the rare race costs one retry.
DEFAULT_IDLE_S = 55.0

# All were aborted by then, so that their ends are a turn of the loop away.
CLOSE_WAIT_S = 1.0
# After its terminal a healthy server ends the body within a round trip.
DEFAULT_GRACE_S = 1.0


class HttpUpstream:
    """An ``Upstream`` over HTTP/1.1, to any number of origins. Belongs to one event loop."""

    def __init__(
        self,
        *,
        connect_timeout_s: float = DEFAULT_CONNECT_TIMEOUT_S,
        max_idle: int = DEFAULT_MAX_IDLE,
        idle_s: float = DEFAULT_IDLE_S,
        grace_s: float = DEFAULT_GRACE_S,
        tls: TlsSettings | None = None,
        connector: Connector | None = None,
    ) -> None:
        self.grace_s = grace_s
        self._connect_timeout_s = connect_timeout_s
        self._max_idle = max_idle
        self._idle_s = idle_s
        self._connector = connector or SocketConnector(tls or TlsSettings())
        self._connections: set[Connection] = set()  # all that have a socket
        self._idle: dict[Origin, list[Connection]] = {}  # the newest last; no empty list
        self._deadlines: set[asyncio.Timeout] = set()  # of the connects under way
        self._retries: set[asyncio.Task[None]] = set()
        self._none_open = asyncio.Event()
        self._none_open.set()
        self._is_closed = False

    @property
    def open_count(self) -> int:
        """Connections that have a socket, idle ones included."""
        return len(self._connections)

    @property
    def idle_count(self) -> int:
        return sum(map(len, self._idle.values()))

    async def send(self, request: UpstreamRequest, events: UpstreamEvents) -> UpstreamCall:
        """Send a request; its reply goes to ``events``, the first of them maybe before this
        returns (``on_error``, if no connection can be made)."""
        if self._is_closed:
            raise MisuseError("a request was sent through an upstream that is closed")
        address = parse_address(request.url)
        head = format_head(request, address, is_last=self._max_idle == 0)
        call = HttpCall(events, address.origin, head, request)
        # A body that is on its way cannot be sent a second time, over a connection gone stale.
        connection = None if request.pieces is not None else self._take_idle(address.origin)
        if connection is None:
            await self._begin_on_fresh(call)
        else:
            call.begin(connection)
        return call

    async def close(self) -> None:
        """Close all connections. Calls under way are told; returns when every socket is closed."""
        self._is_closed = True
        loop = asyncio.get_running_loop()
        for deadline in self._deadlines:
            if not deadline.expired():
                deadline.reschedule(loop.time())
        for connection in tuple(self._connections):
            connection.fail(failures.shut_down())
        if self._retries:
            await asyncio.wait(tuple(self._retries))
        # A transport whose connecting was cancelled as it succeeded may never say that it is lost.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_WAIT_S):
                await self._none_open.wait()

    # ---- what connections tell ----

    def on_opened(self, connection: Connection) -> None:
        self._connections.add(connection)
        self._none_open.clear()

    def on_idle(self, connection: Connection) -> None:
        if self._is_closed or self._max_idle == 0:
            connection.abort()
            return
        idle = self._idle.setdefault(connection.origin, [])
        if len(idle) >= self._max_idle:
            idle[0].abort()  # the one that will go stale first; this takes it off the list
            idle = self._idle.setdefault(connection.origin, [])
        idle.append(connection)
        connection.wait_idle(self._idle_s)

    def on_unusable(self, connection: Connection) -> None:
        idle = self._idle.get(connection.origin)
        if idle is not None and connection in idle:
            idle.remove(connection)
            if not idle:
                del self._idle[connection.origin]

    def on_closed(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if not self._connections:
            self._none_open.set()

    def on_stale(self, call: HttpCall) -> None:
        if call.events is None:
            return
        # The one task of this file, once per stale connection; ``cancel`` and ``close`` end it.
        call.retry = asyncio.get_running_loop().create_task(self._retry(call))
        self._retries.add(call.retry)
        call.retry.add_done_callback(self._retries.discard)

    # ---- steps ----

    def _take_idle(self, origin: Origin) -> Connection | None:
        while (idle := self._idle.get(origin)) is not None:
            connection = idle.pop()
            if not idle:
                del self._idle[origin]
            if connection.is_usable:
                return connection
            connection.abort()
        return None

    async def _retry(self, call: HttpCall) -> None:
        if self._is_closed:
            call.fail(failures.shut_down())
        else:
            await self._begin_on_fresh(call)

    async def _begin_on_fresh(self, call: HttpCall) -> None:
        """Connect and send. What goes wrong is told to the call's events."""
        made: list[Connection] = []

        def make() -> Connection:
            made.append(Connection(self, call.origin))
            return made[-1]

        try:
            async with asyncio.timeout(self._connect_timeout_s) as deadline:
                self._deadlines.add(deadline)
                try:
                    connection = await self._connector.connect(call.origin, make)
                except BaseException:
                    # Given up just as it succeeded, a connection may be open although nobody
                    # is handed it, and uvloop may never say that it is lost.
                    for abandoned in made:
                        abandoned.abort()
                        self.on_closed(abandoned)
                    raise
                finally:
                    self._deadlines.discard(deadline)
        except TimeoutError:
            if self._is_closed:
                call.fail(failures.shut_down())
            else:
                call.fail(failures.connect_timed_out(call.origin.address, self._connect_timeout_s))
            return
        except PeerError as error:
            call.fail(error)
            return
        call.retry = None
        if self._is_closed:
            connection.abort()
            call.fail(failures.shut_down())
        else:
            call.begin(connection)
