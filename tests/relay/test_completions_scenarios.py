"""Every scenario that a text completion can say, through the relay: strict, once, never a crash."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from completions_streams import ASKED

from relay.completions_judge import judge_object, judge_stream
from relay.playing import play
from strictwire.lab.scenarios import COMPLETIONS_SCENARIOS, Scenario
from strictwire.lab.script import Reply
from strictwire.model.request import Promise
from strictwire.repairs import RULES, SWITCHABLE


def reply_to(row: Scenario, *, is_stream: bool = True, includes_usage: bool = True) -> Reply:
    ask = replace(row.ask, dialect="completions", prompts=row.ask.prompts or ("Say hello.",))
    ask = replace(ask, is_stream=is_stream, includes_usage=includes_usage, wants_progress=False)
    return row.reply(ask)


def body_of(row: Scenario, **asked: bool) -> bytes:
    return b"".join(reply_to(row, **asked).frames)


def promise_of(row: Scenario, **more: Any) -> Promise:
    settings = {"modes": dict(row.modes), "extra_fields": row.extra_fields, "choices": row.choices}
    return replace(ASKED, **(settings | more))


# Replies that begin with status 200 and are no longer than memory: what the relay is for.
PLAYED = [
    row
    for row in COMPLETIONS_SCENARIOS.values()
    if reply_to(row).status == 200 and not reply_to(row).is_lazy
]
HEALTHY = [row for row in PLAYED if row.name.startswith("healthy-")]
EACH = pytest.mark.parametrize("row", PLAYED, ids=lambda row: row.name)
USAGE = pytest.mark.parametrize("includes_usage", [False, True], ids=["plain", "usage"])


@USAGE
@pytest.mark.parametrize("row", HEALTHY, ids=lambda row: row.name)
def test_healthy_replies_pass_to_the_byte(row: Scenario, includes_usage: bool) -> None:
    promise = promise_of(row, includes_usage=includes_usage)
    stream = body_of(row, includes_usage=includes_usage)
    played = play(stream, promise)
    assert (played.out, played.repairs) == (stream, frozenset())
    assert judge_stream(stream, includes_usage=includes_usage).faults == []
    whole = body_of(row, is_stream=False)
    played = play(whole, replace(promise, is_stream=False))
    assert (played.out, played.repairs) == (whole, frozenset())
    assert judge_object(whole).faults == []


@USAGE
@EACH
def test_repairing_twice_is_repairing_once(row: Scenario, includes_usage: bool) -> None:
    promise = promise_of(row, includes_usage=includes_usage)
    once = play(body_of(row, includes_usage=includes_usage), promise)
    if not once.is_early:
        twice = play(once.out, promise)
        assert (twice.out, twice.repairs) == (once.out, frozenset())


@EACH
def test_collecting_twice_is_collecting_once(row: Scenario) -> None:
    promise = promise_of(row, is_stream=False)
    for is_stream in (True, False):
        once = play(body_of(row, is_stream=is_stream), promise)
        if once.failure is None:
            twice = play(once.out, promise)
            assert (twice.out, twice.repairs) == (once.out, frozenset())


@EACH
def test_every_reply_comes_out_strict_and_the_same_either_way(row: Scenario) -> None:
    for is_stream in (False, True):
        body = body_of(row, is_stream=is_stream)
        streamed = play(body, promise_of(row, includes_usage=True))
        collected = play(body, promise_of(row, is_stream=False))
        assert (streamed.failure is None) == (collected.failure is None)
        if streamed.out:
            assert judge_stream(streamed.out, includes_usage=True).faults == []
        if collected.out:
            told = judge_object(collected.out)
            assert told.faults == []
            assert told.choices == judge_stream(streamed.out, includes_usage=True).choices


@EACH
def test_spliced_is_what_the_long_way_says(row: Scenario) -> None:
    promise = promise_of(row)
    pieces = list(reply_to(row, includes_usage=False).frames)
    assert play(pieces, promise) == play(b"".join(pieces), promise, may_splice=False)


@EACH
def test_no_switch_crashes_any_reply(row: Scenario) -> None:
    """Later rules may count only on those that cannot be switched off."""
    idle = {
        rule.name: rule.idle_mode
        for rule in RULES
        if isinstance(rule, type) and rule.name in SWITCHABLE
    }
    every = promise_of(row, modes=idle)
    for is_stream in (True, False):
        for promise in (every, replace(every, is_stream=False)):
            play(body_of(row, is_stream=is_stream), promise)
