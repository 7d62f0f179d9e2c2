"""Every client dialect against every upstream dialect, over every scenario, streamed and whole.

The official SDKs are the clients, with strict validation; the provider behind the gateway speaks
one dialect and no other. What a client sees is what the scenario's table says.

A plain run asks for each scenario in each client's dialect, once streamed and once whole: where
several upstreams can play it, one of them does, and the SDK is used in one of its ways
(``thinning``). ``make pairs`` plays each with all.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import completions_ways
import messages_ways
import pytest
import pytest_asyncio
import responses_ways
import sdk_ways
from expectations import Seen
from sdk_ways import Clients
from stand import UPSTREAMS, Stand
from thinning import SHAPES, on_turn

from pairs import expected, found_wrong, question, upstreams_for
from strictwire.lab.scenarios import ALL_SCENARIOS
from strictwire.model.request import Dialect

CLIENTS: tuple[Dialect, ...] = ("chat", "completions", "responses", "messages")
CASES = [
    pytest.param(client, upstream, name, shape, id=f"{client}-{upstream}-{name}-{shape}")
    for client in CLIENTS
    for name in ALL_SCENARIOS
    for turn, shape in enumerate(SHAPES)
    for upstream in on_turn(upstreams_for(client, name, UPSTREAMS), client + name, turn=turn)
]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def anthropic_clients(stand: Stand) -> AsyncIterator[Any]:
    sync, later = messages_ways.clients(stand.urls["dialects"])
    yield sync, later
    sync.close()
    await later.close()


def ways_of(client: Dialect, *, is_stream: bool) -> dict[str, Any]:
    if client in ("chat", "completions"):
        ways: Any = sdk_ways if client == "chat" else completions_ways
        if not is_stream:
            return dict(ways.WHOLE)
        return {name: way for name, (way, usage) in ways.STREAMED.items() if usage}
    known: Any = responses_ways if client == "responses" else messages_ways
    return known.STREAMED if is_stream else known.WHOLE  # type: ignore[no-any-return]


@pytest.mark.parametrize(("client", "upstream", "name", "shape"), CASES)
@pytest.mark.asyncio(loop_scope="session")
async def test_a_client_sees_what_was_said(
    client: Dialect, upstream: Any, name: str, shape: str, clients: Clients, anthropic_clients: Any
) -> None:
    row, is_stream = ALL_SCENARIOS[name], SHAPES[shape]
    asked = question(row, client, is_stream=is_stream)
    right = expected(row, client, upstream, is_stream=is_stream)
    pair = anthropic_clients if client == "messages" else clients["dialects"]
    problems = []
    ways = list(ways_of(client, is_stream=is_stream).items())
    for told, way in on_turn(ways, client + upstream + name):
        seen: Seen = await way(*pair, f"{upstream}/{name}", asked)
        problems += [f"{told}: {one}" for one in found_wrong(right, seen, client)]
    assert not problems
