"""The judge and the gateway, over every scenario and recording: what the one finds the other mends,
and in what the gateway sends the judge finds nothing.

Names of checks that no rule mends are held against what the scenarios say they plant.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given

from relay.chat_streams import streams
from relay.playing import PROMISE, play
from strictwire.conformance import Asked, lint
from strictwire.lab.replay import Recording
from strictwire.lab.scenarios import ALL_SCENARIOS, Scenario
from strictwire.model.request import Carrier, Dialect, Promise
from strictwire.relay import make_relay, sniff
from strictwire.repairs import RULE_NAMES

CORPUS = Path(__file__).resolve().parents[2] / "corpus"
# A scenario that is larger was made to break a bound of the gateway; here its beginning will do.
MAX_BODY_BYTES = 2 * 1024 * 1024

# Small enough that a clock ticks between the pieces of a prompt's progress.
PIECE_BYTES = 700

# Where the gateway counts more rules than there are departures on the wire, and why.
COUNTED_BESIDE = {
    # The second call is held until it is known to be none told twice, and then laid out anew.
    "tool-id-same": {"chat.tool-index", "chat.tool-shape"},
    # A call cannot be announced before its id is told, so its done event is told again after it.
    "responses-no-added-tools": {"responses.done-missing"},
}


@dataclass(frozen=True)
class Case:
    data: bytes
    promise: Promise
    row: Scenario | None = None

    @property
    def asked(self) -> Asked:
        return Asked.by(self.promise)

    @property
    def counted_beside(self) -> set[str]:
        return COUNTED_BESIDE.get(self.row.name, set()) if self.row else set()


def of_scenario(row: Scenario, dialect: Dialect, *, is_stream: bool) -> Case | None:
    """None where the scenario answers with another status than 200: there is nothing to mend."""
    ask = row.ask_in(dialect)
    ask = replace(ask, is_stream=is_stream, includes_usage=is_stream and ask.includes_usage)
    reply = row.reply(ask)
    if reply.status != 200:
        return None
    promise = replace(
        PROMISE,
        dialect=dialect,
        is_stream=is_stream,
        includes_usage=is_stream,
        modes=dict(row.modes),
        extra_fields=row.extra_fields,
        choices=row.choices,
        tools=frozenset(tool.name for tool in ask.tools),
    )
    return Case(b"".join(_bounded(reply.frames)), promise, row)


def _bounded(frames: Iterator[bytes] | tuple[bytes, ...]) -> Iterator[bytes]:
    sizes = itertools.accumulate(map(len, (frames := list(_until(frames)))))
    return (frame for frame, size in zip(frames, sizes, strict=True) if size <= MAX_BODY_BYTES)


def _until(frames: Iterator[bytes] | tuple[bytes, ...]) -> Iterator[bytes]:
    size = 0
    for frame in frames:
        size += len(frame)
        yield frame
        if size > MAX_BODY_BYTES:
            return


def _cases() -> Iterator[tuple[str, Case]]:
    for name, row in ALL_SCENARIOS.items():
        # No client is promised Ollama's own API, so the judge has no law for it.
        for dialect in sorted(row.dialects - {"ollama"}):
            for is_stream in (True, False):
                case = of_scenario(row, dialect, is_stream=is_stream)
                if case is not None:
                    yield f"{name}-{dialect}-{'stream' if is_stream else 'whole'}", case
    dialects: tuple[Dialect, ...] = ("chat", "completions", "responses", "messages")
    for dialect in dialects:
        for path in sorted((CORPUS / dialect).glob("*.http")):
            recording = Recording.parse(path.read_bytes())
            if recording.reply.status == 200:
                promise = replace(PROMISE, dialect=dialect)
                yield f"{path.stem}-stream", Case(recording.body, promise)
                usage = replace(promise, includes_usage=True)
                yield f"{path.stem}-usage", Case(recording.body, usage)
                whole = replace(promise, is_stream=False)
                yield f"{path.stem}-whole", Case(recording.body, whole)


CASES = dict(_cases())


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_is_found_is_what_the_gateway_mends(case: Case) -> None:
    played = play(case.data, case.promise)
    mended = played.repairs - case.counted_beside
    found = {finding.rule for finding in lint(case.data, case.asked)} & RULE_NAMES
    if played.failure is not None and played.failure.code == "upstream_malformed":
        assert mended <= found  # the gateway stops there, the judge goes on
    else:
        assert found == mended


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_nothing_is_found_in_what_the_gateway_sends(case: Case) -> None:
    for includes_usage in (True, False):
        promise = replace(case.promise, includes_usage=includes_usage)
        played = play(case.data, promise)
        if played.out:
            assert lint(played.out, Asked.by(promise)) == []


def with_progress(case: Case, carrier: Carrier) -> tuple[bytes, Promise]:
    """What a client gets that asked for progress, with a tick of the clock now and then."""
    promise = replace(case.promise, progress=carrier)
    is_object = sniff(case.data, is_whole=True) != "stream"
    relay = make_relay(promise, is_object=is_object, elapsed=lambda: 2.5)
    out = [relay.tick_progress(is_queued=True)]
    for start in range(0, len(case.data), PIECE_BYTES):
        out.append(relay.feed(case.data[start : start + PIECE_BYTES]))
        if not relay.is_meaningful:
            out.append(relay.tick_progress(is_queued=False))
    out.append(relay.finish())
    if relay.failure is not None:
        out.append(relay.fail(relay.failure))
    return b"".join(out), promise


CARRIERS: dict[Dialect, tuple[Carrier, ...]] = {
    "chat": ("event", "comment", "chunk"),
    "completions": ("event", "comment"),  # only a chat chunk carries progress
    "responses": ("event", "comment"),
    "messages": ("event", "comment"),
}
PROGRESSING = {
    name: case
    for name, case in CASES.items()
    if case.promise.is_stream and not name.endswith("-usage")
}


@pytest.mark.parametrize("case", PROGRESSING.values(), ids=PROGRESSING)
def test_nothing_is_found_beside_progress_that_was_asked_for(case: Case) -> None:
    for carrier in CARRIERS[case.promise.dialect]:
        out, promise = with_progress(case, carrier)
        assert b"prefill_progress" in out or b"prompt_progress" in out
        assert lint(out, Asked.by(promise)) == [], carrier


PLANTED = {name: case for name, case in CASES.items() if case.row}


@pytest.mark.parametrize("case", PLANTED.values(), ids=PLANTED)
def test_what_is_found_is_what_the_scenario_plants(case: Case) -> None:
    found = {finding.rule for finding in lint(case.data, case.asked)}
    assert found == planted_in(case)


# A server's own progress events are what such a client asked for, and no faults for it.
_TOLD_AS_ASKED = {"sse.progress-event", "sse.event-name"}
# One of these reports lacks the fields that this wire's have.
_MISSHAPEN_REPORT = "foreign-frames"


@pytest.mark.parametrize(
    "case",
    [case for case in PROGRESSING.values() if case.row],
    ids=[name for name, case in PROGRESSING.items() if case.row],
)
def test_progress_that_is_asked_for_hides_nothing_else(case: Case) -> None:
    assert case.row is not None
    for carrier in CARRIERS[case.promise.dialect]:
        planted = planted_in(case)
        if carrier == "event" and planted >= _TOLD_AS_ASKED:
            planted -= _TOLD_AS_ASKED
            planted |= {"progress.shape"} if case.row.name == _MISSHAPEN_REPORT else set()
        found = {finding.rule for finding in lint(case.data, replace(case.asked, progress=carrier))}
        assert found == planted, carrier


def planted_in(case: Case) -> set[str]:
    """What the scenario says of its reply in this dialect and this shape."""
    assert case.row is not None
    dialect, is_stream = case.promise.dialect, case.promise.is_stream
    rules = case.row.rules_of(dialect, is_stream=is_stream)
    return {*rules, *case.row.faults_of(dialect, is_stream=is_stream)} - case.counted_beside


def test_healthy_scenarios_have_no_findings() -> None:
    healthy = {name: case for name, case in CASES.items() if name.startswith("healthy-")}
    assert len(healthy) > 10
    for name, case in healthy.items():
        assert lint(case.data, case.asked) == [], name


@given(streams())
def test_streams_of_any_spelling_are_judged_as_they_are_mended(data: bytes) -> None:
    for includes_usage in (True, False):
        promise = replace(PROMISE, includes_usage=includes_usage)
        played = play(data, promise)
        found = {finding.rule for finding in lint(data, Asked.by(promise))} & RULE_NAMES
        if played.failure is not None:
            assert played.repairs <= found
        else:
            assert played.repairs == found
        if played.out:
            assert lint(played.out, Asked.by(promise)) == []
