"""An event and a flow control that cost next to nothing while nobody waits.

``asyncio.Event`` carries a deque of more than 600 bytes. uvicorn makes one per connection and one
per request, most of which nobody ever waits for; with thousands of open streams that adds up.
Both classes here keep the names that uvicorn's own code calls.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Protocol, cast

from strictwire.net.client_side.hangup import hangup_watch


class HangupEvents(Protocol):
    """What the protocol of a flow's transport is told while nothing is read."""

    def hung_up(self) -> None: ...


class Latch:
    """``asyncio.Event`` as uvicorn uses it: ``set``, ``clear``, ``wait``."""

    __slots__ = ("_is_set", "_waiters")

    def __init__(self, *, is_set: bool = False) -> None:
        self._is_set = is_set
        self._waiters: tuple[asyncio.Future[None], ...] = ()

    def is_set(self) -> bool:
        return self._is_set

    def set(self) -> None:
        self._is_set = True
        waiters, self._waiters = self._waiters, ()
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def clear(self) -> None:
        self._is_set = False

    async def wait(self) -> None:
        if self._is_set:
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters = (*self._waiters, waiter)
        try:
            await waiter
        finally:
            # A cancelled waiter must not be kept for as long as the stream lives.
            self._waiters = tuple(other for other in self._waiters if other is not waiter)


class Flow:
    """Stands in for uvicorn's ``FlowControl``, one per connection.

    While reading is paused, a client that leaves is seen by a watch of its own.
    """

    __slots__ = ("_transport", "_writable", "read_paused", "write_paused")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._writable = Latch(is_set=True)
        self.read_paused = False
        self.write_paused = False

    async def drain(self) -> None:
        await self._writable.wait()

    def pause_reading(self) -> None:
        if not (self.read_paused or self._transport.is_closing()):
            self.read_paused = True
            self._transport.pause_reading()
            if (sock := self._socket()) is not None:
                protocol = cast("HangupEvents", self._transport.get_protocol())
                hangup_watch().add(sock.fileno(), protocol.hung_up)

    def resume_reading(self) -> None:
        if self.read_paused and not self._transport.is_closing():
            self.read_paused = False
            self._unwatch()
            self._transport.resume_reading()

    def close(self) -> None:
        """The connection is lost, and its socket not closed yet."""
        if self.read_paused:
            self._unwatch()

    def _unwatch(self) -> None:
        if (sock := self._socket()) is not None:
            hangup_watch().remove(sock.fileno())

    def _socket(self) -> socket.socket | None:
        sock: socket.socket | None = self._transport.get_extra_info("socket")
        return sock

    def pause_writing(self) -> None:
        self.write_paused = True
        self._writable.clear()

    def resume_writing(self) -> None:
        self.write_paused = False
        self._writable.set()
