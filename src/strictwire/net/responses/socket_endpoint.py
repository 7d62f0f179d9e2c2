"""``GET /v1/responses`` with an upgrade to WebSocket: the handshake, and the session after it.

Contract: who may not enter is told so as on any other path, with a status and an error in JSON, in
the place of the handshake. On a server that cannot do this the handshake is refused without words.
"""

from __future__ import annotations

from strictwire.net.call import Call
from strictwire.net.client_side.asgi import Headers, Scope, Send
from strictwire.net.responses.event_reply import EventReply
from strictwire.net.responses.socket_session import SocketSession
from strictwire.net.service import Service

PATH = "/responses"
# Not 200, and not sent by anyone: the connection did change its protocol.
_SWITCHED = 101


async def open_session(service: Service, call: Call, send: Send) -> None:
    """Serve the connection until it ends."""
    call.status = _SWITCHED
    call.reply.cut()  # from here on there is no reply that an error could be
    await SocketSession(service, call, call.receive, send).run()


class Refusal:
    """Takes the place of a reply until the handshake is over; ``say`` sends what was written."""

    def __init__(self) -> None:
        self.reply = EventReply(self)
        self.status = 0
        self.body = b""

    async def say(self, scope: Scope, send: Send) -> None:
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": 1008})
            return
        headers: Headers = self.reply.headers
        start = {"type": "websocket.http.response.start", "status": self.status}
        await send({**start, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": self.body})

    # ---- EventReceiver ----

    def on_event(self, name: str, data: bytes) -> None: ...

    def on_pulse(self) -> None: ...

    def on_refused(self, status: int, body: bytes) -> None:
        self.status, self.body = status, body

    def on_over(self) -> None: ...
