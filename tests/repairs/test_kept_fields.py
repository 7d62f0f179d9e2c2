"""Fields that no rule knows: none is lost, and none makes a chunk that says nothing.

Whatever a server says beside the format stays on its own place of a correct chunk: the object, the
choice, the delta, the tool call. Played streamed and collected, and with ``extra_fields: drop``.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from relay.chat_streams import DONE, ROLE, STOP, chunk, frame, said, text_frame
from relay.judge import judge_object, judge_stream
from relay.playing import PROMISE, WHOLE, play

SIGNED = {"extra_content": {"google": {"thought_signature": "c2ln"}}}
VERDICT = {"content_filter_results": {"hate": {"filtered": False}}}


def chunks_of(*frames: bytes, **promised: Any) -> list[dict[str, Any]]:
    played = play(b"".join(frames) + DONE, replace(PROMISE, **promised))
    asked = {name: promised[name] for name in promised if name == "extra_fields"}
    assert judge_stream(played.out, **asked).faults == []
    lines = played.out.decode().split("\n")
    return [json.loads(line[6:]) for line in lines if line.startswith("data: {")]


def object_of(*frames: bytes) -> dict[str, Any]:
    out = play(b"".join(frames) + DONE, WHOLE).out
    assert judge_object(out).faults == []
    told: dict[str, Any] = json.loads(out)
    return told


# ---- tool calls ----


def piece(**fields: Any) -> bytes:
    return frame(chunk([said({"tool_calls": [{"index": 0, **fields}]})]))


def head(arguments: str = "", **fields: Any) -> bytes:
    function = {"name": "f", "arguments": arguments}
    return piece(id="c", type="function", function=function, **fields)


def tail(arguments: str, **fields: Any) -> bytes:
    return piece(function={"arguments": arguments}, **fields)


# The pieces, and the fields that the pieces beside the beginning must have, in order.
CALLS: dict[str, list[bytes]] = {
    "on the beginning": [head(**SIGNED), tail("{}")],
    "on a whole call": [head("{}", **SIGNED)],
    "on the arguments": [head(), tail("{}", **SIGNED)],
    "on a piece that says nothing else": [head(), tail("{}"), tail("", **SIGNED)],
    "on a piece before the arguments": [head(), tail("", **SIGNED), tail("{}")],
    "on a piece without a function": [head(), tail("{}"), piece(**SIGNED)],
    "on the name told again": [head(), head(**SIGNED), tail("{}")],
    "on the name told again, late": [head(), tail("{}"), head(**SIGNED)],
    "on arguments told again": [head(), tail('{"a":1}'), tail('{"a":1}', **SIGNED)],
    "on a placeholder": [head(), tail("{}", **SIGNED), tail('{"a":1}')],
    "on a piece with half a character": [
        head(),
        tail("\\u00e9", **SIGNED).replace(b"\\\\u00e9", b"\\ud83d"),
        tail(""),
    ],
}


@pytest.mark.parametrize("pieces", CALLS.values(), ids=CALLS)
def test_a_call_keeps_what_it_says_beside(pieces: list[bytes]) -> None:
    chunks = chunks_of(ROLE, *pieces, STOP)
    calls = [c for one in chunks for c in one["choices"][0]["delta"].get("tool_calls", ())]
    assert [call["extra_content"] for call in calls if "extra_content" in call] == [
        SIGNED["extra_content"]
    ]
    (call,) = object_of(ROLE, *pieces, STOP)["choices"][0]["message"]["tool_calls"]
    assert call["extra_content"] == SIGNED["extra_content"]
    assert "extra_content" not in json.dumps(chunks_of(ROLE, *pieces, STOP, extra_fields="drop"))


@pytest.mark.parametrize("custom", [{"v": 5}, {"name": "g", "input": "x"}, {}, None])
def test_a_call_that_is_a_function_is_no_custom_tool(custom: Any) -> None:
    call = {"id": "c", "function": {"name": "f", "arguments": "{}"}, "custom": custom}
    told = object_of(ROLE, piece(**call), tail("{}", custom=custom), STOP)["choices"][0]
    message = json.dumps(chunk([{"index": 0, "message": {"tool_calls": [call]}}])).encode()
    whole = json.loads(play(message, WHOLE, is_object=True).out)["choices"][0]
    for one in (told, whole):
        assert one["message"]["tool_calls"] == [
            {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        ]


def test_an_inner_field_of_a_call_stays_inside() -> None:
    pieces = [piece(id="c", type="function", function={"name": "f", "arguments": "", "v": 1})]
    begun = chunks_of(ROLE, *pieces, STOP)[1]["choices"][0]["delta"]["tool_calls"][0]
    assert begun["function"] == {"name": "f", "arguments": "", "v": 1}
    (call,) = object_of(ROLE, *pieces, STOP)["choices"][0]["message"]["tool_calls"]
    assert call["function"] == {"name": "f", "arguments": "{}", "v": 1}


def test_a_whole_object_keeps_it_on_its_call() -> None:
    function = {"name": "f", "arguments": {"a": 1}}
    message = {"role": "assistant", "tool_calls": [{"id": "c", "function": function, **SIGNED}]}
    body = json.dumps(chunk([{"index": 0, "message": message, "finish_reason": "stop"}])).encode()
    for promise in (PROMISE, WHOLE):
        assert play(body, promise, is_object=True).out.count(b"thought_signature") == 1


# ---- a choice, a chunk ----

EMPTY = {"index": 0, "delta": {}, "finish_reason": None}


@pytest.mark.parametrize(
    "spelled",
    [
        EMPTY,
        {"index": 0},
        EMPTY | {"delta": {"content": ""}},
        EMPTY | {"delta": {"tool_calls": [{}]}},
    ],
    ids=["empty delta", "no delta", "empty content", "a piece of no call"],
)
def test_a_verdict_on_an_empty_delta_passes(spelled: dict[str, Any]) -> None:
    """Azure's asynchronous filter tells its verdicts so (quirk 39)."""
    frames = [ROLE, text_frame("a"), frame(chunk([spelled | VERDICT])), STOP]
    choices = [one["choices"][0] for one in chunks_of(*frames)]
    assert choices[2] == EMPTY | VERDICT
    assert object_of(*frames)["choices"][0]["content_filter_results"] == {
        "hate": {"filtered": False}
    }
    assert len(chunks_of(*frames, extra_fields="drop")) == 3


