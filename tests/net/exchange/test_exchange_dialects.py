"""Exchanges whose client speaks Responses or Messages: how they wait, how they end."""

from __future__ import annotations

import json
from typing import Any

import pytest
from exchange_stage import JSON, SSE, Stage, chunk, clock, prompt_progress, said, told_usage, turn

from strictwire.model.errors import PeerError
from strictwire.model.request import Dialect

CROSSED: tuple[Dialect, ...] = ("responses", "messages")
BROKEN = PeerError("The connection broke.", code="upstream_closed")
COMMENT = b": keep-alive\n\n"
PING = b'event: ping\ndata: {"type":"ping"}\n\n'


def stage_of(dialect: Dialect, **options: Any) -> Stage:
    """A client of ``dialect`` before an upstream that speaks chat."""
    return Stage(dialect=dialect, upstream="chat", **options)


def types(stage: Stage) -> list[str]:
    return [value["type"] for value in stage.client.objects]


async def to_the_end(stage: Stage) -> Stage:
    stage.upstream.says(chunk(finish="stop"))
    stage.upstream.says(told_usage())
    stage.upstream.says(b"data: [DONE]\n\n")
    return stage


async def test_a_responses_stream_ends_with_its_terminal_and_done() -> None:
    stage = await to_the_end(await stage_of("responses").begin_streaming())
    assert types(stage)[:2] == ["response.created", "response.in_progress"]
    assert types(stage)[-1] == "response.completed"
    assert stage.client.body.endswith(b"data: [DONE]\n\n")
    assert stage.client.ending == "end"
    (result,) = stage.results
    assert result == stage.client.objects[-1]["response"]
    stage.over("ok")


async def test_without_done_where_the_setting_says_so() -> None:
    stage = await to_the_end(await stage_of("responses", responses_done=False).begin_streaming())
    assert b"[DONE]" not in stage.client.body
    assert types(stage)[-1] == "response.completed"
    stage.over("ok")


async def test_a_messages_stream_ends_with_its_terminal_alone() -> None:
    stage = await to_the_end(await stage_of("messages").begin_streaming())
    assert (types(stage)[0], types(stage)[-1]) == ("message_start", "message_stop")
    assert b"[DONE]" not in stage.client.body
    assert stage.results == []
    stage.over("ok")


@pytest.mark.parametrize("after_error", ["done", "cut"])
async def test_a_failed_response_ends_as_its_dialect_does(after_error: str) -> None:
    """The setting is chat's: here an error is a terminal of its own, and no cut is needed."""
    stage = await stage_of("responses", after_error=after_error).begin_streaming()
    stage.upstream.fails(BROKEN)
    failed = stage.client.objects[-1]
    assert failed["type"] == "response.failed"
    assert failed["response"]["error"] == {
        "code": "server_error",
        "message": "The connection broke.",
    }
    assert stage.client.body.endswith(b"data: [DONE]\n\n")
    assert stage.client.ending == "end close"
    assert [result["status"] for result in stage.results] == ["failed"]
    stage.over("error", code="upstream_closed")


@pytest.mark.parametrize("after_error", ["done", "cut"])
async def test_a_failed_message_ends_with_its_error(after_error: str) -> None:
    stage = await stage_of("messages", after_error=after_error).begin_streaming()
    stage.upstream.fails(BROKEN)
    assert stage.client.objects[-1] == {
        "type": "error",
        "error": {"type": "api_error", "message": "The connection broke."},
    }
    last = stage.client.body.rstrip(b"\n").rpartition(b"\n\n")[2]
    assert last.startswith(b"event: error\n")
    assert stage.client.ending == "end close"
    stage.over("error", code="upstream_closed")


@pytest.mark.parametrize("dialect", CROSSED)
async def test_a_failure_after_a_keepalive_is_told_in_band(dialect: Dialect) -> None:
    stage = await stage_of(dialect, keepalive_s=5.0).begin()
    clock().advance(6)
    assert stage.client.body == COMMENT
    stage.upstream.head(429, [*JSON, (b"retry-after", b"7")])
    stage.upstream.says(b'{"error":{"message":"Slow down.","type":"requests"}}')
    stage.upstream.ends()
    last = stage.client.objects[-1]
    if dialect == "responses":
        assert last["response"]["error"] == {
            "code": "rate_limit_exceeded",
            "message": "Slow down. Please try again in 7s.",
        }
        assert types(stage) == ["response.created", "response.in_progress", "response.failed"]
        assert [value["sequence_number"] for value in stage.client.objects] == [0, 1, 2]
    else:
        assert last["error"] == {"type": "rate_limit_error", "message": "Slow down."}
    stage.over("error", code="rate_limit_exceeded")


