"""Chat chunks and events: the reader's table, the writer's shapes, and the way there and back."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from chat_events import ENVELOPES, EVENTS, LOGPROBS
from hypothesis import given
from hypothesis import strategies as st

from strictwire.dialects.chat import ChatReader, ChatWriter
from strictwire.dialects.chunk_fields import error_object
from strictwire.model.chunks import Chunk
from strictwire.model.errors import PeerError
from strictwire.model.events import (
    Begun,
    Ended,
    Event,
    Extension,
    Extra,
    Failed,
    Finished,
    Progressed,
    ReasoningDelta,
    RefusalDelta,
    RoleTold,
    TextDelta,
    ToolCallBegun,
    ToolCallDelta,
    UsageTold,
)
from strictwire.model.request import Promise, ReasoningKey

PROMISE = Promise(id="own", created=7, model="asked", includes_usage=True)
ENVELOPE = {"id": "x", "object": "chat.completion.chunk", "created": 5, "model": "m"}


def read(*values: dict[str, Any]) -> list[Event]:
    reader = ChatReader()
    told = [event for value in values for event in reader.feed(Chunk(value))]
    return [*told, *reader.finish()]


def said(delta: Any, index: int = 0, finish: Any = None, **more: Any) -> dict[str, Any]:
    return {"index": index, "delta": delta, "finish_reason": finish, **more}


def piece(index: int = 0, **fields: Any) -> dict[str, Any]:
    return {"tool_calls": [{"index": index, **fields}]}


@pytest.mark.parametrize(
    ("choice", "events"),
    [
        (said({"role": "assistant"}), [RoleTold(0, "assistant")]),
        (said({"content": "a"}), [TextDelta(0, "a")]),
        (said({"content": "a"}, index=2), [TextDelta(2, "a")]),
        (said({"reasoning_content": "a"}), [ReasoningDelta(0, "a")]),
        (said({"reasoning": "a"}), [ReasoningDelta(0, "a")]),
        (said({"reasoning": "a", "reasoning_content": "a"}), [ReasoningDelta(0, "a")]),
        (said({"refusal": "a"}), [RefusalDelta(0, "a")]),
        (said({}, finish="stop"), [Finished(0, "stop")]),
        # In the order of the wire, whatever shares a delta.
        (
            said({"role": "assistant", "content": "b", "reasoning": "a"}, finish="length"),
            [
                RoleTold(0, "assistant"),
                ReasoningDelta(0, "a"),
                TextDelta(0, "b"),
                Finished(0, "length"),
            ],
        ),
        # Tool calls.
        (
            said(piece(1, id="c", type="function", function={"name": "f", "arguments": ""})),
            [ToolCallBegun(0, 1, "c", "f")],
        ),
        (said(piece(1, function={"arguments": "{"})), [ToolCallDelta(0, 1, "{")]),
        (
            said(piece(0, id="c", type="custom", custom={"name": "f", "input": "x"})),
            [ToolCallBegun(0, 0, "c", "f", "custom"), ToolCallDelta(0, 0, "x", "custom")],
        ),
        (
            said({"function_call": {"name": "f", "arguments": "{}"}}),
            [ToolCallBegun(0, 0, "", "f", "legacy"), ToolCallDelta(0, 0, "{}", "legacy")],
        ),
        # What says nothing.
        (said({}), []),
        (said({"content": "", "role": "", "refusal": None}), []),
        (said({"content": None, "tool_calls": None, "function_call": None}), []),
        (said({}, finish=""), []),
        (said(piece(0, function={"name": "", "arguments": ""})), []),
        # What has the wrong type is passed over, never guessed.
        (said({"content": ["a"], "role": 5, "reasoning": {}}), []),
        (said(None), []),
        (said({"tool_calls": {"a": 1}}), []),
        (said({"tool_calls": ["a", {"index": 0, "function": "f"}]}), []),
        (said({}, finish="eos"), []),
        (said({}, finish=["stop"][0:0]), []),
        # What the model has no place for goes along.
        (
            said({"content": "a", "audio": None}, logprobs=LOGPROBS),
            [TextDelta(0, "a", extra=Extra(choice={"logprobs": LOGPROBS}, delta={"audio": None}))],
        ),
        (said({}, verdict={"a": 1}), [Extension(0, extra=Extra(choice={"verdict": {"a": 1}}))]),
        (said({}, logprobs=None, verdict={}), []),
    ],
)
def test_a_choice_is_read(choice: dict[str, Any], events: list[Event]) -> None:
    assert read({**ENVELOPE, "choices": [choice]}) == [Begun("x", 5, "m"), *events]


@pytest.mark.parametrize(
    "value",
    [
        {}, {"choices": None}, {"choices": {}}, {"choices": "a"}, {"choices": [None, 5, "a", []]},
        {"error": None}, {"error": ""}, {"usage": 5}, {"usage": []}, {"prompt_progress": None},
        {"prompt_progress": {"total": "9"}}, {"id": 5, "created": "x", "model": None},
    ],
)  # fmt: skip
def test_what_is_no_chunk_says_nothing(value: dict[str, Any]) -> None:
    assert [event for event in read(value) if not isinstance(event, Begun)] == []


def test_the_envelope_is_told_once_and_again_when_it_changes() -> None:
    first, second = {**ENVELOPE, "choices": []}, {**ENVELOPE, "id": "y", "choices": []}
    assert read(first, first, second) == [Begun("x", 5, "m"), Begun("y", 5, "m")]


def test_an_error_is_all_that_its_chunk_says() -> None:
    error = {"message": "no", "type": "server_error", "param": "p", "code": "c", "status": 503}
    (event,) = read({"error": error, "choices": [said({"content": "a"})]})
    assert isinstance(event, Failed)
    told = event.error
    assert isinstance(told, PeerError)
    assert (told.message, told.type, told.param, told.code) == ("no", "server_error", "p", "c")
    assert told.status == 503


def test_progress_is_read_beside_whatever_else_the_chunk_says() -> None:
    progress = {"total": 9, "cache": 2, "processed": 4, "time_ms": 1}
    told = read({**ENVELOPE, "choices": [said({"content": "a"})], "prompt_progress": progress})
    assert told[0] == Progressed(9, 2, 4)
    assert [type(event) for event in told[1:]] == [Begun, TextDelta]


def test_extra_fields_go_on_one_event_and_constant_ones_on_each() -> None:
    value = {**ENVELOPE, "system_fingerprint": "fp", "timings": {"n": 1}, "usage": {"a": 1}}
    choices = [said({"role": "assistant", "content": "a"}), said({"content": "b"}, index=1)]
    told = read({**value, "choices": choices})
    constant = {"system_fingerprint": "fp"}
    assert told == [
        Begun("x", 5, "m"),
        RoleTold(0, "assistant", extra=Extra(constant)),
        TextDelta(0, "a", extra=Extra(constant | {"timings": {"n": 1}})),
        TextDelta(1, "b", extra=Extra(constant)),
        UsageTold({"a": 1}, extra=Extra(constant)),
    ]


# ---- there and back ----


def written(events: list[Event], promise: Promise = PROMISE) -> list[dict[str, Any]]:
    writer = ChatWriter(promise)
    chunks = [chunk for event in events for chunk in writer.feed(event)]
    return [json.loads(json.dumps(chunk)) for chunk in chunks]


@pytest.mark.properties
@given(
    begun=ENVELOPES,
    events=st.lists(EVENTS, min_size=1, max_size=12),
    key=st.sampled_from(["reasoning_content", "reasoning", "both"]),
)
def test_what_is_written_is_read_back(begun: Begun, events: list[Event], key: ReasoningKey) -> None:
    promise = replace(PROMISE, reasoning_key=key)
    assert read(*written([begun, *events], promise)) == [begun, *events]


@pytest.mark.properties
@given(begun=ENVELOPES, events=st.lists(EVENTS, max_size=12))
def test_each_chunk_is_complete(begun: Begun, events: list[Event]) -> None:
    for chunk in written([begun, *events]):
        told = [chunk[name] for name in ("id", "object", "created", "model")]
        assert told == [begun.id, "chat.completion.chunk", begun.created, begun.model]
        assert (chunk["usage"] is None) == bool(chunk["choices"])
        for choice in chunk["choices"]:
            assert {"index", "delta", "finish_reason"} <= set(choice)


def test_what_the_upstream_did_not_tell_comes_from_the_promise() -> None:
    (chunk,) = written([Begun(), TextDelta(0, "a")])
    assert (chunk["id"], chunk["created"], chunk["model"]) == ("chatcmpl-own", 7, "asked")


def test_a_pinned_model_is_shown_whatever_the_upstream_says() -> None:
    promise = replace(PROMISE, is_model_pinned=True)
    (chunk,) = written([Begun("x", 5, "real-name"), TextDelta(0, "a")], promise)
    assert (chunk["id"], chunk["model"]) == ("x", "asked")


def test_usage_is_shown_only_to_who_asked() -> None:
    events: list[Event] = [TextDelta(0, "a"), UsageTold({"prompt_tokens": 1})]
    assert [chunk["usage"] for chunk in written(events)] == [None, {"prompt_tokens": 1}]
    (chunk,) = written(events, replace(PROMISE, includes_usage=False))
    assert "usage" not in chunk


def test_what_has_no_place_on_this_wire_is_not_written() -> None:
    nothing: list[Event] = [Begun("x"), Progressed(9, 0, 3), Extension(None), Ended()]
    assert written([*nothing, Failed(PeerError("no"))]) == []


def test_an_error_is_written_and_read_back() -> None:
    error = PeerError("no", type="server_error", param="p", code="c")
    value = error_object(error)
    assert value == {"error": {"message": "no", "type": "server_error", "param": "p", "code": "c"}}
    (event,) = read(value)
    assert isinstance(event, Failed)
    assert error_object(event.error) == value
