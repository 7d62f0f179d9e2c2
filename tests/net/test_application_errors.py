"""Errors in the shape of the path on which they happen, whatever went wrong."""

from __future__ import annotations

import json

import pytest
from dialect_stand import BODIES, PATHS, speaker
from gateway_stand import Heard, gateway_for

from strictwire.config import Endpoints, Secret
from strictwire.model.request import Dialect
from strictwire.net.routes import ROUTES

ANTHROPIC = ("anthropic-version: 2023-06-01",)
NOWHERE = "http://127.0.0.1:9/v1"
# (path, headers beside the key, whether its errors are Anthropic's)
PLACES = [
    ("/v1/chat/completions", (), False),
    ("/v1/responses", (), False),
    ("/v1/responses", ANTHROPIC, False),
    ("/v1/messages", (), True),
    ("/v1/messages?beta=true", ANTHROPIC, True),
    ("/messages", (), True),
    ("/v1/messages/count_tokens", (), True),
]


def told(heard: Heard, *, is_anthropic: bool) -> str:
    """The error's type; its whole shape is checked here."""
    if not is_anthropic:
        kind: str = heard.error["type"]
        return kind
    value = heard.json
    assert set(value) == {"type", "error", "request_id"}
    assert value["type"] == "error"
    assert set(value["error"]) == {"type", "message"}
    assert value["error"]["message"]
    assert value["request_id"] == heard.headers["x-request-id"] == heard.headers["request-id"]
    assert heard.headers["content-type"] == "application/json"
    return str(value["error"]["type"])


@pytest.mark.parametrize(("path", "headers", "is_anthropic"), PLACES)
async def test_without_a_key(path: str, headers: tuple[str, ...], is_anthropic: bool) -> None:
    async with gateway_for(NOWHERE, api_keys=(Secret("sk-dummy"),)) as gateway:
        heard = await gateway.ask("POST", path, *headers, body=b"{}")
        assert heard.status == 401
        assert told(heard, is_anthropic=is_anthropic) == "authentication_error"


@pytest.mark.parametrize(("path", "headers", "is_anthropic"), PLACES)
async def test_wrong_requests(path: str, headers: tuple[str, ...], is_anthropic: bool) -> None:
    async with gateway_for(NOWHERE, max_body_bytes=1024) as gateway:
        for body in (b"", b"[]", b'{"model":', b"{}", b'{"model":"m","stream":"yes"}'):
            heard = await gateway.ask("POST", path, *headers, body=body)
            assert heard.status == 400, body
            assert told(heard, is_anthropic=is_anthropic) == "invalid_request_error"
        heard = await gateway.ask("POST", path, *headers, body=b"x" * 2048)
        kind = told(heard, is_anthropic=is_anthropic)
        assert (heard.status, kind) == (413, "request_too_large" if is_anthropic else kind)
        heard = await gateway.ask("PUT", path, *headers, body=b"{}")
        assert (heard.status, heard.headers["allow"].split(", ")[-1]) == (405, "POST")
        assert told(heard, is_anthropic=is_anthropic)
        heard = await gateway.ask("POST", path, "origin: https://evil.example", *headers, body=b"")
        assert heard.status == 403
        assert told(heard, is_anthropic=is_anthropic) == "permission_error"


@pytest.mark.parametrize(
    ("path", "headers", "is_anthropic"),
    [
        ("/v1/messages/batches", (), True),
        ("/v1/messages/count_tokens/more", (), True),
        ("/v1/responses/a/b/c/d", (), False),
        ("/v1/nothing", (), False),
        ("/v1/nothing", ANTHROPIC, False),
    ],
)
async def test_no_such_path(path: str, headers: tuple[str, ...], is_anthropic: bool) -> None:
    async with gateway_for(NOWHERE) as gateway:
        heard = await gateway.ask("POST", path, *headers, body=b"{}")
        assert heard.status == 404
        told(heard, is_anthropic=is_anthropic)
        message = heard.json["error"]["message"]
        if "Served under" in message:
            for name in ("chat/completions", "responses", "messages", "embeddings", "models"):
                assert name in message


