"""Time: every phase has its limit, each is named where it runs out, and none outlives its request.

The clock stands still but for ``advance``.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from exchange_stage import (
    DONE,
    JSON,
    Stage,
    chunk,
    clock,
    prompt_progress,
    said,
    told_usage,
    whole_reply,
)

from strictwire.model.errors import PeerError

BROKEN = PeerError("The connection broke.", code="upstream_closed")


def fractions(stage: Stage) -> list[Any]:
    return [told["fraction"] for told in progress(stage)]


def progress(stage: Stage) -> list[Any]:
    return [value for value in stage.client.objects if "status" in value]


# ---- phases ----


async def test_first_byte() -> None:
    stage = await Stage(first_byte_s=60.0, idle_s=5.0).begin()
    clock().advance(59.9)
    assert not stage.client.is_started
    clock().advance(0.1)
    assert stage.client.status == 504
    assert "timeouts.first_byte" in stage.client.error["message"]
    assert stage.order[-2:] == ["upstream cancel", "record error"]
    stage.over("error", code="upstream_first_byte_timeout")


async def test_connecting_is_not_the_first_byte() -> None:
    stage = Stage(first_byte_s=10.0)
    stage.upstream.is_connecting = True
    await stage.begin()
    clock().advance(50)
    assert not stage.client.is_started  # the pool keeps the time of connects
    stage.client.leave()
    assert clock().pending == []


async def test_idle_before_the_first_token() -> None:
    stage = await Stage(first_byte_s=5.0, idle_s=30.0).begin()
    stage.upstream.head()
    clock().advance(29)
    stage.upstream.says(b": still alive\n\n")
    clock().advance(29)
    assert not stage.client.is_started
    clock().advance(1)
    assert stage.client.status == 504
    assert "timeouts.idle" in stage.client.error["message"]
    stage.over("error", code="upstream_idle_timeout")


async def test_idle_in_the_middle_goes_in_band() -> None:
    stage = await Stage(idle_s=30.0, keepalive_s=10.0).begin_streaming()
    clock().advance(30)
    assert "timeouts.idle" in stage.client.error["message"]
    assert stage.client.body.count(b"keep-alive") in (2, 3)
    assert stage.client.ending == "end close"
    stage.over("error", code="upstream_idle_timeout")


async def test_total() -> None:
    stage = await Stage(total_s=60.0, idle_s=30.0).begin_streaming()
    for _ in range(5):
        clock().advance(10)
        stage.upstream.says(said("."))
    clock().advance(10)
    assert "timeouts.total" in stage.client.error["message"]
    stage.over("error", code="upstream_total_timeout")


async def test_total_counts_the_connect() -> None:
    stage = Stage(total_s=60.0)
    stage.upstream.is_connecting = True
    await stage.begin()
    clock().advance(60)
    assert stage.client.error["code"] == "upstream_total_timeout"
    stage.over("error", code="upstream_total_timeout")


async def test_a_reply_whose_choices_have_all_finished_does_not_fail_for_time() -> None:
    """A server that says "stop" on every chunk is not trusted to be through, so it may take its
    idle time; but then the reply has its terminal, and silence after it is success."""
    stage = await Stage(idle_s=30.0).begin()
    stage.upstream.head()
    stage.upstream.says(chunk({"role": "assistant", "content": "a"}, finish="stop"))
    stage.upstream.says(chunk({"content": "b"}, finish="stop"))
    clock().advance(30)
    assert stage.client.body.endswith(DONE)
    assert "error" not in stage.client.body.decode()
    stage.over("ok")


# ---- a client that does not read ----


async def test_pause_and_resume_reach_the_upstream() -> None:
    stage = await Stage().begin_streaming()
    mark = len(stage.order)
    stage.client.stop_reading()
    stage.client.read_on()
    assert stage.since(mark) == ["upstream pause", "upstream resume"]
    stage.upstream.says(said("!") + chunk(finish="stop") + DONE)
    stage.over("ok")


async def test_a_pause_while_connecting_holds_for_the_new_call() -> None:
    stage = Stage()
    stage.client.is_paused = True
    await stage.begin()
    assert stage.order == ["send", "upstream pause"]
    stage.client.read_on()
    assert not stage.upstream.calls[0].is_paused
    stage.client.leave()
    stage.over("client_gone")


async def test_idle_does_not_count_while_paused() -> None:
    stage = await Stage(idle_s=30.0, write_stall_s=1000.0).begin_streaming()
    clock().advance(20)
    stage.client.stop_reading()
    clock().advance(500)
    assert not stage.client.is_complete
    stage.client.read_on()
    clock().advance(29)
    assert not stage.client.is_complete
    clock().advance(1)
    assert stage.client.error["code"] == "upstream_idle_timeout"
    stage.over("error", code="upstream_idle_timeout")


async def test_a_client_that_never_reads_again_is_cut() -> None:
    stage = await Stage(write_stall_s=20.0, idle_s=5.0, keepalive_s=1.0).begin_streaming()
    stage.client.stop_reading()
    mark = len(stage.order)
    clock().advance(19.9)
    assert stage.since(mark) == []  # no keepalive is piled up before a client that does not read
    clock().advance(0.1)
    assert stage.since(mark) == ["cut", "upstream cancel", "record client_gone"]
    stage.over("client_gone", code="client_write_stall_timeout")


async def test_a_client_that_reads_now_and_then_is_not_cut() -> None:
    stage = await Stage(write_stall_s=20.0).begin_streaming()
    for _ in range(3):
        stage.client.stop_reading()
        clock().advance(19)
        stage.client.read_on()
    assert not stage.client.is_complete
    stage.client.leave()
    stage.over("client_gone")


# ---- the linger ----


async def test_all_finished_and_the_socket_open_ends_after_the_linger() -> None:
    stage = await Stage(linger_s=1.0).begin_streaming()
    stage.upstream.says(chunk(finish="stop"))
    clock().advance(0.9)
    assert not stage.client.is_complete
    clock().advance(0.1)
    assert stage.order[-4:] == ["write", "end", "upstream release", "record ok"]
    assert stage.client.body.endswith(DONE)
    assert '"finish_reason": "stop"' in stage.client.body.decode().replace('":"', '": "')
    record = stage.over("ok")
    assert "reply.done-missing" in record.repairs


async def test_usage_within_the_linger_is_delivered() -> None:
    stage = await Stage(linger_s=1.0, includes_usage=True).begin_streaming()
    stage.upstream.says(chunk(finish="stop"))
    clock().advance(0.9)
    stage.upstream.says(told_usage())
    clock().advance(1)
    assert stage.client.objects[-1]["usage"]["total_tokens"] == 5
    assert stage.client.body.endswith(DONE)
    stage.over("ok")


async def test_small_talk_does_not_prolong_the_linger() -> None:
    """A server that pings for ever after its finish must not keep the client waiting."""
    stage = await Stage(linger_s=1.0).begin_streaming()
    stage.upstream.says(chunk(finish="stop"))
    for _ in range(4):
        clock().advance(0.4)
        if stage.client.is_complete:
            break
        stage.upstream.says(b": ping\n\n")
    assert stage.client.is_complete
    assert stage.client.body.endswith(DONE)
    stage.over("ok")


async def test_content_after_a_finish_cancels_it_and_the_linger_with_it() -> None:
    stage = await Stage(linger_s=1.0, idle_s=30.0).begin_streaming()
    stage.upstream.says(chunk(finish="stop"))
    clock().advance(0.5)
    stage.upstream.says(said(" again"))
    clock().advance(20)
    assert not stage.client.is_complete
    stage.upstream.says(chunk(finish="length"))
    clock().advance(20)
    assert not stage.client.is_complete  # its second word is no more to be trusted than its first
    stage.upstream.says(DONE)
    reasons = [one["choices"][0]["finish_reason"] for one in stage.client.objects]
    assert [reason for reason in reasons if reason] == ["length"]
    stage.over("ok")


async def test_one_choice_of_two_is_no_reason_to_linger() -> None:
    stage = await Stage(linger_s=1.0).begin()
    stage.upstream.head()
    stage.upstream.says(said("a") + chunk({"content": "b"}, index=1) + chunk(finish="stop"))
    clock().advance(10)
    assert not stage.client.is_complete
    stage.upstream.says(chunk(finish="stop", index=1))
    clock().advance(1)
    assert stage.client.body.endswith(DONE)
    stage.over("ok")


async def test_the_linger_waits_while_the_client_does_not_read() -> None:
    stage = await Stage(linger_s=1.0).begin_streaming()
    stage.upstream.says(chunk(finish="stop"))
    stage.client.stop_reading()
    clock().advance(10)
    assert not stage.client.is_complete
    stage.client.read_on()
    clock().advance(1)
    assert stage.client.ending == "end"
    stage.over("ok")


async def test_a_linger_of_nothing_does_not_wait() -> None:
    stage = await Stage(linger_s=0.0).begin_streaming()
    stage.upstream.says(chunk(finish="stop"))
    clock().advance(0)
    assert stage.client.ending == "end"
    stage.over("ok")


async def test_a_whole_reply_lingers_likewise() -> None:
    stage = await Stage(is_stream=False).begin()
    stage.upstream.head()
    stage.upstream.says(said("Hi") + chunk(finish="stop"))
    assert not stage.client.is_started
    clock().advance(1)
    assert json.loads(stage.client.body)["choices"][0]["message"]["content"] == "Hi"
    assert stage.client.headers["x-strictwire-usage"] == "unknown"
    stage.over("ok")


# ---- the terminal ----


async def test_done_ends_at_once_though_the_socket_stays_open() -> None:
    stage = await Stage().begin_streaming()
    mark = len(stage.order)
    stage.upstream.says(chunk(finish="stop") + DONE)
    assert stage.since(mark) == ["write", "end", "upstream release", "record ok"]
    assert stage.client.body.endswith(DONE)
    stage.over("ok")


@pytest.mark.parametrize("is_stream", [True, False])
async def test_a_connection_that_breaks_after_the_finish_is_success(is_stream: bool) -> None:
    stage = await Stage(is_stream=is_stream).begin()
    stage.upstream.head()
    stage.upstream.says(said("Hi") + chunk(finish="stop"))
    stage.upstream.fails(BROKEN)
    assert stage.client.status == 200
    assert b"Hi" in stage.client.body
    assert b'"error"' not in stage.client.body
    assert stage.client.ending == "end"
    stage.over("ok")


async def test_an_object_that_is_whole_though_its_length_was_a_lie_is_success() -> None:
    stage = await Stage(is_stream=False).begin()
    stage.upstream.head(headers=JSON)
    stage.upstream.says(whole_reply())
    stage.upstream.fails(BROKEN)
    assert stage.client.status == 200
    stage.over("ok")


async def test_an_object_that_is_not_whole_fails_as_the_connection_did() -> None:
    stage = await Stage(is_stream=False).begin()
    stage.upstream.head(headers=JSON)
    stage.upstream.says(whole_reply()[:-9])
    stage.upstream.fails(BROKEN)
    assert stage.client.error["code"] == "upstream_closed"
    stage.over("error", code="upstream_closed")


# ---- progress ----


async def test_progress_ticks_every_two_seconds_and_stops_at_the_first_token() -> None:
    stage = await Stage(progress="event").begin()
    clock().advance(6)
    assert [told["elapsed_seconds"] for told in progress(stage)] == [2, 4, 6]
    assert fractions(stage) == [None] * 3
    stage.upstream.head()
    stage.upstream.says(said("Hi", role="assistant"))
    clock().advance(10)
    assert len(progress(stage)) == 3
    stage.client.leave()
    stage.over("client_gone")


async def test_progress_goes_forward_only_and_says_done_once() -> None:
    stage = await Stage(progress="event").begin()
    stage.upstream.head()
    for processed in (0, 40, 20, 100, 100):
        stage.upstream.says(prompt_progress(processed))
        clock().advance(2)
    assert fractions(stage) == sorted(fractions(stage))
    assert [told["status"] for told in progress(stage)].count("done") == 1
    stage.upstream.says(said("Hi") + chunk(finish="stop") + DONE)
    stage.over("ok")


async def test_progress_stops_at_an_error() -> None:
    stage = await Stage(progress="comment").begin()
    clock().advance(2)
    stage.upstream.fails(BROKEN)
    told = stage.client.body.count(b"prefill_progress")
    assert told == 1
    stage.over("error", code="upstream_closed")


async def test_two_requests_with_progress_never_mix() -> None:
    first = await Stage(progress="event", model="a").begin()
    clock().advance(1)
    second = await Stage(progress="event", model="b").begin()
    for stage, processed in ((first, 25), (second, 75)):
        stage.upstream.head()
        stage.upstream.says(prompt_progress(processed))
    clock().advance(1.5)
    first.upstream.says(said("one"))
    clock().advance(10)
    assert set(fractions(first)) == {0.25}
    assert set(fractions(second)) == {0.75}
    assert len(progress(first)) == 2  # its batch and its own tick at 2 s
    assert len(progress(second)) > 4
    for stage in (first, second):
        stage.client.leave()
    for stage in (first, second):
        stage.over("client_gone")


async def test_progress_is_not_piled_up_before_a_client_that_does_not_read() -> None:
    stage = await Stage(progress="event", write_stall_s=1000.0).begin()
    clock().advance(2)
    stage.client.stop_reading()
    clock().advance(100)
    assert len(progress(stage)) == 1
    stage.client.leave()
    stage.over("client_gone")
