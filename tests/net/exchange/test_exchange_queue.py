"""A request in an upstream's line and in its prefill: what is told of it, to its client in the
stream, and to who looks at it from beside.

The line is scripted: the test says ``on_queued`` as an upstream does from inside ``send``.
"""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from exchange_stage import DONE, JSON, Stage, chunk, clock, said, told_usage, turn, whole_reply

from strictwire.conformance.asked import Asked
from strictwire.conformance.lint import lint
from strictwire.model.errors import PeerError
from strictwire.model.observer import OpenRequest
from strictwire.model.request import Carrier, Dialect
from strictwire.net.exchange import shutting_down

DIALECTS: tuple[Dialect, ...] = ("chat", "completions", "responses", "messages")
MARKS = {"event": b"event: prefill_progress\ndata: ", "comment": b": prefill_progress "}


def batch(processed: int, total: int = 100, cached: int = 0, choice: int = 0) -> bytes:
    """llama.cpp's own words for a batch."""
    told = {"total": total, "cache": cached, "processed": processed, "time_ms": 1}
    return chunk({"role": "assistant", "content": None}, index=choice, prompt_progress=told)


def reports(stage: Stage) -> list[dict[str, Any]]:
    carrier = stage.promise.progress
    assert carrier is not None
    if carrier == "chunk":
        return [one["prompt_progress"] for one in stage.client.objects if "prompt_progress" in one]
    pieces = stage.client.body.split(MARKS[carrier])[1:]
    return [json.loads(one.splitlines()[0]) for one in pieces]


def statuses(stage: Stage) -> list[tuple[str, int | None]]:
    return [(told["status"], told.get("place")) for told in reports(stage)]


async def in_line(**options: Any) -> Stage:
    """Up to where the upstream holds the request back."""
    stage = Stage(**options)
    stage.upstream.is_connecting = True
    await stage.begin()
    return stage


async def let_in(stage: Stage) -> None:
    stage.exchange.on_queued(0)
    stage.upstream.connected.set()
    await turn()
    stage.upstream.head()


def end(stage: Stage) -> None:
    stage.upstream.says(said("Hi", role="assistant"))
    stage.upstream.says(chunk(finish="stop"))
    stage.upstream.says(told_usage() + DONE)


# ---- in the stream ----


@pytest.mark.parametrize("carrier", ["event", "comment"])
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_the_place_is_told_at_once_and_whenever_it_changes(
    dialect: Dialect, carrier: Carrier
) -> None:
    stage = await in_line(dialect=dialect, upstream="chat", progress=carrier)
    for place in (3, 2, 1):
        stage.exchange.on_queued(place)
        assert statuses(stage)[-1] == ("queued", place)
    clock().advance(2)
    assert statuses(stage) == [("queued", 3), ("queued", 2), ("queued", 1), ("queued", 1)]
    await let_in(stage)
    stage.upstream.says(batch(0))
    stage.upstream.says(batch(50))
    stage.upstream.says(batch(100))
    assert statuses(stage)[4:] == [("processing", None), ("processing", None), ("done", None)]
    assert [told["n_past"] for told in reports(stage)] == [None] * 4 + [0, 50, 100]
    end(stage)
    stage.over("ok")
    assert lint(stage.client.body, Asked.by(stage.promise)) == []


async def test_between_the_line_and_the_first_byte_it_is_queued_without_a_place() -> None:
    stage = await in_line(progress="event")
    stage.exchange.on_queued(1)
    stage.exchange.on_queued(0)
    assert statuses(stage) == [("queued", 1)]
    clock().advance(2)
    assert statuses(stage)[1:] == [("queued", None)]
    stage.client.leave()
    await turn()
    assert [one.outcome for one in stage.witness.records] == ["client_gone"]


async def test_a_chunk_has_no_word_for_a_place() -> None:
    stage = await in_line(progress="chunk")
    stage.exchange.on_queued(2)
    assert reports(stage) == [{"total": None, "cache": None, "processed": None, "time_ms": 0}]
    await let_in(stage)
    end(stage)
    stage.over("ok")
    assert lint(stage.client.body, Asked.by(stage.promise)) == []


async def test_who_did_not_ask_is_told_nothing() -> None:
    stage = await in_line()
    stage.exchange.on_queued(2)
    assert not stage.client.is_started
    await let_in(stage)
    end(stage)
    assert b"prefill_progress" not in stage.client.body
    stage.over("ok")


