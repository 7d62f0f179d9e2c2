"""The proxy over real sockets, before the lab: passed on to the byte, or only what is final."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from lab_dialects import expected, of_response, values_in
from lab_wire import Heard, hear, hear_head, json_request

from strictwire.lab.proxy import HEALTH_PATHS, ProxyOptions, ResponsesProxy
from strictwire.lab.scenarios import RESPONSES_SCENARIOS, Scenario
from strictwire.lab.server import LabServer
from strictwire.net.client_side.server import StrictConfig, StrictServer

KEY = "sk-dummy"
FINAL = [
    row
    for row in RESPONSES_SCENARIOS.values()
    if row.name.startswith("responses-") and row.expect.error is None
]
FAILED = [
    row
    for row in RESPONSES_SCENARIOS.values()
    if row.name.startswith("responses-") and row.expect.error is not None
]


class Stand:
    """The lab, a proxy before it, and the lines that the proxy told."""

    def __init__(self, lab: LabServer, port: int, lines: list[str]) -> None:
        self.lab = lab
        self.port = port
        self.lines = lines

    async def ask(self, model: str, path: str = "/v1/responses", **fields: object) -> Heard:
        return await self.send(json_request(path, {"model": model, "input": "hi", **fields}))

    async def send(self, request: bytes) -> Heard:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(request)
            return await hear(reader)
        finally:
            writer.close()


@contextlib.asynccontextmanager
async def proxied(*, environ: dict[str, str] | None = None, **options: Any) -> AsyncIterator[Stand]:
    lines: list[str] = []
    async with LabServer() as lab:
        told = ProxyOptions(**{"upstream": lab.url, **options})
        proxy = ResponsesProxy(told, environ or {}, lines.append)
        listener = socket.create_server(("127.0.0.1", 0))
        begun = asyncio.Event()
        server = StrictServer(
            StrictConfig(proxy, drain_timeout_s=1.0), lambda addresses: begun.set()
        )
        serving = asyncio.create_task(server.serve([listener]))
        try:
            await begun.wait()
            yield Stand(lab, listener.getsockname()[1], lines)
        finally:
            server.should_exit = True
            await serving


async def test_a_stream_passes_to_the_byte_and_is_told_of() -> None:
    async with proxied() as stand:
        heard = await stand.ask("responses-only-items-done", stream=False, path="/responses")
        row = RESPONSES_SCENARIOS["responses-only-items-done"]
        asked = replace(row.ask, model=row.name, id="lab000001")
        assert heard.body == b"".join(row.reply(asked).frames)
        assert heard.headers["content-type"].startswith("text/event-stream")
        # The upstream is asked for a stream, whatever the client asked.
        assert json.loads(stand.lab.log[0].body)["stream"] is True
        assert stand.lines == [
            "#1 POST /responses",
            "#1 response.created",
            "#1 response.in_progress",
            "#1 response.output_item.done",
            "#1 response.output_item.done, 1 more",
            "#1 response.completed",
            "#1 reasoning, 40 characters: 'The user says hello; answer \"politely\".\\n'",
            "#1 closed, response.completed",
        ]


@pytest.mark.parametrize("path", HEALTH_PATHS)
async def test_health(path: str) -> None:
    async with proxied() as stand:
        heard = await stand.send(f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
        assert (heard.status, json.loads(heard.body)) == (200, {"status": "ok"})
        assert not len(stand.lab.log)


@pytest.mark.parametrize("is_final_only", [True, False])
async def test_what_is_no_success_passes_through(is_final_only: bool) -> None:
    async with proxied(is_final_only=is_final_only) as stand:
        heard = await stand.ask("error-429")
        assert (heard.status, heard.headers["retry-after"]) == (429, "7")
        assert json.loads(heard.body)["error"]["code"] == "rate_limit_exceeded"
        heard = await stand.ask("error-html")
        assert (heard.status, heard.headers["content-type"]) == (502, "text/html")


@pytest.mark.parametrize("is_final_only", [True, False])
async def test_an_upstream_that_is_not_there_is_a_502(is_final_only: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
    options: dict[str, Any] = {"upstream": f"http://127.0.0.1:{port}/v1"}
    async with proxied(**options, is_final_only=is_final_only) as stand:
        heard = await stand.ask("healthy-text")
        assert heard.status == 502
        assert json.loads(heard.body)["error"]["code"] == "upstream_unreachable"


async def test_the_key_comes_from_its_variable_or_is_missed() -> None:
    async with proxied(bearer_env="LAB_KEY") as stand:
        heard = await stand.ask("healthy-text")
        assert heard.status == 401
        assert "LAB_KEY" in json.loads(heard.body)["error"]["message"]
        assert not len(stand.lab.log)
    async with proxied(bearer_env="LAB_KEY", environ={"LAB_KEY": KEY}) as stand:
        assert (await stand.ask("healthy-text")).status == 200
        assert stand.lab.log[0].headers["authorization"] == f"Bearer {KEY}"
        assert not any(KEY in line for line in stand.lines)


@pytest.mark.parametrize(("bearer_env", "key"), [(None, "own"), ("LAB_KEY", KEY)])
async def test_the_client_s_own_key_passes_unless_there_is_another(
    bearer_env: str | None, key: str
) -> None:
    body = b'{"model":"healthy-text","input":"hi"}'
    head = (
        b"POST /v1/responses HTTP/1.1\r\nhost: x\r\nauthorization: Bearer own\r\n"
        b"x-codex-turn: 7\r\ncontent-length: %d\r\n\r\n" % len(body)
    )
    async with proxied(bearer_env=bearer_env, environ={"LAB_KEY": KEY}) as stand:
        assert (await stand.send(head + body)).status == 200
        headers = stand.lab.log[0].headers
        assert (headers["authorization"], headers["x-codex-turn"]) == (f"Bearer {key}", "7")


async def test_the_client_s_own_key_does_not_leave_beside_the_other() -> None:
    """The lab keeps one header of a name, so this upstream keeps the bytes."""
    heads: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        writer.close()

    upstream = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{upstream.sockets[0].getsockname()[1]}"
    head = b"POST /responses HTTP/1.1\r\nhost: x\r\nauthorization: Bearer own\r\n"
    async with upstream, proxied(upstream=url, bearer_env="K", environ={"K": KEY}) as stand:
        await stand.send(head + b"content-length: 2\r\n\r\n{}")
    assert b"own" not in heads[0]
    assert heads[0].lower().count(b"authorization:") == 1


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /v1/responses HTTP/1.1\r\nhost: x\r\n\r\n", 405),
        (b"GET /v1/chat/completions HTTP/1.1\r\nhost: x\r\n\r\n", 404),
        (b"POST /v1/responses HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\n{", 400),
    ],
)
async def test_what_it_cannot_forward_is_an_error(request_bytes: bytes, status: int) -> None:
    async with proxied() as stand:
        heard = await stand.send(request_bytes)
        assert heard.status == status
        assert "message" in json.loads(heard.body)["error"]


async def test_what_breaks_off_breaks_off_here_too() -> None:
    async with proxied() as stand:
        heard = await stand.ask("healthy-text@fault=cut:3000")
        assert not heard.is_complete
        assert len(heard.body) == 3000
        assert stand.lines[-1] == "#1 broken off, without a terminal event"


async def test_a_client_that_leaves_ends_the_upstream_s_reply() -> None:
    async with proxied() as stand:
        reader, writer = await asyncio.open_connection("127.0.0.1", stand.port)
        model = "healthy-text@pace=60s"
        writer.write(json_request("/v1/responses", {"model": model, "input": "hi"}))
        await hear_head(reader)
        await reader.readuntil(b"response.created")
        writer.close()
        await stand.lab.log.wait_ended(1)
        assert stand.lab.log[0].outcome == "disconnected"


# ---- only what is final ----


@pytest.mark.parametrize("row", FINAL, ids=lambda row: row.name)
async def test_only_what_is_final_holds_each_item_once(row: Scenario) -> None:
    async with proxied(is_final_only=True) as stand:
        heard = await stand.ask(f"{row.name}@pace=1ms")
        assert heard.is_complete
        values = values_in(heard.body)
        kinds = [value["type"] for value in values]
        items = kinds[1:-1]
        assert kinds[0] == "response.created"
        assert set(items) <= {"response.output_item.done"}
        assert kinds[-1] in ("response.completed", "response.incomplete")
        assert [value["sequence_number"] for value in values] == list(range(len(values)))
        told = {"output": [value["item"] for value in values[1:-1]]}
        right = expected("responses", row.expect).said
        said = of_final(told)
        assert said == right[:4]


def of_final(told: dict[str, Any]) -> tuple[Any, ...]:
    return of_response({**told, "status": "completed", "usage": None}).said[:4]


@pytest.mark.parametrize("row", FAILED, ids=lambda row: row.name)
async def test_only_what_is_final_tells_a_failure(row: Scenario) -> None:
    async with proxied(is_final_only=True) as stand:
        heard = await stand.ask(row.name)
        values = values_in(heard.body)
        assert heard.is_complete
        assert values[0]["type"] == "response.created"
        assert values[-1]["type"] == "response.failed"
        error = values[-1]["response"]["error"]
        assert error["message"]
        assert row.expect.error is not None
        assert row.expect.error.code in (None, error["code"])


async def test_only_what_is_final_of_a_reply_that_broke_off_has_failed() -> None:
    async with proxied(is_final_only=True) as stand:
        heard = await stand.ask("healthy-text@fault=cut:3000")
        assert heard.is_complete
        assert values_in(heard.body)[-1]["type"] == "response.failed"
