"""A request's body as it comes, for who passes it on piece by piece.

Contract: at most one piece is read ahead, so that a slow reader slows the client, and so that the
client's disconnect is seen while a piece is on its way. ``timeout_s`` bounds the wait for each
piece: a whole body may take as long as it is large.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from strictwire.model.errors import CallerError
from strictwire.net.client_side.asgi import Message, Receive
from strictwire.net.client_side.push import ClientGone


class Upload:
    """One body. ``look_ahead`` first, then ``next_piece`` until it returns None."""

    def __init__(self, receive: Receive, timeout_s: float) -> None:
        self._receive = receive
        self._timeout_s = timeout_s
        self._head = b""
        self._ahead: asyncio.Task[Message] | None = None
        self._on_gone: Callable[[], None] | None = None
        self.is_whole = False  # nothing more comes from the client

    async def look_ahead(self, max_bytes: int) -> bytes:
        """The first bytes: the whole body, or at least ``max_bytes`` of it."""
        pieces: list[bytes] = []
        size_bytes = 0
        while not self.is_whole and size_bytes < max_bytes:
            piece = await self._read()
            pieces.append(piece)
            size_bytes += len(piece)
        self._head = b"".join(pieces)
        return self._head

    def replace_head(self, head: bytes) -> None:
        """Send these bytes in the place of those that were looked at."""
        self._head = head

    def watch(self, on_gone: Callable[[], None]) -> None:
        """Tell when the client goes away before its body was whole."""
        self._on_gone = on_gone
        self._read_ahead()

    async def next_piece(self) -> bytes | None:
        """The next bytes, None after the last. Raises ClientGone, and CallerError 408."""
        if self._head:
            head, self._head = self._head, b""
            return head
        while not self.is_whole:
            piece = await self._read()
            self._read_ahead()
            if piece:
                return piece
        return None

    def stop(self) -> None:
        """Read no more."""
        self._on_gone = None
        if self._ahead is not None:
            self._ahead.cancel()
            self._ahead = None

    def _read_ahead(self) -> None:
        if not self.is_whole and self._ahead is None:
            self._ahead = asyncio.ensure_future(self._receive())
            self._ahead.add_done_callback(self._was_read)

    def _was_read(self, task: asyncio.Task[Message]) -> None:
        if task.cancelled() or task.exception() is not None:
            return
        if task.result()["type"] == "http.disconnect" and self._on_gone is not None:
            self._on_gone()

    async def _read(self) -> bytes:
        self._read_ahead()
        assert self._ahead is not None
        try:
            async with asyncio.timeout(self._timeout_s):
                message = await asyncio.shield(self._ahead)
        except TimeoutError:
            raise CallerError(
                f"No part of the request body arrived within {self._timeout_s:g} s.",
                status=408,
                code="request_body_timeout",
            ) from None
        self._ahead = None
        if message["type"] == "http.disconnect":
            raise ClientGone("the client went away before its request body was whole")
        self.is_whole = not message.get("more_body", False)
        piece: bytes = message.get("body", b"")
        return piece