async def test_the_paths_that_a_404_names_are_those_that_there_are() -> None:
    async with gateway_for(NOWHERE) as gateway:
        heard = await gateway.ask("GET", "/v1/nothing")
        _, _, listed = heard.error["message"].partition("Served under /v1 are ")
        names = listed.rstrip(".").replace(" and ", ", ").split(", ")
        tops = {row.template.strip("/").partition("/")[0] for row in ROUTES if row.access == "key"}
        assert {name.partition("/")[0] for name in names} == tops
        assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("endpoint", "path", "is_anthropic"),
    [
        ("responses", "/v1/responses", False),
        ("messages", "/v1/messages", True),
        ("messages", "/v1/messages/count_tokens", True),
    ],
)
async def test_a_path_that_is_turned_off(endpoint: str, path: str, is_anthropic: bool) -> None:
    async with gateway_for(NOWHERE, endpoints=Endpoints(**{endpoint: False})) as gateway:
        heard = await gateway.ask("POST", path, body=b"{}")
        assert heard.status == 404
        told(heard, is_anthropic=is_anthropic)
        assert f"endpoints.{endpoint}" in heard.json["error"]["message"]


@pytest.mark.parametrize(("path", "headers", "is_anthropic"), PLACES)
async def test_an_upstream_that_is_not_there(
    path: str, headers: tuple[str, ...], is_anthropic: bool
) -> None:
    dialect = next(one for one, of in PATHS.items() if of.removeprefix("/v1") in path)
    async with gateway_for(NOWHERE) as gateway:
        body = json.dumps(BODIES[dialect]).encode()
        heard = await gateway.ask("POST", path, *headers, body=body)
        assert heard.status == 502
        kind = told(heard, is_anthropic=is_anthropic)
        assert kind == "api_error" if is_anthropic else kind == "upstream_error"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (403, "permission_error"),
        (413, "request_too_large"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (529, "overloaded_error"),
    ],
)
async def test_an_upstreams_refusal_keeps_its_status_and_gets_the_clients_shape(
    status: int, kind: str
) -> None:
    in_openais = {"error": {"message": "Told by OpenAI.", "type": None, "code": None}}
    in_anthropics = {"type": "error", "error": {"type": kind, "message": "Told by Anthropic."}}
    spoken: tuple[Dialect, ...] = ("chat", "messages")
    for upstream, words in zip(spoken, (in_openais, in_anthropics), strict=True):
        async with speaker(
            upstream, dialects=(upstream,), refuse=lambda asked, words=words: (status, words)
        ) as stand:
            for client in ("chat", "responses", "messages"):
                heard = await stand.ask(client)  # type: ignore[arg-type]
                assert heard.status == status
                is_anthropic = client == "messages"
                shown = told(heard, is_anthropic=is_anthropic)
                assert shown == kind if is_anthropic else shown
                assert "Told by" in heard.json["error"]["message"]


@pytest.mark.parametrize("method", ["HEAD", "GET"])
async def test_claude_code_knocks_first(method: str) -> None:
    async with gateway_for(NOWHERE) as gateway:
        heard = await gateway.ask(method, "/")
        assert heard.status == 200
        assert bool(heard.body) == (method == "GET")


@pytest.mark.parametrize("client", ["responses", "messages"])
@pytest.mark.parametrize("header", ["X-Strictwire-Prefill-Progress", "X-SwiftLM-Prefill-Progress"])
async def test_progress_inside_a_chunk_is_chats_alone(client: Dialect, header: str) -> None:
    async with speaker(client) as stand:
        heard = await stand.ask(client, f"{header.lower()}: chunk", stream=True)
        assert heard.status == 400
        message = heard.json["error"]["message"]
        assert header in message
        assert "true, event, comment" in message
        assert stand.asked() == []
