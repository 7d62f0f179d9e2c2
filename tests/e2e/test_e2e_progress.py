"""Prefill progress over real sockets: asked for in the header, told by the upstream in its own way,
sent in the carrier that was asked for.

What the reply says beside it must be what the scenario's table says, and the judge of the bytes
must find nothing: whatever the upstream, whatever the carrier.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from asking import asked_of, model_of, trial_of
from expectations import Asked
from stand import Stand
from thinning import on_turn
from wire_judge import LAWS

from strictwire.lab.ask import Dialect
from strictwire.lab.scenarios import COMPLETIONS_SCENARIOS, SCENARIOS, Scenario
from strictwire.lab.scenarios.answer import PROMPT_TOKENS
from strictwire.model.request import Carrier

ROWS: dict[Dialect, dict[str, Scenario]] = {
    "chat": SCENARIOS,
    "completions": COMPLETIONS_SCENARIOS,
}
CARRIERS: dict[Dialect, tuple[Carrier, ...]] = {
    "chat": ("event", "comment", "chunk"),
    "completions": ("event", "comment"),  # only a chat chunk carries progress
}
EACH_CARRIER = [
    pytest.param(dialect, carrier, id=f"{dialect}-{carrier}")
    for dialect, carriers in CARRIERS.items()
    for carrier in carriers
]
# (cached, processed, total) as each upstream counts, after each of its batches.
COUNTS: dict[str, list[tuple[int, int, int]]] = {
    "prefill-progress": [(512, done, 2560) for done in (512, 1024, 1536, 2048, 2560)],
    "llamacpp-like": [(0, done, PROMPT_TOKENS) for done in (0, PROMPT_TOKENS)],
    "mlx-like": [(0, done, PROMPT_TOKENS) for done in (5, PROMPT_TOKENS)],
    "swiftlm-like": [(0, done, PROMPT_TOKENS) for done in (5, PROMPT_TOKENS)],
    "comment-progress": [(0, done, 96) for done in (32, 64, 96)],
    "progress-event": [(0, done, 96) for done in (32, 64, 96)],
}
# A beat so long that the gateway's own report, after two seconds, falls into the six beats of the
# queue, and so short that the whole wait stays a few seconds.
QUEUED = "pace=400ms"
WAIT_S = 20.0
# The count of tokens that are ready, in whichever words, once the prompt of the lab is read.
LAST_BATCH = re.compile(rb'"(?:n_past|processed)":2560\b')


def asking(row: Scenario, dialect: Dialect, carrier: Carrier) -> Asked:
    asked = replace(asked_of(row, is_stream=True), dialect=dialect, progress=carrier)
    return replace(asked, includes_usage=True)


def reports_in(body: bytes, carrier: Carrier) -> list[dict[str, Any]]:
    """What was told of the prompt, in the fields of the carrier."""
    return list(_reports_in(body, carrier))


def _reports_in(body: bytes, carrier: Carrier) -> Iterator[dict[str, Any]]:
    for block in body.split(b"\n\n"):
        name, _, told = block.partition(b"prefill_progress")
        if carrier == "chunk" and block.startswith(b'data: {"id"'):
            chunk = json.loads(block.removeprefix(b"data: "))
            if "prompt_progress" in chunk:
                yield chunk["prompt_progress"]
        elif carrier == "event" and name == b"event: ":
            yield json.loads(told.removeprefix(b"\ndata: "))
        elif carrier == "comment" and name == b": ":
            yield json.loads(told)


CASES = [
    pytest.param(row, dialect, carrier, id=f"{name}-{dialect}-{carrier}")
    for dialect, carriers in CARRIERS.items()
    for name, row in ROWS[dialect].items()
    for carrier in on_turn(carriers, name)
]


@pytest.mark.parametrize(("row", "dialect", "carrier"), CASES)
def test_who_asks_for_progress_gets_the_same_reply(
    row: Scenario, dialect: Dialect, carrier: Carrier, stand: Stand, bytes_client: httpx.Client
) -> None:
    trial = trial_of(row, stand.urls["auto"])
    assert not trial.once_by_bytes(bytes_client, asking(row, dialect, carrier))


@pytest.mark.parametrize(("dialect", "carrier"), EACH_CARRIER)
@pytest.mark.parametrize("name", COUNTS)
def test_each_batch_that_an_upstream_tells_reaches_the_client(
    name: str, dialect: Dialect, carrier: Carrier, stand: Stand, bytes_client: httpx.Client
) -> None:
    row = ROWS[dialect][name]
    asked = asking(row, dialect, carrier)
    body = {"model": model_of(row), **asked.body}
    url = stand.urls["auto"] + LAWS[dialect].path
    told = reports_in(bytes_client.post(url, json=body, headers=asked.headers).content, carrier)
    counts = COUNTS[name]
    if carrier == "chunk":
        got = [(one["cache"], one["processed"], one["total"]) for one in told]
        assert got == counts
        return
    assert [(one["n_past"], one["n_prompt_tokens"]) for one in told] == [
        (processed, total) for _, processed, total in counts
    ]
    assert [one["fraction"] for one in told] == [
        round((processed - cached) / (total - cached), 4) for cached, processed, total in counts
    ]
    assert [one["status"] for one in told] == ["processing"] * (len(counts) - 1) + ["done"]


def test_an_upstream_is_asked_for_progress_only_on_demand(
    stand: Stand, bytes_client: httpx.Client
) -> None:
    """In llama.cpp's field and in SwiftLM's header; the lab hears what was sent."""
    row = SCENARIOS["healthy-text"]
    for carrier, is_asked in (("comment", True), (None, False)):
        asked = replace(asked_of(row, is_stream=True), progress=carrier)
        body = {"model": row.name, **asked.body}
        bytes_client.post(stand.urls["auto"] + LAWS["chat"].path, json=body, headers=asked.headers)
        heard = stand.lab.log[-1]
        assert (b'"return_progress":true' in heard.body) == is_asked
        assert ("x-swiftlm-prefill-progress" in dict(heard.headers)) == is_asked


async def test_a_queue_is_told_before_the_batches(stand: Stand) -> None:
    """All carriers at once, each request with its own progress, until its prompt is read."""
    row = SCENARIOS["prefill-queued"]
    asks = [(dialect, carrier) for dialect, many in CARRIERS.items() for carrier in many]
    async with httpx.AsyncClient(timeout=WAIT_S) as client:
        bodies = await asyncio.gather(*(prefill(client, stand, row, *one) for one in asks))
    for (_, carrier), body in zip(asks, bodies, strict=True):
        first, *told = reports_in(body, carrier)
        counts = COUNTS["prefill-progress"]
        if carrier == "chunk":
            assert (first["total"], first["cache"], first["processed"]) == (None, None, None)
            assert sorted({one["processed"] for one in told}) == [done for _, done, _ in counts]
            continue
        unknown = (first["n_past"], first["n_prompt_tokens"], first["fraction"])
        assert (first["status"], *unknown) == ("queued", None, None, None)
        assert first["elapsed_seconds"] >= 2
        assert sorted({one["n_past"] for one in told}) == [done for _, done, _ in counts]
        assert {one["status"] for one in told[:-1]} == {"processing"}
        assert (told[-1]["status"], told[-1]["fraction"]) == ("done", 1.0)


async def prefill(
    client: httpx.AsyncClient, stand: Stand, row: Scenario, dialect: Dialect, carrier: Carrier
) -> bytes:
    """A reply up to its last report; who has seen that needs no slow text."""
    asked = asking(row, dialect, carrier)
    body = {"model": model_of(row, QUEUED), **asked.body}
    url = stand.urls["auto"] + LAWS[dialect].path
    told = b""
    async with client.stream("POST", url, json=body, headers=asked.headers) as reply:
        assert reply.status_code == 200
        async for piece in reply.aiter_bytes():
            told += piece
            if LAST_BATCH.search(told):
                break
    return told
