"""Replies of Ollama's own API for clients of every dialect: the same however they come, strict, and
ended as the lab's rows say."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.judge import faults_in, judge_object, judge_stream
from relay.playing import PROMISE, Played, cut_at, cuts, one_by_one, play
from strictwire.conformance import Asked
from strictwire.lab.scenarios import OLLAMA_SCENARIOS, Scenario
from strictwire.lab.scenarios.ollama import ROWS
from strictwire.model.events import Ended, Failed
from strictwire.model.request import Dialect, Promise
from strictwire.relay import make_relay
from strictwire.relay.reading import Reading

CLIENTS: tuple[Dialect, ...] = ("chat", "completions", "responses", "messages")
EACH_CLIENT = pytest.mark.parametrize("client", CLIENTS)
SHAPES = pytest.mark.parametrize("is_stream", [True, False], ids=["stream", "whole"])
TOLD = {
    name: row
    for name, row in OLLAMA_SCENARIOS.items()
    if row.reply(row.ask_in("ollama")).status == 200
}
EACH_ROW = pytest.mark.parametrize("row", TOLD.values(), ids=TOLD.keys())
EACH_OWN = pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
PIECES = 3


def promised(client: Dialect, row: Scenario, *, is_stream: bool = True) -> Promise:
    return replace(
        PROMISE,
        dialect=client,
        upstream="ollama",
        is_stream=is_stream,
        includes_usage=is_stream,
        tools=frozenset(tool.name for tool in row.ask.tools),
        prompt_tokens=7,
    )


def body_of(row: Scenario, *, is_stream: bool) -> bytes:
    """What the server says to a gateway that asks in the same way as its client."""
    return b"".join(row.reply(replace(row.ask_in("ollama"), is_stream=is_stream)).frames)


def faults_for(client: Dialect, played: Played, *, is_stream: bool) -> list[str]:
    includes_usage = is_stream and client in ("chat", "completions")
    law = Asked(dialect=client, is_stream=is_stream, includes_usage=includes_usage)
    return faults_in(played.out, law)


@EACH_CLIENT
@SHAPES
@EACH_ROW
def test_what_a_row_says_is_told_strictly(row: Scenario, client: Dialect, is_stream: bool) -> None:
    expect = row.expect_for(replace(row.ask_in("ollama"), is_stream=is_stream))
    played = play(body_of(row, is_stream=is_stream), promised(client, row, is_stream=is_stream))
    if expect.error is not None:
        assert played.failure is not None
        assert expect.error.code in (None, played.failure.code)
        # An answer whose beginning is all reasoning has not begun for a completion.
        assert played.is_early == (expect.error.is_early or not is_stream)
        return
    assert played.failure is None
    assert faults_for(client, played, is_stream=is_stream) == []
    beyond = {"reply.untellable"} if client == "completions" else set()
    rules = row.rules_of("ollama", is_stream=is_stream)
    assert rules <= played.repairs <= rules | beyond


@SHAPES
@EACH_ROW
def test_nothing_of_what_a_row_says_is_lost(row: Scenario, is_stream: bool) -> None:
    """For chat, which can say all of it; other clients are asked in tests/e2e."""
    expect = row.expect_for(replace(row.ask_in("ollama"), is_stream=is_stream))
    played = play(body_of(row, is_stream=is_stream), promised("chat", row, is_stream=is_stream))
    if expect.error is not None and not expect.choices:
        assert b"choices" not in played.out
        return
    told = judge_stream(played.out, includes_usage=True) if is_stream else judge_object(played.out)
    (right,), said = expect.choices, told.choices[0]
    assert (said.text, said.reasoning) == (right.text, right.reasoning)
    assert said.finish == right.finish_reason
    assert said.tokens == list(right.logprob_tokens)
    calls = [(call.name, json.loads(call.arguments)) for call in said.calls]
    assert calls == [(call.name, json.loads(call.arguments)) for call in right.calls]
    assert len({call.id for call in said.calls} - {""}) == len(calls)
    usage = told.usage and (told.usage["prompt_tokens"], told.usage["completion_tokens"])
    assert usage == (expect.usage or (None if is_stream else (0, 0)))


@EACH_CLIENT
@SHAPES
@EACH_OWN
def test_any_cut_gives_the_same(row: Scenario, client: Dialect, is_stream: bool) -> None:
    body, promise = body_of(row, is_stream=is_stream), promised(client, row, is_stream=is_stream)
    want = play([body], promise)
    assert play(one_by_one(body), promise) == want
    dice = random.Random(f"{row.name}->{client}")
    for _ in range(PIECES):
        places = [dice.randrange(len(body)) for _ in range(PIECES)]
        assert play(cut_at(body, places), promise) == want


@pytest.mark.properties
@given(data=st.data(), row=st.sampled_from(list(TOLD.values())), client=st.sampled_from(CLIENTS))
def test_any_cut_of_any_row_gives_the_same(data: Any, row: Scenario, client: Dialect) -> None:
    body, promise = body_of(row, is_stream=True), promised(client, row)
    assert play(data.draw(cuts(body)), promise) == play([body], promise)


@pytest.mark.properties
@given(data=st.data(), row=st.sampled_from(list(TOLD.values())), client=st.sampled_from(CLIENTS))
def test_what_is_cut_off_is_never_told_as_whole(data: Any, row: Scenario, client: Dialect) -> None:
    """Only the last object says that the reply is whole: all before it is not enough."""
    body = body_of(row, is_stream=True).rstrip()
    part = body[: data.draw(st.integers(0, len(body) - 1))]
    played = play([part], promised(client, row), is_object=True)
    if row.failure is None:
        assert played.failure is not None
        assert played.failure.code in ("upstream_truncated", "upstream_empty_reply")


# ---- replies that went wrong ----

ODD = st.sampled_from(
    [None, True, False, 0, -1, 1.5, 10**20, "", "x", "stop", "\ud83d", [], {}, [None], ["x"], [[]],
     {"message": "x"}, [{"function": {"name": "f", "arguments": {}}}], [{"function": None}],
     [{"id": "c", "function": {"name": 5, "arguments": "x"}}], [{"token": "x", "logprob": "y"}]]
)  # fmt: skip
NAMES = st.sampled_from(
    ["model", "created_at", "message", "done", "done_reason", "error", "logprobs", "eval_count",
     "prompt_eval_count", "status", "role", "content", "thinking", "tool_calls", "images"]
)  # fmt: skip


@st.composite
def spoiled_lines(draw: st.DrawFn) -> bytes:
    """A reply of the lab, with fields replaced, lines lost, told twice, or cut."""
    row = draw(st.sampled_from(list(TOLD.values())))
    told = [one for one in body_of(row, is_stream=draw(st.booleans())).split(b"\n") if one]
    told = told[-draw(st.integers(1, 12)) :]
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, len(told) - 1))
        try:
            value = json.loads(told[place])
        except ValueError:
            continue
        if not isinstance(value, dict):
            continue
        inner = value.get("message")
        holder = inner if isinstance(inner, dict) and draw(st.booleans()) else value
        holder[draw(NAMES)] = draw(ODD)
        told[place] = json.dumps(value).encode()
    order = draw(st.lists(st.sampled_from(range(len(told))), max_size=len(told) + 2))
    body = b"\n".join(told[place] for place in (order or range(len(told)))) + b"\n"
    return body[: draw(st.integers(0, len(body)))] if draw(st.booleans()) else body


@pytest.mark.properties
@given(data=st.data(), body=spoiled_lines(), client=st.sampled_from(CLIENTS))
def test_what_goes_wrong_is_an_error_or_mended(data: Any, body: bytes, client: Dialect) -> None:
    for is_stream in (True, False):
        promise = replace(
            PROMISE, dialect=client, upstream="ollama", is_stream=is_stream, prompt_tokens=7
        )
        played = play([body], promise, is_object=True)
        assert play(data.draw(cuts(body)), promise, is_object=True) == played
        if played.out:
            found = faults_in(played.out, Asked(dialect=client, is_stream=is_stream))
            # A call's arguments are the model's, and never altered.
            assert [
                one for one in found if "arguments" not in one and "input-json" not in one
            ] == []


# ---- the reply's end ----

LINE: dict[str, Any] = {"model": "m", "created_at": "2025-01-01T00:00:00Z"}
TEXT = {**LINE, "message": {"role": "assistant", "content": "hi"}, "done": False}
LAST = {**LINE, "message": {"role": "assistant", "content": ""}, "done": True}


def lines(*values: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


def test_the_last_line_ends_the_reply_at_once() -> None:
    promise = replace(PROMISE, upstream="ollama")
    relay = make_relay(promise, is_object=True)
    relay.feed(lines(TEXT))
    assert not relay.wants_attention
    out = relay.feed(lines(LAST, TEXT))
    assert out.endswith(b"data: [DONE]\n\n")
    assert relay.is_done
    assert relay.wants_attention
    assert relay.feed(lines(TEXT, LAST)) == b""


def test_it_is_never_spliced() -> None:
    promise = replace(PROMISE, upstream="ollama")
    relay = make_relay(promise, is_object=False)
    for _ in range(50):
        assert relay.feed(lines(TEXT)) or not relay.is_meaningful
        assert relay.lane is None
    assert relay._splicer is None, "it does not even try to learn"


def test_a_terminal_of_event_streams_ends_nothing() -> None:
    played = play(lines(TEXT) + b"[DONE]\n", replace(PROMISE, upstream="ollama"))
    assert played.failure is not None
    assert played.failure.code == "upstream_truncated"


def test_usage_of_a_cached_prompt_is_unknown_and_not_zero() -> None:
    last = {**LAST, "done_reason": "stop", "eval_count": 4}
    promise = replace(PROMISE, upstream="ollama", is_stream=False)
    for more, knows in (({}, False), ({"prompt_eval_count": 3}, True)):
        relay = make_relay(promise, is_object=True)
        relay.feed(lines({**TEXT, **last, **more, "message": TEXT["message"]}))
        assert relay.is_done
        assert relay.knows_usage == knows


def test_a_line_over_the_bound_fails_the_reply() -> None:
    promise = replace(PROMISE, upstream="ollama", max_reply_bytes=1)
    relay = make_relay(promise, is_object=True)
    relay.feed(lines(TEXT))
    for _ in range(17):
        relay.feed(b"x" * (1024 * 1024))
    assert relay.failure is not None
    assert relay.failure.code == "upstream_frame_too_large"


def test_more_calls_than_any_model_makes_fail_the_reply() -> None:
    call = {"function": {"name": "f", "arguments": {}}}
    calling = {**TEXT, "message": {"role": "assistant", "content": "", "tool_calls": [call] * 1025}}
    played = play(lines(calling, LAST), replace(PROMISE, upstream="ollama"))
    assert played.failure is not None
    assert played.failure.code == "upstream_malformed"


def test_images_in_an_answer_are_left_out_and_counted() -> None:
    image = {**TEXT, "message": {"role": "assistant", "content": "see", "images": ["aGk="]}}
    played = play(lines(image, LAST), replace(PROMISE, upstream="ollama"))
    assert played.failure is None
    assert played.repairs == {"reply.untellable"}
    assert b"aGk=" not in played.out


def test_half_a_character_becomes_a_replacement() -> None:
    body = lines(TEXT, LAST).replace(b'"hi"', b'"h\xc3"')
    played = play(body, replace(PROMISE, upstream="ollama"))
    assert played.failure is None
    assert "h\ufffd" in played.out.decode()


# ---- read as events ----


@EACH_OWN
def test_a_reader_of_events_gets_the_same_end(row: Scenario) -> None:
    reading = Reading(promised("chat", row), is_object=True)
    events = [*reading.feed(body_of(row, is_stream=True)), *reading.finish()]
    assert isinstance(events[-1], Ended if row.failure is None else Failed)
    assert sum(isinstance(event, Ended | Failed) for event in events) == 1
