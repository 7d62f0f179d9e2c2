"""How fast this machine is, so that a test for runaway work does not depend on it."""

from __future__ import annotations

import functools
import time


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
