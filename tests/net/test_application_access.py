"""Who may ask, what a web page may see, and where keys go: never into a log, never to strangers."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from gateway_stand import Heard, gateway_for, replying, request, scripted, sized

from strictwire.config import Secret
from strictwire.lab.server import LabServer

KEY = "sk-dummy-gateway-key"
OTHER = "sk-dummy-other-key"
UPSTREAM_KEY = "sk-dummy-upstream-key"
PAGE = "https://app.example"


@pytest.fixture
async def lab() -> AsyncIterator[LabServer]:
    async with LabServer() as made:
        yield made


# ---- keys ----


@pytest.mark.parametrize(
    "header",
    [
        f"authorization: Bearer {KEY}",
        f"authorization: bearer   {KEY}",
        f"Authorization: BEARER {OTHER}",
        f"x-api-key: {KEY}",
    ],
)
async def test_a_right_key(lab: LabServer, header: str) -> None:
    async with gateway_for(lab.url, api_keys=(Secret(KEY), Secret(OTHER))) as gateway:
        assert (await gateway.chat("healthy-text", header)).status == 200


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ((), "missing_api_key"),
        (("authorization: Bearer ",), "missing_api_key"),
        (("authorization: Bearer",), "missing_api_key"),
        (("authorization: Basic c2stZHVtbXk=",), "missing_api_key"),
        (("authorization: Bearer sk-dummy-wrong",), "invalid_api_key"),
        ((f"authorization: Bearer {KEY}x",), "invalid_api_key"),
        ((f"authorization: Bearer {KEY[:-1]}",), "invalid_api_key"),
        ((f"authorization: Bearer {KEY.upper()}",), "invalid_api_key"),
        ((f"authorization: Bearer {KEY}, Bearer {KEY}",), "invalid_api_key"),
        (("x-api-key: wr\xf6ng",), "invalid_api_key"),
        (("x-api-key:",), "invalid_api_key"),
    ],
)
async def test_a_wrong_key_or_none(
    lab: LabServer, headers: tuple[str, ...], code: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with gateway_for(lab.url, api_keys=(Secret(KEY),)) as gateway:
        for path in ("/v1/models", "/v1/models/healthy-text", "/metrics"):
            assert (await gateway.ask("GET", path, *headers)).status == 401
        heard = await gateway.chat("healthy-text", *headers)
        assert (heard.status, heard.error["code"]) == (401, code)
        assert heard.error["type"] == "authentication_error"
        assert KEY not in heard.body.decode()
        assert len(lab.log) == 0
    assert "sk-dummy" not in caplog.text


async def test_the_key_is_asked_for_before_the_body_is_read(lab: LabServer) -> None:
    async with gateway_for(lab.url, api_keys=(Secret(KEY),)) as gateway:
        peer = await gateway.peer(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n"
        )
        assert (await peer.hear()).status == 401
        assert await peer.is_closed()


# ---- keys towards the upstream ----


@pytest.mark.parametrize(
    ("gateway_keys", "upstream_keys", "expected"),
    [
        ((), (), f"Bearer {OTHER}"),
        ((), (Secret(UPSTREAM_KEY),), f"Bearer {UPSTREAM_KEY}"),
        ((Secret(OTHER),), (), None),
        ((Secret(OTHER),), (Secret(UPSTREAM_KEY),), f"Bearer {UPSTREAM_KEY}"),
    ],
)
@pytest.mark.parametrize("form", [f"authorization: Bearer {OTHER}", f"x-api-key: {OTHER}"])
async def test_whose_key_goes_upstream(
    gateway_keys: Any, upstream_keys: Any, expected: str | None, form: str
) -> None:
    listed = sized(b'{"data":[]}')
    async with (
        scripted(replying(listed)) as upstream,
        gateway_for(
            upstream.url, api_keys=gateway_keys, provider={"api_keys": upstream_keys}
        ) as gateway,
    ):
        await gateway.chat("m", form, "cookie: id=7", "openai-organization: org")
        await gateway.ask("GET", "/v1/models", form)
        heads = [head for visit in upstream.visits for head in visit.heads]
    assert len(heads) == 2
    for head in heads:
        lines = [line.split(": ", 1) for line in head.decode().split("\r\n")[1:] if line]
        told = {name.lower(): value for name, value in lines}
        assert told.get("authorization") == expected
        assert "x-api-key" not in told
        assert "cookie" not in told
        assert "openai-organization" not in told


async def test_a_key_goes_to_no_log_and_into_no_error(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for sent, keys in ((OTHER, ()), (UPSTREAM_KEY, (Secret(UPSTREAM_KEY),))):
        blame = f'{{"error":{{"message":"Incorrect key {sent}","code":"{sent}"}}}}'
        reply = sized(blame.encode(), status="401 Unauthorized")
        async with (
            scripted(replying(reply)) as upstream,
            gateway_for(upstream.url, provider={"api_keys": keys}) as gateway,
        ):
            for heard in (
                await gateway.chat("m", f"authorization: Bearer {OTHER}"),
                await gateway.ask("GET", "/v1/models", f"authorization: Bearer {OTHER}"),
            ):
                assert heard.status == 401
                assert sent not in heard.body.decode()
                assert "***" in heard.error["message"]
    assert UPSTREAM_KEY not in caplog.text
    assert OTHER not in caplog.text


async def test_content_is_never_logged(lab: LabServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "my-private-words"
    messages = [{"role": "user", "content": secret}]
    async with gateway_for(lab.url, api_keys=(Secret(KEY),)) as gateway:
        for model in ("healthy-text", "truncated", "error-in-stream-late", "reset", secret):
            for stream in (True, False):
                await gateway.chat(
                    model, f"x-api-key: {KEY}", stream=stream, messages=messages, user=secret
                )
        await gateway.ask("GET", f"/v1/models/{secret}", f"x-api-key: {KEY}")
        await gateway.ask("GET", f"/{secret}?q={secret}", f"x-api-key: {KEY}")
    assert "strictwire.replies" in caplog.text
    assert secret not in caplog.text
    assert KEY not in caplog.text


# ---- web pages ----


def preflight(origin: str, *headers: str, path: str = "/v1/chat/completions") -> bytes:
    lines = [f"origin: {origin}", "access-control-request-method: POST", *headers]
    return request("OPTIONS", path, *lines)


async def test_a_preflight_comes_before_authentication(lab: LabServer) -> None:
    async with gateway_for(lab.url, api_keys=(Secret(KEY),), cors=(PAGE,)) as gateway:
        asked = "access-control-request-headers: Authorization, X-Stainless-Lang, x-evil, "
        asked += "anthropic-version, X-Strictwire-Prefill-Progress, x-swiftlm-prefill-progress"
        peer = await gateway.peer(preflight(PAGE, asked))
        heard = await peer.hear()
        assert heard.status == 204
        assert "content-length" not in heard.headers
        assert "transfer-encoding" not in heard.headers
        allowed = heard.headers["access-control-allow-headers"].split(", ")
        assert allowed == [
            "authorization",
            "x-stainless-lang",
            "anthropic-version",
            "x-strictwire-prefill-progress",
            "x-swiftlm-prefill-progress",
        ]
        assert heard.headers["access-control-allow-origin"] == PAGE
        assert "POST" in heard.headers["access-control-allow-methods"]
        assert heard.headers["vary"].lower() == "origin"
        assert heard.headers["x-request-id"]
        await peer.send(request("GET", "/health"))  # the connection is still good
        assert (await peer.hear()).status == 200


def assert_page_may_read(heard: Heard, origin: str = PAGE) -> None:
    assert heard.headers["access-control-allow-origin"] == origin
    assert {"x-request-id", "retry-after"} <= set(
        heard.headers["access-control-expose-headers"].split(", ")
    )
    assert ("vary" in heard.headers) == (origin != "*")


async def test_every_reply_to_a_page_says_what_it_may_read(lab: LabServer) -> None:
    async with gateway_for(lab.url, api_keys=(Secret(KEY),), cors=(PAGE,)) as gateway:
        page, key = f"origin: {PAGE}", f"x-api-key: {KEY}"
        replies = [
            (await gateway.chat("healthy-text", page, key, stream=True), 200),
            (await gateway.chat("healthy-text", page, key), 200),
            (await gateway.chat("no-such", page, key), 404),
            (await gateway.chat("reset-first", page, key, stream=True), 502),
            (await gateway.chat("m", page), 401),
            (await gateway.ask("POST", "/v1/chat/completions", page, key, body=b"{"), 400),
            (await gateway.ask("GET", "/nowhere", page), 404),
            (await gateway.ask("DELETE", "/health", page), 405),
            (await gateway.ask("GET", "/metrics", page, key), 200),
        ]
        for heard, status in replies:
            assert heard.status == status
            assert_page_may_read(heard)


async def test_every_origin_where_the_star_is_set(lab: LabServer) -> None:
    async with gateway_for(lab.url, cors=("*",)) as gateway:
        for origin in (PAGE, "null", "http://other.example:8080"):
            assert_page_may_read(await gateway.ask("GET", "/health", f"origin: {origin}"), "*")


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "", f"{PAGE}.evil.example", f"{PAGE}:8443", "*", "\xff"],
)
@pytest.mark.parametrize("cors", [(), (PAGE,)])
async def test_any_other_origin_is_a_403_everywhere(
    lab: LabServer, origin: str, cors: tuple[str, ...]
) -> None:
    async with gateway_for(lab.url, cors=cors) as gateway:
        for path in ("/", "/health", "/ready", "/v1/models", "/metrics", "/nowhere"):
            heard = await gateway.ask("GET", path, f"origin: {origin}")
            assert (heard.status, heard.error["code"]) == (403, "origin_not_allowed")
            assert "access-control-allow-origin" not in heard.headers
        assert (await gateway.chat("healthy-text", f"origin: {origin}")).status == 403
        assert len(lab.log) == 0
        peer = await gateway.peer(preflight(origin))
        assert (await peer.hear()).status == 403


async def test_options_without_an_origin_is_no_preflight(lab: LabServer) -> None:
    async with gateway_for(lab.url, cors=("*",)) as gateway:
        assert (await gateway.ask("OPTIONS", "/v1/chat/completions")).status == 405


# ---- the Host ----


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8080",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "192.168.0.7",
        "0.0.0.0",
        "[::]",
        "[2001:db8::1]:80",
        "evillocalhost",
        "",
    ],
)
async def test_a_gateway_without_keys_answers_to_no_other_name(lab: LabServer, host: str) -> None:
    async with gateway_for(lab.url) as gateway:
        for path in ("/", "/health", "/v1/models"):
            peer = await gateway.peer(request("GET", path, host=host))
            heard = await peer.hear()
            assert (heard.status, heard.error["code"]) == (403, "host_not_allowed")


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:1", "127.0.0.1:8080", "127.1.2.3", "[::1]:99", "a.localhost"]
)
async def test_it_answers_to_this_machines_own(lab: LabServer, host: str) -> None:
    async with gateway_for(lab.url) as gateway:
        assert (await gateway.ask("GET", "/v1/models", host=host)).status == 200


@pytest.mark.parametrize("options", [{"api_keys": (Secret(KEY),)}, {"allow_public_without_key": 1}])
async def test_with_a_key_or_by_permission_any_name_is_fine(
    lab: LabServer, options: dict[str, Any]
) -> None:
    async with gateway_for(lab.url, **options) as gateway:
        heard = await gateway.ask("GET", "/v1/models", f"x-api-key: {KEY}", host="gw.example")
        assert heard.status == 200


async def test_a_preflight_for_a_foreign_host_is_refused_too(lab: LabServer) -> None:
    async with gateway_for(lab.url, cors=("*",)) as gateway:
        peer = await gateway.peer(
            request("OPTIONS", "/v1/models", "origin: https://evil.example", host="evil.example")
        )
        assert (await peer.hear()).status == 403


async def test_two_hosts_are_no_way_around(lab: LabServer) -> None:
    async with gateway_for(lab.url) as gateway:
        heard = await gateway.ask("GET", "/v1/models", "host: evil.example")
        assert heard.status in (400, 403)
