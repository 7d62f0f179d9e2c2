"""Whole chat objects: laid out as chunks and gathered again, nothing is lost or invented."""

from __future__ import annotations

import copy
import itertools
from dataclasses import replace
from typing import Any

import pytest
from chat_events import IDS, LOGPROBS, TEXTS
from hypothesis import given
from hypothesis import strategies as st

from strictwire.dialects.chat import ChatReader, ChatWholeWriter, chunks_of_reply
from strictwire.model.events import Begun, Extension, Extra, Finished, TextDelta, UsageTold
from strictwire.model.request import Promise

PROMISE = Promise(id="own", created=7, model="asked", is_stream=False)
USAGE = {
    "prompt_tokens": 3,
    "completion_tokens": 4,
    "total_tokens": 7,
    "prompt_tokens_details": {"cached_tokens": 1},
}


def gathered(value: dict[str, Any], promise: Promise = PROMISE) -> dict[str, Any]:
    before = copy.deepcopy(value)
    reader, writer = ChatReader(), ChatWholeWriter(promise)
    for chunk in chunks_of_reply(value):
        for event in reader.feed(chunk):
            writer.feed(event)
    assert value == before, "the object was changed in place"
    return writer.finish()


def message(**fields: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": None, "refusal": None, **fields}


def choice(told: dict[str, Any], index: int = 0, finish: str = "stop", **more: Any) -> Any:
    return {"index": index, "message": told, "logprobs": None, "finish_reason": finish, **more}


def whole(*choices: Any, **more: Any) -> dict[str, Any]:
    return {
        "id": "chatcmpl-x",
        "object": "chat.completion",
        "created": 5,
        "model": "m",
        "choices": list(choices),
        "usage": USAGE,
        **more,
    }


def call(name: str, arguments: str = "{}", identity: str = "call_1") -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {"id": identity, "type": "function", "function": function}


CUSTOM = {"id": "call_c", "type": "custom", "custom": {"name": "grep", "input": "a\nb"}}

HEALTHY = {
    "text": whole(choice(message(content="Hello"))),
    "no text at all": whole(choice(message(content=""))),
    "length": whole(choice(message(content="He"), finish="length")),
    "refusal": whole(choice(message(refusal="no"))),
    "refusal and text": whole(choice(message(content="a", refusal="no"))),
    "reasoning": whole(choice(message(content="a", reasoning_content="because"))),
    "one call": whole(choice(message(tool_calls=[call("f")]), finish="tool_calls")),
    "calls and text": whole(
        choice(
            message(content="a", tool_calls=[call("f"), call("g", '{"a":1}', "call_2")]),
            finish="tool_calls",
        )
    ),
    "a custom call": whole(choice(message(tool_calls=[CUSTOM]), finish="tool_calls")),
    "both kinds of call": whole(choice(message(tool_calls=[CUSTOM, call("f")]))),
    "a call without arguments": whole(choice(message(tool_calls=[call("f", "")]))),
    "a legacy call": whole(
        choice(message(function_call={"name": "f", "arguments": '{"a":1}'}), finish="function_call")
    ),
    "logprobs": whole(choice(message(content="a"), logprobs=LOGPROBS)),
    "logprobs of a refusal": whole(
        choice(message(refusal="a"), logprobs={"content": None, "refusal": LOGPROBS["content"]})
    ),
    "logprobs beside a call": whole(choice(message(tool_calls=[call("f")]), logprobs=LOGPROBS)),
    "three choices": whole(
        *(choice(message(content=str(number)), number) for number in range(3)),
    ),
    "three choices of each kind": whole(
        choice(message(content="a"), 0, logprobs=LOGPROBS, stop_reason=None),
        choice(message(tool_calls=[call("f")], annotations=[]), 1, "tool_calls"),
        choice(message(refusal="no", vendor={"x": 1}), 2, "content_filter", flags=[1]),
    ),
    "extra fields": whole(
        choice(message(content="a", annotations=[{"type": "url"}], audio=None), stop_reason=5),
        system_fingerprint="fp",
        service_tier="default",
        timings={"prompt_n": 1},
        provider=None,
    ),
    "extra fields and no text": whole(
        choice(message(tool_calls=[call("f")], annotations=[]), content_filter_results={"a": 1}),
        timings={"prompt_n": 1},
    ),
}


@pytest.mark.parametrize("value", HEALTHY.values(), ids=HEALTHY)
def test_a_healthy_object_comes_out_as_it_went_in(value: dict[str, Any]) -> None:
    assert gathered(value) == value


@pytest.mark.parametrize("value", HEALTHY.values(), ids=HEALTHY)
def test_its_chunks_are_those_of_a_stream(value: dict[str, Any]) -> None:
    chunks = [chunk.value for chunk in chunks_of_reply(value)]
    envelope = {"id": "chatcmpl-x", "object": "chat.completion.chunk", "created": 5, "model": "m"}
    for chunk in chunks:
        assert envelope.items() <= chunk.items()
        assert len(chunk["choices"]) == (0 if "usage" in chunk else 1)
    said = [told for chunk in chunks for told in chunk["choices"]]
    for told, following in itertools.pairwise(said):
        assert ("role" in following["delta"]) == (told["finish_reason"] is not None)
    assert said[-1]["finish_reason"] is not None
    # What tells more than the envelope is told once.
    for name in ("timings", "provider"):
        assert sum(name in chunk for chunk in chunks) == (name in value)


CALLS = st.lists(st.builds(call, TEXTS, st.text(max_size=8), IDS), max_size=3)
MESSAGES = st.builds(
    lambda text, refusal, calls, more: message(
        content=text or (None if calls or refusal else ""),
        refusal=refusal or None,
        **({"tool_calls": calls} if calls else {}),
        **more,
    ),
    st.text(max_size=8),
    st.text(max_size=8),
    CALLS,
    st.fixed_dictionaries({}, optional={"reasoning_content": TEXTS, "annotations": st.just([])}),
)


@pytest.mark.properties
@given(told=st.lists(MESSAGES, min_size=1, max_size=4), has_logprobs=st.booleans())
def test_any_healthy_object_comes_out_as_it_went_in(
    told: list[dict[str, Any]], has_logprobs: bool
) -> None:
    logprobs = LOGPROBS if has_logprobs else None
    choices = [choice(one, at, logprobs=logprobs) for at, one in enumerate(told)]
    value = whole(*choices)
    assert gathered(value) == value


# ---- what is missing, and what is broken ----


def test_keys_that_the_schema_requires_are_there() -> None:
    bare = {"choices": [{"message": {"content": "a"}, "finish_reason": "stop"}]}
    assert gathered(bare) == {
        "id": "chatcmpl-own",
        "object": "chat.completion",
        "created": 7,
        "model": "asked",
        "choices": [choice(message(content="a"))],
        "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
    }


def test_usage_that_was_never_told_is_known_to_be_unknown() -> None:
    writer = ChatWholeWriter(PROMISE)
    assert not writer.knows_usage
    writer.feed(UsageTold(USAGE))
    assert writer.knows_usage
    assert writer.finish()["usage"] == USAGE


@pytest.mark.parametrize(
    "broken",
    [
        {"error": {"message": "no"}},
        {"object": "list", "data": []},
        {"choices": []},
        {"choices": None, "base_resp": {"status_code": 1}},
    ],
)
def test_what_is_no_reply_stays_what_it_is(broken: dict[str, Any]) -> None:
    assert [chunk.value for chunk in chunks_of_reply(broken)] == [broken]


def test_what_is_broken_in_the_object_stays_broken_in_its_chunks() -> None:
    """So that one rule repairs both, and counts what was really wrong."""
    bad = {"id": None, "type": "function", "function": {"name": "f", "arguments": {"a": 1}}}
    value = whole(choice(message(tool_calls=[bad]), finish="eos"))
    said = [told for chunk in chunks_of_reply(value) for told in chunk.value["choices"]]
    pieces = [told["delta"]["tool_calls"][0] for told in said if "tool_calls" in told["delta"]]
    assert pieces[0]["id"] is None
    assert pieces[1]["function"]["arguments"] == {"a": 1}
    assert said[-1]["finish_reason"] == "eos"


def test_a_choice_in_a_chunks_shape_is_read_too() -> None:
    value = whole({"delta": {"content": "a"}, "finish_reason": "stop"})
    assert gathered(value)["choices"] == [choice(message(content="a"))]


def test_reasoning_is_told_under_the_key_that_was_promised() -> None:
    value = whole(choice(message(content="a", reasoning="because", reasoning_content="because")))
    for key, names in {
        "reasoning_content": ["reasoning_content"],
        "reasoning": ["reasoning"],
        "both": ["reasoning_content", "reasoning"],
    }.items():
        promise = replace(PROMISE, reasoning_key=key)  # type: ignore[arg-type]
        told = gathered(value, promise)["choices"][0]["message"]
        kept = {name: told[name] for name in told if name.startswith("reasoning")}
        assert kept == dict.fromkeys(names, "because")


def test_token_lists_grow_delta_by_delta() -> None:
    writer = ChatWholeWriter(PROMISE)
    for _ in range(2):
        writer.feed(TextDelta(0, "a", extra=Extra(choice={"logprobs": copy.deepcopy(LOGPROBS)})))
    writer.feed(TextDelta(0, "b", extra=Extra(choice={"logprobs": None})))
    told = writer.finish()["choices"][0]["logprobs"]
    assert told == {"content": LOGPROBS["content"] * 2, "refusal": None}


def test_what_stands_beside_the_text_grows_delta_by_delta() -> None:
    sealed = {"type": "reasoning.encrypted", "data": "all of it", "index": 1}
    pieces: list[Any] = [
        {"type": "reasoning.text", "text": "so ", "index": 0},
        {"type": "reasoning.text", "text": "what", "signature": None, "index": 0},
        {"type": "reasoning.text", "signature": "seal", "index": 0},
        sealed,
        {**sealed, "index": 2},
    ]
    writer = ChatWholeWriter(PROMISE)
    for piece in pieces:
        writer.feed(Extension(0, extra=Extra(delta={"reasoning_details": [piece]})))
    for url in ("a", "b"):
        writer.feed(TextDelta(0, url, extra=Extra(delta={"annotations": [{"url": url}]})))
    told = writer.finish()["choices"][0]["message"]
    assert told["annotations"] == [{"url": "a"}, {"url": "b"}]
    first, *rest = told["reasoning_details"]
    assert first == {"type": "reasoning.text", "text": "so what", "signature": "seal", "index": 0}
    assert rest == [sealed, {**sealed, "index": 2}]
    assert pieces[0]["text"] == "so ", "the upstream's own values were changed"


@pytest.mark.parametrize("details", [["odd", None, 5], [{"type": "x"}, {"type": "x"}], []])
def test_odd_details_stay_what_they_are(details: list[Any]) -> None:
    writer = ChatWholeWriter(PROMISE)
    writer.feed(TextDelta(0, "a", extra=Extra(delta={"reasoning_details": details})))
    assert writer.finish()["choices"][0]["message"]["reasoning_details"] == details


def test_the_size_grows_with_what_is_held() -> None:
    writer = ChatWholeWriter(PROMISE)
    writer.feed(Begun("x", 5, "m"))
    sizes = []
    for _ in range(3):
        writer.feed(TextDelta(0, "a" * 1000))
        sizes.append(writer.size_bytes)
    writer.feed(Finished(0, "stop"))
    assert sizes[0] >= 1000
    assert [b - a for a, b in itertools.pairwise(sizes)] == [sizes[1] - sizes[0]] * 2
    assert sizes[1] - sizes[0] >= 1000
