"""Errors: a status before the commit, in-band after it, and never an end that looks clean."""

from __future__ import annotations

import json

import pytest
from exchange_stage import (
    DONE,
    JSON,
    Stage,
    chunk,
    clock,
    prompt_progress,
    said,
    turn,
    whole_reply,
)

from strictwire.dialects.chat import ChatReader, ChatWriter
from strictwire.model.errors import PeerError
from strictwire.net.exchange import shutting_down
from strictwire.relay import Relay
from strictwire.relay.sinks import StreamSink, Wire
from strictwire.relay.stages import make_stages
from strictwire.repairs import CHAT_RULES
from strictwire.wire.sse import SseDecoder

BROKEN = PeerError("The connection broke.", code="upstream_closed")


# ---- before the commit ----


async def test_a_refusal_keeps_its_status_and_gets_our_shape() -> None:
    stage = await Stage().begin()
    stage.upstream.head(429, [*JSON, (b"retry-after", b"7")])
    stage.upstream.says(b'{"detail":"slow down"}')
    stage.upstream.ends()
    assert stage.order[1:] == ["start 429", "write", "end", "record error"]
    assert stage.client.headers["retry-after"] == "7"
    assert stage.client.headers["x-request-id"] == "req_1"
    assert stage.client.error["message"] == "slow down"
    assert stage.client.error["type"] == "rate_limit_error"
    assert stage.over("error", code="rate_limit_exceeded").status == 429


async def test_a_connection_that_breaks_before_the_first_token_is_a_502() -> None:
    stage = await Stage().begin()
    stage.upstream.head()
    stage.upstream.says(chunk({"role": "assistant"}))
    stage.upstream.fails(BROKEN)
    assert stage.order[1:] == ["start 502", "write", "end", "record error"]
    stage.over("error", code="upstream_closed")


async def test_a_connect_that_fails_inside_send() -> None:
    stage = Stage()
    stage.upstream.early = lambda events: events.on_error(BROKEN)
    await stage.begin()
    assert stage.client.status == 502
    stage.over("error", code="upstream_closed")


async def test_a_send_that_raises_is_told_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage()

    def explode(events: object) -> None:
        raise RuntimeError("a defect")

    stage.upstream.early = explode
    await stage.begin()
    stage.upstream.calls.clear()  # send raised: there is no call
    assert stage.client.status == 500
    assert stage.client.error["code"] == "internal_error"
    assert "req_1" in caplog.text
    stage.over("error", code="internal_error")


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"", "empty"),
        (b"\n\n  \n", "empty"),
        (b"<html><title>Welcome  to nginx</title>", "Welcome to nginx"),
        (b"Internal Server Error", "Internal Server Error"),
        (b'"a string"', "a string"),
        (DONE, "empty"),
        (b"[1,2]", "not a JSON object"),
        (b'{"id":', "not a JSON object"),
    ],
)
@pytest.mark.parametrize("is_stream", [True, False])
async def test_nonsense_under_200_is_a_502(body: bytes, word: str, is_stream: bool) -> None:
    stage = await Stage(is_stream=is_stream).begin()
    stage.upstream.head()
    if body:
        stage.upstream.says(body)
    if not stage.client.is_complete:
        stage.upstream.ends()
    assert stage.client.status == 502
    assert word in stage.client.error["message"]
    stage.over("error", code=stage.client.error["code"] or stage.client.error["type"])


async def test_an_error_in_the_first_frame_is_a_status() -> None:
    stage = await Stage().begin()
    stage.upstream.head()
    stage.upstream.says(b'data: {"error":{"message":"no such model","code":404}}\n\n')
    assert stage.client.status in (404, 502)
    assert stage.client.error["message"] == "no such model"
    stage.over("error", code="404")


async def test_an_error_body_without_an_end_is_read_only_so_far() -> None:
    stage = await Stage().begin()
    stage.upstream.head(500, JSON)
    for _ in range(100):
        if stage.client.is_complete:
            break
        stage.upstream.says(b"x" * 4096)
    assert stage.client.status == 500
    assert len(stage.client.body) < 10_000
    assert stage.order[-2:] == ["upstream cancel", "record error"]
    stage.over("error", code="upstream_error")


# ---- secrets ----


async def test_a_secret_in_retry_after_is_not_passed_on() -> None:
    """The one header of a refusal that goes to the client."""
    stage = await Stage(secrets=("sk-dummy-secret",)).begin()
    stage.upstream.head(429, [*JSON, (b"retry-after", b"sk-dummy-secret")])
    stage.upstream.says(b'{"detail":"slow down"}')
    stage.upstream.ends()
    assert "retry-after" not in stage.client.headers


