"""The client's side of one reply: a handle that is written to without waiting.

Contract: ``ClientReply`` takes a status, headers and bytes, adds the HTTP framing itself, never
blocks, and tells its ``ClientEvents`` when the client reads too slowly or went away. There are
two of them: ``TransportPush`` writes to uvicorn's transport in the same call, ``SendPush`` (here)
needs nothing but ASGI's ``receive`` and ``send``. ``client_reply`` picks.

Call order: ``read_body`` first, then ``attach`` (``SendPush`` listens on ``receive`` from then
on, unless it is told that the body is still read), then ``start``, ``write``..., then ``end`` or
``cut``; the ASGI coroutine waits in ``finished`` meanwhile. Neither knows dialects, errors or
timeouts.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol, cast

from strictwire.model.errors import MisuseError, StrictwireError
from strictwire.net.client_side.asgi import Headers, Message, Receive, Scope, Send

EXTENSION = "strictwire.push"

# SendPush: as asyncio's own transports do it, so that both kinds pause alike.
QUEUE_HIGH_BYTES = 65_536
QUEUE_LOW_BYTES = 16_384
# SendPush to an HTTP/1.0 client: some servers would send chunked framing, which such a client
# takes for content. The body is held and sent with its length instead; a longer one is cut.
HELD_BODY_BYTES = 4 * 1024 * 1024
# After ``end`` or ``cut`` nobody but ``finished`` watches a client that stopped reading.
STALL_S = 30.0


class ClientGone(StrictwireError):  # noqa: N818 - named for what happened
    """The client went away before its request was whole: there is nobody to answer."""


class ClientEvents(Protocol):
    """What a reply tells the exchange. None is called after ``end`` or ``cut``."""

    def on_pause(self) -> None: ...  # the client reads too slowly: stop reading upstream

    def on_resume(self) -> None: ...

    def on_gone(self) -> None: ...  # disconnected, reset or half-closed; at most once


class ClientReply(Protocol):
    """One reply to one client. Calls after the client went away, or after the end, do nothing."""

    @property
    def is_started(self) -> bool: ...  # status and headers were written

    @property
    def is_paused(self) -> bool: ...

    @property
    def is_gone(self) -> bool: ...  # the client went away before the end

    @property
    def is_complete(self) -> bool: ...  # ended or cut by us: nothing can be written any more

    def attach(self, events: ClientEvents, *, is_body_read: bool = True) -> None:
        """Tell ``events`` from now on; at once where the client is gone or already too slow.

        ``is_body_read`` False: the caller still reads the request's body, and would see a
        disconnect there; it attaches once more when it has all of it.
        """
        ...

    def start(self, status: int, headers: Headers) -> None:
        """Write the head. A ``connection: close`` among ``headers`` makes ``end`` close."""
        ...

    def write(self, data: bytes) -> None:
        """Write a piece of the body; an empty one is nothing."""
        ...

    def end(self, *, close: bool = False) -> None:
        """The message is complete. The connection stays usable unless ``close``."""
        ...

    def cut(self) -> None:
        """Close so that the client sees a broken transfer, never a clean end."""
        ...

    async def finished(self) -> None:
        """Return when ended, cut or gone."""
        ...


def client_reply(scope: Scope, receive: Receive, send: Send) -> ClientReply:
    """The handle for this request: uvicorn's transport where ``PushProtocol`` left it."""
    push = scope.get("extensions", {}).get(EXTENSION)
    if push is not None:
        return cast("ClientReply", push)
    return SendPush(scope, receive, send)


