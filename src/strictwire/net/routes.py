"""The table of routes: which path is answered by what, for whom, and in which dialect.

A path that is asked about is found in ``application``; adding one touches this table and nothing
else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from strictwire import __version__
from strictwire.config import DEMO_WORDS
from strictwire.model.request import Dialect
from strictwire.net.call import Call
from strictwire.net.endpoints import (
    chat,
    completions,
    count_tokens,
    embeddings,
    messages,
    models,
    requests,
    responses,
)
from strictwire.net.passthrough import pass_through
from strictwire.net.responses import compact_endpoint, kept_endpoints, socket_endpoint
from strictwire.net.service import Service

Handler = Callable[[Service, Call], Awaitable[None]]
_TEXT = [(b"content-type", b"text/plain; charset=utf-8")]
_JSON = [(b"content-type", b"application/json")]


@dataclass(frozen=True, slots=True)
class RouteRow:
    """``template`` is without ``/v1``, which is optional in front of every path. ``endpoint`` names
    the setting of ``endpoints`` that turns the path off, where there is one. ``dialect`` is the one
    in which its clients read errors."""

    methods: tuple[str, ...]
    template: str
    handler: Handler
    access: Literal["key", "open"] = "key"
    endpoint: str = ""
    dialect: Dialect = "chat"

    @property
    def prefix(self) -> str:
        """What stands before a part of the path that may be anything; all of it where none is."""
        return self.template.partition("{")[0]


async def _greet(service: Service, call: Call) -> None:
    text = (
        f"strictwire {__version__}: an OpenAI-compatible API is served at /v1.\n"
        "GET /v1/models lists the models, GET /metrics counts.\n"
    )
    if any(provider.is_demonstration for provider in service.settings.providers):
        text += "\n".join(("", *DEMO_WORDS, ""))
    call.respond(200, _TEXT, text.encode())


async def _health(service: Service, call: Call) -> None:
    call.respond(200, _JSON, b'{"status":"ok"}')


async def _ready(service: Service, call: Call) -> None:
    if service.is_draining:
        call.respond(503, _JSON, b'{"status":"draining"}')
    else:
        call.respond(200, _JSON, b'{"status":"ready"}')


ROUTES: tuple[RouteRow, ...] = (
    RouteRow(("GET", "HEAD"), "/", _greet, "open"),
    RouteRow(("GET", "HEAD"), "/health", _health, "open"),
    RouteRow(("GET", "HEAD"), "/ready", _ready, "open"),
    RouteRow(("POST",), "/chat/completions", chat.complete),
    RouteRow(("POST",), "/completions", completions.complete, endpoint="completions"),
    RouteRow(
        ("POST",),
        "/responses",
        responses.create,
        endpoint="responses",
        dialect="responses",
    ),
    RouteRow(
        ("POST",),
        "/responses/compact",
        compact_endpoint.compact,
        endpoint="responses",
        dialect="responses",
    ),
    RouteRow(
        ("GET", "POST", "DELETE"),
        "/responses/{id}",
        kept_endpoints.serve,
        endpoint="responses",
        dialect="responses",
    ),
    RouteRow(("POST",), "/messages", messages.create, endpoint="messages", dialect="messages"),
    RouteRow(
        ("POST",),
        "/messages/count_tokens",
        count_tokens.count,
        endpoint="messages",
        dialect="messages",
    ),
    RouteRow(("POST",), "/embeddings", embeddings.embed, endpoint="embeddings"),
    RouteRow(("POST",), "/images/{path}", pass_through, endpoint="images"),
    RouteRow(("GET", "POST"), "/audio/{path}", pass_through, endpoint="audio"),
    RouteRow(("GET", "POST"), "/files", pass_through, endpoint="files"),
    RouteRow(("GET", "HEAD", "DELETE"), "/files/{path}", pass_through, endpoint="files"),
    RouteRow(("POST",), "/uploads", pass_through, endpoint="files"),
    RouteRow(("POST",), "/uploads/{path}", pass_through, endpoint="files"),
    RouteRow(("POST",), "/moderations", pass_through, endpoint="moderations"),
    RouteRow(("POST",), "/rerank", pass_through, endpoint="rerank"),
    RouteRow(("GET", "HEAD"), "/models", models.list_models),
    RouteRow(("GET", "HEAD"), "/models/{id}", models.get_model),
    RouteRow(("GET", "HEAD"), "/requests", requests.list_requests),
    RouteRow(("GET", "HEAD"), "/requests/{id}", requests.get_request),
)


# The one path where a GET may become a conversation. Its handler is made for each connection.
SOCKET = RouteRow(
    ("GET",), socket_endpoint.PATH, _health, endpoint="responses", dialect="responses"
)
MODELS = (models.list_models, models.get_model)


def served() -> str:
    """The paths that want a key, for people: each once, without what may follow."""
    paths = {row.prefix.strip("/"): None for row in ROUTES if row.access == "key"}
    tops = [path for path in paths if path.partition("/")[0] not in paths or "/" not in path]
    return f"{', '.join(tops[:-1])} and {tops[-1]}"
