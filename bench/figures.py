"""From measurements to figures: medians, percentiles, ratios, and a verdict on each target.

Pure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Figure:
    """One cell of the table; ``limit`` is its target, and ``is_strict`` says that equal misses."""

    value: float
    digits: int = 2
    limit: float | None = None
    is_strict: bool = False

    @property
    def is_missed(self) -> bool:
        """The value as printed is compared, so that no cell contradicts its own verdict."""
        if self.limit is None:
            return False
        shown = round(self.value, self.digits)
        return shown >= self.limit if self.is_strict else shown > self.limit

    def __str__(self) -> str:
        shown = f"{self.value:.{self.digits}f}"
        if self.limit is None:
            return shown
        sign = "<" if self.is_strict else "<="
        return f"{shown} ({sign} {self.limit:g} {'MISS' if self.is_missed else 'ok'})"


@dataclass(frozen=True, slots=True)
class CpuRound:
    """One short measurement of one gateway: its CPU time over the chunks it relayed meanwhile.

    ``cpu_us_per_chunk`` is 0 for the direct way, which has no gateway.
    """

    cpu_us_per_chunk: float
    chunks_per_s: float


def percentile(values: Sequence[float], rank: float) -> float:
    """The nearest-rank percentile: a value that was really measured. ``rank`` in 0..100."""
    if not values:
        raise ValueError("no values")
    return sorted(values)[max(0, math.ceil(rank / 100 * len(values)) - 1)]


def median_cpu(rounds: Sequence[CpuRound]) -> float:
    """The middle CPU time per chunk, in microseconds."""
    return median(one.cpu_us_per_chunk for one in rounds)


def median_rate(rounds: Sequence[CpuRound]) -> float:
    """The middle number of chunks per second."""
    return median(one.chunks_per_s for one in rounds)


def median_ratio(rounds: Sequence[CpuRound], reference: Sequence[CpuRound]) -> float:
    """The median of the ratios of rounds that were measured one right after the other.

    The speed of a shared machine drifts by more than the ratios that are to be told apart; two
    neighbours in time drift together.
    """
    pairs = zip(rounds, reference, strict=True)
    return median(one.cpu_us_per_chunk / other.cpu_us_per_chunk for one, other in pairs)


def round_order(names: Sequence[str], number: int) -> list[str]:
    """Every second round runs backwards, so that a steady drift favours nobody."""
    return list(names) if number % 2 == 0 else list(reversed(names))
