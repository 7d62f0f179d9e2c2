"""Messages events and the model's: the reader's tables, the writer's, and there and back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from messages_events import REPLIES
from messages_streams import (
    HEALTHY,
    PING,
    PROMISE,
    STOP,
    Value,
    accumulated,
    assert_strict,
    begun,
    call_begun,
    delta,
    ended,
    live,
    piece,
    plain,
    start,
    stopped,
    text,
    text_begun,
    thinking_begun,
    thought,
)

from strictwire.dialects.messages import (
    MessagesLife,
    MessagesNativeReader,
    MessagesNativeWriter,
    MessagesReader,
    MessagesWriter,
)
from strictwire.model.chunks import Chunk
from strictwire.model.errors import MisuseError, PeerError
from strictwire.model.events import (
    Begun,
    Ended,
    Event,
    Extension,
    Extra,
    Failed,
    Finished,
    Native,
    Progressed,
    ReasoningDelta,
    RefusalDelta,
    Sealed,
    Separated,
    TextDelta,
    ToolCallBegun,
    ToolCallDelta,
    UsageTold,
    is_meaningful,
)
from strictwire.model.request import FoldedTool, Promise

BEGUN = Begun("msg_1", None, "m")


def read(values: Iterable[Value], promise: Promise = PROMISE) -> list[Event]:
    life, reader = MessagesLife(promise), MessagesReader()
    chunks = [strict for value in values for strict in life.feed(Chunk(value))]
    events = [event for chunk in chunks for event in reader.feed(chunk)]
    return [*events, *reader.finish()]


def write(events: Iterable[Event], promise: Promise = PROMISE) -> list[Value]:
    writer = MessagesWriter(promise)
    return [value for event in events for value in writer.feed(event)]


def body(*values: Value, end: Value | None = None) -> list[Event]:
    """The events between the beginning and the end."""
    events = read([start(), *values, end or ended(), STOP])
    assert events[0] == BEGUN
    assert isinstance(events[-1], Ended)
    return [event for event in events[1:-1] if not isinstance(event, Finished | UsageTold)]


# ---- there and back ----


@pytest.mark.properties
@given(REPLIES)
def test_what_is_written_is_read_back(events: list[Event]) -> None:
    values = write(events)
    assert_strict(values)
    assert read(values) == events
    lived = live(values)
    assert (lived.values, lived.mended) == (values, frozenset())


# ---- read ----


def test_a_healthy_message_is_read() -> None:
    usage = {"prompt_tokens": 12, "completion_tokens": 9, "total_tokens": 21}
    assert read(HEALTHY) == [
        BEGUN,
        ReasoningDelta(0, "Let me"),
        ReasoningDelta(0, " see"),
        Sealed(0, "c2VhbA=="),
        TextDelta(0, "It is "),
        TextDelta(0, "warm."),
        ToolCallBegun(0, 0, "toolu_1", "weather"),
        ToolCallDelta(0, 0, '{"city": '),
        ToolCallDelta(0, 0, '"Paris"}'),
        Finished(0, "tool_calls"),
        UsageTold(usage | {"prompt_tokens_details": {"cached_tokens": 0}}),
        Ended(),
    ]


def test_blocks_of_a_kind_are_told_apart() -> None:
    values = [text_begun(0), text(0, "a"), stopped(0), text_begun(1), stopped(1)]
    values += [text_begun(2), text(2, "b"), stopped(2)]
    assert body(*values) == [TextDelta(0, "a"), Separated(0), TextDelta(0, "b")]


def test_a_call_without_input_has_an_empty_object() -> None:
    for pieces in ([], [piece(0, "")]):
        told = body(call_begun(0), *pieces, stopped(0), end=ended("tool_use"))
        assert told == [ToolCallBegun(0, 0, "toolu_1", "f"), ToolCallDelta(0, 0, "{}")]


def test_an_empty_signature_is_no_seal() -> None:
    values = [thinking_begun(0), thought(0, "a"), delta(0, "signature_delta", signature="")]
    assert body(*values, stopped(0)) == [ReasoningDelta(0, "a")]


WEB = {
    "type": "web_search_result_location",
    "cited_text": "c",
    "encrypted_index": "e",
    "title": "t",
    "url": "https://a.example",
}
ANNOTATION = {
    "type": "url_citation",
    "url_citation": {
        "start_index": 0,
        "end_index": 0,
        "url": "https://a.example",
        "title": "t",
        "cited_text": "c",
        "encrypted_index": "e",
    },
}


def test_a_citation_of_the_web_goes_there_and_back() -> None:
    cited = delta(0, "citations_delta", citation=WEB)
    values = [start(), PING, text_begun(0), text(0, "a"), cited, stopped(0), ended(), STOP]
    told = Extension(0, extra=Extra(delta={"annotations": [ANNOTATION]}))
    events = read(values)
    assert events[1:3] == [TextDelta(0, "a"), told]
    assert cited in write(events)
    (block,) = plain(accumulated(write(events)))
    assert block["citations"] == [WEB]


def test_what_only_messages_can_say_is_native() -> None:
    place = {"type": "char_location", "cited_text": "c", "document_index": 0}
    values = [
        begun(0, type="server_tool_use", id="s", name="web_search", input={}),
        piece(0, "{}"),
        text_begun(1),
        delta(1, "citations_delta", citation=place),
        {"type": "new_event"},
    ]
    assert body(*values) == [
        Native("messages", values[0]),
        Native("messages", values[1]),
        Native("messages", values[3]),
        Native("messages", values[4], is_answer=False),
    ]


REASONS = [
    ("end_turn", "stop", {}),
    ("max_tokens", "length", {}),
    ("refusal", "content_filter", {}),
    ("pause_turn", "stop", {"native_finish_reason": "pause_turn"}),
    (
        "model_context_window_exceeded",
        "length",
        {"native_finish_reason": "model_context_window_exceeded"},
    ),
]


@pytest.mark.parametrize(("told", "reason", "beside"), REASONS)
def test_each_stop_reason_is_read(told: str, reason: Any, beside: dict[str, Any]) -> None:
    events = read([start(), ended(told), STOP])
    assert events[1] == Finished(0, reason, extra=Extra(choice=beside))


def test_a_stop_sequence_goes_along() -> None:
    events = read([start(), ended("stop_sequence", stop_sequence="END"), STOP])
    assert events[1] == Finished(0, "stop", extra=Extra(choice={"stop_reason": "END"}))


def test_cached_input_is_part_of_the_prompt_and_counted_once() -> None:
    usage = {
        "input_tokens": 2,
        "cache_read_input_tokens": 30,
        "cache_creation_input_tokens": 5,
        "output_tokens": 1,
    }
    (told,) = [e for e in read([start(usage), ended(), STOP]) if isinstance(e, UsageTold)]
    assert told.usage == {
        "prompt_tokens": 37,
        "completion_tokens": 9,
        "total_tokens": 46,
        "prompt_tokens_details": {"cached_tokens": 30, "cache_write_tokens": 5},
    }
    (end,) = [v for v in write([BEGUN, told, Ended()]) if v["type"] == "message_delta"]
    assert end["usage"] == usage | {"output_tokens": 9}


def test_usage_that_nobody_told_is_not_told() -> None:
    values = [{"type": "message_delta", "delta": {"stop_reason": "end_turn"}}, STOP]
    assert not [event for event in read(values) if isinstance(event, UsageTold)]


def test_an_error_is_read_with_the_status_of_its_type() -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    for reader in (MessagesReader(), MessagesNativeReader()):
        (event,) = reader.feed(Chunk(error))
        assert isinstance(event, Failed)
        told = (event.error.status, event.error.type, event.error.code, event.error.message)
        assert told == (529, "overloaded_error", "server_is_overloaded", "Overloaded")


def test_progress_is_read_before_the_message_begins() -> None:
    report = {"prompt_progress": {"total": 9, "cache": 1, "processed": 3}}
    assert read([report]) == [Progressed(9, 1, 3)]
    (told,) = MessagesNativeReader().feed(Chunk(report))
    assert told == Progressed(9, 1, 3)


# ---- written ----


def kinds(values: Iterable[Value]) -> list[str]:
    return [value["type"] for value in values]


def test_one_text_delta_is_one_event_once_its_block_is_open() -> None:
    writer = MessagesWriter(PROMISE)
    assert kinds(writer.feed(Begun())) == ["message_start"]
    assert kinds(writer.feed(TextDelta(0, "a")))[:2] == ["ping", "content_block_start"]
    state = writer.state()
    assert list(writer.feed(TextDelta(0, "b"))) == [text(0, "b")]
    assert writer.state() == state


def test_the_envelope_is_the_promise_where_nothing_is_told() -> None:
    promise = replace(PROMISE, prompt_tokens=40)
    first = write([Begun(), Finished(0, "stop"), Ended()], promise)[0]["message"]
    assert (first["id"], first["model"]) == ("msg_own", "asked")
    assert first["usage"] == {"input_tokens": 40, "output_tokens": 0}
    values = write([TextDelta(0, "a"), Ended()], promise)
    assert_strict(values)
    assert values[-2]["usage"] == {"input_tokens": 40, "output_tokens": 0}


def test_parallel_calls_and_text_wait_for_the_call_before() -> None:
    values = write(
        [
            ToolCallBegun(0, 0, "a", "f"),
            ToolCallBegun(0, 1, "b", "g"),
            ToolCallDelta(0, 1, "{}"),
            ToolCallDelta(0, 0, '{"x": "}'),
            TextDelta(0, "late"),
            ToolCallDelta(0, 0, '"}'),
            Finished(0, "tool_calls"),
            Ended(),
        ]
    )
    assert_strict(values)
    told = plain(accumulated(values))
    assert [block.get("input", block.get("text")) for block in told] == [{"x": "}"}, {}, "late"]
    assert values[4]["delta"] == {"type": "input_json_delta", "partial_json": '"}'}


def test_text_after_a_complete_call_waits_for_nothing() -> None:
    writer = MessagesWriter(PROMISE)
    for event in (Begun(), ToolCallBegun(0, 0, "a", "f"), ToolCallDelta(0, 0, "{}")):
        writer.feed(event)
    assert kinds(writer.feed(TextDelta(0, "b"))) == [
        "content_block_stop",
        "content_block_start",
        "content_block_delta",
    ]


def test_a_refusal_is_text_and_a_reason() -> None:
    values = write([RefusalDelta(0, "No."), Finished(0, "stop"), Ended()])
    assert plain(accumulated(values)) == [{"type": "text", "text": "No."}]
    assert values[-2]["delta"]["stop_reason"] == "refusal"


def test_a_folded_tool_is_called_by_its_own_name() -> None:
    promise = replace(PROMISE, folded={"short": FoldedTool("a_very_long_name")})
    values = write([ToolCallBegun(0, 0, "a", "short"), ToolCallDelta(0, 0, "{}"), Ended()], promise)
    assert plain(accumulated(values))[0]["name"] == "a_very_long_name"


def test_a_custom_call_becomes_an_object() -> None:
    values = write(
        [
            ToolCallBegun(0, 0, "a", "patch", "custom"),
            ToolCallDelta(0, 0, 'say "hi"\n', "custom"),
            ToolCallDelta(0, 0, "and go", "custom"),
            Finished(0, "tool_calls"),
            Ended(),
        ]
    )
    assert plain(accumulated(values))[0]["input"] == {"input": 'say "hi"\nand go'}


def test_a_legacy_call_gets_an_id() -> None:
    events: list[Event] = [ToolCallBegun(0, 0, "", "f", "legacy"), Ended()]
    assert plain(accumulated(write(events)))[0]["id"] == "toolu_own_0"


def test_other_choices_are_left_out() -> None:
    assert write([TextDelta(1, "a"), Finished(1, "stop")]) == []


def test_an_error_is_the_last_thing() -> None:
    writer = MessagesWriter(PROMISE)
    (told,) = writer.fail(PeerError("no", status=503))
    assert told == {"type": "error", "error": {"type": "overloaded_error", "message": "no"}}


def test_a_trial_writes_the_same_and_changes_nothing() -> None:
    events: list[Event] = [
        Begun(),
        ToolCallBegun(0, 0, "a", "f", "custom"),
        ToolCallDelta(0, 0, "b", "custom"),
        TextDelta(0, "c"),
        Finished(0, "tool_calls"),
        Ended(),
    ]
    writer = MessagesWriter(PROMISE)
    for place, event in enumerate(events):
        state = writer.state()
        trial = writer.trial()
        tried = [value for later in events[place:] for value in trial.feed(later)]
        assert writer.state() == state
        rest = MessagesWriter(PROMISE)
        for before in events[:place]:
            rest.feed(before)
        assert tried == [value for later in events[place:] for value in rest.feed(later)]
        writer.feed(event)


def test_progress_is_no_event_of_a_message() -> None:
    life = MessagesLife(PROMISE)
    for writer in (MessagesWriter(PROMISE), MessagesNativeWriter(PROMISE, life)):
        with pytest.raises(MisuseError):
            writer.progress({})


# ---- native ----


def native(values: Iterable[Value]) -> tuple[list[Event], list[Value]]:
    life, reader = MessagesLife(PROMISE), MessagesNativeReader()
    chunks = [strict for value in values for strict in life.feed(Chunk(value))]
    events = [event for chunk in chunks for event in reader.feed(chunk)]
    writer = MessagesNativeWriter(PROMISE, life)
    return events, [value for event in events for value in writer.feed(event)]


def test_messages_to_messages_loses_nothing() -> None:
    search = begun(3, type="server_tool_use", id="s", name="web_search", input={})
    values = [*HEALTHY[:-2], search, piece(3, "{}"), stopped(3), PING, *HEALTHY[-2:]]
    values[-1] = STOP | {"more": {"a": 1}}
    events, out = native(values)
    assert out == values
    assert all(one is other for one, other in zip(out, values, strict=True))
    assert events[-2:] == [Finished(0, "tool_calls"), Ended()]
    assert len(events) == len(values) + 1


@pytest.mark.parametrize(
    ("value", "event"),
    [
        (PING, None),
        (text_begun(0), None),
        (text(0, ""), None),
        (text(0, "a"), TextDelta(0, "a")),
        (thought(0, "a"), ReasoningDelta(0, "a")),
        (piece(0, "a"), ToolCallDelta(0, 0, "a")),
        (call_begun(0), ToolCallBegun(0, 0, "toolu_1", "f")),
        (stopped(0), None),
        (ended(), None),
        ({"type": "new_event"}, None),
        (begun(0, type="redacted_thinking", data="d"), Native("messages", {})),
        (delta(0, "signature_delta", signature="s"), Native("messages", {})),
    ],
)
def test_only_answers_are_meaningful(value: Value, event: Event | None) -> None:
    (told,) = MessagesNativeReader().feed(Chunk(value))
    assert told.source == Chunk(value)
    assert is_meaningful(told) == (event is not None)
    if not isinstance(told, Native):
        assert told == event
