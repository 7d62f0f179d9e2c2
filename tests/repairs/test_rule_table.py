"""Every rule: described, shown by its evidence, idle on healthy replies, enough if run once."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from relay.judge import judge_object, judge_stream
from relay.playing import PROMISE, play
from strictwire.lab.replay import Recording
from strictwire.lab.scenarios import SCENARIOS, Scenario
from strictwire.lab.scenarios.scenario import PLAIN_ASK
from strictwire.repairs import RULE_NAMES, RULES, SWITCHABLE

ROOT = Path(__file__).resolve().parents[2]
QUIRKS = ROOT / "docs" / "quirks.md"
HEALTHY = [row for row in SCENARIOS.values() if row.name.startswith("healthy-")]
# Replies that begin with status 200: what the relay is for.
STREAMED = [row for row in SCENARIOS.values() if row.reply(PLAIN_ASK).status == 200]
USAGE = pytest.mark.parametrize("includes_usage", [False, True], ids=["plain", "usage"])
EACH_RULE = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)


def body_of(row: Scenario, *, is_stream: bool = True, includes_usage: bool = True) -> bytes:
    ask = replace(PLAIN_ASK, is_stream=is_stream, includes_usage=includes_usage)
    return b"".join(row.reply(ask).frames)


def evidence_body(rule: Any) -> bytes:
    """The bytes of the reply that shows the quirk. Progress is asked for, where it can be."""
    kind, _, name = rule.evidence.partition(":")
    if kind == "lab":
        ask = replace(PLAIN_ASK, wants_progress=True)
        return b"".join(SCENARIOS[name].reply(ask).frames)
    return Recording.parse((ROOT / rule.evidence).read_bytes()).body


# ---- the table itself ----


def test_no_name_is_used_twice() -> None:
    assert len(RULE_NAMES) == len(RULES)
    assert SWITCHABLE < RULE_NAMES


@EACH_RULE
def test_a_rule_says_what_it_is(rule: Any) -> None:
    assert re.fullmatch(r"(sse|chat|reply)\.[a-z]+(-[a-z]+)*", rule.name)
    assert rule.title
    assert not rule.title.endswith(".")
    assert rule.quirks
    text = rule.text if hasattr(rule, "text") else rule.__doc__
    assert text.strip().endswith(".")
    # A generated docstring of a dataclass shows its signature.
    assert not text.startswith(f"{type(rule).__name__}(")
    assert rule.stage in ("frame", "chunk", "event", "ending")


@EACH_RULE
def test_its_quirks_are_known(rule: Any) -> None:
    if not QUIRKS.exists():
        pytest.skip("docs/quirks.md is not there")
    known = {int(number) for number in re.findall(r"(?m)^(\d+)\.", QUIRKS.read_text("utf-8"))}
    assert set(rule.quirks) <= known


@EACH_RULE
def test_its_evidence_exists(rule: Any) -> None:
    kind, _, name = rule.evidence.partition(":")
    assert name in SCENARIOS if kind == "lab" else (ROOT / rule.evidence).is_file()


# ---- its evidence is repaired ----


@EACH_RULE
def test_its_evidence_makes_it_fire_and_is_repaired(rule: Any) -> None:
    promise = replace(PROMISE, includes_usage=True)
    played = play(evidence_body(rule), promise)
    assert rule.name in played.repairs
    if played.failure is None:
        assert judge_stream(played.out, includes_usage=True).faults == []
        # Collected, the same reply is as strict.
        whole = play(evidence_body(rule), replace(promise, is_stream=False))
        assert judge_object(whole.out).faults == []
    else:
        assert rule.name == "chat.error-shape"


@EACH_RULE
def test_switched_off_it_does_not_fire_and_nothing_crashes(rule: Any) -> None:
    promise = replace(PROMISE, includes_usage=True, repairs_off=frozenset((rule.name,)))
    played = play(evidence_body(rule), promise)
    assert (rule.name in played.repairs) == (rule.name not in SWITCHABLE)
    play(evidence_body(rule), replace(promise, is_stream=False))


@pytest.mark.parametrize("row", STREAMED, ids=lambda row: row.name)
def test_no_switch_crashes_any_reply(row: Scenario) -> None:
    """Later rules may count only on those that cannot be switched off."""
    every = replace(PROMISE, repairs_off=SWITCHABLE)
    for is_stream in (True, False):
        for promise in (every, replace(every, is_stream=False)):
            play(body_of(row, is_stream=is_stream), promise)


def test_one_switch_crashes_no_reply() -> None:
    bodies = [body_of(row) for row in STREAMED if row.name != "healthy-long"]
    for name in sorted(SWITCHABLE):
        promise = replace(PROMISE, repairs_off=frozenset((name,)))
        for body in bodies:
            assert name not in play(body, promise).repairs


# ---- healthy replies ----


@USAGE
@pytest.mark.parametrize("row", HEALTHY, ids=lambda row: row.name)
def test_healthy_replies_pass_to_the_byte(row: Scenario, includes_usage: bool) -> None:
    promise = replace(PROMISE, includes_usage=includes_usage)
    stream = body_of(row, includes_usage=includes_usage)
    played = play(stream, promise)
    assert (played.out, played.repairs) == (stream, frozenset())
    assert judge_stream(stream, includes_usage=includes_usage).faults == []
    whole = body_of(row, is_stream=False)
    played = play(whole, replace(promise, is_stream=False))
    assert (played.out, played.repairs) == (whole, frozenset())
    assert judge_object(whole).faults == []


# ---- once is enough ----


@USAGE
@pytest.mark.parametrize("row", STREAMED, ids=lambda row: row.name)
def test_repairing_twice_is_repairing_once(row: Scenario, includes_usage: bool) -> None:
    promise = replace(PROMISE, includes_usage=includes_usage)
    once = play(body_of(row, includes_usage=includes_usage), promise)
    if once.is_early:
        assert once.out == b""
        return
    twice = play(once.out, promise)
    assert twice.out == once.out
    assert twice.repairs == frozenset()


@pytest.mark.parametrize("row", STREAMED, ids=lambda row: row.name)
def test_collecting_twice_is_collecting_once(row: Scenario) -> None:
    promise = replace(PROMISE, is_stream=False)
    for is_stream in (True, False):
        once = play(body_of(row, is_stream=is_stream), promise)
        if once.failure is None:
            twice = play(once.out, promise)
            assert (twice.out, twice.repairs) == (once.out, frozenset())


@pytest.mark.parametrize("row", STREAMED, ids=lambda row: row.name)
def test_every_reply_comes_out_strict(row: Scenario) -> None:
    for includes_usage in (False, True):
        for is_stream in (False, True):
            body = body_of(row, is_stream=is_stream, includes_usage=includes_usage)
            promise = replace(PROMISE, includes_usage=includes_usage)
            streamed = play(body, promise)
            if streamed.out:
                told = judge_stream(streamed.out, includes_usage=includes_usage)
                assert told.faults == []
            collected = play(body, replace(promise, is_stream=False))
            if collected.out:
                assert judge_object(collected.out).faults == []
            assert (streamed.failure is None) == (collected.failure is None)
