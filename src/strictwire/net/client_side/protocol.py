"""uvicorn's HTTP/1.1 protocol with a push handle for each request, and its traps mended.

Contract: ``PushProtocol`` is a drop-in for ``HttpToolsProtocol`` (uvicorn's ``http=`` setting takes
it). Each request finds its ``TransportPush`` in ``scope["extensions"]["strictwire.push"]``; the
application may use that, or plain ``receive`` and ``send``. uvicorn's own bookkeeping (tasks,
connections, keep-alive timer, pipelining, shutdown) goes on working. Which of uvicorn's internals
this rests on is written down in ``internals``, and checked at start.

What differs from uvicorn:

- Requests that were pipelined wait their turn without a task, and reading goes on meanwhile,
  within bounds, so that the disconnect of such a client is seen.
- A client that closes its half of the connection has gone.
- A malformed request is answered with JSON, in its turn: replies to requests before it end
  first, and what follows it is thrown away. If the malformed part is the body of a request whose
  reply has begun, that reply goes on and the connection closes after it.
- The head of a request is bounded in size, count of headers, and time. Trailers are dropped.
- An upgrade is taken only to WebSocket, on the paths that the application names, and on a
  connection where nothing else goes on. Any other is ignored, as RFC 9110 (7.8) wants it. Java's
  HTTP client offers h2c on every first request, and httptools would not parse the body that comes
  with it.
- A connection that we close while the client may still be sending stays half open for a moment
  (RFC 9112, 9.6), or a reset would take our last words from the client.

One timer per connection serves the three waits that exclude each other: for a head, for the
client to close, and for the buffer to empty.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
import traceback
from typing import TYPE_CHECKING, Any, cast

import httptools
from uvicorn.protocols.http.flow_control import service_unavailable
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from strictwire.net.client_side.asgi import Receive, Scope, Send
from strictwire.net.client_side.latch import Flow, Latch
from strictwire.net.client_side.push import EXTENSION
from strictwire.net.client_side.refusals import error_body, error_headers, format_refusal
from strictwire.net.client_side.transport_push import TransportPush

if TYPE_CHECKING:
    from collections.abc import Callable

    from uvicorn.config import Config
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
    from uvicorn.server import ServerState

logger = logging.getLogger("strictwire.net")

# Request line and headers. Clients with long cookies stay under 16 KiB; nginx allows 32 KiB.
MAX_HEAD_BYTES = 65_536
MAX_HEADERS = 200
# nginx allows 60 s; a head is one packet, only an attacker or a dead line needs longer.
HEADER_TIMEOUT_S = 30.0
# Pipelining is rare and never needed; what waits its turn is kept in memory.
MAX_PIPELINED_REQUESTS = 8
MAX_PIPELINED_BYTES = 262_144
# What a client may send after a request that was refused, before we close on it. Most clients
# send the whole of a body that is too large before they read the refusal.
MAX_DISCARDED_BYTES = 32 * 1024 * 1024
# How long a client that was refused may take to read the refusal and close.
LINGER_S = 5.0
# A closing connection must hand over some of its buffer in each such time, or is aborted.
FLUSH_STALL_S = 30.0
_FRAMING = (b"content-length", b"transfer-encoding")
# Without these it is no handshake (RFC 6455, 4.1), and an ordinary reply says more.
_HANDSHAKE = frozenset((b"sec-websocket-key", b"sec-websocket-version"))
# close() then resets: the only way to break a transfer whose end is the end of the connection.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class _Pipeline(list[Any]):
    """The few methods of a deque that uvicorn calls, without the 600 bytes of an empty one."""

    def appendleft(self, item: Any) -> None:
        self.insert(0, item)


class _RefusedError(Exception):
    """Leaves the parser from within a callback; the refusal is already decided."""


class PushProtocol(HttpToolsProtocol):
    """One client connection."""

    # Slots beside uvicorn's attributes: these are so many already that a few more would make
    # each connection's dictionary a private one, of 2 kB.
    __slots__ = (
        "_discarded_bytes",
        "_head_bytes",
        "_header_timeout_s",
        "_is_closing",
        "_is_deaf",
        "_is_in_head",
        "_is_muted",
        "_refusal",
        "_reply",
        "_silent_bytes",
        "_timer",
    )

    linger_s = LINGER_S
    flush_stall_s = FLUSH_STALL_S

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.pipeline = _Pipeline()  # type: ignore[assignment]
        self._reply: TransportPush | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_in_head = False
        self._is_muted = False
        self._is_deaf = False
        self._is_closing = False
        self._refusal: tuple[int, str, str] | None = None
        self._head_bytes = 0
        self._silent_bytes = 0
        self._discarded_bytes = 0
        self._header_timeout_s: float = getattr(config, "header_timeout_s", HEADER_TIMEOUT_S)

    # ---- the transport's calls ----

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.flow = Flow(transport)  # type: ignore[assignment]
        self._wait(self._header_timeout_s, self._head_is_late)

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_deaf = self._is_closing = True
        self.reply_flow().close()
        self._stop_waiting()
        self._unset_keepalive_if_required()
        self.pipeline.clear()
        super().connection_lost(exc)
        self._client_gone()

    def eof_received(self) -> None:
        # Falsy, so the transport closes. With a full buffer that could take as long as the client
        # likes, hence the word to the reply now; what it had written is of no use any more.
        if self._reply is not None:
            self.pipeline.clear()
            self._is_deaf = self._is_closing = True
            self.transport.abort()
            self._client_gone()
        else:
            self._close()

    def hung_up(self) -> None:
        """The client closed or reset while reading is paused. What it sent before is of no use."""
        self.eof_received()

    def pause_writing(self) -> None:
        self.flow.pause_writing()
        if self._reply is not None:
            self._reply.pause_told()

    def resume_writing(self) -> None:
        self.flow.resume_writing()
        if self._reply is not None:
            self._reply.resume_told()

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        if self._is_deaf:
            self._discarded_bytes += len(data)
            if self._discarded_bytes > MAX_DISCARDED_BYTES:
                self._drop("sent too much after a refused request")
            return
        # Grows while the parser keeps all to itself, within one endless header, a trailer or a
        # chunk's extension; every callback sets it back.
        self._silent_bytes += len(data)
        self._feed(data)
        if not self._is_deaf:
            self._bound_what_waits()

    def _feed(self, data: bytes) -> None:
        while data and not self._is_deaf:
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as upgrade:
                if self._should_upgrade():
                    self._stop_waiting()
                    self.handle_websocket_upgrade()
                    return
                # The parser is ready for what follows, and does not keep it.
                data = data[upgrade.args[0] :]
                if self.cycle.more_body:
                    data = self._head_without_upgrade() + data
            except httptools.HttpParserError as error:
                if not isinstance(error.__context__, _RefusedError):
                    self._refuse(400, "The HTTP request is malformed.", "malformed_request")

    def _should_upgrade(self) -> bool:
        """Asked several times for one request; once it has begun as an ordinary one, it stays."""
        if self._reply is not None or self.pipeline or self.ws_protocol_class is None:
            return False
        if self.scope.get("method") != "GET" or self._get_upgrade() != b"websocket":
            return False
        path = self.url.partition(b"?")[0].rstrip(b"/").decode("ascii", "replace")
        names = {name for name, _ in self.headers}
        is_bare = not names.intersection(_FRAMING)
        offered: frozenset[str] = getattr(self.config, "websocket_paths", frozenset())
        return is_bare and names >= _HANDSHAKE and path in offered

    def handle_websocket_upgrade(self) -> None:
        self._is_deaf = self._is_closing = True
        self._stop_waiting()
        super().handle_websocket_upgrade()

    def _head_without_upgrade(self) -> bytes:
        """For a fresh parser, which this installs: how the body is framed, and nothing else."""
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
        self._is_muted = True
        framing = [b"%b: %b\r\n" % header for header in self.headers if header[0] in _FRAMING]
        return b"POST / HTTP/1.1\r\n" + b"".join(framing) + b"\r\n"

    # ---- the parser's calls ----

    def on_message_begin(self) -> None:
        if self._is_muted:
            return
        super().on_message_begin()
        self._is_in_head = True
        self._head_bytes = 0
        self._silent_bytes = 0

    def on_url(self, url: bytes) -> None:
        if self._is_muted:
            return
        super().on_url(url)
        self._count_head(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._is_muted:
            return
        # A trailer comes here too. uvicorn would add it to headers that were already judged.
        if self._is_in_head:
            super().on_header(name, value)
        self._count_head(len(name) + len(value) + len(b": \r\n"))

    def _count_head(self, size_bytes: int) -> None:
        self._silent_bytes = 0
        self._head_bytes += size_bytes
        if self._head_bytes > MAX_HEAD_BYTES or len(self.headers) > MAX_HEADERS:
            self._refuse_large_head()
            raise _RefusedError

    def on_headers_complete(self) -> None:
        if self._is_muted:
            self._is_muted = False
            return
        self._silent_bytes = 0
        self._stop_waiting()
        if len(self.pipeline) >= MAX_PIPELINED_REQUESTS:
            self._drop("pipelined too many requests")
            raise _RefusedError
        super().on_headers_complete()
        self._is_in_head = False
        if self.parser.should_upgrade() and self._should_upgrade():
            return  # there is no cycle, and this protocol's part is over
        # The task starts on the loop's next turn: nobody has seen the cycle yet.
        self.cycle.message_event = Latch()  # type: ignore[assignment]
        if self.scope["http_version"] == "1.0":
            self.cycle.waiting_for_100_continue = False  # RFC 9110, 10.1.1
        if self.pipeline:
            self.flow.resume_reading()

    def on_body(self, body: bytes) -> None:
        self._silent_bytes = 0
        super().on_body(body)
        if self.pipeline:
            self.flow.resume_reading()

    def on_message_complete(self) -> None:
        self._silent_bytes = 0
        # httptools ends a request with an upgrade at its head, whether it has a body or not.
        if self.parser.should_upgrade() and any(name in _FRAMING for name, _ in self.headers):
            return
        super().on_message_complete()

    def _bound_what_waits(self) -> None:
        if self._silent_bytes > MAX_HEAD_BYTES:
            self._refuse_large_head()
        elif self._reply is None:
            if self._timer is None:
                self._wait(self._header_timeout_s, self._head_is_late)
        elif sum(_size_bytes(cycle) for cycle, _ in self.pipeline) > MAX_PIPELINED_BYTES:
            self._drop("pipelined too many bytes")

    # ---- one request and its reply ----

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        # uvicorn calls this for a new request, or for a queued one when its turn has come.
        reply = self._reply = TransportPush(self, cycle)
        cycle.scope["extensions"] = {EXTENSION: reply}  # type: ignore[dict-item]
        task = self.loop.create_task(
            _answer(reply, _overloaded if app is service_unavailable else app)
        )
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def reply_flow(self) -> Flow:
        return cast("Flow", self.flow)

    def reply_ended(self, *, close: bool) -> None:
        cycle = self._reply_over()
        if close or not cycle.keep_alive:
            cycle.keep_alive = False
            if cycle.more_body or self.pipeline or self._is_deaf:
                self._close_lingering()
            else:
                self._close()
        cycle.on_response()

    def reply_cut(self, *, needs_reset: bool) -> None:
        cycle = self._reply_over()
        cycle.keep_alive = False
        if needs_reset:
            sock = self.transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        # A client that does not read would keep the connection open with what is left for it.
        is_stalled = self.flow.write_paused
        self._close()
        if is_stalled:
            self.transport.abort()

    def _reply_over(self) -> RequestResponseCycle:
        assert self._reply is not None  # only the live reply calls, and only once
        cycle = self._reply.cycle
        self._reply = None
        cycle.response_complete = True
        cycle.message_event.set()
        return cycle

    def on_response_complete(self) -> None:
        if self._is_closing:
            self.server_state.total_requests += 1
        elif self._refusal is not None and not self.pipeline:
            self.server_state.total_requests += 1
            self._send_refusal(*self._refusal)
        else:
            super().on_response_complete()
            if self._is_in_head and self._reply is None:
                self._unset_keepalive_if_required()
                self._wait(self._header_timeout_s, self._head_is_late)

    def _client_gone(self) -> None:
        reply, self._reply = self._reply, None
        if reply is not None:
            reply.client_gone()

    # ---- refusing ----

    def _refuse_large_head(self) -> None:
        message = (
            f"The request's head is larger than {MAX_HEAD_BYTES} bytes, or has more than "
            f"{MAX_HEADERS} headers."
        )
        self._refuse(431, message, "request_head_too_large")

    def _refuse(self, status: int, message: str, code: str) -> None:
        """Hear nothing more, and answer what could not be read when its turn has come."""
        self._is_deaf = True
        self._stop_waiting()
        self.flow.resume_reading()  # or the disconnect would not be seen
        newest = self.cycle
        if self._reply is None:
            self._send_refusal(status, message, code)
        elif self._is_in_head or not newest.more_body:
            self._refusal = (status, message, code)
        # From here on it is a body that is malformed, the newest request's.
        elif self._reply.cycle is not newest:
            del self.pipeline[0]
            self._refusal = (status, message, code)
        elif self._reply.is_started:
            newest.keep_alive = False
            newest.disconnected = True  # for who still reads the body
            newest.message_event.set()
        else:
            self._send_refusal(status, message, code)
            self._client_gone()

    def _send_refusal(self, status: int, message: str, code: str) -> None:
        logger.debug("refused a request: %d %s", status, code)
        defaults = self.server_state.default_headers
        self.transport.write(format_refusal(status, message, code, defaults))
        self._close_lingering()

    def _head_is_late(self) -> None:
        self._timer = None
        if self._is_in_head:
            message = f"The request's head did not arrive within {self._header_timeout_s:g} s."
            self._send_refusal(408, message, "request_head_timeout")
        else:
            self._close()

    # ---- closing ----

    def shutdown(self) -> None:
        """The server stops: close when idle, else after the live reply."""
        if self._reply is None:
            if not self._is_closing:
                self._close()
        else:
            self._reply.cycle.keep_alive = False
            self.pipeline.clear()

    def timeout_keep_alive_handler(self) -> None:
        self.timeout_keep_alive_task = None
        self._close()

    def _drop(self, reason: str) -> None:
        """Close at once on a client that went over a bound; whatever runs for it ends."""
        logger.info("closed a connection: the client %s", reason)
        self._close()
        self.transport.abort()
        self._client_gone()

    def _close(self) -> None:
        """Close when the buffer has been handed over."""
        self._is_deaf = self._is_closing = True
        self.pipeline.clear()
        self._stop_waiting()
        self.transport.close()
        left_bytes = self.transport.get_write_buffer_size()
        if left_bytes:
            self._wait(self.flush_stall_s, self._flush_is_late, left_bytes)

    def _close_lingering(self) -> None:
        """Say that we are done, and give the client time to read our last words."""
        self._is_deaf = self._is_closing = True
        self.pipeline.clear()
        self._stop_waiting()
        if self.transport.is_closing() or not self.transport.can_write_eof():
            self._close()
            return
        self.transport.write_eof()
        self.flow.resume_reading()
        self._wait(self.linger_s, self._close)

    def _flush_is_late(self, left_before_bytes: int) -> None:
        self._timer = None
        left_bytes = self.transport.get_write_buffer_size()
        if left_bytes >= left_before_bytes:
            self.transport.abort()
        else:
            self._wait(self.flush_stall_s, self._flush_is_late, left_bytes)

    # ---- the timer ----

    def _wait(self, delay_s: float, callback: Callable[..., None], *arguments: Any) -> None:
        self._stop_waiting()
        self._timer = self.loop.call_later(delay_s, callback, *arguments)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


async def _answer(reply: TransportPush, app: Any) -> None:
    """Run the application for one request; whatever it does, the reply is over afterwards."""
    scope: Scope = reply.cycle.scope  # type: ignore[assignment]
    try:
        await app(scope, reply.receive, reply.send)
    except Exception as error:  # noqa: BLE001 - the top of the task
        if not reply.is_gone:
            # Not its message: that may hold content of the request.
            where = "".join(traceback.format_tb(error.__traceback__))
            logger.error("the application raised %s:\n%s", type(error).__name__, where)
            reply.fail_internally()
    except BaseException:
        reply.cut()
        raise
    else:
        if not (reply.is_complete or reply.is_gone):
            logger.error("the application returned before its reply was complete")
            reply.fail_internally()
    finally:
        # The scope holds the reply and the reply the scope: leave no work for the collector.
        scope.pop("extensions", None)


async def _overloaded(scope: Scope, receive: Receive, send: Send) -> None:
    message = "The server is at its limit of connections; try again in 1 s."
    body = error_body(message, kind="server_error", code="overloaded")
    headers = [*error_headers(body), (b"retry-after", b"1")]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _size_bytes(cycle: RequestResponseCycle) -> int:
    head_bytes = sum(len(name) + len(value) for name, value in cycle.scope["headers"])
    return head_bytes + len(cycle.scope["raw_path"]) + len(cycle.body)
