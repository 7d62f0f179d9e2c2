"""``POST /v1/completions`` over real sockets: asked, answered both ways, refused in shape."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from gateway_stand import Gateway, Heard, Visit, gateway_for, replying, scripted, sized

from relay.completions_judge import judge_object, judge_stream
from strictwire.lab.server import LabServer

PATH = "/v1/completions"
STREAM = (
    b'data: {"id":"cmpl-1","object":"text_completion","created":1,"model":"m","choices":'
    b'[{"text":"fine","index":0,"logprobs":null,"finish_reason":null}]}\n\n'
    b'data: {"id":"cmpl-1","object":"text_completion","created":1,"model":"m","choices":'
    b'[{"text":"","index":0,"logprobs":null,"finish_reason":"stop"}]}\n\n'
    b"data: [DONE]\n\n"
)
OBJECT = (
    b'{"id":"cmpl-1","object":"text_completion","created":1,"model":"m","choices":'
    b'[{"text":"fine","index":0,"logprobs":null,"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}'
)
EVENT_STREAM = "content-type: text/event-stream"


@pytest_asyncio.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with LabServer() as lab, gateway_for(lab.url) as made:
        yield made


async def complete(gateway: Gateway, model: str, *headers: str, **fields: Any) -> Heard:
    body = json.dumps({"model": model, "prompt": "Say hello.", **fields}).encode()
    return await gateway.ask("POST", PATH, *headers, body=body)


async def test_a_stream_and_an_object(gateway: Gateway) -> None:
    heard = await complete(gateway, "healthy-text", stream=True)
    assert heard.headers["content-type"] == "text/event-stream; charset=utf-8"
    streamed = judge_stream(heard.body)
    heard = await complete(gateway, "healthy-text")
    assert heard.headers["content-type"] == "application/json"
    collected = judge_object(heard.body)
    assert streamed.faults == collected.faults == []
    assert streamed.choices == collected.choices


async def test_usage_only_where_it_was_asked_for(gateway: Gateway) -> None:
    options = {"include_usage": True}
    heard = await complete(gateway, "healthy-text", stream=True, stream_options=options)
    assert judge_stream(heard.body, includes_usage=True).faults == []


async def test_it_is_also_there_without_v1(gateway: Gateway) -> None:
    body = b'{"model":"healthy-text","prompt":"hi"}'
    assert (await gateway.ask("POST", "/completions", body=body)).status == 200
    heard = await gateway.ask("GET", PATH)
    assert (heard.status, heard.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    ("fields", "param"),
    [({"prompt": 5}, "prompt"), ({"n": 0}, "n"), ({"logprobs": True}, "logprobs")],
)
async def test_a_bad_field_is_a_400_that_names_it(
    gateway: Gateway, fields: dict[str, Any], param: str
) -> None:
    heard = await complete(gateway, "healthy-text", **fields)
    assert (heard.status, heard.error["param"]) == (400, param)


async def test_an_unknown_model_is_the_upstreams_to_refuse(gateway: Gateway) -> None:
    heard = await complete(gateway, "no-such-scenario", stream=True)
    assert heard.status == 404
    assert heard.error["message"]


# ---- what the upstream is asked ----


@pytest.mark.parametrize("wants_stream", [True, False], ids=["stream", "object"])
@pytest.mark.parametrize("mode", ["auto", "always", "never"])
async def test_the_upstream_is_asked_as_the_setting_says(mode: str, wants_stream: bool) -> None:
    asks_stream = {"auto": wants_stream, "always": True, "never": False}[mode]
    reply = sized(STREAM, EVENT_STREAM) if asks_stream else sized(OBJECT)
    async with (
        scripted(replying(reply)) as upstream,
        gateway_for(upstream.url, stream=mode) as gateway,
    ):
        heard = await complete(gateway, "m", stream=wants_stream, top_k=4)
        (visit,) = upstream.visits
    assert visit.heads[0].startswith(b"POST /v1/completions HTTP/1.1\r\n")
    body = json.loads(visit.bodies[0])
    assert (body["prompt"], body["top_k"], body["stream"]) == ("Say hello.", 4, asks_stream)
    # Usage is asked for where the object needs it and the client could not ask.
    assert ("stream_options" in body) == (asks_stream and not wants_stream)
    told = (judge_stream if wants_stream else judge_object)(heard.body)
    assert (told.faults, told.choices[0].text) == ([], "fine")


async def test_a_refused_field_of_ours_is_left_out_and_remembered() -> None:
    refusal = sized(b'{"error":{"message":"unknown field: stream_options"}}', status="400 Bad")

    async def script(visit: Visit) -> None:
        while True:
            asked = await visit.request()
            is_refused = b"stream_options" in asked
            await visit.send(refusal if is_refused else sized(STREAM, EVENT_STREAM))

    async with (
        scripted(script) as upstream,
        gateway_for(upstream.url, stream="always") as gateway,
    ):
        for _ in range(2):
            heard = await complete(gateway, "m")
            assert judge_object(heard.body).faults == []
        bodies = [body for visit in upstream.visits for body in visit.bodies]
    assert [b"stream_options" in body for body in bodies] == [True, False, False]


# ---- progress ----


async def test_progress_as_an_event_and_as_a_comment(gateway: Gateway) -> None:
    model = "prefill-progress@pace=1ms"
    header = "x-strictwire-prefill-progress"
    heard = await complete(gateway, model, f"{header}: true", stream=True)
    assert heard.body.startswith(b"event: prefill_progress\ndata: {")
    heard = await complete(gateway, model, f"{header}: comment", stream=True)
    blocks = heard.body.split(b"\n\n")
    assert blocks[0].startswith(b": prefill_progress {")
    reply = b"\n\n".join(block for block in blocks if not block.startswith(b":"))
    assert judge_stream(reply).faults == []
    heard = await complete(gateway, model, stream=True)
    assert judge_stream(heard.body).faults == []


@pytest.mark.parametrize("name", ["X-Strictwire-Prefill-Progress", "X-SwiftLM-Prefill-Progress"])
async def test_no_chunk_of_a_completion_carries_progress(gateway: Gateway, name: str) -> None:
    for stream in (True, False):
        heard = await complete(gateway, "healthy-text", f"{name.lower()}: chunk", stream=stream)
        assert (heard.status, heard.error["param"]) == (400, name)
        assert name in heard.error["message"]


# ---- failures ----


async def test_an_error_before_the_first_text_is_a_status(gateway: Gateway) -> None:
    for stream in (True, False):
        heard = await complete(gateway, "error-string", stream=stream)
        assert heard.status >= 400
        assert heard.error["message"]


async def test_an_error_after_text_is_told_in_band(gateway: Gateway) -> None:
    heard = await complete(gateway, "error-in-stream-late", stream=True)
    assert heard.status == 200
    told = judge_stream(heard.body)
    assert told.faults == []
    assert told.error is not None


async def test_what_was_served_is_counted_under_its_path(gateway: Gateway) -> None:
    await complete(gateway, "healthy-text")
    metrics = (await gateway.ask("GET", "/metrics")).body.decode()
    assert 'route="/completions"' in metrics
