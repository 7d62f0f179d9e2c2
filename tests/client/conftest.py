"""One lab for all tests of the Python client, and both clients to ask it with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from client_ways import WAYS, Way, lab_in_a_thread

from strictwire.lab.server import LabServer


@pytest.fixture(scope="session")
def lab() -> Iterator[LabServer]:
    with lab_in_a_thread() as server:
        yield server


@pytest.fixture(params=WAYS, scope="session")
def way(request: pytest.FixtureRequest) -> Iterator[Way]:
    """The sync client, or the async one."""
    made = WAYS[request.param]()
    yield made
    made.close()