class SendPush:
    """``ClientReply`` over plain ASGI: one task sends what was written, one awaits the disconnect.

    Known weakness: what ASGI cannot say, this cannot do. ``end(close=True)`` closes only where
    the head was not sent yet (it then gets ``connection: close``), and how a server breaks the
    transfer of a ``cut`` reply is its own affair; all known ones close the connection.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._version = str(scope.get("http_version", "1.1"))
        self._events: ClientEvents | None = None
        self._queue: deque[Message] = deque()
        self._queued_bytes = 0
        self._sent_messages = 0
        self._is_holding = False
        self._pump: asyncio.Task[None] | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._over = asyncio.Event()
        self.is_started = False
        self.is_paused = False
        self.is_gone = False
        self.is_complete = False

    # ---- ClientReply ----

    def attach(self, events: ClientEvents, *, is_body_read: bool = True) -> None:
        if self.is_gone:
            events.on_gone()
            return
        if self.is_complete:
            return
        self._events = events
        if self._watcher is None and is_body_read:
            self._watcher = asyncio.get_running_loop().create_task(self._watch())
        if self.is_paused:
            events.on_pause()

    def start(self, status: int, headers: Headers) -> None:
        if self._over.is_set():
            return
        if self.is_started:
            raise MisuseError("a reply was started twice")
        self.is_started = True
        names = {name.lower() for name, _ in headers}
        # HTTP/2 and 3 have no such headers (RFC 9113, section 8.2.2).
        kept = [
            (name, value)
            for name, value in headers
            if name.lower() != b"transfer-encoding"
            and not (name.lower() == b"connection" and self._is_multiplexed)
        ]
        self._is_holding = self._version == "1.0" and b"content-length" not in names
        head = {"type": "http.response.start", "status": status, "headers": kept}
        # A request refused for its body has left the rest of that body on the way.
        if status in (408, 413):
            self._say_close(head)
        self._put(head, 0)

    def write(self, data: bytes) -> None:
        if self._over.is_set() or not data:
            return
        if not self.is_started:
            raise MisuseError("a body was written before the reply was started")
        self._put({"type": "http.response.body", "body": data, "more_body": True}, len(data))
        if self._is_holding and self._queued_bytes > HELD_BODY_BYTES:
            self.cut()

    def end(self, *, close: bool = False) -> None:
        if self._over.is_set():
            return
        if not self.is_started:
            raise MisuseError("a reply was ended before it was started")
        if close and self._queue and self._queue[0]["type"] == "http.response.start":
            self._say_close(self._queue[0])
        if self._is_holding:
            self._release_held()
        self._put({"type": "http.response.body", "body": b"", "more_body": False}, 0)
        self.is_complete = True
        self._finish()

    def cut(self) -> None:
        if self._over.is_set():
            return
        self.is_complete = True
        # Nothing waits for a client that does not read, and a held body cannot be sent cut short.
        if self._pump is not None and (self.is_paused or self._is_holding):
            self._pump.cancel()
        if self._is_holding:
            self._queue.clear()
        self._finish()

    async def finished(self) -> None:
        try:
            await self._over.wait()
            await self._flush()
        finally:
            for task in (self._pump, self._watcher):
                if task is not None:
                    task.cancel()
        for task in (self._pump, self._watcher):
            if task is not None and task.done() and not task.cancelled():
                task.result()

    # ---- the queue ----

    @property
    def _is_multiplexed(self) -> bool:
        return not self._version.startswith("1")

    def _say_close(self, head: Message) -> None:
        if self._is_multiplexed:
            return
        if not any(name.lower() == b"connection" for name, _ in head["headers"]):
            head["headers"].append((b"connection", b"close"))

    def _release_held(self) -> None:
        """Give the held head the length of the body, now that it is known."""
        self._is_holding = False
        self._queue[0]["headers"].append((b"content-length", b"%d" % self._queued_bytes))

    def _put(self, message: Message, size_bytes: int) -> None:
        self._queue.append(message)
        self._queued_bytes += size_bytes
        if not self._is_holding and (self._pump is None or self._pump.done()):
            self._pump = asyncio.get_running_loop().create_task(self._drain())
        if not self.is_paused and not self._is_holding and self._queued_bytes > QUEUE_HIGH_BYTES:
            self.is_paused = True
            if self._events is not None:
                self._events.on_pause()

    async def _drain(self) -> None:
        """Send what is queued; ends when the queue is empty, ``_put`` starts it again."""
        while self._queue:
            message = self._queue.popleft()
            try:
                await self._send(message)
            except OSError:  # ASGI's word for a client that has gone
                self._client_gone()
                return
            except Exception:
                self._client_gone()
                raise  # out of ``finished``
            self._sent_messages += 1
            self._queued_bytes -= len(message.get("body", b""))
            if self.is_paused and self._queued_bytes <= QUEUE_LOW_BYTES:
                self.is_paused = False
                if self._events is not None:
                    self._events.on_resume()

    async def _flush(self) -> None:
        """Wait for the queue of an ended reply, as long as the client takes anything of it."""
        while self._pump is not None and not self._pump.done():
            sent_before = self._sent_messages
            await asyncio.wait({self._pump}, timeout=STALL_S)
            if self._sent_messages == sent_before and not self._pump.done():
                return

    # ---- the client goes away ----

    async def _watch(self) -> None:
        try:
            while (await self._receive())["type"] != "http.disconnect":
                pass
        finally:
            # Also where the server's receive() fails: then nobody could tell us any more.
            self._client_gone()

    def _client_gone(self) -> None:
        if self._over.is_set():
            return
        self.is_gone = True
        self._queue.clear()
        if self._pump is not None and self._pump is not asyncio.current_task():
            self._pump.cancel()
        events = self._events
        self._finish()
        if events is not None:
            events.on_gone()

    def _finish(self) -> None:
        self._events = None
        self._over.set()
