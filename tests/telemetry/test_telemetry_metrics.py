"""What is counted of a reply, and what stands in the log about it."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from strictwire.engine.plan import EngineStatus
from strictwire.model.events import Progressed
from strictwire.model.observer import REQUEST_STATUSES, OpenRequest, ReplyRecord, RequestStatus
from strictwire.telemetry.engine_metrics import EngineMetrics
from strictwire.telemetry.metrics import Metrics, forget_dead_workers
from strictwire.telemetry.reply_log import LoggedReplies

OK: dict[str, Any] = {
    "route": "/chat/completions",
    "provider": "up",
    "status": 200,
    "outcome": "ok",
    "is_stream": True,
    "duration_s": 1.5,
    "first_token_s": 0.25,
    "frames": 7,
    "body_bytes": 900,
    "cached_tokens": 40,
    "read_tokens": 60,
    "repairs": frozenset(("chat.role-repeated", "chat.finish-empty")),
    "request_id": "req_1",
}


def page(metrics: Metrics) -> dict[str, float]:
    text = metrics.page()[1].decode()
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}


def test_a_reply_is_counted_once_in_each_way() -> None:
    metrics = Metrics()
    metrics.stream_opened("up")
    assert page(metrics)['strictwire_open_streams{provider="up"}'] == 1
    metrics.stream_closed("up")
    metrics.replied(ReplyRecord(**OK))
    told = page(metrics)
    where = 'provider="up",route="/chat/completions"'
    assert told['strictwire_open_streams{provider="up"}'] == 0
    requests = [value for name, value in told.items() if name.startswith("strictwire_requests")]
    assert requests == [1.0]
    assert told[f"strictwire_chunks_total{{{where}}}"] == 7
    assert told[f"strictwire_reply_bytes_total{{{where}}}"] == 900
    assert told[f'strictwire_first_token_seconds_bucket{{le="0.25",{where}}}'] == 1
    assert told[f'strictwire_first_token_seconds_bucket{{le="0.1",{where}}}'] == 0
    for rule in OK["repairs"]:
        assert told[f'strictwire_repairs_total{{provider="up",rule="{rule}"}}'] == 1
    assert told['strictwire_prompt_tokens_total{kind="cached",provider="up"}'] == 40
    assert told['strictwire_prompt_tokens_total{kind="read",provider="up"}'] == 60


def test_what_was_not_sent_is_not_counted() -> None:
    metrics = Metrics()
    nothing = {"first_token_s": None, "frames": 0, "body_bytes": 0, "repairs": frozenset()}
    nothing |= {"cached_tokens": 0, "read_tokens": 0}
    metrics.replied(ReplyRecord(**(OK | nothing)))
    names = {name.partition("{")[0] for name in page(metrics)}
    assert names == {"strictwire_requests_total"}


def test_two_gateways_in_one_process_do_not_share_counters() -> None:
    first, second = Metrics(), Metrics()
    first.replied(ReplyRecord(**OK))
    assert page(second) == {}


def test_only_the_gauges_of_dead_workers_are_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as alive:
        dead = subprocess.Popen([sys.executable, "-c", ""])
        dead.wait()
        kept = [f"gauge_livesum_{alive.pid}.db", f"counter_{dead.pid}.db", "gauge_live_x.db"]
        gone = f"gauge_livesum_{dead.pid}.db"
        for name in (*kept, gone):
            (tmp_path / name).touch()
        forget_dead_workers(tmp_path)
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted(kept)
        assert alive.stdin is not None
        alive.stdin.close()


# ---- what is open ----


def opened(status: RequestStatus, told: Progressed | None = None, **more: Any) -> OpenRequest:
    fixed = {"id": "r", "provider": "up", "model": "m", "is_stream": True, "created": 1}
    return OpenRequest(**fixed | more, status=status, elapsed_s=1.0, progressed=told)


def standing(metrics: Metrics, provider: str = "up") -> dict[str, float]:
    told = page(metrics)
    name = f'strictwire_open_requests{{provider="{provider}",status="%s"}}'
    return {status: told[name % status] for status in REQUEST_STATUSES}


def test_what_is_open_is_looked_at_when_the_page_is_asked_for() -> None:
    metrics = Metrics()
    now = [
        opened("queued"),
        opened("queued"),
        opened("processing"),
        opened("processing", Progressed(100, 20, 30)),
        opened("processing", Progressed(50, 0, 20)),
        opened("done", Progressed(9, 0, 9)),
        opened("answering", Progressed(80, 0, 60)),
        opened("queued", provider="other"),
    ]
    metrics.watch(lambda: now)
    assert standing(metrics) == {"queued": 2, "processing": 3, "done": 1, "answering": 1}
    assert standing(metrics, "other")["queued"] == 1
    assert page(metrics)['strictwire_prefill_tokens_remaining{provider="up"}'] == 70 + 30
    now = []
    assert set(standing(metrics).values()) == {0}
    assert page(metrics)['strictwire_prefill_tokens_remaining{provider="up"}'] == 0


WORKER = """
import asyncio, sys
from strictwire.model.observer import OpenRequest
from strictwire.telemetry.metrics import Metrics

