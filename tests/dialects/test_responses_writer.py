"""Events of any dialect to a strict Responses stream, and back."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialects.responses_judge import check_object, check_order, check_stream, check_types
from dialects.responses_streams import PROMISE, Event
from strictwire.dialects.responses import ResponsesReader, ResponsesWholeWriter, ResponsesWriter
from strictwire.model.chunks import Chunk
from strictwire.model.errors import PeerError
from strictwire.model.events import (
    Begun,
    Ended,
    Extension,
    Extra,
    Finished,
    ReasoningDelta,
    RefusalDelta,
    RoleTold,
    Sealed,
    Separated,
    TextDelta,
    ToolCallBegun,
    ToolCallDelta,
    UsageTold,
)
from strictwire.model.events import Event as Told
from strictwire.model.request import FoldedTool

TOKEN = {"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []}
USAGE = {
    "prompt_tokens": 9,
    "completion_tokens": 5,
    "total_tokens": 14,
    "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 2},
}
CITATION = {"url": "http://a.example", "start_index": 0, "end_index": 2, "title": "A"}


def written(events: Iterable[Told], promise: Any = PROMISE) -> list[Event]:
    writer = ResponsesWriter(promise)
    return [json.loads(json.dumps(one)) for event in events for one in writer.feed(event)]


def read(events: Iterable[Event]) -> list[Told]:
    reader = ResponsesReader()
    return [event for one in events for event in reader.feed(Chunk(one))]


def reply(*events: Told, reason: Any = "stop") -> list[Told]:
    head: list[Told] = [Begun("resp_1", 5, "m"), RoleTold(0, "assistant")]
    return [*head, *events, Finished(0, reason), UsageTold(USAGE), Ended()]


def last_items(events: list[Event]) -> list[dict[str, Any]]:
    output = events[-1]["response"]["output"]
    assert isinstance(output, list)
    return output


# ---- there and back ----

TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
EXTRAS = st.sampled_from(
    [Extra(), Extra(choice={"logprobs": {"content": [TOKEN], "refusal": None}})]
)
# Each block is one item, or a part of one, as the reader tells it.
MESSAGES = st.lists(
    st.builds(TextDelta, st.just(0), TEXTS, extra=EXTRAS), min_size=1, max_size=3
) | st.lists(st.builds(RefusalDelta, st.just(0), TEXTS), min_size=1, max_size=2)
REASONING = st.builds(
    lambda texts, form: [ReasoningDelta(0, text, form) for text in texts],
    st.lists(TEXTS, min_size=1, max_size=3),
    st.sampled_from(["summary", "text"]),
)


@st.composite
def canonical(draw: st.DrawFn) -> list[Told]:
    """What a reader can tell of a reply: blocks one after the other, calls as they come."""
    events: list[Told] = []
    calls = 0
    before: Any = None
    for _ in range(draw(st.integers(1, 5))):
        kind = draw(st.sampled_from(["text", "reasoning", "call", "seal"]))
        if kind == "call":
            form = draw(st.sampled_from(["function", "custom"]))
            events.append(ToolCallBegun(0, calls, f"call_{calls}", draw(TEXTS), form))
            # Nothing at all becomes an empty object, which is no longer nothing.
            pieces = draw(st.lists(TEXTS, min_size=1, max_size=2))
            events += [ToolCallDelta(0, calls, piece, form) for piece in pieces]
            calls += 1
            before = None
        elif kind == "seal":
            is_redacted = draw(st.booleans()) or not isinstance(before, ReasoningDelta)
            prefix = "rs_redacted_" if is_redacted else "rs_"
            index = _items_before(events) - (0 if is_redacted else 1)
            events.append(Sealed(0, draw(TEXTS), is_redacted, f"{prefix}own_{index}"))
            before = None
        else:
            block: list[Any] = draw(MESSAGES if kind == "text" else REASONING)
            if _is_alike(before, block[0]):
                events.append(Separated(0))
            events += block
            before = block[-1]
    return events


def _is_alike(before: Any, event: Any) -> bool:
    same_form = getattr(before, "form", "") == getattr(event, "form", "")
    return type(before) is type(event) and same_form


def _items_before(events: list[Told]) -> int:
    """How many items the writer has begun."""
    count, kind = 0, ""
    for event in events:
        match event:
            case TextDelta() | RefusalDelta():
                count += kind != "message"
                kind = "message"
            case ReasoningDelta():
                count += kind != "reasoning"
                kind = "reasoning"
            case ToolCallBegun():
                count += 1
                kind = ""
            case Sealed():
                count += event.is_redacted
                kind = ""
    return count


@pytest.mark.properties
@given(events=canonical())
def test_what_is_written_is_read_back(events: list[Told]) -> None:
    has_called = any(isinstance(event, ToolCallBegun) for event in events)
    told = reply(*events, reason="tool_calls" if has_called else "stop")
    stream = written(told)
    assert read(stream) == told
    check_order(stream)
    check_types(stream)


@pytest.mark.properties
@given(events=canonical())
def test_the_object_is_the_one_that_the_stream_ends_with(events: list[Told]) -> None:
    told = reply(*events)
    writer = ResponsesWholeWriter(PROMISE)
    for event in told:
        writer.feed(event)
    assert writer.knows_usage
    assert writer.finish() == written(told)[-1]["response"]


# ---- one by one ----


@pytest.mark.parametrize(
    ("reason", "kind", "details"),
    [
        ("stop", "response.completed", None),
        ("tool_calls", "response.completed", None),
        ("function_call", "response.completed", None),
        ("length", "response.incomplete", {"reason": "max_output_tokens"}),
        ("content_filter", "response.incomplete", {"reason": "content_filter"}),
    ],
)
def test_the_reason_says_how_the_response_ends(reason: Any, kind: str, details: Any) -> None:
    stream = written(reply(TextDelta(0, "a"), reason=reason))
    check_stream(stream)
    assert stream[-1]["type"] == kind
    assert stream[-1]["response"]["incomplete_details"] == details


def test_calls_side_by_side_stay_apart() -> None:
    events: list[Told] = [
        ToolCallBegun(0, 0, "c0", "f"),
        ToolCallDelta(0, 0, '{"a"'),
        ToolCallBegun(0, 1, "c1", "g"),
        ToolCallDelta(0, 1, '{"b"'),
        ToolCallDelta(0, 0, ":1}"),
        ToolCallDelta(0, 1, ":2}"),
    ]
    stream = written(reply(*events, reason="tool_calls"))
    check_stream(stream)
    first, second = last_items(stream)
    assert (first["call_id"], first["name"], first["arguments"]) == ("c0", "f", '{"a":1}')
    assert (second["call_id"], second["name"], second["arguments"]) == ("c1", "g", '{"b":2}')


def test_a_call_without_arguments_has_an_empty_object() -> None:
    (item,) = last_items(written(reply(ToolCallBegun(0, 0, "c", "f"), reason="tool_calls")))
    assert item["arguments"] == "{}"


def test_a_legacy_call_gets_an_id() -> None:
    events = [ToolCallBegun(0, 0, "", "f", "legacy"), ToolCallDelta(0, 0, "{}", "legacy")]
    (item,) = last_items(written(reply(*events, reason="function_call")))
    assert item["call_id"] == "call_own_0"
    assert item["type"] == "function_call"


def test_a_folded_function_has_its_namespace_again() -> None:
    promise = replace(PROMISE, folded={"files__read": FoldedTool("read", "files")})
    events = [ToolCallBegun(0, 0, "c", "files__read"), ToolCallDelta(0, 0, "{}")]
    stream = written(reply(*events), promise)
    check_stream(stream)
    (item,) = last_items(stream)
    assert (item["type"], item["name"], item["namespace"]) == ("function_call", "read", "files")
    added = next(one["item"] for one in stream if one["type"].endswith("item.added"))
    assert added["namespace"] == "files"


@pytest.mark.parametrize(
    ("pieces", "told"),
    [
        (['{"input": "*** Begin', '\\n+a"}'], "*** Begin\n+a"),
        (['{"patch": "+a"}'], "+a"),
        (['{"input": {"a": 1}}'], '{"input": {"a": 1}}'),
        (["+a no JSON"], "+a no JSON"),
        (['{"input": "cut'], '{"input": "cut'),
        ([], ""),
    ],
)
def test_the_input_of_a_folded_custom_tool_is_unwrapped(pieces: list[str], told: str) -> None:
    promise = replace(PROMISE, folded={"patch": FoldedTool("apply_patch", "", "input")})
    events = [ToolCallBegun(0, 0, "c", "patch"), *(ToolCallDelta(0, 0, one) for one in pieces)]
    stream = written(reply(*events, reason="tool_calls"), promise)
    check_stream(stream)
    (item,) = last_items(stream)
    assert (item["type"], item["name"], item["input"]) == ("custom_tool_call", "apply_patch", told)


def test_annotations_stand_in_the_text_and_are_told() -> None:
    extra = Extra(delta={"annotations": [{"type": "url_citation", "url_citation": CITATION}]})
    events: list[Told] = [TextDelta(0, "ab"), Extension(0, extra=extra)]
    stream = written(reply(*events))
    check_stream(stream)
    (item,) = last_items(stream)
    assert item["content"][0]["annotations"] == [{"type": "url_citation", **CITATION}]
    assert [event for event in read(stream) if event.extra.delta] == [Extension(0, extra=extra)]


def test_annotations_before_the_text_wait_for_it() -> None:
    extra = Extra(delta={"annotations": [{"type": "url_citation", "url_citation": {"url": "u"}}]})
    stream = written(reply(Extension(0, extra=extra), TextDelta(0, "ab")))
    check_stream(stream)
    (item,) = last_items(stream)
    assert item["content"][0]["annotations"][0]["url"] == "u"


def test_token_probabilities_have_their_bytes() -> None:
    token = {"token": "é", "logprob": -1, "bytes": None, "top_logprobs": None}
    extra = Extra(choice={"logprobs": {"content": [token], "refusal": None}})
    stream = written(reply(TextDelta(0, "é", extra=extra)))
    check_stream(stream)
    (item,) = last_items(stream)
    expected = {"token": "é", "logprob": -1, "bytes": [195, 169], "top_logprobs": []}
    assert item["content"][0]["logprobs"] == [expected]


def test_seals_stand_in_the_reasoning_that_is_done() -> None:
    events: list[Told] = [
        ReasoningDelta(0, "why"),
        Sealed(0, "one"),
        Sealed(0, "two", is_redacted=True),
        TextDelta(0, "a"),
    ]
    stream = written(reply(*events))
    check_stream(stream)
    first, second, _ = last_items(stream)
    assert (first["summary"][0]["text"], first["encrypted_content"]) == ("why", "one")
    assert (second["summary"], second["encrypted_content"]) == ([], "two")
    assert second["id"].startswith("rs_redacted_")


def test_reasoning_of_nobody_said_what_kind_is_a_summary() -> None:
    stream = written(reply(ReasoningDelta(0, "why"), ReasoningDelta(0, "own", "text")))
    (item,) = last_items(stream)
    assert item["summary"] == [{"type": "summary_text", "text": "why"}]
    assert item["content"] == [{"type": "reasoning_text", "text": "own"}]


def test_another_dialects_id_is_not_taken_over() -> None:
    stream = written(
        [Begun("chatcmpl-1", None, ""), TextDelta(0, "a"), Finished(0, "stop"), Ended()]
    )
    response = stream[-1]["response"]
    assert (response["id"], response["created_at"], response["model"]) == ("resp_own", 7, "asked")
    check_stream(stream)


def test_the_service_tier_that_was_used_is_told() -> None:
    extra = Extra(top={"service_tier": "flex"})
    stream = written([Begun(), TextDelta(0, "a", extra=extra), Finished(0, "stop"), Ended()])
    assert stream[-1]["response"]["service_tier"] == "flex"
    (finished,) = [event for event in read(stream) if isinstance(event, Finished)]
    assert finished.extra.top == {"service_tier": "flex"}


def test_usage_that_nobody_told_is_zeros_in_an_object() -> None:
    writer = ResponsesWholeWriter(PROMISE)
    for event in [Begun(), TextDelta(0, "a"), Finished(0, "stop"), Ended()]:
        writer.feed(event)
    assert not writer.knows_usage
    assert writer.size_bytes > 0
    told = writer.finish()
    assert told["usage"]["total_tokens"] == 0
    check_object(told)


def test_other_choices_have_no_place() -> None:
    stream = written(reply(TextDelta(0, "a"), TextDelta(1, "b")))
    assert [one["delta"] for one in stream if "delta" in one] == ["a"]


@pytest.mark.parametrize("cut", range(8))
def test_a_failure_may_come_at_any_time(cut: int) -> None:
    told = reply(ReasoningDelta(0, "why"), TextDelta(0, "a"), ToolCallBegun(0, 0, "c", "f"))[:cut]
    writer = ResponsesWriter(PROMISE)
    stream = [one for event in told for one in writer.feed(event)]
    if stream and stream[-1]["type"] == "response.completed":
        return
    stream += writer.fail(PeerError("no", status=429, retry_after="2"))
    assert [one["sequence_number"] for one in stream] == list(range(len(stream)))
    assert stream[-1]["type"] == "response.failed"
    assert stream[-1]["response"]["error"]["message"] == "no Please try again in 2s."
    assert writer.fail(PeerError("again")) == stream[-1:]


@given(events=canonical())
def test_a_trial_writes_the_same_and_changes_nothing(events: list[Told]) -> None:
    writer = ResponsesWriter(PROMISE)
    for event in reply(*events):
        before = writer.state()
        trial = writer.trial()
        tried = [dict(one) for one in trial.feed(event)]
        assert writer.state() == before
        assert tried == [dict(one) for one in writer.feed(event)]
