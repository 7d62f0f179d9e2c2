"""Every recorded chat reply of real servers, replayed: streamed and whole, under every setting.

The expectations stand in the corpus's index, which was made by reading the JSON plainly.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from expectations import Asked, index_of, of_recording
from sdk_ways import Clients
from stand import CORPUS, Stand
from thinning import MODES, SHAPES, in_modes
from trial import Trial

from strictwire.lab.replay import RECORDING_PREFIX

RECORDINGS = {Path(entry["file"]).stem: entry for entry in index_of(CORPUS)}


def asked_of(entry: dict[str, Any], *, is_stream: bool) -> Asked:
    """As many choices as were recorded."""
    count = len(entry["expect"].get("choices", ()))
    return Asked(is_stream, fields={"n": count} if count > 1 else {})


@pytest.mark.parametrize(("name", "mode", "shape"), in_modes(RECORDINGS))
@pytest.mark.asyncio(loop_scope="session")
async def test_a_recording_reaches_the_client_whole(
    name: str, mode: str, shape: str, stand: Stand, clients: Clients, bytes_client: httpx.Client
) -> None:
    entry: dict[str, Any] = RECORDINGS[name]
    trial = Trial(
        stand.urls[mode],
        RECORDING_PREFIX + name,
        partial(of_recording, entry),
        has_logprobs=False,
        turn=MODES.index(mode),
    )
    asked = asked_of(entry, is_stream=SHAPES[shape])
    assert not await trial.by_sdk(*clients[mode], asked)
    assert not trial.by_bytes(bytes_client, asked)
