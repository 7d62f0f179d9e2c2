"""``POST /v1/embeddings`` on real sockets: routing, errors, headers, and openai-python itself."""

from __future__ import annotations

import base64
import json
import struct
from typing import Any

import openai
import pytest
from gateway_stand import Gateway, Heard, Visit, gateway_for, replying, scripted, sized

from strictwire.config import Model

VECTOR = [0.5, -0.25]


def reply(vector: Any, **more: Any) -> dict[str, Any]:
    told = {"object": "list", "model": "m", "usage": {"prompt_tokens": 3, "total_tokens": 3}}
    return told | {"data": [{"object": "embedding", "index": 0, "embedding": vector}]} | more


def sent(value: Any, **options: Any) -> bytes:
    return sized(json.dumps(value).encode(), "content-type: application/json", **options)


async def ask(gateway: Gateway, *headers: str, **fields: Any) -> Heard:
    body = json.dumps({"model": "m", "input": "x", **fields}).encode()
    return await gateway.ask("POST", "/v1/embeddings", *headers, body=body)


async def test_a_right_reply_passes_byte_for_byte() -> None:
    value = reply(VECTOR)
    async with scripted(replying(sent(value))) as upstream, gateway_for(upstream.url) as gateway:
        heard = await ask(gateway)
        assert (heard.status, heard.body) == (200, json.dumps(value).encode())
        assert heard.headers["content-type"] == "application/json"
        assert "x-strictwire-usage" not in heard.headers
        (visit,) = upstream.visits
        assert visit.heads[0].startswith(b"POST /v1/embeddings HTTP/1.1\r\n")
        assert json.loads(visit.bodies[0]) == {"model": "m", "input": "x"}


async def test_a_mended_reply_says_what_is_unknown_and_is_counted() -> None:
    async with (
        scripted(replying(sent([VECTOR]))) as upstream,
        gateway_for(upstream.url) as gateway,
    ):
        heard = await ask(gateway)
        assert heard.json["data"][0]["embedding"] == VECTOR
        assert heard.headers["x-strictwire-usage"] == "unknown"
        page = (await gateway.ask("GET", "/metrics")).body.decode()
        assert 'strictwire_repairs_total{provider="up",rule="embeddings.shape"} 1.0' in page


async def test_an_alias_goes_out_and_comes_back() -> None:
    models = (Model(name="real-name", aliases=("short",)),)
    async with (
        scripted(replying(sent(reply(VECTOR, model="real-name")))) as upstream,
        gateway_for(upstream.url, provider={"models": models}) as gateway,
    ):
        heard = await ask(gateway, model="short")
        assert heard.json["model"] == "short"
        assert json.loads(upstream.visits[0].bodies[0])["model"] == "real-name"
        assert (await ask(gateway, model="other")).error["code"] == "model_not_found"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (sent({"error": "no"}), 502, "upstream_error"),
        (sent(reply(VECTOR) | {"data": []}), 502, "upstream_malformed"),
        (sized(b""), 502, "upstream_malformed"),
        (sized(b"<html><title>Hi</title>"), 502, "upstream_malformed"),
        (sized(b"data: {}\n\n"), 502, "upstream_malformed"),
        (sent({"detail": "slow down"}, status="429 No"), 429, "rate_limit_exceeded"),
    ],
)
async def test_what_is_no_reply_is_an_error_in_shape(body: bytes, status: int, code: str) -> None:
    async with scripted(replying(body)) as upstream, gateway_for(upstream.url) as gateway:
        heard = await ask(gateway)
        assert heard.status == status
        assert heard.error["code"] in (code, None)


async def test_a_refused_field_is_left_out() -> None:
    async def script(visit: Visit) -> None:
        while True:
            asked = json.loads(await visit.request())
            if "user" in asked:
                told = {"detail": [{"type": "extra_forbidden", "loc": ["body", "user"], "msg": ""}]}
                await visit.send(sent(told, status="422 No"))
            else:
                await visit.send(sent(reply(VECTOR)))

    async with scripted(script) as upstream, gateway_for(upstream.url) as gateway:
        heard = await ask(gateway, user="me")
        assert (heard.status, heard.headers["x-strictwire-dropped"]) == (200, "user")


async def test_a_stream_setting_means_nothing_here() -> None:
    own = {"stream": "always"}
    async with (
        scripted(replying(sent(reply(VECTOR)))) as upstream,
        gateway_for(upstream.url, provider=own) as gateway,
    ):
        assert (await ask(gateway)).status == 200
        assert "stream" not in json.loads(upstream.visits[0].bodies[0])


async def test_a_bad_request_names_its_field() -> None:
    async with gateway_for("http://127.0.0.1:9/v1") as gateway:
        heard = await ask(gateway, input=5)
        assert (heard.status, heard.error["param"]) == (400, "input")


@pytest.mark.parametrize("knows_base64", [True, False])
@pytest.mark.parametrize("asked", [None, "float", "base64"])
async def test_openai_python_gets_its_vector(knows_base64: bool, asked: str | None) -> None:
    """It asks for base64 unless told otherwise, and decodes that itself."""
    packed = base64.b64encode(struct.pack("<2f", *VECTOR)).decode()

    async def script(visit: Visit) -> None:
        while True:
            told = json.loads(await visit.request())
            is_packed = told.get("encoding_format") == "base64"
            await visit.send(sent(reply(packed if is_packed and knows_base64 else VECTOR)))

    async with scripted(script) as upstream, gateway_for(upstream.url) as gateway:
        url = f"http://127.0.0.1:{gateway.port}/v1"
        more: dict[str, Any] = {} if asked is None else {"encoding_format": asked}
        async with openai.AsyncOpenAI(base_url=url, api_key="sk-dummy", max_retries=0) as client:
            told = await client.embeddings.create(model="m", input="x", **more)
        expected: Any = packed if asked == "base64" else VECTOR
        assert told.data[0].embedding == expected
        assert told.usage.prompt_tokens == 3
