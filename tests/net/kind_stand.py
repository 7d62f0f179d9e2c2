"""A gateway on a real socket before a server of some kind that is only played.

``Played`` fulfils ``Upstream`` in this process: so it can be asked under any host's name, and can
stand where an engine would. What it answers the test says, request by request.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from gateway_stand import GOOD_STREAM, Gateway, chat_body

from strictwire.config import Provider, Settings
from strictwire.model.errors import WireError
from strictwire.model.protocols import UpstreamEvents, UpstreamRequest
from strictwire.net.application import Application
from strictwire.net.service import Service
from strictwire.telemetry.metrics import Metrics
from strictwire.telemetry.reply_log import LoggedReplies

Body = dict[str, Any]
WHOLE: Body = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "fine"},
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}


@dataclass
class Reply:
    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()


@dataclass
class Asked:
    """One request as the server got it."""

    request: UpstreamRequest

    @property
    def url(self) -> str:
        return self.request.url

    @property
    def path(self) -> str:
        return "/" + self.request.url.partition("/v1/")[2]

    @property
    def body(self) -> Body:
        told: Body = json.loads(self.request.body)
        return told

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.request.headers)


def as_json(value: Any, status: int = 200, *headers: tuple[bytes, bytes]) -> Reply:
    told = ((b"content-type", b"application/json"), *headers)
    return Reply(status, json.dumps(value).encode(), told)


def as_stream(*frames: Any) -> Reply:
    data = b"".join(b"data: " + json.dumps(frame).encode() + b"\n\n" for frame in frames)
    return Reply(200, data, ((b"content-type", b"text/event-stream"),))


def chat(asked: Asked) -> Reply:
    """A plain answer to chat, as it is asked for; all other paths are missing."""
    if asked.path != "/chat/completions":
        return as_json({"error": {"message": "File Not Found", "code": 404}}, 404)
    if asked.body.get("stream"):
        return Reply(200, GOOD_STREAM, ((b"content-type", b"text/event-stream"),))
    return as_json(WHOLE)


@dataclass
class PlayedCall:
    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def release(self) -> None: ...

    def cancel(self) -> None: ...


@dataclass
class Played:
    """``answer`` may raise what an upstream's ``send`` raises. ``facts``: see ``KnowsItsModel``."""

    answer: Callable[[Asked], Reply] = chat
    asked: list[Asked] = field(default_factory=list)
    facts: Any = None

    async def send(self, request: UpstreamRequest, events: UpstreamEvents) -> PlayedCall:
        self.asked.append(Asked(request))
        reply = self.answer(self.asked[-1])
        events.on_head(reply.status, list(reply.headers))
        events.on_body(reply.body)
        events.on_end()
        return PlayedCall()

    async def close(self) -> None: ...

    @property
    def last(self) -> Asked:
        return self.asked[-1]

    def takes(self) -> list[Asked]:
        """What was asked since the last look."""
        asked = self.asked[:]
        self.asked.clear()
        return asked


def refusing(error: WireError) -> Callable[[Asked], Reply]:
    def answer(asked: Asked) -> Reply:
        raise error

    return answer


@dataclass
class PlayedGateway(Gateway):
    """``server`` is the upstream of the settings' one provider."""

    server: Played = field(default_factory=Played)
    detects: bool = False

    def make(self) -> Application:
        async def make_service() -> Service:
            upstreams = {provider.name: self.server for provider in self.settings.providers}
            observer = LoggedReplies(Metrics())
            return Service(self.settings, upstreams, observer, detects=self.detects)

        return Application(self.settings, make_service)

    async def post(self, path: str, *headers: str, **fields: Any) -> Any:
        return await self.ask("POST", path, *headers, body=json.dumps(fields).encode())

    async def turn(self, dialect: str, *headers: str, **fields: Any) -> Any:
        """One request of this dialect."""
        path, body = _TURNS[dialect]
        return await self.post(path, *headers, **{"model": "m", **body, **fields})


_TURNS: dict[str, tuple[str, Body]] = {
    "chat": ("/v1/chat/completions", json.loads(chat_body("m"))),
    "completions": ("/v1/completions", {"prompt": "hello"}),
    "responses": ("/v1/responses", {"input": "hello", "store": False}),
    "messages": (
        "/v1/messages",
        {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 9},
    ),
}


@asynccontextmanager
async def played(
    server: Played | None = None, *, detects: bool = False, settings: Body | None = None, **own: Any
) -> AsyncIterator[PlayedGateway]:
    """``own`` are the provider's settings, ``settings`` those of the top level."""
    own.setdefault("base_url", "http://server.example/v1")
    gateway = PlayedGateway(
        Settings(providers=(Provider(name="up", **own),), **(settings or {})),
        server=server or Played(),
        detects=detects,
    )
    await gateway.start()
    try:
        yield gateway
    finally:
        await gateway.stop()
