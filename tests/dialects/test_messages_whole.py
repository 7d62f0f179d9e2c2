"""Whole messages: laid out as a stream, folded again, written from events, and their errors."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from anthropic.types import Message
from hypothesis import given
from messages_events import REPLIES
from messages_streams import HEALTHY, PROMISE, Value, accumulated, assert_strict, live, plain

from strictwire.dialects.messages import (
    MessagesLife,
    MessagesNativeReader,
    MessagesNativeWholeWriter,
    MessagesWholeWriter,
    MessagesWriter,
    chunks_of_reply,
    error_object,
)
from strictwire.dialects.messages.errors import STATUS_OF, error_told
from strictwire.dialects.messages.fold import INVALID_INPUT
from strictwire.model.chunks import Chunk
from strictwire.model.errors import CallerError, PeerError, UpstreamTimeout, WireError
from strictwire.model.events import (
    Begun,
    Ended,
    Event,
    Finished,
    ReasoningDelta,
    TextDelta,
    ToolCallBegun,
    ToolCallDelta,
)

WHOLE: Value = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [
        {"type": "thinking", "thinking": "Let me see", "signature": "c2VhbA=="},
        {"type": "redacted_thinking", "data": "x"},
        {"type": "text", "text": "It is warm.", "citations": None},
        {
            "type": "text",
            "text": "So they say.",
            "citations": [
                {"type": "char_location", "cited_text": "c", "document_index": 0}
                | {"document_title": None, "start_char_index": 0, "end_char_index": 1}
            ],
        },
        {"type": "text", "text": ""},
        {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": [1, 1.0, "é", None]}},
        {"type": "tool_use", "id": "toolu_2", "name": "g", "input": {}},
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}},
        {"type": "web_search_tool_result", "tool_use_id": "s", "content": []},
        {"type": "new_block", "more": {"a": 1}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "stop_details": None,
    "usage": {
        "input_tokens": 2,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 13,
        "output_tokens": 12,
        "service_tier": "standard",
    },
}


def passed(value: Value) -> tuple[Value, frozenset[str], MessagesNativeWholeWriter]:
    """A whole reply through chunks, life and events to a client of the same dialect."""
    life = MessagesLife(PROMISE, is_object=True)
    reader, writer = MessagesNativeReader(), MessagesNativeWholeWriter(PROMISE, life)
    for chunk in chunks_of_reply(value):
        for strict in life.feed(chunk):
            for event in reader.feed(strict):
                writer.feed(event)
    return writer.finish(), life.mended, writer


def written(*events: Event) -> tuple[Value, MessagesWholeWriter]:
    writer = MessagesWholeWriter(PROMISE)
    for event in events:
        writer.feed(event)
    return writer.finish(), writer


def test_a_whole_message_comes_out_as_it_went_in() -> None:
    told, mended, writer = passed(WHOLE)
    assert (json.dumps(told, sort_keys=True), mended) == (
        json.dumps(WHOLE, sort_keys=True),
        frozenset(),
    )
    assert writer.knows_usage
    assert writer.size_bytes > len(json.dumps(WHOLE))


def test_laid_out_it_is_the_stream_that_it_would_have_been() -> None:
    known = [block for block in WHOLE["content"] if block["type"] != "new_block"]
    chunks = chunks_of_reply(WHOLE | {"content": known})
    assert all(chunk.event == chunk.value["type"] for chunk in chunks)
    lived = live([chunk.value for chunk in chunks])
    assert_strict(lived.values)
    assert accumulated(lived.values)["content"] == known


@pytest.mark.parametrize(
    ("broken", "rules"),
    [
        ({"usage": None}, {"messages.start-fields", "messages.usage"}),
        ({"stop_reason": None}, {"messages.stop-reason"}),
        ({"stop_reason": "end_turn"}, {"messages.stop-reason"}),
        ({"id": ""}, {"messages.start-fields"}),
        ({"content": [{"type": "tool_use", "name": "f", "input": {}}]}, {"messages.tool-id"}),
        (
            {"content": [{"type": "tool_use", "id": "a", "name": "f", "input": '{"a": 1}'}]},
            {"messages.tool-input"},
        ),
    ],
)
def test_what_is_broken_in_an_object_is_mended_by_the_same_rules(
    broken: Value, rules: set[str]
) -> None:
    told, mended, _ = passed(WHOLE | broken)
    assert mended == rules
    Message.model_validate(told | {"content": []})
    assert told["stop_reason"] == "tool_use"


def test_what_is_no_message_stays_one_chunk() -> None:
    others: list[Value] = [{"type": "error", "error": {"message": "no"}}, {"choices": []}]
    for value in others:
        assert chunks_of_reply(value) == [Chunk(value)]


def test_half_a_character_in_an_input_does_not_stop_the_layout() -> None:
    call = {"type": "tool_use", "id": "a", "name": "f", "input": {"a": "\ud83d"}}
    told = [chunk.value for chunk in chunks_of_reply(WHOLE | {"content": [call]})]
    assert told[2]["delta"]["partial_json"] == '{"a": "\\ud83d"}'


@pytest.mark.properties
@given(REPLIES)
def test_a_whole_message_says_what_the_stream_says(events: list[Event]) -> None:
    told, _ = written(*events)
    Message.model_validate(told)
    writer = MessagesWriter(PROMISE)
    streamed = accumulated([value for event in events for value in writer.feed(event)])
    assert plain(told) == plain(streamed)
    for name in ("id", "model", "stop_reason", "stop_sequence"):
        assert told[name] == streamed[name]
    assert told["usage"]["output_tokens"] == streamed["usage"]["output_tokens"]


def test_an_input_that_was_cut_is_kept_as_text() -> None:
    told, _ = written(
        Begun(),
        ToolCallBegun(0, 0, "a", "f"),
        ToolCallDelta(0, 0, '{"city": "Pa'),
        Finished(0, "length"),
        Ended(),
    )
    assert told["content"][0]["input"] == {INVALID_INPUT: '{"city": "Pa'}
    assert told["stop_reason"] == "max_tokens"


def test_usage_that_nobody_told_is_zeros_and_said_so() -> None:
    told, writer = written(Begun(), TextDelta(0, "a"), Finished(0, "stop"), Ended())
    assert told["usage"] == {"input_tokens": 0, "output_tokens": 0}
    assert not writer.knows_usage
    values = [value for value in HEALTHY if value["type"] != "message_delta"]
    assert not live([values[0] | {"message": {}}, *values[1:]]).life.knows_usage


def test_what_is_gathered_has_a_size() -> None:
    writer = MessagesWholeWriter(PROMISE)
    writer.feed(ReasoningDelta(0, "a" * 1000))
    before = writer.size_bytes
    writer.feed(ToolCallBegun(0, 0, "a", "f"))
    writer.feed(ToolCallBegun(0, 1, "b", "f"))
    writer.feed(ToolCallDelta(0, 1, "b" * 1000))  # which waits for the first call
    assert 1000 < before < before + 1000 < writer.size_bytes


# ---- errors ----


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (CallerError("no"), "invalid_request_error"),
        (CallerError("no", status=404), "not_found_error"),
        (CallerError("no", status=413), "request_too_large"),
        (CallerError("no", status=401, type="authentication_error"), "authentication_error"),
        (CallerError("no", status=403), "permission_error"),
        (CallerError("no", status=422), "invalid_request_error"),
        (PeerError("no"), "api_error"),
        (PeerError("no", status=402), "billing_error"),
        (PeerError("no", status=429), "rate_limit_error"),
        (PeerError("no", status=503), "overloaded_error"),
        (PeerError("no", status=529), "overloaded_error"),
        (PeerError("no", status=500, type="server_error"), "api_error"),
        (PeerError("no", type="rate_limit_error"), "rate_limit_error"),
        (PeerError("no", status=429, code="insufficient_quota"), "billing_error"),
        (UpstreamTimeout("no"), "timeout_error"),
        (WireError("no"), "api_error"),
    ],
)
def test_each_error_has_one_of_anthropics_types(error: WireError, kind: str) -> None:
    assert error_object(error) == {"type": "error", "error": {"type": kind, "message": "no"}}


@pytest.mark.parametrize("kind", STATUS_OF)
def test_anthropics_errors_go_there_and_back(kind: str) -> None:
    inner: dict[str, Any] = {"type": kind, "message": "no"}
    error = error_told(inner)
    assert (error.status, error_object(error)["error"]) == (STATUS_OF[kind], inner)


def test_an_error_without_words_gets_some() -> None:
    assert "without a message" in error_told({}).message
    assert error_told({"message": "a", "status": 429, "code": "c"}).code == "c"


def test_a_pinned_model_is_told_in_a_whole_message() -> None:
    promise = replace(PROMISE, is_model_pinned=True)
    life = MessagesLife(promise, is_object=True)
    first = next(iter(life.feed(chunks_of_reply(WHOLE)[0])))
    assert first.value["message"]["model"] == "asked"
