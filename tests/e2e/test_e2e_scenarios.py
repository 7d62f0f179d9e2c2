"""Every scenario of the lab, streamed and whole, under every ``stream`` setting.

The official SDK (sync and async, loops and stream helpers, strict validation) and a judge of the
bytes must each see what the scenario's table says. Errors surface as errors.
"""

from __future__ import annotations

from functools import partial

import httpx
import pytest
from expectations import TOOLS, Asked, of_scenario
from sdk_ways import Clients
from stand import MODES, Stand
from trial import Trial

from strictwire.lab.scenarios import SCENARIOS, Scenario

# Scenarios with silences of whole beats, which are shorter at a pace.
PACED = "@pace=1ms"
SHAPES = {"streamed": Asked(is_stream=True), "whole": Asked(is_stream=False)}
WITH_TOOLS = {"tools": TOOLS}


def model_of(row: Scenario) -> str:
    return row.name + (PACED if row.name.startswith("prefill-") else "")


def calls_a_tool(row: Scenario) -> bool:
    asked = Asked(is_stream=True, fields=WITH_TOOLS)
    return any(choice.calls for choice in of_scenario(row, asked, mode="auto").choices)


CALLERS = [row for row in SCENARIOS.values() if calls_a_tool(row)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.asyncio(loop_scope="session")
async def test_a_scenario_reaches_the_client_whole(
    name: str, mode: str, shape: str, stand: Stand, clients: Clients, bytes_client: httpx.Client
) -> None:
    row = SCENARIOS[name]
    trial = Trial(stand.urls[mode], model_of(row), partial(of_scenario, row, mode=mode))
    asked = SHAPES[shape]
    assert not await trial.by_sdk(*clients[mode], asked)
    assert not trial.by_bytes(bytes_client, asked)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", [row.name for row in CALLERS])
@pytest.mark.asyncio(loop_scope="session")
async def test_the_request_s_own_tool_is_called(
    name: str, shape: str, stand: Stand, clients: Clients, bytes_client: httpx.Client
) -> None:
    row = SCENARIOS[name]
    trial = Trial(stand.urls["auto"], name, partial(of_scenario, row, mode="auto"))
    asked = Asked(SHAPES[shape].is_stream, fields=WITH_TOOLS)
    assert not await trial.by_sdk(*clients["auto"], asked)
    assert not trial.by_bytes(bytes_client, asked)
