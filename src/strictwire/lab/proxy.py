"""A proxy before a Responses server, to see what it sends and to show it at its worst.

Contract: an ASGI application. ``POST /responses`` and ``/v1/responses`` go to the upstream, which
is always asked for a stream; its reply comes back byte for byte as it arrives, and ``tell`` gets a
line for each event and for the text in the end. With ``is_final_only`` the client gets no delta at
all, only the created event, each item once it is done, and the terminal event: so a client shows
whether it can do without deltas. A reply that is no success passes through.

It mends nothing but what it must understand to send less: see ``gathering``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from strictwire.lab.ask import parse_object
from strictwire.lab.proxy_exchange import OWN_HEADERS, Exchange, Lines, Message, Send
from strictwire.lab.script import JSON_TYPE, error_value, to_json
from strictwire.model.errors import CallerError

RESPONSES_PATHS = ("/responses", "/v1/responses")
HEALTH_PATHS = ("/", "/health", "/v1/health")
# A coding agent's request is some hundred kilobytes; this leaves room for images.
MAX_BODY_BYTES = 16 * 1024 * 1024

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]


@dataclass(frozen=True, slots=True)
class ProxyOptions:
    """``upstream`` is a base address such as ``http://127.0.0.1:8081/v1``. ``bearer_env`` names the
    variable that holds the upstream's key; without it the client's own ``Authorization`` passes."""

    upstream: str
    bearer_env: str | None = None
    is_final_only: bool = False

    @property
    def url(self) -> str:
        base = self.upstream.rstrip("/")
        return base if base.endswith("/responses") else f"{base}/responses"


class ResponsesProxy:
    """The application. ``environ`` is looked at for each request; ``tell`` prints a line."""

    def __init__(
        self, options: ProxyOptions, environ: Mapping[str, str], tell: Callable[[str], None]
    ) -> None:
        self._options = options
        self._environ = environ
        self._tell = tell
        self._count = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            await self._serve(scope, receive, send)
        except CallerError as error:
            value = error_value(error.message, type=error.type, code=error.code, param=error.param)
            await _send_whole(send, error.status, to_json(value))

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        if path in HEALTH_PATHS:
            _require(method, "GET", "HEAD")
            await _send_whole(send, 200, to_json({"status": "ok"}) if method == "GET" else b"")
            return
        if path not in RESPONSES_PATHS:
            raise CallerError("no such path", status=404, code="not_found")
        _require(method, "POST")
        headers = self._headers(scope["headers"])
        body = {**parse_object(await _body(receive)), "stream": True}
        self._count += 1
        line = Lines(f"#{self._count}", self._tell)
        line.say(f"POST {path}")
        options = self._options
        exchange = Exchange(options.url, line, send, is_final_only=options.is_final_only)
        await _unless_gone(exchange.run(headers, to_json(body)), receive, line)

    def _headers(self, told: list[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
        """The client's, without those of its connection, and with the key where one is set."""
        pairs = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in told]
        kept = [pair for pair in pairs if pair[0] not in OWN_HEADERS]
        name = self._options.bearer_env
        if name is None:
            return kept
        key = self._environ.get(name, "").strip()
        if not key:
            raise CallerError(
                f"the environment variable {name} with the upstream's key is not set",
                status=401,
                code="missing_upstream_key",
            )
        return [
            *(pair for pair in kept if pair[0] != "authorization"),
            ("authorization", f"Bearer {key}"),
        ]


async def _unless_gone(work: Any, receive: Receive, lines: Lines) -> None:
    """``work``, until it ends or the client leaves, which ends the upstream's reply too."""
    doing = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_disconnect(receive))
    try:
        await asyncio.wait((doing, leaving), return_when=asyncio.FIRST_COMPLETED)
        if doing.done():
            await doing
        else:
            lines.say("the client left")
    finally:
        for task in (doing, leaving):
            task.cancel()
        await asyncio.wait((doing, leaving))


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise CallerError("the client left before its request was whole")
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            raise CallerError(f"the body is longer than {MAX_BODY_BYTES} bytes", status=413)
        if not message.get("more_body"):
            return bytes(body)


def _require(method: str, *methods: str) -> None:
    if method not in methods:
        message = f"the method must be {' or '.join(methods)}"
        raise CallerError(message, status=405, code="method_not_allowed")


async def _send_whole(send: Send, status: int, body: bytes) -> None:
    headers = [
        (b"content-type", JSON_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
