"""Tells when a peer hangs up while nothing is read from it.

A loop that does not read a socket does not hear of its end either. While a slow upstream holds an
upload back, the client's leaving would go unnoticed until the upstream takes the next piece.
Linux can be asked for the end alone, without the data before it (epoll(7), EPOLLRDHUP), and an
epoll descriptor is itself one that a loop can watch. Elsewhere nothing is watched.

Known weakness: an end that waits behind data for which the kernel has no room has not arrived.
Only a reset does then.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable
from weakref import WeakKeyDictionary

_IS_OFFERED = hasattr(select, "epoll") and hasattr(select, "EPOLLRDHUP")


class HangupWatch:
    """The watch of one event loop; it holds a descriptor only while somebody is watched."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._epoll: select.epoll | None = None
        self._callbacks: dict[int, Callable[[], None]] = {}

    @property
    def watched_count(self) -> int:
        return len(self._callbacks)

    def add(self, descriptor: int, on_hangup: Callable[[], None]) -> None:
        """Call ``on_hangup`` once, when the peer of this socket has closed or reset."""
        if not _IS_OFFERED or descriptor in self._callbacks:
            return
        if self._epoll is None:
            self._epoll = select.epoll()
            self._loop.add_reader(self._epoll.fileno(), self._look)
        self._epoll.register(descriptor, select.EPOLLRDHUP | select.EPOLLONESHOT)
        self._callbacks[descriptor] = on_hangup

    def remove(self, descriptor: int) -> None:
        """Before the socket is closed, and when it is read again."""
        if self._callbacks.pop(descriptor, None) is None or self._epoll is None:
            return
        self._epoll.unregister(descriptor)
        if not self._callbacks:
            self._loop.remove_reader(self._epoll.fileno())
            self._epoll.close()
            self._epoll = None

    def _look(self) -> None:
        found = self._epoll.poll(0) if self._epoll is not None else []
        for descriptor, _ in found:
            # One callback may have removed another.
            on_hangup = self._callbacks.get(descriptor)
            if on_hangup is not None:
                self.remove(descriptor)
                on_hangup()


_watches: WeakKeyDictionary[asyncio.AbstractEventLoop, HangupWatch] = WeakKeyDictionary()


def hangup_watch() -> HangupWatch:
    """The running loop's."""
    loop = asyncio.get_running_loop()
    watch = _watches.get(loop)
    if watch is None:
        watch = _watches[loop] = HangupWatch(loop)
    return watch
