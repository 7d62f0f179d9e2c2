"""Providers into engines: what each is told to run, and that they start together or not at all."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from strictwire.cli import engines
from strictwire.config import DEMO_NAME, Provider, Settings
from strictwire.engine import DEMO_MODEL, EngineFailed
from strictwire.net.client_side.listen import ServeError


class FakeEngine:
    """Starts when ``may_start`` is set, or fails with ``error``."""

    def __init__(self, error: Exception | None = None, *, is_slow: bool = False) -> None:
        self.error = error
        self.may_start = asyncio.Event()
        self.began = asyncio.Event()
        self.is_open = False
        if not is_slow:
            self.may_start.set()

    async def start(self) -> None:
        self.is_open = True
        self.began.set()
        await self.may_start.wait()
        if self.error is not None:
            raise self.error

    async def close(self) -> None:
        self.is_open = False


async def start(*made: FakeEngine) -> None:
    given: Any = [(Provider(name="x", kind="engine", model="m/x.gguf"), one) for one in made]
    await engines.start(given)


def test_a_plan_says_what_the_settings_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    provider = Provider(
        name="own", kind="engine", model="~/m/Big-Q4.gguf", parallel=3, context=4096, gpu_layers=7,
        prefill_batch=64, kv_bits=8, idle_unload=60.0, queue=5,
    )  # fmt: skip
    plan = engines.plan_of(provider)
    assert (plan.name, plan.model_path) == ("own", Path("/home/me/m/Big-Q4.gguf"))
    assert (plan.model_name, plan.parallel, plan.context) == ("Big-Q4", 3, 4096)
    assert (plan.gpu_layers, plan.prefill_batch, plan.kv_bits) == (7, 64, 8)
    assert (plan.idle_unload_s, plan.queue) == (60.0, 5)


def test_without_a_model_it_is_the_demonstration() -> None:
    plan = engines.plan_of(Provider(name="one", kind="engine"))
    assert (plan.model_path, plan.model_name) == (DEMO_MODEL, DEMO_NAME)
    assert plan.model_path.is_file()


async def test_all_load_at_the_same_time() -> None:
    first, second = FakeEngine(is_slow=True), FakeEngine(is_slow=True)
    starting = asyncio.create_task(start(first, second))
    await first.began.wait()
    await second.began.wait()
    first.may_start.set()
    second.may_start.set()
    await starting
    assert first.is_open
    assert second.is_open


async def test_one_that_fails_ends_them_all_and_says_why() -> None:
    good, slow = FakeEngine(), FakeEngine(is_slow=True)
    bad = FakeEngine(EngineFailed("big", "The file does not exist."))
    told = r"big does not run\. The file does not exist\. \(m/x\.gguf\)$"
    with pytest.raises(ServeError, match=told):
        await start(good, slow, bad)
    assert [one.is_open for one in (good, slow, bad)] == [False, False, False]


async def test_a_defect_is_not_hidden_as_a_reason() -> None:
    with pytest.raises(BaseExceptionGroup):
        await start(FakeEngine(ZeroDivisionError()))


async def test_a_start_that_is_given_up_leaves_nothing() -> None:
    slow = FakeEngine(is_slow=True)
    starting = asyncio.create_task(start(slow))
    await slow.began.wait()
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert not slow.is_open


async def test_an_engine_is_made_of_a_provider() -> None:
    engine = engines.make_engine(Provider(name="one", kind="engine", parallel=3), Settings())
    status = engine.status()
    assert (status.name, status.places, status.process) == ("one", 3, None)
