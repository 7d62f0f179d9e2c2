"""Rules for single fields: indexes that count something else, usage elsewhere, fields too many."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from relay.chat_streams import DONE, ROLE, STOP, chunk, frame, said, text_frame
from relay.judge import judge_object, judge_stream
from relay.playing import PROMISE, WITH_USAGE, play
from repairs.seen import seen
from strictwire.conformance import Asked, lint
from strictwire.repairs.chat.extra_fields import ExtraFields

COUNTING, ELSEWHERE, EXTRA = "chat.choice-counting", "chat.usage-elsewhere", "chat.extra-fields"
ONE = replace(PROMISE, choices=1)
DROP = replace(PROMISE, extra_fields="drop")
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


# ---- chat.choice-counting ----


@pytest.mark.parametrize(
    "indexes", [(0, 1, 2, 3), (1, 1, 1, 1), (197, 198, 199, 200), (0, 0, 5, 0)]
)
def test_the_one_choice_has_the_index_0(indexes: tuple[int, ...]) -> None:
    deltas: list[Any] = [{"role": "assistant"}, {"content": "a"}, {"content": "b"}, {}]
    reasons = (None, None, None, "length")
    told = zip(deltas, indexes, reasons, strict=True)
    body = b"".join(frame(chunk([said(*one)])) for one in told) + DONE
    one = seen(body, ONE)
    assert (one.choice.text, one.choice.finish) == ("ab", "length")
    assert list(judge_stream(one.played.out).choices) == [0]
    assert one.repairs == {COUNTING}


@pytest.mark.parametrize("choices", [None, 2])
def test_where_more_may_have_been_asked_for_an_index_is_one(choices: int | None) -> None:
    body = text_frame("a", 0) + text_frame("b", 1) + DONE
    told = judge_stream(play(body, replace(PROMISE, choices=choices)).out)
    assert [told.choices[index].text for index in (0, 1)] == ["a", "b"]


def test_choices_side_by_side_are_choices_though_one_was_asked_for() -> None:
    both = frame(chunk([said({"content": "a"}, 0), said({"content": "b"}, 1)]))
    told = judge_stream(play(both + text_frame("c", 1) + DONE, ONE).out)
    assert (told.choices[0].text, told.choices[1].text) == ("a", "bc")


def test_a_whole_object_is_counted_the_same() -> None:
    message = {"role": "assistant", "content": "a"}
    value = chunk([{"index": 1, "message": message, "finish_reason": "stop"}])
    out = play(json.dumps(value).encode(), replace(ONE, is_stream=False)).out
    told = judge_object(out)
    assert (told.faults, told.choices[0].text) == ([], "a")


# ---- chat.usage-elsewhere ----

# The chunk that tells usage, and the vendor's field that is left of it.
PLACES: dict[str, tuple[dict[str, Any], Any]] = {
    "x_groq": (chunk([said({}, finish="stop")], x_groq={"id": "r", "usage": USAGE}), {"id": "r"}),
    "x_groq without choices": (chunk([], x_groq={"id": "r", "usage": USAGE}), None),
    "nothing else in x_groq": (chunk([said({}, finish="stop")], x_groq={"usage": USAGE}), None),
    "in the choice": (chunk([said({}, finish="stop", usage=USAGE)]), None),
    "in both": (chunk([said({}, finish="stop")], x_groq={"usage": {}}, usage=USAGE), None),
    "null at the top": (
        chunk([said({}, finish="stop")], x_groq={"usage": USAGE}, usage=None),
        None,
    ),
}


@pytest.mark.parametrize(("last", "rest"), PLACES.values(), ids=PLACES)
def test_usage_is_found_where_a_vendor_told_it(last: dict[str, Any], rest: Any) -> None:
    body = ROLE + text_frame("a") + frame(last) + (DONE if last["choices"] else STOP + DONE)
    played = play(body, WITH_USAGE)
    told = judge_stream(played.out, includes_usage=True)
    assert (told.faults, told.usage) == ([], USAGE)
    assert ELSEWHERE in played.repairs
    left = [one["x_groq"] for one in told.chunks if "x_groq" in one]
    assert left == ([rest] if rest and last["choices"] else left)
    assert b'"usage":{' not in play(body).out


def test_a_vendors_field_without_usage_is_left_alone() -> None:
    body = ROLE + frame(chunk([said({"content": "a"})], x_groq={"id": "r"})) + STOP + DONE
    played = play(body)
    assert (played.out, played.repairs) == (body, frozenset())


@pytest.mark.parametrize("odd", [5, None, [], "x", {"usage": None}, {"usage": 5}, {"usage": []}])
def test_what_is_no_usage_harms_nothing(odd: Any) -> None:
    last = chunk([said({}, finish="stop", usage=odd)], x_groq=odd)
    told = seen(ROLE + text_frame("a") + frame(last) + DONE)
    assert (told.choice.text, told.choice.finish) == ("a", "stop")


# ---- chat.extra-fields ----

KNOWN = {"system_fingerprint": "f", "service_tier": "x", "obfuscation": "o"}


def test_fields_that_nobody_knows_are_dropped_where_it_is_set() -> None:
    choice = said({"content": "a", "token_id": 5}, stop_reason=None, logprobs=None)
    body = ROLE + frame(chunk([choice], timings={"a": 1}, **KNOWN)) + STOP + DONE
    played = play(body, DROP)
    told = judge_stream(played.out)
    assert told.faults == []
    (chunked,) = [one for one in told.chunks if one["choices"][0]["delta"].get("content")]
    assert chunked.keys() == {"id", "object", "created", "model", "choices", *KNOWN}
    assert chunked["choices"] == [said({"content": "a"}, logprobs=None)]
    assert EXTRA in played.repairs
    assert EXTRA not in play(body).repairs
    assert b"timings" in play(body).out


def test_fields_that_are_known_are_kept() -> None:
    notes = {"annotations": [{"type": "url_citation"}], "audio": {"id": "a"}}
    body = ROLE + frame(chunk([said({"content": "a", **notes})], **KNOWN)) + STOP + DONE
    assert play(body, DROP).repairs == frozenset()


def test_a_chunk_of_nothing_but_extras_goes() -> None:
    body = ROLE + frame(chunk([said({"x": 1})])) + text_frame("a") + frame(chunk([], y=2))
    told = seen(body + STOP + DONE, DROP)
    assert told.choice.text == "a"
    assert b'"x"' not in told.played.out
    assert b'"y"' not in told.played.out


def test_the_setting_decides_and_not_the_rules_name() -> None:
    assert ExtraFields.runs_for(DROP)
    assert ExtraFields.runs_for(replace(DROP, modes={EXTRA: "off"}))
    assert not ExtraFields.runs_for(replace(PROMISE, modes={EXTRA: "on"}))


# ---- chat.reasoning-key ----

KEY = "chat.reasoning-key"
C, R = {"reasoning_content": "a"}, {"reasoning": "a"}


@pytest.mark.parametrize(
    ("key", "told", "right", "is_mended"),
    [
        ("reasoning_content", C, C, False),
        ("reasoning_content", R, C, True),
        ("reasoning_content", C | R, C, True),
        ("reasoning", R, R, False),
        ("reasoning", C, R, True),
        ("reasoning", C | R, R, True),
        ("both", C | R, C | R, False),
        ("both", C, C | R, True),
        ("both", R, C | R, True),
        ("both", {"reasoning_content": "", "reasoning": "a"}, C | R, True),
    ],
)
def test_reasoning_is_told_under_the_key_that_was_asked_for(
    key: Any, told: dict[str, Any], right: dict[str, Any], is_mended: bool
) -> None:
    promise = replace(PROMISE, reasoning_key=key)
    body = ROLE + frame(chunk([said(told)])) + STOP + DONE
    played = play(body, promise)
    assert played.out == ROLE + frame(chunk([said(right)])) + STOP + DONE
    assert (KEY in played.repairs) == is_mended
    assert (KEY in {one.rule for one in lint(body, Asked.by(promise))}) == is_mended
    whole = play(body, replace(promise, is_stream=False)).out
    assert lint(whole, Asked.by(replace(promise, is_stream=False))) == []


# ---- chat.logprobs-lists ----


@pytest.mark.parametrize(
    ("token", "right"),
    [
        ({"token": "a"}, {"token": "a", "logprob": -9999.0, "bytes": None}),
        ({"token": "a", "logprob": None}, {"token": "a", "logprob": -9999.0, "bytes": None}),
        ({"token": "a", "logprob": 5, "bytes": "a"}, {"token": "a", "logprob": 5, "bytes": None}),
        ({"logprob": 1}, None),
        ({"token": 5, "logprob": 1}, None),
    ],
)
def test_a_token_has_a_word_and_a_probability(token: dict[str, Any], right: Any) -> None:
    """And so has each of its rivals. What names no token is none."""
    rivals = [] if right is None else [right]
    fine = {"token": "x", "logprob": -1.0, "bytes": None}
    logprobs = {"content": [fine | {"top_logprobs": [token]}, token], "refusal": None}
    body = ROLE + frame(chunk([said({"content": "a"}, logprobs=logprobs)])) + STOP + DONE
    one = seen(body)
    want = [fine | {"top_logprobs": rivals}, *(rival | {"top_logprobs": []} for rival in rivals)]
    told = json.loads(one.played.out.split(b"\n\n")[1].removeprefix(b"data: "))
    assert told["choices"][0]["logprobs"] == {"content": want, "refusal": None}
    assert one.repairs == {"chat.logprobs-lists"}


# ---- chat.usage-shape, chat.function-call ----


@pytest.mark.parametrize("count", [b"1e999", b"-Infinity", b"NaN", b"-1", b'"5"'])
def test_a_count_that_is_no_number_was_never_told(count: bytes) -> None:
    usage = frame(chunk([], usage={"prompt_tokens": 0, "completion_tokens": 0}))
    usage = usage.replace(b":0", b":" + count)
    played = play(ROLE + text_frame("a") + STOP + usage + DONE, WITH_USAGE)
    told = judge_stream(played.out, includes_usage=True)
    assert (told.faults, told.usage) == ([], None)


@pytest.mark.parametrize("arguments", ['{"a":1}', {"a": 1}, "{}", {}])
def test_a_function_call_whose_name_never_came_keeps_its_arguments(arguments: Any) -> None:
    body = ROLE + frame(chunk([said({"function_call": {"arguments": arguments}})])) + STOP + DONE
    text = arguments if isinstance(arguments, str) else json.dumps(arguments).replace(" ", "")
    stream = judge_stream(play(body).out)
    whole = judge_object(play(body, replace(PROMISE, is_stream=False)).out)
    for told in (stream, whole):
        call = told.choices[0].legacy
        assert call is not None
        assert (told.faults, call.name, call.arguments) == ([], "", text)
