"""uvicorn's WebSocket protocol, as a gateway needs it.

Contract: a drop-in for ``WebSocketsSansIOProtocol``, which ``PushProtocol`` hands a connection to.
What differs: no message is ever logged, and no path; and a server that stops does not close on an
application in the middle of its work, but tells it with a message ``SHUTDOWN``, once, and closes
at its second call. Other servers send no such message: applications must not need it.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from strictwire.net.client_side.asgi import SHUTDOWN

logger = logging.getLogger("strictwire.net.websocket")
# uvicorn tells of each connection, with all that stands in its path.
logger.setLevel(logging.WARNING)
# A session that is cancelled by a second signal is not worth a traceback.
logger.addFilter(lambda record: not _is_cancelled(record))


def _is_cancelled(record: logging.LogRecord) -> bool:
    problem = record.exc_info[1] if record.exc_info else None
    return isinstance(problem, asyncio.CancelledError)


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
