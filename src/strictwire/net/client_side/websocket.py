"""uvicorn's WebSocket protocol, as a gateway needs it.

Contract: a drop-in for ``WebSocketsSansIOProtocol``, which ``PushProtocol`` hands a connection to.
What differs: no message is ever logged, and no path; a client that does not read, or sends pieces
of nothing, costs no memory; and a server that stops does not close on an
application in the middle of its work, but tells it with a message ``SHUTDOWN``, once, and closes
at its second call. Other servers send no such message: applications must not need it.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

from strictwire.net.client_side.asgi import SHUTDOWN

# How long the last bytes may take, once nothing more will be said.
LAST_BYTES_S = 10.0

logger = logging.getLogger("strictwire.net.websocket")
# uvicorn tells of each connection, with all that stands in its path.
logger.setLevel(logging.WARNING)
# A session that is cancelled by a second signal is not worth a traceback, nor is a client whose
# text is none: it is told so.
logger.addFilter(lambda record: not _is_expected(record))


def _is_expected(record: logging.LogRecord) -> bool:
    problem = record.exc_info[1] if record.exc_info else None
    return isinstance(problem, (asyncio.CancelledError, UnicodeDecodeError))


class StrictWebSocket(WebSocketsSansIOProtocol):
    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        # At the log level "debug" it would write down every message.
        self.conn.debug = False
        self.conn.logger = self.logger = logger
        self._is_told = False

    def shutdown(self) -> None:
        if self._is_told or not self.handshake_complete or self.close_sent or self.disconnected:
            super().shutdown()
            return
        self._is_told = True
        told: Any = {"type": SHUTDOWN}
        self.queue.put_nowait(told)

    async def send(self, message: Any) -> None:
        await super().send(message)
        if self.initial_response is not None and self.close_sent:
            # The handshake was refused in words; uvicorn would log that it never ended.
            self.handshake_complete = True

    def handle_ping(self) -> None:
        """Only a client that reads is answered: pongs would wait in our memory for any other."""
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()

    def handle_cont(self, event: Frame) -> None:
        """A piece without a byte says nothing, and counts for no bound of a message."""
        if event.data or event.fin:
            super().handle_cont(event)

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        """The application is done. A close waits for the last bytes, which may never be taken."""
        super().on_task_complete(task)
        self.loop.call_later(LAST_BYTES_S, self.transport.abort)

    def keepalive_timeout(self) -> None:
        """A client that answers no ping takes no bytes either, and a close waits for these."""
        super().keepalive_timeout()
        self.transport.abort()
