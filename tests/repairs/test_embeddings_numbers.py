"""What counts as a vector of numbers, however many there are."""

from __future__ import annotations

import pytest

from strictwire.repairs.embeddings import are_numbers

NAN, INFINITE = float("nan"), float("inf")


@pytest.mark.parametrize("vector", [[0], [1.5, -2], [9e307, 9e307], [-9e307] * 3])
def test_numbers(vector: object) -> None:
    assert are_numbers(vector)


@pytest.mark.parametrize(
    "vector",
    [
        [],
        None,
        "0.1",
        [True],
        [1, None],
        [1, "2"],
        [[1]],
        [NAN],
        [1.0, NAN],
        [NAN, 1.0],
        [INFINITE],
        [1, -INFINITE],
        [INFINITE, -INFINITE],
        [10**400],
    ],
)
def test_no_numbers(vector: object) -> None:
    assert not are_numbers(vector)
