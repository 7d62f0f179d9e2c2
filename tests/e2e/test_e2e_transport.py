"""The same replies over other transports: bytes cut anywhere, other body framings, other servers.

A subset of scenarios, one of each kind that another cut or another way out may hurt.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

import completions_ways
import httpx
import pytest
import sdk_ways
from asking import asked_of, model_of, trial_of
from expectations import Asked, differences, of_scenario
from sdk_ways import Clients, Way
from stand import SEND_PUSH, Stand
from thinning import SHAPES, on_turn

from strictwire.lab.ask import Dialect
from strictwire.lab.scenarios import ALL_SCENARIOS, Scenario

AT_ONCE = 32
ASYNC_LOOPS: dict[Dialect, Way] = {
    "chat": sdk_ways.async_loop,
    "completions": completions_ways.async_loop,
}
# Of each group one has its turn in a plain run.
PLAYBACKS = (("cut=1", "cut=7", "cut=random:3"), ("body=close", "body=http1.0"))
SUBSET = (
    "healthy-text",
    "healthy-tools",
    "healthy-n2",
    "healthy-logprobs",
    "quirky-everything",
    "llamacpp-like",
    "vllm-like",
    "tool-id-repeated",
    "tool-arguments-object",
    "crlf",
    "many-data-lines",
    "json-for-stream-tools",
    "sse-for-whole-n2",
    "done-missing",
    "error-429",
    "error-in-stream-late",
    "truncated-clean",
    "joined-objects",
    "bare-json",
    "unended-frame",
    "split-character",
    "think-tags",
    "cumulative-text",
    "leaked-call",
    "mlx-like",
    "swiftlm-like",
    "completions-echo",
    "completions-chat-shape",
    "completions-logprobs-chat",
)
EACH = [
    pytest.param(ALL_SCENARIOS[name], dialect, id=f"{name}-{dialect}")
    for name in SUBSET
    for dialect in sorted(ALL_SCENARIOS[name].dialects & ASYNC_LOOPS.keys())
]
PLAYED = [
    pytest.param(*one.values, playback, shape, id=f"{one.id}-{playback}-{shape}")
    for one in EACH
    for turn, shape in enumerate(SHAPES)
    for group in PLAYBACKS
    for playback in on_turn(group, str(one.id), turn=turn)
]


@pytest.mark.parametrize(("row", "dialect", "playback", "shape"), PLAYED)
def test_how_the_upstream_sends_does_not_matter(
    row: Scenario,
    dialect: Dialect,
    playback: str,
    shape: str,
    stand: Stand,
    bytes_client: httpx.Client,
) -> None:
    trial = trial_of(row, stand.urls["auto"], playback=playback)
    asked = replace(asked_of(row, is_stream=SHAPES[shape]), dialect=dialect)
    assert not trial.by_bytes(bytes_client, asked)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("server", SEND_PUSH)
@pytest.mark.parametrize(("row", "dialect"), EACH)
@pytest.mark.asyncio(loop_scope="session")
async def test_any_asgi_server_will_do(
    row: Scenario,
    dialect: Dialect,
    server: str,
    shape: str,
    stand: Stand,
    clients: Clients,
    bytes_client: httpx.Client,
) -> None:
    asked = replace(asked_of(row, is_stream=SHAPES[shape]), dialect=dialect)
    trial = trial_of(row, stand.urls[server])
    assert not await trial.by_sdk(*clients[server], asked)
    assert not trial.by_bytes(bytes_client, asked)


@pytest.mark.parametrize("gateway", ["auto", *SEND_PUSH])
def test_after_an_error_in_a_stream_the_next_request_is_answered(
    gateway: str, stand: Stand, bytes_client: httpx.Client
) -> None:
    """The gateway closes the connection, and a client that pools it must not be caught by that."""
    body = {"model": "error-in-stream-late", **Asked(is_stream=True).body}
    for _ in range(20):
        reply = bytes_client.post(f"{stand.urls[gateway]}/chat/completions", json=body)
        assert reply.content.endswith(b"data: [DONE]\n\n")


@pytest.mark.asyncio(loop_scope="session")
async def test_replies_at_the_same_time_do_not_mix(clients: Clients) -> None:
    """All scenarios at once: each stream holds its own reply and nothing of another."""
    rows = [
        (row, dialect)
        for row in ALL_SCENARIOS.values()
        if row.name != "finish-then-open-socket"
        for dialect in sorted(row.dialects & ASYNC_LOOPS.keys())
    ]
    turns = asyncio.Semaphore(AT_ONCE)

    async def ask(row: Scenario, dialect: Dialect) -> list[str]:
        asked = replace(asked_of(row, is_stream=True), includes_usage=True, dialect=dialect)
        loop = ASYNC_LOOPS[dialect]
        async with turns:
            seen = await loop(*clients["patient"], model_of(row, "pace=1ms"), asked)
        expected = of_scenario(row, asked, mode="auto")
        return [f"{row.name} ({dialect}): {one}" for one in differences(expected, seen)]

    told = await asyncio.gather(*(ask(*one) for one in rows))
    assert [problem for problems in told for problem in problems] == []
