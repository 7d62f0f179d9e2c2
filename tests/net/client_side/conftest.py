"""Every test of a server in this process runs on asyncio's own loop and on uvloop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import uvloop
from client_harness import KINDS, Stand


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    both = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
    if item.path.name == "test_client_server.py":
        return {"asyncio": asyncio.new_event_loop}  # server processes choose their own
    return both


@pytest.fixture(params=KINDS)
async def stand(request: pytest.FixtureRequest) -> AsyncIterator[Stand]:
    """A server in this process, with each kind of reply in turn."""
    made = Stand(request.param)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def push_stand() -> AsyncIterator[Any]:
    """A server in this process whose replies are ``TransportPush``."""
    made = Stand("transport")
    await made.start()
    yield made
    await made.stop()
