"""ASGI's own shapes, as far as this room uses them (asgi.readthedocs.io, HTTP 2.5)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

# A message that our own server sends over a WebSocket when it stops (``client_side.websocket``).
SHUTDOWN = "strictwire.shutdown"


class AsgiApplication(Protocol):
    """What is served. Three more methods are called where the object has them:

    ``async startup()`` before the first connection is accepted; an exception ends the start.
    ``async drain(timeout_s: float)`` on shutdown: nothing new is accepted, open replies may go
    on for that long, then it fails them in-band. ``async close()`` last.
    ``websocket_paths`` are the paths on which it takes WebSocket connections, of which no message
    may be larger than ``websocket_max_bytes``; everywhere else an upgrade is ignored.
    An object with neither ``startup`` nor ``close`` is offered ASGI's lifespan instead.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...
