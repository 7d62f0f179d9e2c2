"""``fetch``: one small reply as a whole, for cold paths such as ``GET /v1/models``.

Contract: it returns a complete reply of any status, or raises the ``WireError`` that ended it. Its
time and size are bounded by the caller. Nothing stays open beyond it, save a pooled connection.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from strictwire.model.errors import PeerError, UpstreamTimeout, WireError
from strictwire.model.protocols import Upstream, UpstreamCall, UpstreamRequest


@dataclass(frozen=True, slots=True)
class Fetched:
    """A whole reply; header names are lower-case."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes = field(repr=False)


async def fetch(
    upstream: Upstream, request: UpstreamRequest, *, timeout_s: float, max_bytes: int
) -> Fetched:
    """Send ``request`` and gather its reply, of at most ``max_bytes`` body bytes."""
    gatherer = _Gatherer(max_bytes)
    call: UpstreamCall | None = None
    try:
        async with asyncio.timeout(timeout_s):
            call = await upstream.send(request, gatherer)
            await gatherer.over.wait()
    except TimeoutError:
        raise UpstreamTimeout(
            f"The upstream did not answer within {timeout_s:g} s.", code="upstream_timeout"
        ) from None
    finally:
        # After a whole reply this does nothing; else it closes the connection.
        if call is not None:
            call.cancel()
    if gatherer.error is not None:
        raise gatherer.error
    return Fetched(gatherer.status, gatherer.headers, b"".join(gatherer.pieces))


class _Gatherer:
    """The events of one ``fetch``."""

    __slots__ = ("error", "headers", "over", "pieces", "room", "status")

    def __init__(self, max_bytes: int) -> None:
        self.room = max_bytes
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.pieces: list[bytes] = []
        self.error: WireError | None = None
        self.over = asyncio.Event()

    def on_queued(self, place: int) -> None:
        pass  # nobody looks on

    def on_head(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self.status = status
        self.headers = headers

    def on_body(self, data: bytes) -> None:
        self.room -= len(data)
        if self.room >= 0:
            self.pieces.append(data)
            return
        self.pieces.clear()
        self.error = PeerError(
            "The upstream's reply is larger than expected here.", code="upstream_too_large"
        )
        self.over.set()

    def on_end(self) -> None:
        self.over.set()

    def on_error(self, error: WireError) -> None:
        self.error = self.error or error
        self.over.set()
