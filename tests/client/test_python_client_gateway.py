"""The client in front of the gateway, and the programs of its page."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from client_ways import QUICK, Way, gateway_in_a_thread

from strictwire import client
from strictwire.client import (
    ApiError,
    Finish,
    NotFoundError,
    Progress,
    Retries,
    Started,
    StreamClosed,
)
from strictwire.lab.scenarios import SCENARIOS
from strictwire.lab.server import LabServer

PAGE = Path(__file__).resolve().parents[2] / "docs" / "client.md"
RUN_S = 20.0


@pytest.fixture(scope="module")
def gateway(lab: LabServer) -> Iterator[str]:
    with gateway_in_a_thread(lab.url) as url:
        yield url


def test_the_same_answer_through_the_gateway(way: Way, gateway: str, lab: LabServer) -> None:
    for model in ("healthy-text", "healthy-tools", "quirky-everything"):
        near = way.ask(lab.url, model=model, input="Say hello.")
        through = way.ask(gateway, model=model, input="Say hello.")
        assert through.text == near.text
        assert [call.arguments for call in through.tool_calls] == [
            call.arguments for call in near.tool_calls
        ]
        assert through.usage == near.usage


def test_progress_of_the_gateway_is_heard(way: Way, gateway: str) -> None:
    model = "prefill-progress@pace=50ms"
    told = way.hear(gateway, model=model, input="A long prompt", progress=True)
    assert told.error is None
    reports = [event for event in told.events if isinstance(event, Progress)]
    fractions = [report.fraction for report in reports if report.fraction is not None]
    assert fractions == sorted(fractions)
    assert reports[-1].status == "done"
    assert reports[-1].processed == reports[-1].total == 2560
    begun = next(at for at, event in enumerate(told.events) if isinstance(event, Started))
    assert not any(isinstance(event, Progress) for event in told.events[begun:])
    assert isinstance(told.events[-1], Finish)


def test_nobody_hears_progress_unasked(way: Way, gateway: str) -> None:
    told = way.hear(gateway, model="prefill-progress@pace=10ms", input="A long prompt")
    assert not any(isinstance(event, Progress) for event in told.events)


def test_an_error_of_the_gateway_is_told_as_it_is(way: Way, gateway: str) -> None:
    options = {"retries": Retries(count=0), "timeouts": QUICK}
    told = way.hear(gateway, options=options, model="truncated", input="Say hello.")
    assert isinstance(told.error, ApiError | StreamClosed)
    assert told.text == SCENARIOS["truncated"].expect.choices[0].text
    told = way.hear(gateway, options=options, model="no-such-scenario", input="Say hello.")
    assert isinstance(told.error, NotFoundError)
    assert told.error.request_id


# ---- the page ----


def programs() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize(
    ("place", "said"),
    [(0, "The user says hello; answer"), (1, "The tool said: Sunny, 21 degrees.")],
)
def test_the_programs_of_the_page_run(place: int, said: str, lab: LabServer) -> None:
    text = programs()[place].replace("http://127.0.0.1:8080/v1", lab.url)
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", text], capture_output=True, timeout=RUN_S, check=False
    )
    assert ran.returncode == 0, ran.stderr.decode()
    assert ran.stdout.decode().startswith(said)


def test_the_page_names_all_there_is() -> None:
    page = PAGE.read_text("utf-8")
    own = {"Asked", "ClientOptions", "Event", "Stream", "AsyncStream"}  # for annotations alone
    assert [name for name in client.__all__ if name not in page and name not in own] == []
    assert len(programs()) == 2
