"""Responses on both sides: one event for each chunk, and the chunk back."""

from __future__ import annotations

from typing import Any

import pytest

from dialects.responses_streams import PROMISE, RESPONSE, USAGE, Event, Script, chunk, healthy
from strictwire.dialects.responses import (
    ResponsesLife,
    ResponsesNativeReader,
    ResponsesNativeWholeWriter,
    ResponsesNativeWriter,
    ResponsesReader,
    chunks_of_reply,
    error_object,
)
from strictwire.dialects.responses.usage import (
    full_usage,
    usage_from_chat_names,
    usage_in_chat_names,
)
from strictwire.model.chunks import Chunk
from strictwire.model.errors import MisuseError, PeerError
from strictwire.model.events import (
    Begun,
    Ended,
    Extension,
    Extra,
    Failed,
    Finished,
    Native,
    Progressed,
    ReasoningDelta,
    RoleTold,
    Sealed,
    Separated,
    TextDelta,
    ToolCallBegun,
    ToolCallDelta,
    UsageTold,
    is_meaningful,
)
from strictwire.model.events import Event as Told


def natively(events: list[Event]) -> list[Told]:
    reader = ResponsesNativeReader()
    return [told for one in events for told in reader.feed(chunk(one))]


def test_every_chunk_is_one_event_and_comes_back() -> None:
    events = healthy()
    life = ResponsesLife(PROMISE)
    writer = ResponsesNativeWriter(PROMISE, life)
    told = natively(events)
    assert told[-1] == Ended()
    assert len(told) == len(events) + 1
    assert [value for event in told for value in writer.feed(event)] == events
    assert all(event.source is not None and event.source.raw for event in told[:-1])


def test_what_the_relay_must_know_is_said() -> None:
    told = [event for event in natively(healthy()) if not isinstance(event, Native)]
    assert told == [
        Begun("resp_1", 5, "m"),
        ReasoningDelta(0, "Let me", "summary"),
        ReasoningDelta(0, " think.", "summary"),
        TextDelta(0, "Hel"),
        TextDelta(0, "lo"),
        TextDelta(0, "wor"),
        TextDelta(0, "ld"),
        ToolCallBegun(0, 0, "call_fc_1", "look"),
        ToolCallDelta(0, 0, '{"a"'),
        ToolCallDelta(0, 0, ":1}"),
        ToolCallBegun(0, 1, "call_fc_2", "look"),
        ToolCallDelta(0, 1, '{"b":2}'),
        ToolCallBegun(0, 2, "call_ctc_1", "patch", "custom"),
        ToolCallDelta(0, 2, "+a\n", "custom"),
        ToolCallDelta(0, 2, "-b", "custom"),
        Finished(0, "tool_calls"),
        Ended(),
    ]


def test_an_answer_begins_with_its_first_word_or_step() -> None:
    script = Script()
    script.message("msg_1", ("a",))
    first = next(event for event in natively(script.end()) if is_meaningful(event))
    assert isinstance(first, TextDelta)
    script = Script()
    script.search("ws_1")
    first = next(event for event in natively(script.end()) if is_meaningful(event))
    assert isinstance(first, Native)
    assert first.value["type"] == "response.output_item.added"


def test_another_dialect_gets_what_it_can_hold() -> None:
    reader = ResponsesReader()
    told = [event for one in healthy() for event in reader.feed(chunk(one))]
    natives = [event for event in told if isinstance(event, Native)]
    assert {event.value["type"] for event in natives} == {
        "response.output_item.added",
        "response.output_item.done",
        "response.web_search_call.in_progress",
        "response.web_search_call.searching",
        "response.web_search_call.completed",
    }
    assert [event for event in told if event not in natives] == [
        Begun("resp_1", 5, "m"),
        RoleTold(0, "assistant"),
        ReasoningDelta(0, "Let me", "summary"),
        ReasoningDelta(0, " think.", "summary"),
        Sealed(0, "sealed", id="rs_1"),
        TextDelta(0, "Hel"),
        TextDelta(0, "lo"),
        Separated(0),
        TextDelta(0, "wor"),
        TextDelta(0, "ld"),
        ToolCallBegun(0, 0, "call_fc_1", "look"),
        ToolCallDelta(0, 0, '{"a"'),
        ToolCallDelta(0, 0, ":1}"),
        ToolCallBegun(0, 1, "call_fc_2", "look"),
        ToolCallDelta(0, 1, '{"b":2}'),
        ToolCallBegun(0, 2, "call_ctc_1", "patch", "custom"),
        ToolCallDelta(0, 2, "+a\n", "custom"),
        ToolCallDelta(0, 2, "-b", "custom"),
        Finished(0, "tool_calls"),
        UsageTold(usage_in_chat_names(USAGE)),
        Ended(),
    ]


def test_an_annotation_has_chats_shape_for_others() -> None:
    annotation = {"type": "url_citation", "url": "u", "title": "t"}
    event = {
        "type": "response.output_text.annotation.added",
        "item_id": "msg_1",
        "output_index": 0,
        "content_index": 0,
        "annotation_index": 0,
        "annotation": annotation,
    }
    body = {"type": "url_citation", "url_citation": {"url": "u", "title": "t"}}
    told = Extension(0, extra=Extra(delta={"annotations": [body]}))
    assert list(ResponsesReader().feed(Chunk(event))) == [told]


