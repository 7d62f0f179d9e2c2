"""``check_upstream(maker)``: what every ``model.protocols.Upstream`` promises, as one suite.

HTTP over TCP and over a unix socket, HTTP through a proxy, the embedded engine and the fake of the
exchange's tests all pass it. A maker is a class that fulfils ``Stage``: an upstream and its far
side, of which a check can ask four kinds of answer. ``can`` says what else that far side lets a
test do; a check that needs more is left out for it. After every check nothing may be left: no
task, no descriptor.

    test_tcp = check_upstream(TcpStage, TcpStage.can)
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from upstream_checks import CHECKS, Check
from upstream_stage import POLL_S, Ability, Stage, open_descriptors

# Of a check; the slowest waits for an engine that loads its model twice.
CHECK_S = 10.0
LOOPS = ("asyncio", "uvloop") if sys.platform != "win32" else ("asyncio",)


def check_upstream(
    maker: Callable[[], Stage], can: frozenset[Ability], *, loops: tuple[str, ...] = LOOPS
) -> Callable[[str, str], None]:
    """A test that runs each check on a stage of its own, on each kind of event loop."""
    names = [name for name, row in CHECKS.items() if row.needs <= can]

    @pytest.mark.parametrize("loop_kind", loops)
    @pytest.mark.parametrize("name", names)
    def test(name: str, loop_kind: str) -> None:
        with asyncio.Runner(loop_factory=_loop_factory(loop_kind)) as runner:
            runner.run(_run(maker, CHECKS[name].check))

    return test


def _loop_factory(kind: str) -> Callable[[], asyncio.AbstractEventLoop]:
    if kind == "asyncio":
        return asyncio.SelectorEventLoop
    factory: Callable[[], asyncio.AbstractEventLoop] = pytest.importorskip("uvloop").new_event_loop
    return factory


async def _run(maker: Callable[[], Stage], check: Check) -> None:
    # What is raised inside an event goes to the loop, which would only log it.
    problems: list[Mapping[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, problem: problems.append(problem))
    async with asyncio.timeout(CHECK_S):
        tasks, descriptors = asyncio.all_tasks(), open_descriptors()
        async with maker() as stage:
            await check(stage)
            await stage.upstream.close()
        # What is closed goes a turn or two later, on either loop.
        while open_descriptors() > descriptors or asyncio.all_tasks() - tasks:
            await asyncio.sleep(POLL_S)
    assert problems == []
