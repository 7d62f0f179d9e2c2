"""Text completions and events: the reader's table, the writers' shapes, and there and back."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
from chat_events import ENVELOPES, IDS, PLACES, TEXTS, TOP
from hypothesis import given
from hypothesis import strategies as st

from strictwire.dialects.completions import (
    CompletionsReader,
    CompletionsWholeWriter,
    CompletionsWriter,
    chunks_of_reply,
)
from strictwire.model.chunks import Chunk
from strictwire.model.errors import MisuseError
from strictwire.model.events import (
    NO_EXTRA,
    Begun,
    Event,
    Extension,
    Extra,
    Failed,
    Finished,
    Progressed,
    ReasoningDelta,
    RoleTold,
    TextDelta,
    ToolCallBegun,
    UsageTold,
)
from strictwire.model.request import Promise

PROMISE = Promise(id="own", created=7, model="asked", dialect="completions", includes_usage=True)
ENVELOPE = {"id": "cmpl-x", "object": "text_completion", "created": 5, "model": "m"}
USAGE = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
LOGPROBS = {
    "tokens": ["a"],
    "token_logprobs": [-0.5],
    "top_logprobs": [{"a": -0.5}],
    "text_offset": [0],
}


def read(*values: dict[str, Any]) -> list[Event]:
    reader = CompletionsReader()
    told = [event for value in values for event in reader.feed(Chunk(value))]
    return [*told, *reader.finish()]


def said(text: Any, index: int = 0, finish: Any = None, **more: Any) -> dict[str, Any]:
    return {"text": text, "index": index, "logprobs": None, "finish_reason": finish, **more}


@pytest.mark.parametrize(
    ("choice", "events"),
    [
        (said("a"), [TextDelta(0, "a")]),
        (said("a", 2), [TextDelta(2, "a")]),
        (said("", finish="length"), [Finished(0, "length")]),
        (said("a", finish="stop"), [TextDelta(0, "a"), Finished(0, "stop")]),
        (
            said("a", finish="stop", logprobs=LOGPROBS),
            [TextDelta(0, "a", extra=Extra(choice={"logprobs": LOGPROBS})), Finished(0, "stop")],
        ),
        (
            said("", finish="stop", vendor=1),
            [Finished(0, "stop", extra=Extra(choice={"vendor": 1}))],
        ),
        (said("", vendor=1), [Extension(0, extra=Extra(choice={"vendor": 1}))]),
        # What says nothing, or has the wrong type.
        (said(""), []),
        (said(None), []),
        (said(["a"]), []),
        (said("", finish=""), []),
        (said("", finish="eos"), []),
        ({"index": 0}, []),
    ],
)
def test_a_choice_is_read(choice: dict[str, Any], events: list[Event]) -> None:
    assert read({**ENVELOPE, "choices": [choice]}) == [Begun("cmpl-x", 5, "m"), *events]


def test_errors_progress_and_usage_are_read() -> None:
    (failed,) = read({"error": {"message": "no", "code": "own", "status": 503}})
    assert isinstance(failed, Failed)
    assert (failed.error.status, failed.error.code, failed.error.message) == (503, "own", "no")
    progress = {"total": 9, "cache": 1, "processed": 5}
    assert read({"prompt_progress": progress}) == [Progressed(9, 1, 5)]
    usage = read({**ENVELOPE, "choices": [], "usage": USAGE})
    assert usage == [Begun("cmpl-x", 5, "m"), UsageTold(USAGE)]


def test_every_chunk_has_its_shape() -> None:
    writer = CompletionsWriter(PROMISE)
    assert writer.feed(Begun("cmpl-x", 5, "m")) == ()
    head = {**ENVELOPE, "usage": None}
    assert writer.feed(TextDelta(1, "a")) == ({**head, "choices": [said("a", 1)]},)
    assert writer.feed(Finished(0, "stop")) == ({**head, "choices": [said("", finish="stop")]},)
    assert writer.feed(UsageTold(USAGE)) == ({**ENVELOPE, "choices": [], "usage": USAGE},)
    silent = CompletionsWriter(replace(PROMISE, includes_usage=False))
    assert silent.feed(UsageTold(USAGE)) == ()
    (told,) = silent.feed(TextDelta(0, "a"))
    assert told == {
        "id": "cmpl-own", "object": "text_completion", "created": 7, "model": "asked",
        "choices": [said("a")],
    }  # fmt: skip


def test_a_fingerprint_is_left_out_rather_than_null() -> None:
    event = TextDelta(0, "a", extra=Extra(top={"system_fingerprint": None, "service_tier": None}))
    (told,) = CompletionsWriter(PROMISE).feed(event)
    whole = CompletionsWholeWriter(PROMISE)
    whole.feed(event)
    for value in (told, whole.finish()):
        assert "system_fingerprint" not in value
        assert value["service_tier"] is None


@pytest.mark.parametrize(
    "event",
    [RoleTold(0, "assistant"), ReasoningDelta(0, "hm"), ToolCallBegun(0, 0, "c", "f")],
)
def test_what_no_completion_can_hold_is_not_written(event: Event) -> None:
    assert CompletionsWriter(PROMISE).feed(event) == ()
    whole = CompletionsWholeWriter(PROMISE)
    whole.feed(event)
    assert whole.finish()["choices"] == []


def test_no_chunk_carries_progress() -> None:
    with pytest.raises(MisuseError):
        CompletionsWriter(PROMISE).progress({"total": 1})


# ---- there and back ----

EXTRAS = st.just(NO_EXTRA) | st.builds(
    Extra,
    top=TOP,
    choice=st.fixed_dictionaries(
        {}, optional={"logprobs": st.just(LOGPROBS), "stop_reason": st.none()}
    ),
)
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(TextDelta, PLACES, TEXTS, extra=EXTRAS),
    st.builds(
        Finished, PLACES, st.sampled_from(["stop", "length", "content_filter"]), extra=EXTRAS
    ),
    st.builds(UsageTold, st.dictionaries(IDS, st.integers(0, 9), max_size=3)),
)


@given(ENVELOPES, st.lists(EVENTS, max_size=8))
def test_what_is_written_is_read_again(begun: Begun, events: list[Event]) -> None:
    writer = CompletionsWriter(PROMISE)
    written = [chunk for event in (begun, *events) for chunk in writer.feed(event)]
    told = read(*written)
    assert told == ([begun, *events] if events else [])


@given(
    st.dictionaries(PLACES, st.tuples(TEXTS | st.just(""), st.booleans()), min_size=1, max_size=3),
    TOP,
)
def test_an_object_is_laid_out_and_gathered_again(
    told: dict[int, tuple[str, bool]], top: dict[str, Any]
) -> None:
    choices = [
        said(text, index, "stop", logprobs=LOGPROBS if has_logprobs else None, stop_reason=None)
        for index, (text, has_logprobs) in sorted(told.items())
    ]
    value = {**ENVELOPE, "choices": choices, "usage": USAGE, **top}
    before = copy.deepcopy(value)
    writer = CompletionsWholeWriter(PROMISE)
    for event in read(*(chunk.value for chunk in chunks_of_reply(value))):
        writer.feed(event)
    assert writer.finish() == value == before
    assert writer.knows_usage


def test_what_is_broken_in_an_object_stays_broken() -> None:
    head = {"id": "chatcmpl-x", "object": "chat.completion"}
    choices = [{"text": "a"}, 5, {}, {"text": "b", "finish_reason": "eos"}]
    assert [chunk.value for chunk in chunks_of_reply({**head, "choices": choices})] == [
        {**head, "choices": [{"index": 0, "text": "a"}]},
        {**head, "choices": [{"index": 2}]},
        {**head, "choices": [{"index": 3, "text": "b", "finish_reason": None}]},
        {**head, "choices": [said("", 3, "eos")]},
    ]
    for odd in ({"error": "no"}, {"choices": None}, {"choices": []}, {"data": []}):
        assert [chunk.value for chunk in chunks_of_reply(odd)] == [odd]


def test_logprobs_are_gathered_without_changing_the_events() -> None:
    event = TextDelta(0, "a", extra=Extra(choice={"logprobs": copy.deepcopy(LOGPROBS)}))
    writer = CompletionsWholeWriter(PROMISE)
    for _ in range(3):
        writer.feed(event)
    assert writer.finish()["choices"][0]["logprobs"]["tokens"] == ["a"] * 3
    assert event.extra.choice["logprobs"] == LOGPROBS


def test_the_size_is_estimated() -> None:
    writer = CompletionsWholeWriter(PROMISE)
    for event in (TextDelta(0, "a" * 1000), TextDelta(1, "b")):
        writer.feed(event)
    before = writer.size_bytes
    assert before > 2000
    many = {"tokens": ["a"] * 100, "token_logprobs": [-1.0] * 100}
    writer.feed(TextDelta(0, "c", extra=Extra(choice={"logprobs": many})))
    assert writer.size_bytes > before + 50_000