async def test_a_secret_that_begins_with_another_is_blotted_whole() -> None:
    stage = await Stage(secrets=("sk-dummy", "sk-dummy-longer")).begin()
    stage.upstream.head(400, JSON)
    stage.upstream.says(b'{"detail":"sk-dummy-longer"}')
    stage.upstream.ends()
    assert stage.client.error["message"] == "***"


@pytest.mark.parametrize("field", ["message", "type", "param", "code"])
@pytest.mark.parametrize("status", [200, 401])
async def test_a_key_of_ours_that_the_upstream_repeats_goes_no_further(
    field: str, status: int
) -> None:
    stage = await Stage(secrets=("sk-dummy-secret",)).begin()
    error = {"message": "wrong key", "code": "bad"} | {field: "not sk-dummy-secret, surely"}
    body = json.dumps({"error": error}).encode()
    stage.upstream.head(status)
    stage.upstream.says(b"data: " + body + b"\n\n" if status == 200 else body)
    if not stage.client.is_complete:
        stage.upstream.ends()
    assert b"sk-dummy-secret" not in stage.client.body
    (record,) = stage.witness.records
    assert "sk-dummy-secret" not in str(record)
    stage.over("error", code=record.error_code)


async def test_nor_inside_a_stream() -> None:
    stage = await Stage(secrets=("sk-dummy-secret",)).begin_streaming()
    stage.upstream.says(b'data: {"error":{"message":"key sk-dummy-secret has expired"}}\n\n')
    assert b"sk-dummy-secret" not in stage.client.body
    assert "expired" in stage.client.error["message"]
    stage.over("error", code=stage.client.error["code"] or stage.client.error["type"])


# ---- after the commit ----


async def test_after_the_first_token_an_error_goes_in_band_and_the_connection_closes() -> None:
    stage = await Stage().begin_streaming()
    mark = len(stage.order)
    stage.upstream.fails(BROKEN)
    assert stage.since(mark) == ["write", "end close", "record error"]
    assert stage.client.body.endswith(DONE)
    assert stage.client.error["code"] == "upstream_closed"
    assert b'"finish_reason":"' not in stage.client.body.replace(b" ", b"")
    assert stage.over("error", code="upstream_closed").status == 200


async def test_or_is_cut_where_the_setting_says_so() -> None:
    stage = await Stage(after_error="cut").begin_streaming()
    mark = len(stage.order)
    stage.upstream.fails(BROKEN)
    assert stage.since(mark) == ["write", "cut", "record error"]
    assert DONE not in stage.client.body
    assert stage.client.error["code"] == "upstream_closed"
    stage.over("error", code="upstream_closed")


async def test_a_stream_that_just_stops_is_truncated_never_a_success() -> None:
    stage = await Stage().begin_streaming()
    stage.upstream.ends()
    assert stage.client.error["code"] == "upstream_truncated"
    assert stage.client.ending == "end close"
    stage.over("error", code="upstream_truncated")


async def test_also_when_a_tool_call_had_begun() -> None:
    stage = await Stage().begin()
    stage.upstream.head()
    function = {"name": "f", "arguments": '{"a"'}
    call = {"index": 0, "id": "c", "type": "function", "function": function}
    stage.upstream.says(chunk({"role": "assistant", "tool_calls": [call]}))
    stage.upstream.ends()
    assert stage.client.error["code"] == "upstream_truncated"
    stage.over("error", code="upstream_truncated")


async def test_truncated_into_an_object_is_a_502() -> None:
    stage = await Stage(is_stream=False).begin()
    stage.upstream.head()
    stage.upstream.says(said("Hi", role="assistant"))
    stage.upstream.ends()
    assert stage.client.status == 502
    assert stage.client.error["code"] == "upstream_truncated"
    stage.over("error", code="upstream_truncated")


async def test_what_came_in_the_same_piece_as_the_error_is_not_lost() -> None:
    stage = await Stage().begin()
    stage.upstream.head()
    stage.upstream.says(said("Hi") + b'data: {"error":{"message":"out of memory"}}\n\n')
    assert stage.client.status == 200
    assert b'"Hi"' in stage.client.body
    assert stage.client.error["message"] == "out of memory"
    assert stage.order[-2:] == ["upstream cancel", "record error"]
    stage.over("error", code=stage.client.error["code"] or stage.client.error["type"])


async def test_nothing_follows_an_error_even_if_the_upstream_says_more() -> None:
    stage = await Stage().begin_streaming()
    stage.upstream.says(
        b'data: {"error":{"message":"x"}}\n\n' + said("more") + chunk(finish="stop") + DONE
    )
    assert b"more" not in stage.client.body
    assert stage.client.body.count(DONE) == 1
    stage.over("error", code=stage.client.error["code"] or stage.client.error["type"])