@pytest.mark.parametrize("dialect", CROSSED)
async def test_an_overlong_prompt_in_a_stream_that_had_begun(dialect: Dialect) -> None:
    stage = await stage_of(dialect).begin_streaming()
    words = "This model's maximum context length is 9 tokens."
    stage.upstream.says(b"data: " + json.dumps({"error": {"message": words}}).encode() + b"\n\n")
    last = stage.client.objects[-1]
    if dialect == "responses":
        assert last["response"]["error"]["code"] == "context_length_exceeded"
    else:
        assert last["error"]["type"] == "invalid_request_error"
        assert last["error"]["message"] == f"prompt is too long: {words}"
    stage.over("error", code="context_length_exceeded")


@pytest.mark.parametrize(
    ("dialect", "keepalive"), [("responses", COMMENT), ("messages", PING), ("chat", COMMENT)]
)
async def test_each_dialect_is_kept_alive_in_its_way(dialect: Dialect, keepalive: bytes) -> None:
    stage = await Stage(dialect=dialect, upstream="chat", keepalive_s=5.0).begin()
    clock().advance(6)
    assert stage.client.body == COMMENT, "before it began there is no event to send"
    stage.upstream.head()
    stage.upstream.says(said("Hi", role="assistant"))
    begun = len(stage.client.body)
    clock().advance(6)
    assert stage.client.body[begun:] == keepalive
    stage.client.leave()
    stage.over("client_gone")


async def test_white_space_keeps_an_object_alive_and_its_kind_is_still_looked_at() -> None:
    """The relay that says so is not the one of the reply: what comes may be a stream."""
    stage = await Stage(is_stream=False, keepalive_s=5.0).begin()
    clock().advance(6)
    assert stage.client.body == b"\n"
    stage.upstream.head()
    stage.upstream.says(said("Hi", role="assistant"))
    await to_the_end(stage)
    value = json.loads(stage.client.body)
    assert value["choices"][0]["message"]["content"] == "Hi"
    stage.over("ok")


@pytest.mark.parametrize("carrier", ["event", "comment"])
@pytest.mark.parametrize("dialect", CROSSED)
async def test_progress_comes_before_the_first_event(dialect: Dialect, carrier: str) -> None:
    stage = await stage_of(dialect, progress=carrier).begin()
    clock().advance(2.5)
    stage.upstream.head()
    stage.upstream.says(prompt_progress(50))
    told = stage.client.body
    mark = b"event: prefill_progress\ndata: " if carrier == "event" else b": prefill_progress "
    reports = [json.loads(one.splitlines()[0]) for one in told.split(mark)[1:]]
    assert [report["status"] for report in reports] == ["queued", "processing"]
    assert reports[-1]["n_past"] == 50
    stage.upstream.says(said("Hi"))
    after = stage.client.body[len(told) :]
    assert b"Hi" in after
    assert after.startswith((b"event: response.created\n", b"event: message_start\n", mark))
    await to_the_end(stage)
    stage.over("ok")


async def test_what_the_upstream_tells_of_limits_goes_with_the_head() -> None:
    limits = (b"x-ratelimit-remaining-requests", b"4")
    for upstream in ("chat", "responses"):
        stage = await Stage(dialect="chat", upstream=upstream).begin()
        stage.upstream.head(headers=[*SSE, limits, (b"server", b"secret")])
        stage.upstream.fails(BROKEN)
        assert "x-ratelimit-remaining-requests" not in stage.client.headers
        stage.over("error", code="upstream_closed")
    stage = await Stage().begin()
    stage.upstream.head(headers=[*SSE, limits, (b"server", b"secret")])
    stage.upstream.says(said("Hi", role="assistant"))
    assert stage.client.headers["x-ratelimit-remaining-requests"] == "4"
    assert "server" not in stage.client.headers
    await to_the_end(stage)
    stage.over("ok")


async def test_limits_of_a_refusal_that_was_mended_are_not_told() -> None:
    stage = await Stage().begin()
    stage.upstream.head(400, [*JSON, (b"x-ratelimit-remaining-requests", b"4")])
    stage.upstream.says(b'{"error":{"message":"unknown field: stream_options"}}')
    stage.upstream.ends()
    await turn()
    stage.upstream.head(headers=[*SSE, (b"x-ratelimit-remaining-requests", b"3")])
    stage.upstream.says(said("Hi", role="assistant"))
    assert stage.client.headers["x-ratelimit-remaining-requests"] == "3"
    await to_the_end(stage)
    stage.over("ok")
