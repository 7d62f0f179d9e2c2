"""The soak's requests are the same each time, and of every kind; its row finds the table."""

from __future__ import annotations

from collections import Counter

import pytest
from bench.engine_soak import REQUESTS, WHERE, Ask, asks
from bench.suite import CASES, ENGINE_SOAK, Plan


def test_a_seed_gives_the_same_requests() -> None:
    assert asks(REQUESTS, 5) == asks(REQUESTS, 5)
    assert asks(REQUESTS, 5) != asks(REQUESTS, 6)
    assert len({ask.name for ask in asks(REQUESTS, 5) + asks(REQUESTS, 6)}) == 2 * REQUESTS


def test_streams_and_objects_are_left_everywhere() -> None:
    kinds = Counter((ask.is_stream, ask.leave) for ask in asks(REQUESTS, 5))
    assert set(kinds) == {(is_stream, where) for is_stream in (True, False) for where in WHERE}
    assert min(kinds.values()) > 2


@pytest.mark.parametrize("ask", asks(20, 1), ids=lambda ask: ask.name)
def test_no_request_is_longer_than_its_context(ask: Ask) -> None:
    assert 2 * ask.words + ask.tokens < 32_768


def test_the_soak_is_a_case_of_its_own() -> None:
    assert [case for case in CASES if Plan(only=["engine-soak"]).has(case)] == [ENGINE_SOAK]