# ---- keepalive commits ----


async def test_a_keepalive_commits_and_a_later_refusal_goes_in_band() -> None:
    stage = await Stage(keepalive_s=5.0).begin()
    clock().advance(5)
    assert (stage.client.status, stage.client.body) == (200, b": keep-alive\n\n")
    stage.upstream.head(400, JSON)
    stage.upstream.says(b'{"error":{"message":"too long","code":"context_length_exceeded"}}')
    stage.upstream.ends()
    assert stage.client.error["code"] == "context_length_exceeded"
    assert stage.client.ending == "end close"
    stage.over("error", code="context_length_exceeded")


async def test_progress_commits_likewise() -> None:
    stage = await Stage(progress="event").begin()
    clock().advance(2)
    assert stage.client.status == 200
    stage.upstream.fails(BROKEN)
    assert stage.client.error["code"] == "upstream_closed"
    stage.over("error", code="upstream_closed")


async def test_a_keepalive_comes_only_after_silence_towards_the_client() -> None:
    stage = await Stage(keepalive_s=5.0).begin_streaming()
    for _ in range(4):
        clock().advance(4)
        stage.upstream.says(said("."))
    assert b"keep-alive" not in stage.client.body
    clock().advance(4.9)
    assert b"keep-alive" not in stage.client.body
    clock().advance(0.1)
    assert stage.client.body.endswith(b": keep-alive\n\n")
    clock().advance(10)
    assert stage.client.body.count(b"keep-alive") == 3
    stage.client.leave()
    stage.over("client_gone")


async def test_a_whole_reply_is_bridged_with_white_space() -> None:
    stage = await Stage(is_stream=False, keepalive_s=5.0).begin()
    clock().advance(11)
    assert stage.client.body == b"\n\n"
    assert "content-length" not in stage.client.headers
    stage.upstream.head(headers=JSON)
    stage.upstream.says(whole_reply())
    stage.upstream.ends()
    assert json.loads(stage.client.body)["choices"][0]["message"]["content"] == "Hi"
    assert stage.client.ending == "end"
    stage.over("ok")


async def test_a_bridged_reply_that_fails_is_cut_never_an_error_under_200() -> None:
    stage = await Stage(is_stream=False, keepalive_s=5.0).begin()
    clock().advance(5)
    stage.upstream.fails(BROKEN)
    assert stage.client.body == b"\n"
    assert stage.client.ending == "cut"
    stage.over("error", code="upstream_closed")


# ---- refused fields ----


async def test_a_refusal_that_names_our_field_is_asked_once_more_without_it() -> None:
    stage = await Stage(progress="event").begin()
    stage.upstream.head(400, JSON)
    stage.upstream.says(b'{"error":{"message":"Unknown field: return_progress"}}')
    stage.upstream.ends()
    await turn()
    assert [json.loads(request.body)["dropped"] for request in stage.upstream.requests] == [
        [],
        ["return_progress"],
    ]
    assert not stage.client.is_started
    assert not stage.learned  # a refusal may quote the field and mean something else
    stage.upstream.head()
    assert not stage.learned
    stage.upstream.says(said("Hi"))
    assert stage.learned == {"return_progress"}
    stage.upstream.says(chunk(finish="stop") + DONE)
    assert stage.client.body.endswith(DONE)
    assert stage.client.headers["x-strictwire-dropped"] == "return_progress"
    assert stage.over("ok").repairs >= {"request.x"}


async def test_an_error_under_200_teaches_nothing() -> None:
    stage = await Stage(progress="event").begin()
    stage.upstream.head(400, JSON)
    stage.upstream.says(b'{"error":{"message":"Unknown field: return_progress"}}')
    stage.upstream.ends()
    await turn()
    stage.upstream.head()
    stage.upstream.says(b'data: {"error":{"message":"No."}}\n\n')
    assert not stage.learned
    assert stage.client.status >= 400
    assert stage.client.headers["x-strictwire-dropped"] == "return_progress"


async def test_and_never_twice() -> None:
    stage = await Stage(progress="event").begin()
    for _ in range(2):
        stage.upstream.head(400, JSON)
        stage.upstream.says(b'{"error":{"message":"Unknown field: return_progress"}}')
        stage.upstream.ends()
        await turn()
    assert len(stage.upstream.requests) == 2
    assert not stage.learned
    assert stage.client.status == 400
    stage.over("error", code="invalid_request_error")


