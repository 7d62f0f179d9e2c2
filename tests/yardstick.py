"""How much work something is, so that a test for runaway work does not depend on the machine."""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

# Twice the input may be twice the work, and a little for what is begun once or grows by its log.
TWICE = 2.6


def lines_run(work: Callable[[], object]) -> int:
    """How many lines of Python a call runs: the same on every machine, however busy. What C does
    in one line (a search through a list) counts as one."""
    count = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        count += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


@functools.cache
def yardstick_s() -> float:
    """CPU seconds for a fixed piece of plain Python work: some tenth of a second on a server's
    core. The best of three, since a busy machine makes it longer, never shorter."""
    return min(_work_s() for _ in range(3))


def _work_s() -> float:
    begun_s = time.process_time()
    total = 0
    for number in range(2_000_000):
        total += number & 7
    assert total
    return time.process_time() - begun_s
