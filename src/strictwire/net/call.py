"""One HTTP request as the handlers see it, and the short way to answer it whole."""

from __future__ import annotations

from dataclasses import dataclass, field

from strictwire.model.errors import WireError
from strictwire.model.request import Dialect
from strictwire.net.client_side.asgi import Headers, Receive
from strictwire.net.client_side.push import ClientReply
from strictwire.net.error_replies import error_headers, format_error


@dataclass(slots=True)
class Call:
    """``headers`` are the request's, names in lower case; ``reply_headers`` go with every reply.
    ``route`` is the path's template: logs and metrics never see what a client made up. ``path`` is
    decoded, ``raw_path`` and ``query`` are as they came; all without ``/v1``. ``dialect`` is the
    one in which the client reads errors. ``is_from_page``: a web page asks, and it sees only the
    headers that are exposed to it."""

    method: str
    path: str
    headers: Headers
    receive: Receive
    reply: ClientReply
    request_id: str
    raw_path: bytes = b""
    query: bytes = b""
    route: str = ""
    reply_headers: Headers = field(default_factory=list)
    status: int = 0
    error_code: str | None = None
    dialect: Dialect = "chat"
    is_from_page: bool = False

    def respond(self, status: int, headers: Headers, body: bytes) -> None:
        """A whole reply. HEAD gets the same head; the server leaves the body out."""
        if self.reply.is_started:
            return
        length = [(b"content-length", b"%d" % len(body))] if status != 204 else []
        self.status = status
        self.reply.start(status, headers + length + self.reply_headers)
        self.reply.write(body)
        self.reply.end()

    def refuse(self, error: WireError, *headers: tuple[bytes, bytes]) -> None:
        """An error as a whole reply."""
        if self.reply.is_started:
            return
        body = format_error(error, self.dialect, self.request_id)
        self.status = error.status
        self.error_code = error.code
        told = [*error_headers(error, body), *headers, *self.reply_headers]
        self.reply.start(error.status, told)
        self.reply.write(body)
        self.reply.end()
