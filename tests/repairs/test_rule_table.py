"""Every rule: described, shown by its evidence, idle on healthy replies, enough if run once."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import relay.judge
from relay import completions_judge
from relay.judge import judge_object, judge_stream
from relay.playing import PROMISE, play
from strictwire.conformance import Asked, lint
from strictwire.lab.embeddings import EMBEDDINGS_SCENARIOS
from strictwire.lab.replay import Recording
from strictwire.lab.scenarios import ALL_SCENARIOS, SCENARIOS, Scenario
from strictwire.lab.script import Repeated, Reply
from strictwire.model.request import Promise
from strictwire.repairs import MODES, RULE_NAMES, RULES, SWITCHABLE
from strictwire.repairs.quirks import QUIRKS

ROOT = Path(__file__).resolve().parents[2]
# Replies that begin with status 200 and are no longer than memory: what the relay is for.
STREAMED = [
    row
    for row in SCENARIOS.values()
    if row.reply(row.ask).status == 200
    and not any(isinstance(piece, Repeated) for piece in row.reply(row.ask).frames)
]
CHAT = [row for row in STREAMED if "chat" in row.dialects]
HEALTHY = [row for row in CHAT if row.name.startswith("healthy-")]
USAGE = pytest.mark.parametrize("includes_usage", [False, True], ids=["plain", "usage"])
# Their evidence is a reply that ends in an error, which they put into words.
TELL_OF_FAILURES = (
    "chat.error-shape",
    "messages.error-shape",
    "responses.error-shape",
    "sse.bare-json",
    "sse.joined-objects",
)
EACH_RULE = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
# Rules of requests and of embeddings are played in tests of their own.
PLAYED_STAGES = ("frame", "chunk", "life", "event", "ending")
EACH_PLAYED_RULE = pytest.mark.parametrize(
    "rule", [rule for rule in RULES if rule.stage in PLAYED_STAGES], ids=lambda rule: rule.name
)
# Every one in the long run (``make properties``).
SHARE = 1 if os.environ.get("STRICTWIRE_PROPERTIES") == "1" else 5
# Each rule as it is where the settings ask for the most, whatever its default.
AT_WORK = {name: modes[1] for name, modes in MODES.items() if modes and modes[0] != "on"}


def body_of(row: Scenario, *, is_stream: bool = True, includes_usage: bool = True) -> bytes:
    ask = replace(row.ask, is_stream=is_stream, includes_usage=includes_usage, wants_progress=False)
    return _bytes(row.reply(ask))


def _bytes(reply: Reply) -> bytes:
    return b"".join(piece for piece in reply.frames if isinstance(piece, bytes))


def promise_of(row: Scenario, **more: Any) -> Promise:
    """What a client was promised that asked as the row says, under the settings it needs."""
    tools = frozenset(tool.name for tool in row.ask.tools)
    settings = {"modes": row.modes, "extra_fields": row.extra_fields, "choices": row.choices}
    return replace(PROMISE, tools=tools, **(settings | more))


def evidence(rule: Any, **more: Any) -> tuple[bytes, Promise]:
    """The bytes of the reply that shows the quirk, and the promise under which it is mended.
    Progress is asked for, where it can be."""
    kind, _, name = rule.evidence.partition(":")
    if kind == "lab":
        row = ALL_SCENARIOS[name]
        room = rule.name.partition(".")[0]
        dialect: Any = room if room in ("completions", "responses", "messages") else "chat"
        asked = replace(row.ask_in(dialect), wants_progress=True)
        promise = promise_of(row, includes_usage=True, dialect=dialect)
        return _bytes(row.reply(asked)), replace(promise, **more)
    body = Recording.parse((ROOT / rule.evidence).read_bytes()).body
    return body, replace(PROMISE, includes_usage=True, **more)


# ---- the table itself ----


def test_no_name_is_used_twice() -> None:
    assert len(RULE_NAMES) == len(RULES)
    assert SWITCHABLE < RULE_NAMES


@EACH_RULE
def test_a_rule_says_what_it_is(rule: Any) -> None:
    room = r"(sse|chat|completions|responses|messages|reply|request|embeddings)"
    assert re.fullmatch(rf"{room}\.[a-z]+(-[a-z]+)*", rule.name)
    assert rule.title
    assert not rule.title.endswith(".")
    # The list of quirks is one of model servers' streams; nothing is wrong with what crosses over.
    assert rule.quirks or rule.stage in ("object", "crossing")
    text = rule.text if hasattr(rule, "text") else rule.__doc__
    assert text.strip().endswith(".")
    # A generated docstring of a dataclass shows its signature.
    assert not text.startswith(f"{type(rule).__name__}(")
    assert rule.stage in (*PLAYED_STAGES, "request", "object", "crossing")


@EACH_RULE
def test_its_quirks_are_known(rule: Any) -> None:
    assert set(rule.quirks) <= QUIRKS.keys()


@EACH_RULE
def test_its_evidence_exists(rule: Any) -> None:
    kind, _, name = rule.evidence.partition(":")
    known = {*ALL_SCENARIOS, *EMBEDDINGS_SCENARIOS}
    assert name in known if kind == "lab" else (ROOT / rule.evidence).is_file()


# ---- its evidence is repaired ----


@EACH_PLAYED_RULE
def test_its_evidence_makes_it_fire_and_is_repaired(rule: Any) -> None:
    body, promise = evidence(rule)
    played = play(body, promise)
    assert rule.name in played.repairs
    if played.failure is not None:
        assert rule.name in TELL_OF_FAILURES
        return
    # Collected, the same reply is as strict.
    collected = replace(promise, is_stream=False)
    whole = play(body, collected)
    if promise.dialect in ("chat", "completions"):
        judge = relay.judge if promise.dialect == "chat" else completions_judge
        assert judge.judge_stream(played.out, includes_usage=True).faults == []
        assert judge.judge_object(whole.out).faults == []
    else:
        assert not lint(played.out, Asked.by(promise))
        assert not lint(whole.out, Asked.by(collected))


@EACH_PLAYED_RULE
def test_switched_off_it_does_not_fire_and_nothing_crashes(rule: Any) -> None:
    body, promise = evidence(rule)
    if rule.name in SWITCHABLE:
        promise = replace(promise, modes={rule.name: rule.idle_mode})
        assert rule.name not in play(body, promise).repairs
    play(body, replace(promise, is_stream=False))


@EACH_RULE
def test_its_modes_are_told_by_their_names(rule: Any) -> None:
    if rule.name in SWITCHABLE:
        assert rule.idle_mode in rule.modes
        assert len(set(rule.modes)) == len(rule.modes) > 1
    # What depends on the text costs the fast lane, so it is never on by itself.
    if getattr(rule, "reads_text", False):
        assert rule.modes[0] == rule.idle_mode


@pytest.mark.parametrize("row", CHAT, ids=lambda row: row.name)
def test_no_switch_crashes_any_reply(row: Scenario) -> None:
    """Later rules may count only on those that cannot be switched off."""
    idle = {rule.name: rule.idle_mode for rule in RULES if rule.name in SWITCHABLE}
    for modes in (idle, AT_WORK):
        every = promise_of(row, modes=modes)
        for is_stream in (True, False):
            for promise in (every, replace(every, is_stream=False)):
                play(body_of(row, is_stream=is_stream), promise)


@pytest.mark.properties
def test_one_switch_crashes_no_reply() -> None:
    """In a plain run each rule is off for a share of the replies, and each reply without a share of
    the rules; that a rule's own evidence loses no text is another test."""
    bodies = [(row, body_of(row)) for row in CHAT if row.name != "healthy-long"]
    idle = {rule.name: rule.idle_mode for rule in RULES if rule.name in SWITCHABLE}
    for number, (name, mode) in enumerate(sorted(idle.items())):
        for row, body in bodies[number % SHARE :: SHARE]:
            promise = promise_of(row, modes=dict(row.modes) | {name: mode})
            assert name not in play(body, promise).repairs


