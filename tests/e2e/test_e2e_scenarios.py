"""Every scenario of the lab, streamed and whole, under every ``stream`` setting.

The official SDK (sync and async, loops and stream helpers, strict validation) and a judge of the
bytes must each see what the scenario's table says. Errors surface as errors.
"""

from __future__ import annotations

import httpx
import pytest
from asking import asked_of, trial_of
from expectations import of_scenario
from sdk_ways import Clients
from stand import Stand
from thinning import SHAPES, in_modes

from strictwire.lab.scenarios import SCENARIOS, Scenario


def calls_a_tool(row: Scenario) -> bool:
    asked = asked_of(row, is_stream=True, with_tools=True)
    return any(choice.calls for choice in of_scenario(row, asked, mode="auto").choices)


# Two calls with one id are told apart by what they say; the request's own tool says the same twice,
# and that is one call told again.
SAME_ID = "tool-id-same"
CALLERS = [row for row in SCENARIOS.values() if calls_a_tool(row) and row.name != SAME_ID]


@pytest.mark.parametrize(("name", "mode", "shape"), in_modes(SCENARIOS))
@pytest.mark.asyncio(loop_scope="session")
async def test_a_scenario_reaches_the_client_whole(
    name: str, mode: str, shape: str, stand: Stand, clients: Clients, bytes_client: httpx.Client
) -> None:
    row = SCENARIOS[name]
    trial = trial_of(row, stand.urls[mode], mode=mode)
    asked = asked_of(row, is_stream=SHAPES[shape])
    assert not await trial.by_sdk(*clients[mode], asked)
    assert not trial.by_bytes(bytes_client, asked)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", [row.name for row in CALLERS])
@pytest.mark.asyncio(loop_scope="session")
async def test_the_request_s_own_tool_is_called(
    name: str, shape: str, stand: Stand, clients: Clients, bytes_client: httpx.Client
) -> None:
    row = SCENARIOS[name]
    trial = trial_of(row, stand.urls["auto"])
    asked = asked_of(row, is_stream=SHAPES[shape], with_tools=True)
    assert not await trial.by_sdk(*clients["auto"], asked)
    assert not trial.by_bytes(bytes_client, asked)