def test_a_verdict_before_the_role_comes_after_it() -> None:
    chunks = chunks_of(frame(chunk([EMPTY | VERDICT])), ROLE, text_frame("a"), STOP)
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant"}
    assert chunks[1]["choices"][0] == EMPTY | VERDICT


@pytest.mark.parametrize("nothing", [{"logprobs": None}, {"vendor": None}, {"vendor": {}}])
def test_a_field_that_says_nothing_makes_no_chunk(nothing: dict[str, Any]) -> None:
    no_piece = said({"tool_calls": [{}]}) | nothing
    for empty in (EMPTY | nothing, no_piece):
        assert len(chunks_of(ROLE, text_frame("a"), frame(chunk([empty])), STOP)) == 3


def test_fields_of_a_dropped_chunk_come_with_the_next_one_and_once() -> None:
    empty = frame(chunk([EMPTY], provider="p"))
    other = frame(chunk([EMPTY], provider="q"))
    told = chunks_of(
        ROLE, empty, text_frame("a"), empty, text_frame("b"), other, text_frame("c"), STOP
    )
    assert [one.get("provider") for one in told] == [None, "p", None, "q", None]


def test_a_call_laid_out_anew_keeps_its_own_fields_and_those_of_its_choice() -> None:
    call = {"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}, **SIGNED}
    for told in (call, call | {"function": {"name": "f", "arguments": ""}, "type": "function"}):
        frames = [ROLE, frame(chunk([said({"tool_calls": [told]}, **VERDICT)])), STOP]
        choices = [one["choices"][0] for one in chunks_of(*frames)]
        assert sum("content_filter_results" in one for one in choices) == 1
        assert sum("extra_content" in json.dumps(one) for one in choices) == 1
