"""The client goes away: the upstream is cancelled in the same call, before anything else.

Each test is one dialogue; what follows the word "gone" in the record is the proof.
"""

from __future__ import annotations

import asyncio

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

AT_ONCE = ["gone", "upstream cancel", "record client_gone"]


async def test_while_streaming() -> None:
    stage = await Stage().begin_streaming()
    mark = len(stage.order)
    stage.client.leave()
    assert stage.since(mark) == AT_ONCE
    record = stage.over("client_gone")
    assert record.status == 200
    assert record.frames == 2  # the role, the text


async def test_before_the_first_token() -> None:
    stage = await Stage(keepalive_s=5.0, progress="event").begin()
    stage.upstream.head()
    stage.upstream.says(chunk({"role": "assistant"}))
    assert stage.client.pieces == []
    mark = len(stage.order)
    stage.client.leave()
    assert stage.since(mark) == AT_ONCE
    assert stage.over("client_gone").status == 499


async def test_before_a_byte_of_the_reply() -> None:
    stage = await Stage(progress="comment").begin()
    mark = len(stage.order)
    stage.client.leave()
    assert stage.since(mark) == AT_ONCE
    stage.over("client_gone")


async def test_in_the_middle_of_prefill_progress() -> None:
    stage = await Stage(progress="event", keepalive_s=3.0).begin()
    stage.upstream.head()
    stage.upstream.says(prompt_progress(50))
    clock().advance(2)
    mark = len(stage.order)
    stage.client.leave()
    assert stage.since(mark) == AT_ONCE
    stage.over("client_gone")


@pytest.mark.parametrize("is_object", [False, True])
async def test_while_a_whole_reply_is_gathered(is_object: bool) -> None:
    stage = await Stage(is_stream=False, keepalive_s=5.0).begin()
    stage.upstream.head(headers=JSON)
    stage.upstream.says(whole_reply()[:40] if is_object else said("Hi", role="assistant"))
    mark = len(stage.order)
    stage.client.leave()
    assert stage.since(mark) == AT_ONCE
    stage.over("client_gone")
    assert stage.client.pieces == []


async def test_while_connecting() -> None:
    stage = Stage(total_s=60.0)
    stage.upstream.is_connecting = True
    await stage.begin()
    stage.client.leave()
    assert stage.order == ["connect", "gone", "record client_gone"]
    await turn()
    assert stage.order[-1] == "connect cancelled"
    stage.over("client_gone")


async def test_in_the_very_turn_in_which_the_connection_is_made() -> None:
    """The task of the connect is already past its cancellation: its call must not be lost."""
    stage = Stage()
    stage.upstream.early = lambda events: stage.client.leave()
    await stage.begin()
    assert stage.order == ["send", "gone", "record client_gone", "upstream cancel"]
    stage.over("client_gone")


async def test_before_the_exchange_began() -> None:
    stage = Stage()
    stage.client.is_gone = True
    await stage.begin()
    assert stage.upstream.calls == []
    stage.over("client_gone")


async def test_while_paused() -> None:
    stage = await Stage(keepalive_s=5.0).begin_streaming()
    stage.client.stop_reading()
    mark = len(stage.order)
    stage.client.leave()
    assert stage.since(mark) == AT_ONCE
    stage.over("client_gone")


async def test_while_it_lingers_for_usage() -> None:
    stage = await Stage().begin_streaming()
    stage.upstream.says(chunk(finish="stop"))
    mark = len(stage.order)
    stage.client.leave()
    assert stage.since(mark) == AT_ONCE
    stage.over("client_gone")


async def test_while_an_error_body_is_read() -> None:
    stage = await Stage().begin()
    stage.upstream.head(400, JSON)
    stage.upstream.says(b'{"error":')
    mark = len(stage.order)
    stage.client.leave()
    assert stage.since(mark) == AT_ONCE
    stage.over("client_gone")


async def test_while_a_refused_request_is_sent_once_more() -> None:
    stage = await Stage(progress="event").begin()
    stage.upstream.head(400, JSON)
    stage.upstream.is_connecting = True
    stage.upstream.says(b'{"error":{"message":"return_progress is not known"}}')
    stage.upstream.ends()
    await turn()
    mark = len(stage.order)
    stage.client.leave()
    await turn()
    assert stage.since(mark) == ["gone", "record client_gone", "connect cancelled"]
    stage.over("client_gone")


async def test_all_requests_that_one_connection_pipelined() -> None:
    """Each has its own exchange; none waits for another to be told."""
    stages = [await Stage().begin_streaming(), await Stage().begin(), await Stage().begin()]
    stages[1].client.stop_reading()  # its reply waits behind the first one's
    for stage in stages:
        mark = len(stage.order)
        stage.client.leave()
        assert stage.since(mark) == AT_ONCE
    assert clock().pending == []
    for stage in stages:
        stage.over("client_gone")


async def test_from_inside_a_write() -> None:
    """A server that notices the loss while it writes: what follows in that call arms nothing."""
    stage = await Stage().begin_streaming()
    stage.client.on_write = stage.client.leave
    stage.upstream.says(said(" there") + chunk(finish="stop"))
    assert stage.order[-3:] == AT_ONCE
    stage.over("client_gone")


async def test_is_no_news_after_the_end() -> None:
    stage = await Stage().begin_streaming()
    stage.upstream.says(chunk(finish="stop") + DONE)
    assert stage.client.events is None
    stage.exchange.on_gone()
    assert stage.over("ok").status == 200


async def test_of_one_client_leaves_the_others_alone() -> None:
    first, second = await Stage().begin_streaming(), await Stage().begin_streaming()
    first.client.leave()
    assert "upstream cancel" not in second.order
    second.upstream.says(said("!") + chunk(finish="stop") + DONE)
    assert second.client.body.endswith(DONE)
    for stage, outcome in ((first, "client_gone"), (second, "ok")):
        stage.over(outcome)


async def test_leaves_no_task_behind() -> None:
    stage = Stage()
    stage.upstream.is_connecting = True
    await stage.begin()
    stage.client.leave()
    await turn()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    stage.over("client_gone")
