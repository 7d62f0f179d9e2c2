"""A request body that is still on its way: its pieces in, HTTP's framing out to a transport.

Contract: one task per body. The next piece is asked for once the transport has room again, so that
a slow upstream slows the sender. ``on_failure`` is told of a ``WireError`` that the pieces raise.
The framing (RFC 9112, section 6) is a length where one is known, else chunks. Who holds it calls
``pause`` and ``resume`` as the transport tells, and ``stop`` in the end. It reads no reply.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable

from strictwire.model.errors import MisuseError, WireError

_LOGGER = logging.getLogger(__name__)


class BodyWriter:
    """Begins at once. ``is_done``: all of it was handed to the transport."""

    __slots__ = ("_has_room", "_is_chunked", "_left_bytes", "_task", "_transport", "is_done")

    def __init__(
        self,
        transport: asyncio.Transport,
        pieces: AsyncIterator[bytes],
        length_bytes: int | None,
        on_failure: Callable[[WireError], None],
    ) -> None:
        self._transport = transport
        self._is_chunked = length_bytes is None
        self._left_bytes = length_bytes or 0
        self._has_room = asyncio.Event()
        self._has_room.set()
        self.is_done = False
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(self._run(pieces, on_failure))

    def pause(self) -> None:
        self._has_room.clear()

    def resume(self) -> None:
        self._has_room.set()

    def stop(self) -> None:
        """Write nothing more."""
        self._task.cancel()

    async def _run(
        self, pieces: AsyncIterator[bytes], on_failure: Callable[[WireError], None]
    ) -> None:
        try:
            await self._write(pieces)
        except WireError as error:
            on_failure(error)
        except Exception:
            _LOGGER.exception("a request body ended in a bug of the gateway")
            on_failure(WireError("The gateway failed on this request.", code="internal_error"))

    async def _write(self, pieces: AsyncIterator[bytes]) -> None:
        transport = self._transport
        async for piece in pieces:
            if transport.is_closing():
                return  # whoever closed it has told why
            if self._is_chunked:
                if piece:  # an empty chunk is the end
                    transport.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            else:
                self._left_bytes -= len(piece)
                if self._left_bytes < 0:
                    raise MisuseError("a request body is longer than was said")
                transport.write(piece)
            await self._has_room.wait()
        if transport.is_closing():
            return
        if self._left_bytes:
            raise MisuseError("a request body is shorter than was said")
        if self._is_chunked:
            transport.write(b"0\r\n\r\n")
        self.is_done = True