async def test_a_keepalive_before_the_refusal_does_not_forbid_the_second_try() -> None:
    stage = await Stage(keepalive_s=1.0).begin()
    clock().advance(1)
    stage.upstream.head(422, JSON)
    stage.upstream.says(b'{"detail":[{"loc":["body","stream_options"],"msg":"extra"}]}')
    stage.upstream.ends()
    await turn()
    stage.upstream.head()
    stage.upstream.says(said("Hi") + chunk(finish="stop") + DONE)
    assert stage.client.ending == "end"
    stage.over("ok")


async def test_the_first_byte_has_its_whole_time_in_the_second_try_too() -> None:
    stage = await Stage(first_byte_s=10.0, idle_s=3.0).begin()
    clock().advance(8)
    stage.upstream.head(400, JSON)
    stage.upstream.says(b'{"error":{"message":"stream_options"}}')
    stage.upstream.ends()
    await turn()
    clock().advance(9.9)
    assert not stage.client.is_started
    clock().advance(0.1)
    assert stage.client.error["code"] == "upstream_first_byte_timeout"
    stage.over("error", code="upstream_first_byte_timeout")


async def test_a_refusal_told_before_send_returned_is_asked_again_all_the_same() -> None:
    """The protocol allows it, and the second request must not lose its handle to the first."""
    stage = Stage()

    def refuse(events: object) -> None:
        stage.upstream.early = None
        stage.upstream.is_connecting = True
        stage.upstream.head(400, JSON)
        stage.upstream.says(b'{"error":{"message":"stream_options"}}')
        stage.upstream.ends()

    stage.upstream.early = refuse
    await stage.begin()
    assert stage.order == ["send", "connect"]
    stage.client.leave()
    await turn()
    assert stage.order[-1] == "connect cancelled"
    stage.over("client_gone")


async def test_an_answer_that_begins_before_send_returned_is_no_first_byte_to_wait_for() -> None:
    stage = Stage(first_byte_s=5.0, idle_s=30.0)

    def begin_to_answer(events: object) -> None:
        stage.upstream.head()
        stage.upstream.says(said("Hi"))

    stage.upstream.early = begin_to_answer
    await stage.begin()
    clock().advance(29)
    assert not stage.client.is_complete
    clock().advance(1)
    assert stage.client.error["code"] == "upstream_idle_timeout"
    stage.over("error", code="upstream_idle_timeout")


# ---- drain ----


async def test_a_drain_fails_what_is_left_before_the_commit() -> None:
    stage = await Stage().begin()
    stage.exchange.fail(shutting_down())
    assert stage.client.status == 503
    assert stage.client.error["code"] == "shutting_down"
    stage.over("error", code="shutting_down")


async def test_and_in_band_after_it() -> None:
    stage = await Stage(progress="event").begin()
    stage.upstream.head()
    stage.upstream.says(prompt_progress(50))
    mark = len(stage.order)
    stage.exchange.fail(shutting_down())
    assert stage.since(mark) == ["write", "end close", "upstream cancel", "record error"]
    assert stage.client.error["code"] == "shutting_down"
    stage.over("error", code="shutting_down")


async def test_failing_twice_tells_once() -> None:
    stage = await Stage().begin_streaming()
    stage.exchange.fail(shutting_down())
    stage.exchange.fail(BROKEN)
    stage.over("error", code="shutting_down")


# ---- a defect of ours ----


@pytest.mark.parametrize(
    "where",
    [
        "in a piece",
        "at the end",
        "when the connection breaks",
        "when the linger is over",
        "when time is up",
    ],
)
async def test_a_relay_that_raises_is_an_error_in_band_and_content_is_not_logged(
    where: str, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Relay):
        def feed(self, data: bytes) -> bytes:
            if b"private" in data:
                raise RuntimeError("a defect")
            return super().feed(data)

        def finish(self) -> bytes:
            raise RuntimeError("a defect")

    stage = Stage()
    promise = stage.promise
    stage.broken_relay = Broken(
        make_stages(ChatReader(), CHAT_RULES, promise),
        StreamSink(ChatWriter(promise), promise, Wire()),
        SseDecoder(),
    )
    await stage.begin_streaming()
    match where:
        case "in a piece":
            stage.upstream.says(said("very private words"))
        case "at the end":
            stage.upstream.ends()
        case "when the connection breaks":
            stage.upstream.fails(BROKEN)
        case "when the linger is over":
            stage.upstream.says(chunk(finish="stop"))
            clock().advance(1)
        case "when time is up":
            clock().advance(30)
    assert stage.client.error["code"] == "internal_error"
    assert "a defect" in caplog.text
    assert "very private words" not in caplog.text
    stage.over("error", code="internal_error")
