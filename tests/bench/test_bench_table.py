"""Rows to text, to misses and to plain data."""

from __future__ import annotations

from bench.figures import Figure
from bench.table import Row, missed, plain, render

ROWS = [
    Row("healthy", "paced", "nginx", {"cpu_us_per_chunk": Figure(20.0)}),
    Row("healthy", "paced", "strictwire", {"ratio_to_nginx": Figure(1.4, 2, 1.3)}),
    Row("quirky", "paced", "nginx", {"ratio_to_nginx": Figure(1.0)}),
]


def test_the_table_aligns_and_sets_groups_apart() -> None:
    lines = render(ROWS).splitlines()
    assert lines[0].split() == ["stream", "pace", "gateway", "CPU", "us/chunk", "x", "nginx"]
    assert lines[2].split() == ["healthy", "paced", "nginx", "20.00", "."]
    assert lines[4] == ""
    assert {line.index("paced") for line in lines[2:] if line} == {lines[0].index("pace")}


def test_columns_that_nothing_fills_are_left_out() -> None:
    assert "disconnect" not in render(ROWS)


def test_each_missed_target_has_a_line() -> None:
    assert missed(ROWS) == ["strictwire, healthy paced: x nginx 1.40 (<= 1.3 MISS)"]


def test_plain_rows_carry_value_limit_and_verdict() -> None:
    assert plain(ROWS)[1] == {
        "stream": "healthy",
        "pace": "paced",
        "gateway": "strictwire",
        "figures": {"ratio_to_nginx": {"value": 1.4, "limit": 1.3, "missed": True}},
    }
