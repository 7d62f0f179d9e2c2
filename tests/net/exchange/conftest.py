"""The dialogues run on a loop whose clock only the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from exchange_stage import ManualLoop


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"manual": ManualLoop}
