"""What a row says it plants is what is there: the relay fires just the rules that it names."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from lab_dialects import expected, told_by
from lab_promises import promise_of

from relay.judge import judge_object, judge_stream
from relay.playing import play
from strictwire.conformance import CHECKS
from strictwire.lab.ask import Dialect
from strictwire.lab.scenarios import ALL_SCENARIOS, Expect, Scenario
from strictwire.relay.dialects import DIALECTS
from strictwire.repairs import MODES, RULE_NAMES

CASES = [
    (row, dialect)
    for row in ALL_SCENARIOS.values()
    for dialect in sorted(row.dialects)
    if dialect in DIALECTS
]
EACH = pytest.mark.parametrize(
    ("row", "dialect"), CASES, ids=[f"{row.name}-{dialect}" for row, dialect in CASES]
)
SHAPES = pytest.mark.parametrize("is_stream", [True, False], ids=["stream", "whole"])


@SHAPES
@EACH
def test_the_rules_that_a_row_names_are_those_that_fire(
    row: Scenario, dialect: Dialect, is_stream: bool
) -> None:
    reply = row.reply(replace(row.ask_in(dialect), is_stream=is_stream))
    if reply.status != 200:
        assert not row.rules_of(dialect, is_stream=is_stream)
        return
    played = play(b"".join(reply.frames), promise_of(row, dialect, is_stream=is_stream))
    assert played.repairs == row.rules_of(dialect, is_stream=is_stream)


@SHAPES
@EACH
def test_what_a_row_expects_is_what_comes(row: Scenario, dialect: Dialect, is_stream: bool) -> None:
    ask = replace(row.ask_in(dialect), is_stream=is_stream)
    reply = row.reply(ask)
    if reply.status != 200:
        return
    played = play(b"".join(reply.frames), promise_of(row, dialect, is_stream=is_stream))
    expect = row.expect_for(ask)
    if expect.error is not None:
        assert played.failure is not None
        assert expect.error.code in (None, played.failure.code)
        assert played.is_early == (expect.error.is_early or not is_stream)
        return
    assert played.failure is None
    if row.name == "rejects-unknown-fields":
        # It tells usage where it was asked for; only a gateway may not ask this server for it.
        expect = replace(expect, usage=row.tell(ask).usage)
    if dialect == "chat":
        assert_chat_says(expect, played.out, is_stream=is_stream)
    elif dialect == "completions":
        assert texts_of(played.out) == [choice.text for choice in expect.choices]
    else:
        assert_items_say(dialect, expect, played.out)


def assert_chat_says(expect: Expect, out: bytes, *, is_stream: bool) -> None:
    told = judge_stream(out, includes_usage=True) if is_stream else judge_object(out)
    assert told.faults == []
    said = [told.choices[at] for at in sorted(told.choices)]
    assert [choice.text for choice in said] == [choice.text for choice in expect.choices]
    assert [choice.reasoning for choice in said] == [choice.reasoning for choice in expect.choices]
    assert [choice.finish for choice in said] == [c.finish_reason for c in expect.choices]
    for choice, right in zip(said, expect.choices, strict=True):
        calls = [(call.name, json.loads(call.arguments)) for call in choice.calls]
        assert calls == [(call.name, json.loads(call.arguments)) for call in right.calls]
    usage = told.usage or {}
    counts = usage.get("prompt_tokens"), usage.get("completion_tokens")
    assert counts == (expect.usage or ((None, None) if is_stream else (0, 0)))


def assert_items_say(dialect: Dialect, expect: Expect, out: bytes) -> None:
    told, right = told_by(dialect, out), expected(dialect, expect)
    assert (told.said, told.seal) == (right.said, right.seal)
    if expect.usage is not None:
        assert told.usage == right.usage


def texts_of(out: bytes) -> list[str]:
    """The texts of a completions stream, or of its object."""
    lines = [line.removeprefix(b"data: ") for line in out.split(b"\n")]
    values = [json.loads(line) for line in lines if line.startswith(b"{")]
    texts: dict[int, str] = {}
    for value in values:
        for choice in value["choices"]:
            texts[choice["index"]] = texts.get(choice["index"], "") + choice["text"]
    return [texts[index] for index in sorted(texts)]


def test_rows_name_only_what_there_is() -> None:
    for row in ALL_SCENARIOS.values():
        for dialect in row.dialects:
            for is_stream in (True, False):
                assert row.rules_of(dialect, is_stream=is_stream) <= RULE_NAMES
        assert not {*row.faults, *row.whole_faults} & RULE_NAMES
        assert {*row.faults, *row.whole_faults} <= CHECKS.keys()
        for rule, mode in row.modes.items():
            assert mode in MODES[rule]


def test_without_its_settings_a_row_s_rule_does_not_fire() -> None:
    """Else the settings would not be needed."""
    for row in ALL_SCENARIOS.values():
        if not row.modes or not row.rules:
            continue
        body = b"".join(row.reply(row.ask).frames)
        played = play(body, replace(promise_of(row), modes={}))
        assert not played.repairs & row.modes.keys()