async def test_a_place_is_not_piled_up_before_a_client_that_does_not_read() -> None:
    stage = await in_line(progress="event")
    stage.exchange.on_queued(3)
    stage.client.stop_reading()
    stage.exchange.on_queued(2)
    assert statuses(stage) == [("queued", 3)]
    stage.client.read_on()
    clock().advance(2)
    assert statuses(stage)[1:] == [("queued", 2)]
    stage.client.leave()


async def test_an_exchange_that_is_over_is_told_nothing_of_its_place(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A shutdown ends all that are open one after the other, and each makes room for the next."""
    caplog.set_level(logging.WARNING)
    stage = await in_line(progress="event")
    stage.exchange.on_queued(2)
    stage.exchange.fail(shutting_down())
    written = len(stage.client.pieces)
    stage.exchange.on_queued(1)
    assert (len(stage.client.pieces), caplog.records) == (written, [])
    await turn()
    stage.over("error", code="shutting_down")
    gone = await in_line(progress="event")
    gone.client.leave()
    gone.exchange.on_queued(1)
    assert (gone.client.pieces, caplog.records) == ([], [])
    await turn()
    gone.over("client_gone")


async def test_asked_once_more_a_place_that_was_told_does_not_grow() -> None:
    stage = await in_line(progress="event")
    stage.exchange.on_queued(1)
    stage.exchange.on_queued(0)
    stage.upstream.connected.set()
    await turn()
    stage.upstream.head(400, JSON)
    clock().advance(2)
    assert statuses(stage)[-1] == ("queued", None)  # a refusal is no beginning of an answer
    stage.upstream.says(b'{"error":{"message":"unknown field: stream_options"}}')
    stage.upstream.ends()
    await turn()
    stage.exchange.on_queued(4)
    assert statuses(stage)[-1] == ("queued", None)
    assert stage.exchange.look().place == 4
    stage.upstream.head()
    end(stage)
    stage.over("ok")
    assert lint(stage.client.body, Asked.by(stage.promise)) == []


@pytest.mark.parametrize("cached", [0, 12])
async def test_a_prompt_of_one_batch_tells_0_and_100_percent(cached: int) -> None:
    stage = await Stage(progress="event").begin()
    stage.upstream.head()
    stage.upstream.says(batch(cached, 13, cached))
    stage.upstream.says(batch(13, 13, cached))
    told = [(one["status"], one["fraction"], one["n_past"]) for one in reports(stage)]
    assert told == [("processing", 0.0, cached), ("done", 1.0, 13)]
    end(stage)
    stage.over("ok")


async def test_a_prompt_that_is_all_in_the_cache_is_done_at_once() -> None:
    stage = await Stage(progress="event").begin()
    stage.upstream.head()
    stage.upstream.says(batch(13, 13, 13))
    clock().advance(4)
    assert [(one["status"], one["fraction"]) for one in reports(stage)] == [("done", 1.0)]
    end(stage)
    stage.over("ok")


async def test_several_prompts_in_turn_never_go_back_and_never_mix() -> None:
    """As llama.cpp tells three prompts: the last first, another in between."""
    stage = await Stage(dialect="completions", upstream="chat", progress="event", choices=3).begin()
    stage.upstream.head()
    for processed, total, choice in (
        (0, 561, 2),
        (512, 561, 2),
        (0, 241, 0),
        (15, 241, 0),
        (2, 2, 1),
        (561, 561, 2),
    ):
        stage.upstream.says(batch(processed, total, choice=choice))
    told = [(one["n_past"], one["n_prompt_tokens"]) for one in reports(stage)]
    assert told == [(0, 561), (512, 561), (561, 561)]
    assert reports(stage)[-1]["status"] == "done"
    stage.client.leave()
    stage.over("client_gone")


# ---- from beside ----


@pytest.mark.parametrize("is_stream", [True, False])
async def test_a_look_follows_the_request_streamed_or_not(is_stream: bool) -> None:
    stage = await in_line(is_stream=is_stream)
    first = stage.exchange.look()
    assert first == OpenRequest(
        id="req_1",
        provider="up",
        model="",
        is_stream=is_stream,
        created=0,
        status="queued",
        elapsed_s=0.0,
    )
    stage.exchange.on_queued(2)
    clock().advance(3)
    look = stage.exchange.look()
    assert (look.status, look.place, look.elapsed_s) == ("queued", 2, 3.0)
    await let_in(stage)
    look = stage.exchange.look()
    assert (look.status, look.place, look.progressed) == ("processing", 0, None)
    for processed, status in ((20, "processing"), (60, "processing"), (100, "done")):
        stage.upstream.says(batch(processed, cached=20))
        look = stage.exchange.look()
        assert look.status == status
        assert look.progressed is not None
        assert (look.progressed.cached, look.progressed.processed) == (20, processed)
        assert look.progressed.source is None  # an open stream would hold its chunk
    stage.upstream.says(said("Hi", role="assistant"))
    look = stage.exchange.look()
    assert look.status == "answering"
    assert look.progressed is not None
    assert look.progressed.processed == 100
    stage.upstream.says(chunk(finish="stop"))
    stage.upstream.says(told_usage() + DONE)
    stage.over("ok")


async def test_who_is_answered_has_no_place_though_the_line_did_not_take_it_back() -> None:
    stage = await in_line()
    stage.exchange.on_queued(1)
    stage.upstream.connected.set()
    await turn()
    stage.upstream.head()
    look = stage.exchange.look()
    assert (look.status, look.place) == ("processing", 0)
    end(stage)
    stage.over("ok")


async def test_of_a_reply_that_comes_as_one_object_only_its_beginning_is_known() -> None:
    stage = await Stage(is_stream=False).begin()
    assert stage.exchange.look().status == "queued"
    stage.upstream.head(headers=JSON)
    stage.upstream.says(whole_reply()[:30])
    assert stage.exchange.look().status == "processing"
    stage.upstream.says(whole_reply()[30:])
    stage.upstream.ends()
    stage.over("ok")


# ---- counted at the end ----


def usage(**fields: Any) -> bytes:
    counts = {"prompt_tokens": 30, "completion_tokens": 1, "total_tokens": 31}
    return chunk(choices=[], usage=counts | fields)


CACHED = {"prompt_tokens_details": {"cached_tokens": 12}}
COUNTED: dict[str, tuple[bytes, bytes, tuple[int, int]]] = {
    "usage with a cache": (b"", usage(**CACHED), (12, 18)),
    "usage without": (b"", usage(), (0, 30)),
    "the cache is told by progress alone": (batch(30, 30, 9), usage(), (9, 21)),
    "usage outranks progress": (batch(5, 5), usage(**CACHED), (12, 18)),
    "progress alone": (batch(40, 100, 15), b"", (15, 25)),
    "nobody told": (b"", b"", (0, 0)),
    "more in the cache than there is": (
        b"",
        usage(prompt_tokens_details={"cached_tokens": 99}),
        (30, 0),
    ),
    "batches that nobody can count": (batch(10**400, 10**400), b"", (0, 0)),
    "usage that nobody can count": (b"", usage(prompt_tokens=10**400), (0, 0)),
}


@pytest.mark.parametrize(("progress", "tail", "counted"), COUNTED.values(), ids=COUNTED)
@pytest.mark.parametrize("is_stream", [True, False])
async def test_prompt_tokens_are_counted_as_they_were_told(
    progress: bytes, tail: bytes, counted: tuple[int, int], is_stream: bool
) -> None:
    stage = await Stage(is_stream=is_stream).begin()
    stage.upstream.head()
    stage.upstream.says(progress + said("Hi", role="assistant") + chunk(finish="stop"))
    stage.upstream.says(tail + DONE)
    record = stage.over("ok")
    assert (record.cached_tokens, record.read_tokens) == counted


async def test_of_a_prompt_that_was_given_up_the_part_that_was_read_is_counted() -> None:
    stage = await Stage().begin()
    stage.upstream.head()
    stage.upstream.says(batch(15, 100, 15))
    stage.upstream.says(batch(60, 100, 15))
    stage.client.leave()
    record = stage.over("client_gone")
    assert (record.cached_tokens, record.read_tokens) == (15, 45)


async def test_an_error_in_prefill_leaves_what_was_read() -> None:
    stage = await Stage(progress="event").begin()
    stage.upstream.head()
    stage.upstream.says(batch(60))
    stage.upstream.fails(PeerError("The connection broke.", code="upstream_closed"))
    record = stage.over("error", code="upstream_closed")
    assert (record.cached_tokens, record.read_tokens) == (0, 60)
