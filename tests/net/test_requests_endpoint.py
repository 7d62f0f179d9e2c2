"""``GET /v1/requests/{id}``: whose requests are told, to whom, how long, and with which counts.

The upstream is scripted byte by byte. That the gateway has taken in a piece is seen by asking it
until it says so; every such wait is bounded by the test's own time.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from gateway_stand import (
    Gateway,
    Heard,
    Peer,
    Visit,
    chat_body,
    gateway_for,
    request,
    scripted,
)

from strictwire.config import Secret
from strictwire.net.endpoints.requests import listed

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
KEYS = (Secret("one"), Secret("two"))
UNKNOWN = {"status": "queued", "place": None, "n_past": None, "n_prompt_tokens": None,
           "n_cached_tokens": None, "fraction": None}  # fmt: skip


def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    value = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m",
             "choices": [choice], **more}  # fmt: skip
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def batch(processed: int) -> bytes:
    told = {"total": 100, "cache": 20, "processed": processed, "time_ms": 1}
    return chunk({"role": "assistant", "content": None}, prompt_progress=told)


ANSWER = chunk({"role": "assistant", "content": "Hi"})
TAIL = chunk({}, "stop") + b"data: [DONE]\n\n"


class Held:
    """An upstream that says what the test tells it to, to each request in turn."""

    def __init__(self) -> None:
        self.pieces: asyncio.Queue[bytes] = asyncio.Queue()
        self.has_asked = asyncio.Semaphore(0)

    def says(self, data: bytes) -> None:
        self.pieces.put_nowait(data)

    def ends(self) -> None:
        self.pieces.put_nowait(b"")

    async def script(self, visit: Visit) -> None:
        await visit.request()
        self.has_asked.release()
        while piece := await self.pieces.get():
            await visit.send(piece)


@asynccontextmanager
async def held_gateway(**options: Any) -> AsyncIterator[tuple[Gateway, Held]]:
    held = Held()
    async with scripted(held.script) as upstream, gateway_for(upstream.url, **options) as gateway:
        yield gateway, held


async def begin(
    gateway: Gateway, held: Held, *headers: str, path: str = "/v1/chat/completions", **fields: Any
) -> Peer:
    """Ask, and return when the upstream has been asked."""
    host = f"127.0.0.1:{gateway.port}"
    peer = await gateway.peer(
        request("POST", path, *headers, body=chat_body("m", **fields), host=host)
    )
    await held.has_asked.acquire()
    return peer


async def told(gateway: Gateway, name: str, *headers: str) -> Heard:
    return await gateway.ask("GET", f"/v1/requests/{name}", *headers)


async def until(gateway: Gateway, name: str, **wanted: Any) -> dict[str, Any]:
    """What is told of the request once it says what is wanted."""
    while True:
        heard = await told(gateway, name)
        assert heard.status == 200
        value: dict[str, Any] = heard.json
        if {key: value[key] for key in wanted} == wanted:
            return value


@pytest.mark.parametrize("stream", [False, True])
async def test_a_request_is_followed_from_its_beginning_to_its_end(stream: bool) -> None:
    async with held_gateway(stream="always") as (gateway, held):
        peer = await begin(gateway, held, "x-request-id: mine", stream=stream)
        heard = await told(gateway, "mine")
        assert heard.headers["content-type"] == "application/json"
        assert heard.headers["cache-control"] == "no-store"
        value = heard.json
        assert isinstance(value.pop("created"), int)
        assert value.pop("elapsed_seconds") in range(10)
        fixed = {"id": "mine", "object": "request", "model": "m", "stream": stream}
        assert value == fixed | UNKNOWN
        held.says(HEAD)
        await until(gateway, "mine", status="processing", n_past=None)
        for processed, fraction in ((20, 0.0), (60, 0.5)):
            held.says(batch(processed))
            value = await until(gateway, "mine", n_past=processed)
            assert (value["status"], value["fraction"]) == ("processing", fraction)
            assert (value["n_prompt_tokens"], value["n_cached_tokens"]) == (100, 20)
        held.says(batch(100))
        value = await until(gateway, "mine", n_past=100)
        assert (value["status"], value["fraction"]) == ("done", 1.0)
        held.says(ANSWER)
        value = await until(gateway, "mine", status="answering")
        assert value["n_past"] == 100
        held.says(TAIL)
        heard = await peer.hear()
        assert (heard.text, heard.headers["x-request-id"]) == ("Hi", "mine")
        gone = await told(gateway, "mine")
        assert (gone.status, gone.error["code"]) == (404, "request_not_found")


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/messages", "/v1/completions"])
async def test_every_path_that_asks_a_model_has_open_requests(path: str) -> None:
    fields: dict[str, dict[str, Any]] = {
        "/v1/responses": {"input": "Hi"},
        "/v1/messages": {"max_tokens": 5},
        "/v1/completions": {"prompt": "Hi"},
    }
    async with held_gateway(stream="always", dialects=("chat",)) as (gateway, held):
        await begin(gateway, held, "x-request-id: mine", path=path, **fields[path])
        held.says(HEAD + batch(60))
        value = await until(gateway, "mine", n_past=60)
        assert value["fraction"] == 0.5
        (one,) = (await gateway.ask("GET", "/v1/requests")).json["data"]
        assert one["id"] == "mine"


async def test_only_the_key_that_asked_is_told() -> None:
    async with held_gateway(api_keys=KEYS) as (gateway, held):
        mine, other = "authorization: Bearer one", "x-api-key: two"
        await begin(gateway, held, mine, "x-request-id: mine")
        assert (await told(gateway, "mine", mine)).status == 200
        assert (await told(gateway, "mine", "x-api-key: one")).status == 200
        hidden = await told(gateway, "mine", other)
        assert (hidden.status, hidden.error["code"]) == (404, "request_not_found")
        assert (await told(gateway, "mine")).status == 401
        # The same id of another key is another request.
        await begin(gateway, held, other, "x-request-id: mine", stream=True)
        assert (await told(gateway, "mine", mine)).json["stream"] is False
        assert (await told(gateway, "mine", other)).json["stream"] is True
        for key in (mine, other):
            own = await gateway.ask("GET", "/v1/requests", key)
            assert [one["id"] for one in own.json["data"]] == ["mine"]


async def test_of_two_with_one_id_the_newer_is_told_and_the_list_has_both() -> None:
    async with held_gateway() as (gateway, held):
        older = await begin(gateway, held, "x-request-id: same", stream=False)
        newer = await begin(gateway, held, "x-request-id: same", stream=True)
        assert (await told(gateway, "same")).json["stream"] is True
        both = (await gateway.ask("GET", "/v1/requests")).json
        assert [one["stream"] for one in both["data"]] == [False, True]
        # The end of the older one takes nothing of the newer away.
        older.leave()
        while len((await gateway.ask("GET", "/v1/requests")).json["data"]) == 2:
            pass
        assert (await told(gateway, "same")).json["stream"] is True
        newer.leave()
        while (await told(gateway, "same")).status == 200:
            pass
        assert gateway.app.service.open_exchanges == 0


async def test_the_list_begins_with_the_oldest_and_is_bounded() -> None:
    async with held_gateway() as (gateway, held):
        empty = (await gateway.ask("GET", "/v1/requests")).json
        assert empty == {"object": "list", "data": [], "has_more": False}
        for name in ("a", "b", "c"):
            await begin(gateway, held, f"x-request-id: {name}")
        whole = (await gateway.ask("GET", "/v1/requests")).json
        assert [one["id"] for one in whole["data"]] == ["a", "b", "c"]
        assert whole["has_more"] is False
        part = listed(gateway.app.service.open_requests(), most=2)
        assert [one["id"] for one in part["data"]] == ["a", "b"]
        assert part["has_more"] is True


async def test_an_unknown_id_and_a_wrong_method() -> None:
    async with held_gateway() as (gateway, _):
        heard = await told(gateway, "no/such")
        assert (heard.status, heard.error["code"]) == (404, "request_not_found")
        assert "as long as its request" in heard.error["message"]
        heard = await gateway.ask("DELETE", "/v1/requests/mine")
        assert (heard.status, heard.headers["allow"]) == (405, "GET, HEAD")


async def test_what_is_open_is_in_the_metrics_too() -> None:
    async with held_gateway(stream="always") as (gateway, held):
        peer = await begin(gateway, held, "x-request-id: mine")
        held.says(HEAD + batch(60))
        await until(gateway, "mine", n_past=60)
        text = (await gateway.ask("GET", "/metrics")).body.decode()
        assert 'strictwire_open_requests{provider="up",status="processing"} 1.0' in text
        assert 'strictwire_prefill_tokens_remaining{provider="up"} 40.0' in text
        held.says(batch(100) + ANSWER + TAIL)
        await peer.hear()
        text = (await gateway.ask("GET", "/metrics")).body.decode()
        assert 'strictwire_open_requests{provider="up",status="processing"} 0.0' in text
        assert 'strictwire_prefill_tokens_remaining{provider="up"} 0.0' in text
        assert 'strictwire_prompt_tokens_total{kind="cached",provider="up"} 20.0' in text
        assert 'strictwire_prompt_tokens_total{kind="read",provider="up"} 80.0' in text