# ---- failures ----


@pytest.mark.parametrize("reader", [ResponsesReader, ResponsesNativeReader])
@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        ({"code": "rate_limit_exceeded", "message": "m"}, 429, "rate_limit_error"),
        ({"code": "context_length_exceeded", "message": "m"}, 400, "invalid_request_error"),
        ({"code": "server_error", "message": "m"}, 502, "upstream_error"),
        ({"code": "server_is_overloaded", "message": "m"}, 503, "upstream_error"),
        ({"code": "new_code", "message": "m"}, 502, "upstream_error"),
        ({"code": None, "message": "m", "status": 404}, 404, "upstream_error"),
        ({"code": None, "message": "m", "kind": "own"}, 502, "own"),
    ],
)
def test_a_failure_is_told_with_the_status_of_its_code(
    reader: Any, error: dict[str, Any], status: int, kind: str
) -> None:
    failed = {"type": "response.failed", "response": RESPONSE | {"error": error}}
    for event in (failed, {"type": "error", **error}):
        (told,) = reader().feed(Chunk(event))
        assert isinstance(told, Failed)
        assert (told.error.message, told.error.code) == ("m", error["code"])
        assert (told.error.status, told.error.type) == (status, kind)


def test_an_error_without_words_is_one_all_the_same() -> None:
    for event in ({"type": "error"}, {"type": "response.failed", "response": RESPONSE}):
        (told,) = ResponsesReader().feed(Chunk(event))
        assert isinstance(told, Failed)
        assert "without a message" in told.error.message


def test_the_error_that_is_the_whole_reply() -> None:
    error = PeerError("no", type="t", param="p", code="c")
    told = {"message": "no", "type": "t", "param": "p", "code": "c"}
    assert error_object(error) == {"error": told}


# ---- whole objects ----


def test_the_object_is_that_of_the_terminal_event() -> None:
    life = ResponsesLife(PROMISE)
    writer = ResponsesNativeWholeWriter(PROMISE, life)
    reader = ResponsesNativeReader()
    for event in healthy():
        for strict in life.feed(chunk(event)):
            for told in reader.feed(strict):
                writer.feed(told)
    assert writer.finish() == healthy()[-1]["response"]
    assert writer.knows_usage
    assert writer.size_bytes == life.size_bytes > 0


def test_usage_that_nobody_told_is_zeros() -> None:
    writer = ResponsesNativeWholeWriter(PROMISE, ResponsesLife(PROMISE))
    terminal = Chunk({"type": "response.completed", "response": RESPONSE})
    writer.feed(Finished(0, "stop", source=terminal))
    assert not writer.knows_usage
    assert writer.finish()["usage"] == full_usage({})


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("completed", "response.completed"),
        ("incomplete", "response.incomplete"),
        ("failed", "response.failed"),
        ("cancelled", "response.cancelled"),
        ("queued", "response.queued"),
        (None, "response.completed"),
        ([], "response.completed"),
    ],
)
def test_an_object_is_its_own_terminal(status: Any, kind: str) -> None:
    response = RESPONSE | {"status": status}
    assert chunks_of_reply(response) == [Chunk({"type": kind, "response": response})]


@pytest.mark.parametrize("value", [{}, {"error": {"message": "no"}}, {"choices": []}])
def test_what_is_no_response_comes_as_it_is(value: dict[str, Any]) -> None:
    assert chunks_of_reply(value) == [Chunk(value)]


def test_progress_is_read_beside_the_life() -> None:
    value = {"prompt_progress": {"total": 9, "cache": 0, "processed": 3}}
    for reader in (ResponsesReader(), ResponsesNativeReader()):
        assert list(reader.feed(Chunk(value))) == [Progressed(9, 0, 3)]


def test_progress_inside_a_chunk_is_chats_alone() -> None:
    with pytest.raises(MisuseError):
        ResponsesNativeWriter(PROMISE, ResponsesLife(PROMISE)).progress({})


# ---- usage ----


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"input_tokens": 3, "output_tokens": 2},
        {"input_tokens": 3, "output_tokens": 2, "input_tokens_details": None},
        {"input_tokens": -1, "output_tokens": None, "total_tokens": "7"},
        {"input_tokens": 3, "output_tokens": 2, "input_tokens_details": {"cached_tokens": 1}},
    ],
)
def test_usage_has_every_count(told: dict[str, Any]) -> None:
    usage = full_usage(told)
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    assert set(usage["input_tokens_details"]) == {"cached_tokens", "cache_write_tokens"}
    assert usage["output_tokens_details"] == {"reasoning_tokens": 0}
    assert full_usage(usage) is usage


def test_usage_goes_there_and_back() -> None:
    usage = USAGE | {"cost": 3, "input_tokens_details": USAGE["input_tokens_details"] | {"a": 1}}
    assert usage_from_chat_names(usage_in_chat_names(usage)) == usage