# ---- healthy replies ----


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


# ---- once is enough ----


@USAGE
@pytest.mark.parametrize("row", CHAT, ids=lambda row: row.name)
def test_repairing_twice_is_repairing_once(row: Scenario, includes_usage: bool) -> None:
    promise = promise_of(row, includes_usage=includes_usage)
    once = play(body_of(row, includes_usage=includes_usage), promise)
    if once.is_early:
        assert once.out == b""
        return
    twice = play(once.out, promise)
    assert twice.out == once.out
    assert twice.repairs == frozenset()


@pytest.mark.parametrize("row", CHAT, ids=lambda row: row.name)
def test_collecting_twice_is_collecting_once(row: Scenario) -> None:
    promise = promise_of(row, is_stream=False)
    for is_stream in (True, False):
        once = play(body_of(row, is_stream=is_stream), promise)
        if once.failure is None:
            twice = play(once.out, promise)
            assert (twice.out, twice.repairs) == (once.out, frozenset())


@pytest.mark.parametrize("row", CHAT, ids=lambda row: row.name)
def test_every_reply_comes_out_strict(row: Scenario) -> None:
    for includes_usage in (False, True):
        for is_stream in (False, True):
            body = body_of(row, is_stream=is_stream, includes_usage=includes_usage)
            promise = promise_of(row, includes_usage=includes_usage)
            streamed = play(body, promise)
            if streamed.out:
                told = judge_stream(streamed.out, includes_usage=includes_usage)
                assert told.faults == []
            collected = play(body, replace(promise, is_stream=False))
            if collected.out:
                assert judge_object(collected.out).faults == []
            assert (streamed.failure is None) == (collected.failure is None)


