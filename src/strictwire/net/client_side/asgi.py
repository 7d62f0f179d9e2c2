"""ASGI's own shapes, as far as this room uses them (asgi.readthedocs.io, HTTP 2.5)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]


class AsgiApplication(Protocol):
    """What is served. Three more methods are called where the object has them:

    ``async startup()`` before the first connection is accepted; an exception ends the start.
    ``async drain(timeout_s: float)`` on shutdown: nothing new is accepted, open replies may go
    on for that long, then it fails them in-band. ``async close()`` last.
    An object with neither ``startup`` nor ``close`` is offered ASGI's lifespan instead.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...
