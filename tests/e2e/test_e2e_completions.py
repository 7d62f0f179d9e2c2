"""Text completions over real sockets: every scenario that is nothing but text, every recording.

The official SDK (sync and async, streamed and whole) and a judge of the bytes must each see what
the scenario's table, or the corpus's index, says, under every ``stream`` setting.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import httpx
import pytest
from asking import asked_of, trial_of
from expectations import Asked, index_of, of_recording
from sdk_ways import Clients
from stand import COMPLETIONS_CORPUS, Stand
from thinning import MODES, SHAPES, in_modes
from trial import Trial

from strictwire.lab.replay import RECORDING_PREFIX
from strictwire.lab.scenarios import COMPLETIONS_SCENARIOS

RECORDINGS = {Path(entry["file"]).stem: entry for entry in index_of(COMPLETIONS_CORPUS)}


@pytest.mark.parametrize(("name", "mode", "shape"), in_modes(COMPLETIONS_SCENARIOS))
@pytest.mark.asyncio(loop_scope="session")
async def test_a_scenario_reaches_the_client_whole(
    name: str, mode: str, shape: str, stand: Stand, clients: Clients, bytes_client: httpx.Client
) -> None:
    row = COMPLETIONS_SCENARIOS[name]
    trial = trial_of(row, stand.urls[mode], mode=mode)
    asked = replace(asked_of(row, is_stream=SHAPES[shape]), dialect="completions")
    assert not await trial.by_sdk(*clients[mode], asked)
    assert not trial.by_bytes(bytes_client, asked)


@pytest.mark.parametrize(("name", "mode", "shape"), in_modes(RECORDINGS))
@pytest.mark.asyncio(loop_scope="session")
async def test_a_recording_reaches_the_client_whole(
    name: str, mode: str, shape: str, stand: Stand, clients: Clients, bytes_client: httpx.Client
) -> None:
    expect = partial(of_recording, RECORDINGS[name])
    trial = Trial(
        stand.urls[mode],
        RECORDING_PREFIX + name,
        expect,
        has_logprobs=False,
        turn=MODES.index(mode),
    )
    asked = Asked(SHAPES[shape], dialect="completions")
    assert not await trial.by_sdk(*clients[mode], asked)
    assert not trial.by_bytes(bytes_client, asked)
