"""What is counted of a reply, and what stands in the log about it."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from strictwire.model.observer import ReplyRecord
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


def test_what_was_not_sent_is_not_counted() -> None:
    metrics = Metrics()
    nothing = {"first_token_s": None, "frames": 0, "body_bytes": 0, "repairs": frozenset()}
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
