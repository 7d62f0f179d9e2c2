"""The embedded engine tells how far it is with a prompt: on each path, for each request its own."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import httpx
import pytest
from engine_stand import (
    ENDLESS_TOKENS,
    LONG_WORDS,
    POLL_S,
    WAIT_S,
    WAYS,
    EngineGateway,
    Reading,
    client_of,
    prompt_of,
)

from strictwire.config import DEMO_NAME

# Several batches of the 256 tokens that are the default.
SEVERAL_BATCHES = 1500
MODEL_TOKENS = 8


def counts_of(reading: Reading) -> list[int]:
    return [one["n_past"] for one in reading.reports if one["n_past"] is not None]


def total_of(reading: Reading) -> int:
    """The one total of a request, in every report that has one."""
    (total,) = {one["n_prompt_tokens"] for one in reading.reports if one["n_prompt_tokens"]}
    assert isinstance(total, int)
    return total


def prompt_tokens_of(reading: Reading) -> int:
    """What the usage at the end of the reply says; Anthropic's leaves out what was cached."""
    told = re.findall(rb'"(?:prompt|input)_tokens":(\d+)', reading.body)
    cached = re.findall(rb'"cache_read_input_tokens":(\d+)', reading.body)
    return int(told[-1]) + (int(cached[-1]) if cached else 0)


def check_reports(reading: Reading) -> None:
    """Counts rise batch by batch up to all of the prompt; done once, and then the tokens."""
    statuses = [one["status"] for one in reading.reports]
    known = [one for one in reading.reports if one["n_past"] is not None]
    counts = counts_of(reading)
    assert statuses.count("done") == 1
    assert statuses[-1] == "done"
    # A report that only says that time went on repeats the last count.
    assert counts == sorted(counts)
    assert counts[-1] == total_of(reading)
    fractions = [one["fraction"] for one in known]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert reading.body.rindex(b": prefill_progress") < reading.body.index(reading.way.token)


@pytest.mark.parametrize("way", WAYS)
async def test_a_long_prompt_is_told_batch_by_batch(engine: EngineGateway, way: str) -> None:
    async with client_of(engine) as client:
        prompt = prompt_of(SEVERAL_BATCHES, f"batches {way}")
        options = (
            {"stream_options": {"include_usage": True}} if way in ("chat", "completions") else {}
        )
        reading = await Reading(client, way, prompt, MODEL_TOKENS, **options).whole()
    assert reading.status == 200
    check_reports(reading)
    assert total_of(reading) > SEVERAL_BATCHES
    assert total_of(reading) == prompt_tokens_of(reading)
    assert len(set(counts_of(reading))) >= SEVERAL_BATCHES // 256
    first = next(one for one in reading.reports if one["n_past"] is not None)
    assert (first["status"], first["fraction"]) == ("processing", 0.0)


@pytest.mark.parametrize("way", WAYS)
async def test_a_prompt_of_one_batch_is_told_at_none_and_at_all(
    engine: EngineGateway, way: str
) -> None:
    async with client_of(engine) as client:
        reading = await Reading(client, way, f"short {way}", MODEL_TOKENS).whole()
    told = [
        (one["status"], one["fraction"]) for one in reading.reports if one["n_past"] is not None
    ]
    assert list(dict.fromkeys(told)) == [("processing", 0.0), ("done", 1.0)]
    check_reports(reading)


async def test_four_at_once_never_mix(engine: EngineGateway) -> None:
    """Each of another length, in another dialect: every total fits its own request."""
    async with client_of(engine) as client:
        readings = [
            Reading(client, way, prompt_of(800 + 300 * number, way), MODEL_TOKENS)
            for number, way in enumerate(WAYS)
        ]
        await asyncio.gather(*(reading.whole() for reading in readings))
    for reading in readings:
        check_reports(reading)
    totals = [total_of(reading) for reading in readings]
    assert [round((total - totals[0]) / 300) for total in totals] == [0, 1, 2, 3]


async def test_who_waits_is_told_the_place(narrow_engine: EngineGateway) -> None:
    async with client_of(narrow_engine) as client:
        ahead = Reading(client, "chat", prompt_of(LONG_WORDS, "ahead"), ENDLESS_TOKENS)
        await ahead.until_status("processing")
        waiting = []
        for place, way in enumerate(WAYS, start=1):
            one = Reading(client, way, prompt_of(600, f"waits {way}"), MODEL_TOKENS)
            waiting.append(await one.until(lambda it, place=place: place in it.places))  # type: ignore[misc]
            assert one.places == [place]
            assert one.reports[0]["n_past"] is None
        await ahead.leave()
        for one in waiting:
            await one.whole()
    for place, one in enumerate(waiting, start=1):
        # It moves up a place at a time, and no report that has one comes after the line.
        assert list(dict.fromkeys(one.places)) == list(range(place, 0, -1))
        statuses = [report["status"] for report in one.reports]
        assert list(dict.fromkeys(statuses)) == ["queued", "processing", "done"]
        check_reports(one)


async def test_a_whole_reply_has_the_same_progress_beside_it(engine: EngineGateway) -> None:
    request_id = "whole-with-progress"
    body: dict[str, Any] = {
        "model": DEMO_NAME,
        **WAYS["chat"].body(prompt_of(3000, request_id), MODEL_TOKENS),
    }
    seen: list[dict[str, Any]] = []
    async with client_of(engine) as client, httpx.AsyncClient(base_url=engine.url) as looker:
        asking = asyncio.create_task(
            client.post("/chat/completions", json=body, headers={"x-request-id": request_id})
        )
        async with asyncio.timeout(WAIT_S):
            while not asking.done():
                look = await looker.get(f"/requests/{request_id}")
                if look.status_code == 200:
                    seen.append(look.json())
                await asyncio.sleep(POLL_S)
        told = asking.result().json()
        assert (await looker.get(f"/requests/{request_id}")).status_code == 404
    known = [one for one in seen if one["n_past"] is not None]
    counts = [one["n_past"] for one in known]
    assert counts == sorted(counts)
    assert {one["n_prompt_tokens"] for one in known} == {told["usage"]["prompt_tokens"]}
    assert any(0 < one["fraction"] < 1 for one in known)
    assert {one["stream"] for one in seen} == {False}
