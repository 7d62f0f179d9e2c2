"""Percentiles, ratios, verdicts: the arithmetic between a reading and a cell."""

from __future__ import annotations

import pytest
from bench.figures import (
    CpuRound,
    Figure,
    median_cpu,
    median_rate,
    median_ratio,
    percentile,
    round_order,
)


@pytest.mark.parametrize(
    ("values", "rank", "expected"),
    [
        ([7.0], 50, 7.0),
        ([3.0, 1.0, 2.0], 50, 2.0),
        ([float(n) for n in range(1, 101)], 99, 99.0),
        ([float(n) for n in range(1, 101)], 100, 100.0),
        ([float(n) for n in range(1, 11)], 99, 10.0),
        ([1.0, 2.0], 0, 1.0),
    ],
)
def test_a_percentile_is_the_nearest_measured_value(
    values: list[float], rank: float, expected: float
) -> None:
    assert percentile(values, rank) == expected


def test_no_values_have_no_percentile() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 50)


def _rounds(*cpu_us: float) -> list[CpuRound]:
    return [CpuRound(cpu_us_per_chunk=value, chunks_per_s=100 * value) for value in cpu_us]


def test_a_ratio_compares_neighbours_in_time_and_not_the_medians() -> None:
    # The machine became three times slower on the way; each pair still says 1.2.
    reference, tested = _rounds(10, 20, 30), _rounds(12, 24, 36)
    assert median_ratio(tested, reference) == pytest.approx(1.2)
    # One disturbed round does not move it.
    assert median_ratio(_rounds(12, 24, 360), reference) == pytest.approx(1.2)


def test_a_ratio_refuses_rounds_without_a_neighbour() -> None:
    with pytest.raises(ValueError, match="longer"):
        median_ratio(_rounds(1, 2), _rounds(1, 2, 3))


def test_medians_of_rounds() -> None:
    assert median_cpu(_rounds(1, 9, 2)) == 2
    assert median_rate(_rounds(1, 9, 2)) == 200


def test_every_second_round_runs_backwards() -> None:
    assert round_order(["a", "b"], 0) == ["a", "b"]
    assert round_order(["a", "b"], 1) == ["b", "a"]


@pytest.mark.parametrize(
    ("figure", "shown", "is_missed"),
    [
        (Figure(1.256, 2), "1.26", False),
        (Figure(1.30, 2, 1.3), "1.30 (<= 1.3 ok)", False),
        (Figure(1.304, 2, 1.3), "1.30 (<= 1.3 ok)", False),
        (Figure(1.306, 2, 1.3), "1.31 (<= 1.3 MISS)", True),
        (Figure(1.0, 2, 1.0, is_strict=True), "1.00 (< 1 MISS)", True),
        (Figure(0.99, 2, 1.0, is_strict=True), "0.99 (< 1 ok)", False),
    ],
)
def test_a_figure_shows_its_target_and_agrees_with_it(
    figure: Figure, shown: str, is_missed: bool
) -> None:
    assert str(figure) == shown
    assert figure.is_missed is is_missed