# ---- switched off, nothing is lost ----

# The standard itself ignores what is no field, and a block whose end never came.
THE_STANDARD_IGNORES = frozenset(("sse.bare-json", "sse.unended-frame"))
TEXTS = ("reasoning_content", "reasoning", "content", "refusal")


def said_in(part: dict[str, Any]) -> Iterator[str]:
    """Every text and every piece of arguments of a delta or a message."""
    yield from (part[name] for name in TEXTS if part.get(name))
    for call in part.get("tool_calls") or ():
        yield call["function"].get("arguments") or ""
    yield (part.get("function_call") or {}).get("arguments") or ""


def said(row: Scenario, modes: Mapping[str, str], *, is_stream: bool) -> str | None:
    """All that a client is told, or None where the reply fails."""
    promise = promise_of(row, is_stream=is_stream, modes=modes)
    played = play(body_of(row, is_stream=is_stream), promise)
    if played.failure is not None:
        return None
    lines = [line.removeprefix(b"data: ") for line in played.out.split(b"\n")]
    values = [json.loads(line) for line in lines if line.startswith(b"{")]
    choices = [choice for value in values for choice in value.get("choices", ())]
    return "".join(
        text for one in choices for text in said_in(one.get("delta", one.get("message")))
    )


@pytest.mark.parametrize("is_stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("row", STREAMED, ids=lambda row: row.name)
def test_a_rule_that_is_off_loses_no_text(row: Scenario, is_stream: bool) -> None:
    """Without its rule a reply may say less well what it says, never less."""
    everything = said(row, row.modes, is_stream=is_stream)
    rules = row.rules_of("chat", is_stream=is_stream) & SWITCHABLE
    for rule in sorted(rules - row.modes.keys() - THE_STANDARD_IGNORES):
        left = said(row, {**row.modes, rule: "off"}, is_stream=is_stream)
        assert left is None or everything is None or len(left) >= len(everything), rule
