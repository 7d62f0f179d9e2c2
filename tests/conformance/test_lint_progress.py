"""Prefill progress in each carrier: what was asked for passes, anything else is found."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conformance.bodies import DONE, HEALTHY, ROLE, STOP, TEXT, choice, chunk, encode, frame, rules

REPORT = {"status": "processing", "n_past": 1, "n_prompt_tokens": 4, "fraction": 0.25,
          "elapsed_seconds": 2}  # fmt: skip
FINAL = REPORT | {"status": "done", "n_past": 4, "fraction": 1.0}
QUEUED = dict.fromkeys(REPORT) | {"status": "queued", "elapsed_seconds": 0}


def event(report: Any) -> bytes:
    return b"event: prefill_progress\ndata: " + encode(report) + b"\n\n"


def comment(report: Any) -> bytes:
    return b": prefill_progress " + encode(report) + b"\n\n"


def in_chunk(processed: int, **more: Any) -> bytes:
    progress = {"total": 4, "cache": 0, "processed": processed, "time_ms": 5}
    return frame(chunk(choice({}), prompt_progress=progress, **more))


def waiting(place: Any) -> Any:
    return QUEUED | {"place": place}


PASS: dict[str, tuple[str, bytes]] = {
    "event": ("event", event(QUEUED) + event(REPORT) + event(FINAL)),
    "comment": ("comment", comment(QUEUED) + comment(REPORT) + comment(FINAL)),
    "chunk": ("chunk", in_chunk(1) + in_chunk(4)),
    "a place in line": (
        "event",
        event(QUEUED)
        + event(waiting(3))
        + event(waiting(3))
        + event(waiting(1))
        + event(QUEUED)
        + event(FINAL),
    ),
    "a place in a comment": ("comment", comment(waiting(2)) + comment(REPORT)),
}


@pytest.mark.parametrize(("carrier", "reports"), PASS.values(), ids=PASS)
def test_what_was_asked_for_passes(carrier: str, reports: bytes) -> None:
    assert rules(reports + HEALTHY, progress=carrier) == []


@pytest.mark.parametrize(
    ("reports", "expected"),
    [
        (event(REPORT), ["sse.event-name", "sse.progress-event"]),
        (comment(REPORT), ["sse.comment"]),
        (in_chunk(1), ["chat.progress-frame"]),
    ],
)
def test_what_was_not_asked_for_is_found(reports: bytes, expected: list[str]) -> None:
    assert rules(reports + HEALTHY) == expected


WRONG: dict[str, tuple[str, bytes, str]] = {
    "another field": ("event", event(REPORT | {"id": 1}), "progress.shape"),
    "a field less": ("comment", comment({"status": "done"}), "progress.shape"),
    "another status": ("event", event(REPORT | {"status": "x"}), "progress.shape"),
    "a fraction over 1": ("event", event(REPORT | {"fraction": 1.5}), "progress.shape"),
    "no JSON": ("event", b"event: prefill_progress\ndata: x\n\n", "progress.shape"),
    "it goes back": ("event", event(REPORT) + event(REPORT | {"fraction": 0.1}), "progress.order"),
    "queued again": ("event", event(REPORT) + event(QUEUED), "progress.order"),
    "done twice": ("event", event(FINAL) + event(FINAL), "progress.order"),
    "a place of who does not wait": ("event", event(REPORT | {"place": 1}), "progress.shape"),
    "a place before the first": ("event", event(waiting(0)), "progress.shape"),
    "a place that is half": ("comment", comment(waiting(1.5)), "progress.shape"),
    "a place that is true": ("event", event(waiting(True)), "progress.shape"),
    "a place that is null": ("event", event(waiting(None)), "progress.shape"),
    "a place that grows": (
        "event",
        event(waiting(1)) + event(QUEUED) + event(waiting(2)),
        "progress.order",
    ),
    "a place in a chunk": (
        "chunk",
        frame(chunk(choice({}), prompt_progress={"total": None, "place": 1})),
        "progress.shape",
    ),
    "counts that are none": (
        "chunk",
        frame(chunk(choice({}), prompt_progress={"total": "x"})),
        "progress.shape",
    ),
    "a chunk goes back": ("chunk", in_chunk(2) + in_chunk(1), "progress.order"),
}


@pytest.mark.parametrize(("carrier", "reports", "expected"), WRONG.values(), ids=WRONG)
def test_a_wrong_report_is_found(carrier: str, reports: bytes, expected: str) -> None:
    assert rules(reports + HEALTHY, progress=carrier) == [expected]


@pytest.mark.parametrize(("carrier", "late"), [("event", event(REPORT)), ("chunk", in_chunk(1))])
def test_progress_ends_with_the_first_token(carrier: str, late: bytes) -> None:
    data = frame(ROLE) + frame(TEXT) + late + frame(STOP) + DONE
    assert rules(data, progress=carrier) == ["progress.order"]


def test_a_chunk_of_progress_must_be_complete() -> None:
    bare = frame({"prompt_progress": json.loads('{"total":4,"cache":0,"processed":1}')})
    assert rules(bare + HEALTHY, progress="chunk") == ["chat.progress-frame"]
