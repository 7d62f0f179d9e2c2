"""The ASGI application: routes, access, and errors told in the caller's shape.

Contract: plain ASGI, runs on any server; on ours replies are pushed (``client_side``). Routes are
rows of a table. Nothing of a request's content is logged, and no exception leaves it: what was
not foreseen is a 500 in the shape of the path's dialect, and a traceback in the log.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from urllib.parse import quote

from strictwire.config import Settings
from strictwire.model.errors import CallerError, WireError
from strictwire.model.observer import Outcome, ReplyRecord
from strictwire.model.request import Dialect
from strictwire.net import access
from strictwire.net.call import Call
from strictwire.net.client_side import ClientGone, client_reply
from strictwire.net.client_side.asgi import Receive, Scope, Send
from strictwire.net.endpoints import models
from strictwire.net.responses import socket_endpoint
from strictwire.net.routes import MODELS, ROUTES, SOCKET, RouteRow, served
from strictwire.net.service import Service

log = logging.getLogger("strictwire.net")

_REQUEST_ID = re.compile(r"^[A-Za-z0-9._:-]{1,128}$")
# Not sent to anyone, only counted: nginx's number for it, which operators know.
_CLIENT_GONE = 499


class Application:
    """One process's application. ``extra_routes`` come from rooms to the right (metrics)."""

    def __init__(
        self,
        settings: Settings,
        make_service: Callable[[], Awaitable[Service]],
        extra_routes: tuple[RouteRow, ...] = (),
    ) -> None:
        self._settings = settings
        self._make_service = make_service
        self._rows = (*ROUTES, *extra_routes)
        self._exact = {row.template: row for row in self._rows if "{" not in row.template}
        self._prefixed = [(row.prefix, row) for row in self._rows if "{" in row.template]
        self._service: Service | None = None
        # See ``client_side.asgi``: on these paths, as they come, an upgrade is taken.
        path = socket_endpoint.PATH
        self.websocket_paths = frozenset((path, "/v1" + path))
        self.websocket_max_bytes = settings.max_body_bytes

    @property
    def service(self) -> Service:
        if self._service is None:
            raise RuntimeError("the application was not started")
        return self._service

    async def startup(self) -> None:
        self._service = await self._make_service()
        self._service.begin_detecting()

    async def drain(self, timeout_s: float) -> None:
        await self.service.drain(timeout_s)

    async def close(self) -> None:
        await self.service.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        if scope["type"] == "websocket":
            await self._converse(scope, receive, send)
        if scope["type"] != "http":
            return
        call = self._make_call(scope, receive, send)
        begun_at = asyncio.get_running_loop().time()
        await self._answer(call, self._find(call.path))
        # What the request brought is not held while its reply goes on.
        call.headers = []
        scope["headers"] = []
        await call.reply.finished()
        if call.status:  # else an exchange has counted it
            self._count(call, asyncio.get_running_loop().time() - begun_at)

    async def _converse(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A WebSocket connection: let in like any request, or refused like one."""
        refusal = socket_endpoint.Refusal()
        call = self._make_call({**scope, "method": "GET"}, receive, send)
        call.reply = refusal.reply

        async def open_session(service: Service, call: Call) -> None:
            await socket_endpoint.open_session(service, call, send)

        begun_at = asyncio.get_running_loop().time()
        is_offered = call.path == socket_endpoint.PATH
        await self._answer(call, replace(SOCKET, handler=open_session) if is_offered else None)
        if refusal.status:
            await refusal.say(scope, send)
        self._count(call, asyncio.get_running_loop().time() - begun_at)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        """Start and stop on an ASGI server that is not ours."""
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self.startup()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    def _make_call(self, scope: Scope, receive: Receive, send: Send) -> Call:
        headers = list(scope["headers"])
        told_id = access.header(headers, b"x-request-id") or ""
        request_id = told_id if _REQUEST_ID.match(told_id) else f"req_{self.service.new_id()}"
        return Call(
            method=scope["method"],
            path=_normal_path(scope["path"]),
            raw_path=_normal_raw_path(scope),
            query=scope.get("query_string", b""),
            headers=headers,
            receive=receive,
            reply=client_reply(scope, receive, send),
            request_id=request_id,
            reply_headers=[(b"x-request-id", request_id.encode())],
        )

    async def _answer(self, call: Call, row: RouteRow | None) -> None:
        """Begin the reply, an error where that is due."""
        call.route = row.template if row is not None else ""
        call.dialect = self._dialect_of(call, row)
        if call.dialect == "messages":
            # Where Anthropic's SDKs look for it.
            call.reply_headers.append((b"request-id", call.request_id.encode()))
        try:
            if self._admit(call, row) and row is not None:
                await row.handler(self.service, call)
        except WireError as problem:
            call.refuse(problem)
        except ClientGone:
            call.status = _CLIENT_GONE
        except Exception:
            log.exception("internal error in request %s", call.request_id)
            call.refuse(WireError("The gateway failed on this request.", code="internal_error"))

    def _admit(self, call: Call, row: RouteRow | None) -> bool:
        """Whether the handler may run. Answers preflights; raises what refuses the request."""
        settings = self._settings
        origin = access.check_origin(call.headers, settings.cors)
        call.reply_headers += access.cors_headers(origin)
        call.is_from_page = origin is not None
        access.check_host(
            call.headers,
            settings.api_keys,
            is_public_allowed=settings.allow_public_without_key,
        )
        if call.method == "OPTIONS" and origin is not None:
            preflight = access.preflight_headers(call.headers, origin)
            call.reply_headers = call.reply_headers[:1]
            call.respond(204, preflight, b"")
            return False
        if row is None:
            raise CallerError(
                f"There is no such path. Served under /v1 are {served()}.",
                status=404,
                code="unknown_path",
            )
        if call.method not in row.methods:
            allowed = ", ".join(row.methods)
            problem = CallerError(
                f"This path takes {allowed}.", status=405, code="method_not_allowed"
            )
            call.refuse(problem, (b"allow", allowed.encode()))
            return False
        if row.access == "key":
            access.check_key(call.headers, settings.api_keys)
        if row.endpoint and not getattr(settings.endpoints, row.endpoint):
            raise CallerError(
                f"This path is turned off here (setting: endpoints.{row.endpoint}).",
                status=404,
                code="endpoint_off",
            )
        return True

    def _find(self, path: str) -> RouteRow | None:
        row = self._exact.get(path)
        if row is not None:
            return row
        for prefix, prefixed in self._prefixed:
            if path.startswith(prefix) and len(path) > len(prefix):
                return prefixed
        return None

    def _dialect_of(self, call: Call, row: RouteRow | None) -> Dialect:
        """That in which this client reads errors, also of a path that is none."""
        if row is None:
            above = (one for one in self._rows if call.path.startswith(one.template + "/"))
            row = next(above, None)
        if models.is_anthropic(call) and row is not None and row.handler in MODELS:
            return "messages"
        return row.dialect if row is not None else "chat"

    def _count(self, call: Call, duration_s: float) -> None:
        outcome: Outcome = "ok" if call.status < 400 else "error"
        record = ReplyRecord(
            route=call.route or "unknown",
            provider="",
            status=call.status,
            outcome="client_gone" if call.status == _CLIENT_GONE else outcome,
            duration_s=duration_s,
            error_code=call.error_code,
            request_id=call.request_id,
        )
        self.service.observer.replied(record)


def _normal_path(path: str) -> str:
    """Without ``/v1`` in front and a slash at the end; both are optional."""
    if path == "/v1" or path.startswith("/v1/"):
        path = path[3:]
    return path.rstrip("/") or "/"


def _normal_raw_path(scope: Scope) -> bytes:
    """The same, of the path as it came. Servers need not tell it (ASGI's HTTP scope)."""
    told: bytes = scope.get("raw_path") or quote(scope["path"]).encode("ascii")
    return _normal_path(told.partition(b"?")[0].decode("latin-1")).encode("latin-1")