metrics = Metrics()
one = OpenRequest(
    id="r", provider="up", model="m", is_stream=True, created=1, status="queued", elapsed_s=1.0
)
now = []


async def main():
    metrics.watch(lambda: now, interval_s=0.001)
    now.extend([one, one])
    print("watching", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)


asyncio.run(main())
"""


def test_a_worker_that_is_not_asked_looks_at_its_own_requests_all_the_same(tmp_path: Path) -> None:
    environ = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    asking = "from strictwire.telemetry.metrics import Metrics\nprint(Metrics().page()[1].decode())"
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER],
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for _ in range(2)
    ]
    try:
        for worker in workers:
            assert worker.stdout is not None
            assert worker.stdout.readline() == b"watching\n"
        wanted = 'strictwire_open_requests{provider="up",status="queued"} 4.0'
        while wanted not in subprocess.check_output(
            [sys.executable, "-c", asking], env=environ, text=True
        ):
            pass  # the cap on a test's time ends this where nobody looks
    finally:
        for worker in workers:
            worker.communicate(b"\n")


# ---- engines ----


def test_engines_tell_of_themselves_when_the_page_is_asked_for() -> None:
    metrics = Metrics()
    first = EngineStatus(name="a", state="ready", places=4, busy=3, waiting=2, restarts=0)
    statuses = [first, replace(first, name="b", state="loading", busy=0, waiting=0)]
    metrics.add(EngineMetrics(lambda: statuses))
    told = page(metrics)
    assert told['strictwire_engine_places{provider="a"}'] == 4
    assert told['strictwire_engine_busy_places{provider="a"}'] == 3
    assert told['strictwire_engine_waiting_requests{provider="a"}'] == 2
    assert told['strictwire_engine_restarts_total{provider="a"}'] == 0
    assert told['strictwire_engine_state{provider="a",state="ready"}'] == 1
    assert told['strictwire_engine_state{provider="b",state="ready"}'] == 0
    assert told['strictwire_engine_state{provider="b",state="loading"}'] == 1
    statuses[0] = replace(first, state="restarting", restarts=1)
    told = page(metrics)
    assert told['strictwire_engine_restarts_total{provider="a"}'] == 1
    assert told['strictwire_engine_state{provider="a",state="restarting"}'] == 1


# ---- the log ----


def logged(caplog: pytest.LogCaptureFixture, **changes: Any) -> logging.LogRecord:
    caplog.set_level(logging.INFO)
    LoggedReplies(Metrics()).replied(ReplyRecord(**(OK | changes)))
    (record,) = caplog.records
    return record


def test_a_reply_is_a_line(caplog: pytest.LogCaptureFixture) -> None:
    record = logged(caplog)
    assert record.levelname == "INFO"
    assert record.getMessage() == (
        "/chat/completions 200 ok 1500 ms request=req_1 provider=up chunks=7 "
        "first_token=250ms repairs=chat.finish-empty,chat.role-repeated"
    )


def test_a_probe_is_told_only_when_it_fails(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    replies = LoggedReplies(Metrics())
    replies.replied(ReplyRecord(**(OK | {"route": "/health"})))
    assert not caplog.records
    replies.replied(ReplyRecord(**(OK | {"route": "/ready", "status": 503, "outcome": "error"})))
    assert [record.levelname for record in caplog.records] == ["WARNING"]


@pytest.mark.parametrize("route", ["/requests", "/requests/{id}"])
def test_a_look_at_a_request_is_no_line_though_the_request_is_over(
    route: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    replies = LoggedReplies(Metrics())
    replies.replied(ReplyRecord(**(OK | {"route": route})))
    replies.replied(ReplyRecord(**(OK | {"route": route, "status": 404, "outcome": "error"})))
    assert not caplog.records
    replies.replied(ReplyRecord(**(OK | {"route": route, "status": 500, "outcome": "error"})))
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_an_error_is_a_warning_and_a_client_that_left_is_none(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert logged(caplog, outcome="error", error_code="upstream_closed").levelname == "WARNING"
    caplog.clear()
    assert logged(caplog, outcome="client_gone").levelname == "INFO"


@pytest.mark.parametrize(
    "code", ["two words", "x" * 65, "line\nbreak", "Bearer:key", "\u00e9", "<b>", ""]
)
def test_a_code_that_an_upstream_made_up_is_not_repeated(
    code: str, caplog: pytest.LogCaptureFixture
) -> None:
    message = logged(caplog, outcome="error", error_code=code).getMessage()
    assert not code or code not in message
    assert ("code=other" in message) == bool(code)


def test_counting_goes_on_where_nothing_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    metrics = Metrics()
    LoggedReplies(metrics).replied(ReplyRecord(**OK))
    assert caplog.records == []
    assert page(metrics)
