"""The table: complete, buildable for every kind of request, and healthy where it says so."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from strictwire.lab.ask import Ask
from strictwire.lab.scenarios import ALL_SCENARIOS, ROOMS, SCENARIOS, Scenario
from strictwire.lab.scenarios.scenario import PLAIN_ASK
from strictwire.lab.scenarios.strict import strict_object, strict_stream
from strictwire.repairs import RULES

ROWS = list(SCENARIOS.values())
HEALTHY = [row for row in ROWS if row.name.startswith("healthy-")]
BASH: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "bash",
        "parameters": {
            "type": "object",
            "properties": {"command": {"type": "string"}},
            "required": ["command"],
        },
    },
}
QUESTION = {"role": "user", "content": "?"}
# Healthy in themselves: what is odd about them is how they wait, what they refuse, or their text.
STRICT_BESIDES = (
    "prefill-silent",
    "prefill-queued",
    "prefill-progress",
    "rejects-unknown-fields",
    "refuses-",
    "think-tags-mentioned",
    "think-tags-kept",
    "leaked-call",
)
# What a stream or an object can show; the others mend requests and embeddings.
SHOWN_STAGES = ("frame", "chunk", "life", "event", "ending")


def asked(**fields: object) -> Ask:
    body = {"model": "m", "messages": [QUESTION], "stream": True, **fields}
    return Ask.parse(json.dumps(body).encode())


ASKS = {
    "plain": asked(),
    "usage": asked(stream_options={"include_usage": True}, return_progress=True),
    "whole": asked(stream=False),
    "tools": asked(tools=[BASH]),
    "whole tools": asked(tools=[BASH], stream=False),
    "no tools": asked(tools=[BASH], tool_choice="none"),
    "result": asked(tools=[BASH], messages=[QUESTION, {"role": "tool", "content": "ok"}]),
    "empty result": asked(messages=[{"role": "tool", "content": ""}]),
}


def named(row: Scenario) -> str:
    return row.name


def chunks_of(frames: tuple[bytes, ...]) -> list[dict[str, Any]]:
    assert frames[-1] == b"data: [DONE]\n\n"
    return [
        json.loads(frame.removeprefix(b"data: ").removesuffix(b"\n\n")) for frame in frames[:-1]
    ]


def test_every_rule_has_a_scenario() -> None:
    shown = {
        rule
        for row in ALL_SCENARIOS.values()
        for dialect in row.dialects
        for rule in row.rules_of(dialect)
    }
    assert {rule.name for rule in RULES if rule.stage in SHOWN_STAGES} == shown


def test_no_row_hides_another() -> None:
    rows = [row for room in ROOMS for row in room.ROWS]
    assert len(rows) == len(ALL_SCENARIOS)
    assert len({row.title for row in rows}) == len(rows)


@pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS.keys())
def test_every_scenario_answers_every_request(ask: Ask) -> None:
    for row in ROWS:
        row.reply(ask)
        row.expect_for(ask)


def test_replies_are_the_same_each_time() -> None:
    for row in ROWS:
        assert row.reply(PLAIN_ASK) == row.reply(PLAIN_ASK)


@pytest.mark.parametrize("row", [row for row in ROWS if row not in HEALTHY], ids=named)
def test_what_is_not_healthy_differs_from_the_strict_wire(row: Scenario) -> None:
    if row.name.startswith(STRICT_BESIDES):
        return
    stream = replace(PLAIN_ASK, includes_usage=False)
    whole = replace(PLAIN_ASK, is_stream=False)
    answers = [(ask, row.tell(ask)) for ask in (PLAIN_ASK, stream)]
    is_strict_stream = all(row.reply(ask) == strict_stream(told, ask) for ask, told in answers)
    is_strict_object = row.reply(whole) == strict_object(row.tell(whole), whole)
    assert not (is_strict_stream and is_strict_object)


@pytest.mark.parametrize("row", HEALTHY, ids=named)
def test_a_healthy_stream_keeps_the_contract(row: Scenario) -> None:
    chunks = chunks_of(row.reply(PLAIN_ASK).frames)
    *said, last = chunks
    assert last["choices"] == []
    assert all(chunk["usage"] is None for chunk in said)
    envelopes = {(c["id"], c["object"], c["created"], c["model"]) for c in chunks}
    assert envelopes == {("chatcmpl-lab", "chat.completion.chunk", PLAIN_ASK.created, "lab")}
    for index, expected in enumerate(row.expect.choices):
        mine = [c["choices"][0] for c in said if c["choices"][0]["index"] == index]
        assert mine[0]["delta"] == {"role": "assistant"}
        assert mine[-1]["delta"] == {}
        assert [choice["finish_reason"] for choice in mine] == [
            *(None for _ in mine[1:]),
            expected.finish_reason,
        ]
        for choice in mine[1:-1]:
            assert len(choice["delta"]) == 1
            assert all(choice["delta"].values())


@pytest.mark.parametrize("row", HEALTHY, ids=named)
def test_a_healthy_stream_says_what_is_expected(row: Scenario) -> None:
    chunks = chunks_of(row.reply(PLAIN_ASK).frames)
    for index, expected in enumerate(row.expect.choices):
        deltas = [
            choice["delta"] for c in chunks for choice in c["choices"] if choice["index"] == index
        ]
        for key, text in (
            ("content", expected.text),
            ("reasoning_content", expected.reasoning),
            ("refusal", expected.refusal),
        ):
            assert "".join(delta.get(key, "") for delta in deltas) == text
        calls: dict[int, list[str]] = {}
        for delta in deltas:
            for piece in delta.get("tool_calls", ()):
                told = calls.setdefault(piece["index"], ["", ""])
                told[0] += piece["function"].get("name", "")
                told[1] += piece["function"]["arguments"]
        assert [tuple(calls[at]) for at in sorted(calls)] == [
            (call.name, call.arguments) for call in expected.calls
        ]
    usage = chunks[-1]["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == row.expect.usage


@pytest.mark.parametrize("row", ROWS, ids=named)
def test_an_expectation_is_a_whole_answer_or_an_error(row: Scenario) -> None:
    for expect in (row.expect, row.expect_whole):
        if expect.error is None:
            assert all(choice.finish_reason for choice in expect.choices)
            assert expect.choices
        else:
            assert all(choice.finish_reason is None for choice in expect.choices)
            assert expect.error.status >= 400


@pytest.mark.parametrize(
    "row", [r for r in ROWS if r.expect.choices and r.expect.choices[0].calls], ids=named
)
def test_an_agent_gets_a_call_it_can_run_and_then_an_answer(row: Scenario) -> None:
    first = row.expect_for(ASKS["tools"])
    assert {call.name for call in first.choices[0].calls} == {"bash"}
    second = row.expect_for(ASKS["result"])
    assert second.choices[0].text == "The tool said: ok"
    assert not second.choices[0].calls
    if row.name != "tool-finish-without-calls":
        assert second.choices[0].finish_reason == "stop"
