"""Which cases of a large table a plain run plays, and in which ways.

Every client against every upstream in every way is thousands of cases, and most of them prove what
their neighbours prove: a gateway does not know which helper of an SDK reads its bytes. So a plain
run plays each row in some of its ways. Which ones depends on the row's name alone: a run is the
same each time, and over the table every way has its turns. ``make pairs`` sets
``STRICTWIRE_PAIRS=1``, and plays all.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import pytest

IS_FULL = os.environ.get("STRICTWIRE_PAIRS") == "1"
# The settings of ``stream``.
MODES = ("auto", "always", "never")
SHAPES = {"streamed": True, "whole": False}
# Here a provider is asked for what it is asked for under ``auto`` as well, so the replies are the
# same: every so many rows are enough to see that the setting does no harm.
_AS_UNDER_AUTO = (("always", "streamed"), ("never", "whole"))
_EVERY = 4

T = TypeVar("T")


def on_turn(ways: Sequence[T], key: str, *, turn: int = 0) -> list[T]:
    """The one of ``ways`` whose turn it is at ``key``, or all of them in a full run. Neighbours of
    one key that count their ``turn`` on get different ones."""
    if IS_FULL or not ways:
        return list(ways)
    return [ways[(zlib.crc32(key.encode()) + turn) % len(ways)]]


def in_modes(names: Iterable[str]) -> list[Any]:
    """Name, mode of ``stream`` and shape of every case: parameters of a test."""
    return [
        pytest.param(name, mode, shape, id=f"{name}-{mode}-{shape}")
        for name in names
        for mode in MODES
        for shape in SHAPES
        if (mode, shape) not in _AS_UNDER_AUTO or on_turn(range(_EVERY), name)[0] == 0
    ]
