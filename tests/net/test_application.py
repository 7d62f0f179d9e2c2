"""The application on real sockets: routes, methods, small endpoints, headers of every reply."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
from gateway_stand import GOOD_STREAM, Gateway, Visit, gateway_for, replying, scripted, sized

from strictwire import __version__
from strictwire.config import Model, Provider, Secret, Settings, Timeouts
from strictwire.lab.server import LabServer


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with LabServer() as lab, gateway_for(lab.url) as made:
        yield made


# ---- routes and methods ----


@pytest.mark.parametrize("path", ["/nowhere", "/v1/nowhere", "/v2/chat/completions", "/v1x"])
async def test_unknown_paths(gateway: Gateway, path: str) -> None:
    heard = await gateway.ask("GET", path)
    assert heard.status == 404
    assert heard.error["code"] == "unknown_path"
    assert path not in heard.error["message"]


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/v1/chat/completions", "POST"),
        ("DELETE", "/chat/completions", "POST"),
        ("POST", "/v1/models", "GET, HEAD"),
        ("PUT", "/v1/models/healthy-text", "GET, HEAD"),
        ("POST", "/health", "GET, HEAD"),
    ],
)
async def test_unknown_methods(gateway: Gateway, method: str, path: str, allow: str) -> None:
    heard = await gateway.ask(method, path)
    assert (heard.status, heard.headers["allow"]) == (405, allow)
    assert heard.error["code"] == "method_not_allowed"
    assert await gateway.is_well()


async def test_a_method_that_is_none(gateway: Gateway) -> None:
    heard = await gateway.ask("BREW", "/")
    assert heard.status == 400  # the parser knows its methods
    assert heard.error["type"] == "invalid_request_error"
    assert await gateway.is_well()


@pytest.mark.parametrize("prefix", ["", "/v1"])
async def test_every_path_also_without_v1(gateway: Gateway, prefix: str) -> None:
    assert (await gateway.ask("GET", f"{prefix}/models")).status == 200
    assert (await gateway.ask("GET", f"{prefix}/models/")).status == 200
    assert (await gateway.ask("GET", f"{prefix}/health")).json == {"status": "ok"}
    body = b'{"model":"healthy-text","messages":[{"role":"user","content":"x"}]}'
    assert (await gateway.ask("POST", f"{prefix}/chat/completions", body=body)).status == 200


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/", "/health", "/ready"])
async def test_head_says_what_get_says_without_a_body(gateway: Gateway, path: str) -> None:
    told, head = await gateway.ask("GET", path), await gateway.ask("HEAD", path)
    assert told.status == head.status == 200
    assert head.headers["content-length"] == str(len(told.body))
    assert head.headers["content-type"] == told.headers["content-type"]


async def test_a_head_leaves_the_connection_usable(gateway: Gateway) -> None:
    peer = await gateway.peer(b"HEAD / HTTP/1.1\r\nhost: localhost\r\n\r\n")
    await peer.hear(is_bodiless=True)
    await peer.send(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n")
    assert (await peer.hear()).json == {"status": "ok"}


async def test_the_root_greets(gateway: Gateway) -> None:
    assert __version__ in (await gateway.ask("GET", "/")).body.decode()


async def test_ready_turns_to_503_while_it_drains(gateway: Gateway) -> None:
    assert (await gateway.ask("GET", "/ready")).status == 200
    await gateway.app.drain(0)
    heard = await gateway.ask("GET", "/ready")
    assert (heard.status, heard.json) == (503, {"status": "draining"})
    assert await gateway.is_well()


# ---- ids ----


async def test_a_request_id_is_kept_or_made(gateway: Gateway) -> None:
    kept = await gateway.ask("GET", "/health", "x-request-id: my-id.1:2_3")
    assert kept.headers["x-request-id"] == "my-id.1:2_3"
    first, second = await gateway.ask("GET", "/health"), await gateway.ask("GET", "/nowhere")
    assert first.headers["x-request-id"].startswith("req_")
    assert first.headers["x-request-id"] != second.headers["x-request-id"]


@pytest.mark.parametrize("bad", ["", "with space", "x" * 129, "<script>", "\xff"])
async def test_an_id_that_is_none_is_not_echoed(gateway: Gateway, bad: str) -> None:
    heard = await gateway.ask("GET", "/health", f"x-request-id: {bad}")
    assert heard.headers["x-request-id"].startswith("req_")


async def test_the_id_goes_upstream_and_stands_on_streams_and_errors() -> None:
    async with LabServer() as lab, gateway_for(lab.url) as gateway:
        for model, stream in (("healthy-text", True), ("healthy-text", False), ("nothing", True)):
            heard = await gateway.chat(model, "x-request-id: abc", stream=stream)
            assert heard.headers["x-request-id"] == "abc"
        assert lab.log[0].headers["x-request-id"] == "abc"


# ---- the progress header ----


@pytest.mark.parametrize("value", ["maybe", "2", "", "true, event"])
@pytest.mark.parametrize("name", ["X-Strictwire-Prefill-Progress", "X-SwiftLM-Prefill-Progress"])
async def test_a_bad_progress_header_is_a_400_that_names_it(
    gateway: Gateway, name: str, value: str
) -> None:
    heard = await gateway.chat("healthy-text", f"{name}: {value}", stream=True)
    assert heard.status == 400
    assert heard.error["param"].lower() == name.lower()
    assert name.lower() in heard.error["message"].lower()


@pytest.mark.parametrize("value", ["true", "1", "YES", "on", "event"])
async def test_progress_as_a_named_event(gateway: Gateway, value: str) -> None:
    heard = await gateway.chat(
        "prefill-progress", f"x-strictwire-prefill-progress: {value}", stream=True
    )
    assert heard.body.startswith(b"event: prefill_progress\ndata: {")
    assert heard.body.endswith(b"data: [DONE]\n\n")


async def test_progress_as_a_comment_under_the_alias(gateway: Gateway) -> None:
    heard = await gateway.chat(
        "prefill-progress", "x-swiftlm-prefill-progress: comment", stream=True
    )
    assert heard.body.startswith(b": prefill_progress {")


@pytest.mark.parametrize("value", ["false", "0", "no", "OFF"])
async def test_no_progress_where_it_is_declined(gateway: Gateway, value: str) -> None:
    heard = await gateway.chat(
        "prefill-progress", f"x-strictwire-prefill-progress: {value}", stream=True
    )
    assert b"prefill_progress" not in heard.body
    assert b"prompt_progress" not in heard.body


async def test_a_whole_reply_has_no_place_for_progress(gateway: Gateway) -> None:
    heard = await gateway.chat("prefill-progress", "x-strictwire-prefill-progress: true")
    assert heard.headers["content-type"] == "application/json"
    assert heard.json["object"] == "chat.completion"


async def test_a_server_that_refuses_our_field_is_asked_once_more_and_remembered() -> None:
    refusal = b'{"detail":[{"loc":["body","return_progress"],"msg":"Extra inputs"}]}'

    async def script(visit: Visit) -> None:
        while True:
            body = json.loads(await visit.request())
            if "return_progress" in body:
                await visit.send(sized(refusal, status="422 Unprocessable"))
            else:
                await visit.send(sized(GOOD_STREAM, "content-type: text/event-stream"))

    async with scripted(script) as upstream, gateway_for(upstream.url) as gateway:
        for _ in range(3):
            heard = await gateway.chat("m", "x-strictwire-prefill-progress: comment", stream=True)
            assert (heard.status, heard.text) == (200, "fine")
        asked = [json.loads(body) for visit in upstream.visits for body in visit.bodies]
        assert ["return_progress" in body for body in asked] == [True, False, False, False]


# ---- models ----


async def test_models_of_a_server_are_listed_in_shape(gateway: Gateway) -> None:
    heard = await gateway.ask("GET", "/v1/models")
    assert heard.json["object"] == "list"
    models = heard.json["data"]
    assert all({"id", "object", "created", "owned_by"} <= set(model) for model in models)
    one = await gateway.ask("GET", "/v1/models/healthy-text")
    assert one.json in models


async def test_an_unknown_model_is_a_404(gateway: Gateway) -> None:
    heard = await gateway.ask("GET", "/v1/models/no-such")
    assert heard.status == 404
    assert heard.error["code"] == "model_not_found"


async def test_a_model_name_may_hold_slashes() -> None:
    models = (Model(name="org/name", aliases=("short",)),)
    async with gateway_for("http://127.0.0.1:9/v1", provider={"models": models}) as gateway:
        for path in ("/v1/models/org/name", "/v1/models/org%2Fname", "/models/short"):
            assert (await gateway.ask("GET", path)).status == 200
        listed = (await gateway.ask("GET", "/v1/models")).json["data"]
        assert [model["id"] for model in listed] == ["org/name", "short"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"null",
        b'"text"',
        b"{}",
        b"[" * 100_000,
        b'{"data":[1,null,{"id":7},{"id":""}]}',
        b'{"data":{"a":1}}',
        b'{"data":[{"id":"\\ud800","created":NaN,"owned_by":[]}]}',
        b'{"data":[{"id":"m","created":' + b"9" * 400 + b"}]}",
        b'{"data":[{"id":"m","created":' + b"9" * 25 + b',"x":' + b"9" * 25 + b"}]}",
        b'{"data":[{"id":"m","x":-' + b"9" * 25 + b',"y":NaN}]}',
        b'{"data":[{"id":"m","created":1e999,"x":{"y":[NaN]}}]}',
        b'{"data":[{"id":"m","created":true,"x":' + b"[" * 900 + b"]" * 900 + b"}]}",
        b"\xff\xfe",
    ],
    ids=lambda body: body[:24].decode("latin-1"),
)
async def test_whatever_a_server_calls_its_list_is_a_list_or_an_error(
    body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with scripted(replying(sized(body))) as upstream, gateway_for(upstream.url) as gateway:
        heard = await gateway.ask("GET", "/v1/models")
        if heard.status == 200:
            assert heard.json["object"] == "list"
            for model in heard.json["data"]:
                assert isinstance(model["id"], str)
                assert type(model["created"]) is int
                assert isinstance(model["owned_by"], str)
        else:
            assert (heard.status, heard.error["code"]) == (502, "upstream_malformed")
        assert "Traceback" not in caplog.text
        assert await gateway.is_well()


async def test_a_provider_that_is_down_takes_no_model_from_the_others() -> None:
    down = Provider(name="down", base_url="http://127.0.0.1:9/v1", timeouts=Timeouts(connect=1.0))
    listed = Provider(name="up", base_url="http://127.0.0.1:9/v1", models=(Model(name="m"),))
    gateway = await Gateway(Settings(providers=(down, listed))).start()
    try:
        heard = await gateway.ask("GET", "/v1/models")
        assert [model["id"] for model in heard.json["data"]] == ["m"]
    finally:
        await gateway.stop()


async def test_only_where_no_provider_answered_is_it_an_error() -> None:
    async with gateway_for("http://127.0.0.1:9/v1") as gateway:
        heard = await gateway.ask("GET", "/v1/models")
        assert heard.status in (502, 503)
        assert heard.error["code"]


# ---- metrics ----


async def test_metrics_count_what_was_served(gateway: Gateway) -> None:
    await gateway.chat("role-repeated", stream=True)
    await gateway.chat("healthy-text")
    await gateway.ask("GET", "/no/such/path/of/mine")
    heard = await gateway.ask("GET", "/metrics")
    assert heard.headers["content-type"].startswith("text/plain")
    text = heard.body.decode()
    counted = [line for line in text.splitlines() if line.startswith("strictwire_requests_total{")]
    assert [line.endswith(" 2.0") for line in counted if "/chat/completions" in line] == [True]
    assert 'strictwire_repairs_total{provider="up",rule="chat.role-repeated"} 1.0' in text
    assert 'strictwire_open_streams{provider="up"} 0.0' in text
    assert "/no/such" not in text, "what a client made up is no label"


async def test_metrics_want_a_key_where_there_are_keys() -> None:
    keys = (Secret("sk-dummy-gateway"),)
    async with LabServer() as lab, gateway_for(lab.url, api_keys=keys) as gateway:
        assert (await gateway.ask("GET", "/metrics")).status == 401
        told = await gateway.ask("GET", "/metrics", "authorization: Bearer sk-dummy-gateway")
        assert told.status == 200
        for path in ("/", "/health", "/ready"):
            assert (await gateway.ask("GET", path)).status == 200
