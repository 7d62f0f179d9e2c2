"""Prefill progress: what the client is told, how often, and when it must stop."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import Any

import pytest
from chat_streams import DONE, ROLE, STOP, chunk, frame, said, text_frame
from hypothesis import given
from hypothesis import strategies as st

from relay.playing import PROMISE
from strictwire.model.events import Progressed
from strictwire.model.request import Carrier
from strictwire.relay import make_relay
from strictwire.relay.progress import ProgressTeller

CARRIERS: list[Carrier] = ["event", "comment"]


def told(data: bytes) -> dict[str, Any]:
    """The JSON of one report, from either carrier."""
    assert data.endswith(b"\n\n")
    assert data.count(b"\n\n") == 1
    if data.startswith(b"event: "):
        name, _, rest = data.partition(b"\n")
        assert name == b"event: prefill_progress"
        body = rest.removeprefix(b"data: ")
    else:
        body = data.removeprefix(b": prefill_progress ")
    value: dict[str, Any] = json.loads(body)
    assert set(value) == {"status", "n_past", "n_prompt_tokens", "fraction", "elapsed_seconds"}
    return value


def test_each_carrier_has_its_bytes() -> None:
    batch = Progressed(128, 0, 32)
    body = (
        '{"status":"processing","n_past":32,"n_prompt_tokens":128,"fraction":0.25,'
        '"elapsed_seconds":4}'
    )
    event = f"event: prefill_progress\ndata: {body}\n\n".encode()
    assert ProgressTeller("event", dict).batch(batch, 4.9) == event
    comment = f": prefill_progress {body}\n\n".encode()
    assert ProgressTeller("comment", dict).batch(batch, 4.9) == comment
    as_chunk = ProgressTeller("chunk", lambda told: {"choices": [], "prompt_progress": told})
    counts = '{"total":128,"cache":0,"processed":32,"time_ms":4900}'
    frame_ = f'data: {{"choices":[],"prompt_progress":{counts}}}\n\n'.encode()
    assert as_chunk.batch(batch, 4.9) == frame_


def test_queued_is_said_until_the_upstream_answers_and_never_again() -> None:
    teller = ProgressTeller("event", dict)
    assert told(teller.tick(2.0, is_queued=True))["status"] == "queued"
    assert told(teller.tick(4.0, is_queued=False))["status"] == "processing"
    # It is asked once more without a field that it refused: for the client nothing went back.
    assert told(teller.tick(6.0, is_queued=True))["status"] == "processing"


@pytest.mark.parametrize(
    ("batches", "reports"),
    [
        ([(100, 0, 25), (100, 0, 100)], [("processing", 25, 0.25), ("done", 100, 1.0)]),
        # Cached tokens are no work.
        ([(100, 60, 60), (100, 60, 80)], [("processing", 60, 0.0), ("processing", 80, 0.5)]),
        ([(100, 100, 100)], [("done", 100, 1.0)]),
        # Never back, whatever the server says.
        ([(100, 0, 50), (100, 0, 20)], [("processing", 50, 0.5)]),
        ([(100, 0, 50), (200, 0, 60)], [("processing", 50, 0.5)]),
        # It stands still while others are read.
        ([(100, 0, 50)] * 3 + [(100, 0, 60)], [("processing", 50, 0.5), ("processing", 60, 0.6)]),
        # Another prompt of the same request, which is behind in its share or in its count.
        (
            [(560, 0, 500), (240, 0, 0), (2, 0, 2), (560, 0, 560)],
            [("processing", 500, 0.8929), ("done", 560, 1.0)],
        ),
        # Nearly all is not all.
        ([(40_000, 0, 39_999)], [("processing", 39_999, 0.9999)]),
        ([(100, 50, 10)], [("processing", 10, 0.0)]),
        ([(100, 0, 900)], [("done", 900, 1.0)]),
        ([(100, 200, 100)], [("done", 100, 1.0)]),
        # Done is said once.
        ([(100, 0, 100), (100, 0, 100), (100, 0, 10)], [("done", 100, 1.0)]),
        # Nothing to count.
        ([(0, 0, 0), (-5, 0, 0)], []),
        # Nothing that anybody could reckon with.
        ([(5, 0, 10**400), (10**400, 0, 1), (5, -(10**400), 1)], []),
    ],
)
def test_batches(
    batches: list[tuple[int, int, int]], reports: list[tuple[str, int, float]]
) -> None:
    teller = ProgressTeller("event", dict)
    said_ = [teller.batch(Progressed(*batch), 0.0) for batch in batches]
    got = [told(data) for data in said_ if data]
    assert [(one["status"], one["n_past"], one["fraction"]) for one in got] == reports


def test_where_nothing_is_known_only_time_goes_on() -> None:
    teller = ProgressTeller("comment", dict)
    for elapsed_s in (0.0, 2.5, 61.0):
        report = told(teller.tick(elapsed_s, is_queued=False))
        assert report == {
            "status": "processing",
            "n_past": None,
            "n_prompt_tokens": None,
            "fraction": None,
            "elapsed_seconds": int(elapsed_s),
        }


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_place_is_told_while_it_is_queued_and_known(carrier: Carrier) -> None:
    teller = ProgressTeller(carrier, dict)
    data = [
        teller.tick(1.0, is_queued=True, place=2),
        teller.tick(2.0, is_queued=True),
        teller.tick(3.0, is_queued=False, place=1),
    ]
    assert [b'"place":2}' in one for one in data] == [True, False, False]
    assert [b'"place"' in one for one in data] == [True, False, False]
    assert [b'"queued"' in one for one in data] == [True, True, False]


@pytest.mark.properties
@given(
    steps=st.lists(st.none() | st.tuples(*[st.integers(-3, 300)] * 3), max_size=20),
    carrier=st.sampled_from(CARRIERS),
)
def test_the_fraction_never_goes_back_and_done_is_last(
    steps: list[tuple[int, int, int] | None], carrier: Carrier
) -> None:
    teller = ProgressTeller(carrier, dict)
    out = [
        teller.tick(at, is_queued=False) if step is None else teller.batch(Progressed(*step), at)
        for at, step in enumerate(steps)
    ]
    reports = [told(data) for data in out if data]
    fractions = [one["fraction"] for one in reports if one["fraction"] is not None]
    assert all(0.0 <= one <= other <= 1.0 for one, other in itertools.pairwise([*fractions, 1.0]))
    past = [one["n_past"] for one in reports if one["n_past"] is not None]
    assert past == sorted(past)
    statuses = [one["status"] for one in reports]
    assert "done" not in statuses[:-1]
    for one in reports:
        assert (one["status"] == "done") == (one["fraction"] == 1.0)


def test_after_the_stop_there_is_nothing() -> None:
    teller = ProgressTeller("event", dict)
    teller.stop()
    assert (teller.batch(Progressed(9, 0, 3), 0.0), teller.tick(1.0, is_queued=False)) == (b"", b"")


# ---- through the relay ----


def batch_frame(processed: int) -> bytes:
    progress = {"total": 100, "cache": 0, "processed": processed, "time_ms": 1}
    choice = said({"role": "assistant", "content": None})
    return frame(chunk([choice], prompt_progress=progress))


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_relay_tells_batches_before_the_first_token_only(carrier: Carrier) -> None:
    clock = iter(range(100))
    relay = make_relay(
        replace(PROMISE, progress=carrier), is_object=False, elapsed=lambda: float(next(clock))
    )
    assert told(relay.tick_progress(is_queued=False))["fraction"] is None
    assert told(relay.feed(batch_frame(40)))["fraction"] == 0.4
    assert told(relay.tick_progress(is_queued=False))["n_past"] == 40
    assert relay.feed(ROLE) == b""
    assert told(relay.feed(batch_frame(100)))["status"] == "done"
    assert relay.tick_progress(is_queued=False) == b""
    assert not relay.is_meaningful
    assert relay.feed(text_frame("a")) == ROLE + text_frame("a")
    # A late batch, and a late tick, are nothing to this client any more.
    assert relay.feed(batch_frame(100)) == b""
    assert relay.tick_progress(is_queued=False) == b""
    assert relay.feed(STOP + DONE) == STOP + DONE


def test_the_carrier_chunk_has_one_envelope_from_the_first_report_on() -> None:
    promise = replace(PROMISE, progress="chunk", includes_usage=True)
    relay = make_relay(promise, is_object=False, elapsed=lambda: 3.0)
    out = relay.tick_progress(is_queued=True) + relay.feed(batch_frame(40))
    out += relay.feed(ROLE + text_frame("a") + STOP + DONE)
    chunks = [json.loads(line[6:]) for line in out.split(b"\n") if line.startswith(b"data: {")]
    envelopes = {tuple(one[name] for name in ("id", "created", "model")) for one in chunks}
    assert envelopes == {(f"chatcmpl-{PROMISE.id}", PROMISE.created, PROMISE.model)}
    reports = [one["prompt_progress"] for one in chunks if "prompt_progress" in one]
    unknown = {"total": None, "cache": None, "processed": None, "time_ms": 3000}
    assert reports == [unknown, {"total": 100, "cache": 0, "processed": 40, "time_ms": 3000}]
    for one in chunks[:2]:
        assert one["choices"] == [{"index": 0, "delta": {}, "finish_reason": None}]
        assert one["usage"] is None


def test_progress_that_nobody_asked_for_is_not_told() -> None:
    relay = make_relay(PROMISE, is_object=False)
    assert relay.feed(batch_frame(40)) + relay.tick_progress(is_queued=False) == b""


@pytest.mark.parametrize("carrier", CARRIERS)
def test_progress_stops_with_an_error(carrier: Carrier) -> None:
    relay = make_relay(replace(PROMISE, progress=carrier), is_object=False)
    assert relay.feed(batch_frame(40))
    assert relay.feed(frame({"error": {"message": "no"}})) == b""
    assert relay.failure is not None
    assert relay.tick_progress(is_queued=False) == b""
    assert b"prefill_progress" not in relay.fail(relay.failure)


def test_whole_replies_have_no_progress() -> None:
    relay = make_relay(replace(PROMISE, progress="event", is_stream=False), is_object=False)
    assert relay.feed(batch_frame(40)) + relay.tick_progress(is_queued=False) == b""


def test_two_requests_never_mix() -> None:
    promise = replace(PROMISE, progress="event")
    first, second = (make_relay(promise, is_object=False) for _ in range(2))
    assert told(first.feed(batch_frame(90)))["fraction"] == 0.9
    assert told(second.feed(batch_frame(10)))["fraction"] == 0.1
    assert told(second.tick_progress(is_queued=False))["n_past"] == 10
