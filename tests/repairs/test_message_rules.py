"""Text that is told again: messages beside deltas, and deltas that hold the whole text so far."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.chat_streams import DONE, chunk, frame, said
from relay.judge import Call, judge_stream
from relay.playing import PROMISE, one_by_one, play
from repairs.seen import seen

MESSAGE, CUMULATIVE = "chat.message-beside-delta", "chat.cumulative-text"
ON = replace(PROMISE, modes={CUMULATIVE: "on"})
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
TOLD = [Call("c", "f", '{"a":1}')]


def both(delta: Any, message: Any, finish: str | None = None) -> bytes:
    return frame(chunk([said(delta, finish=finish, message=message)]))


def alone(message: Any, finish: str | None = None, **more: Any) -> bytes:
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return frame(chunk([choice], **more))


def delta(told: Any, finish: str | None = None) -> bytes:
    return frame(chunk([said(told, finish=finish)]))


def text(content: str) -> dict[str, str]:
    return {"role": "assistant", "content": content}


# The frames, then the text, the reasoning and the calls that a client reads.
MESSAGES: dict[str, tuple[list[bytes], str, str, list[Call]]] = {
    "beside each delta": (
        [both(text("a"), text("a")), both({"content": "b"}, text("ab")),
         both({}, text("ab"), "stop")],
        "ab", "", [],
    ),
    "a role first, then both": (
        [both(text(""), text("")), both({"content": "a"}, text("a")), both({}, text("a"), "stop")],
        "a", "", [],
    ),
    "after the deltas": (
        [delta({"content": "ab"}), alone(text("ab"), "stop")], "ab", "", [],
    ),
    "a whole completion after the deltas": (
        [delta({"content": "ab"}), alone(text("ab"), "stop", object="chat.completion")],
        "ab", "", [],
    ),
    "null beside the delta": ([both({"content": "a"}, None), both({}, None, "stop")], "a", "", []),
    "nothing but messages": (
        [alone(text("a")), alone(text("ab")), alone(text("ab")), alone(text("abc"), "stop")],
        "abc", "", [],
    ),
    "beside deltas that say nothing": (
        [both({"role": "assistant"}, text("a")), both({}, text("ab")),
         both({"content": ""}, text("abc"), "stop")],
        "abc", "", [],
    ),
    "messages that are pieces after all": (
        [alone(text("a")), alone(text("b")), alone(text("c"), "stop")], "abc", "", [],
    ),
    "reasoning, then text": (
        [alone({"reasoning_content": "r"}), alone({"reasoning_content": "rs"}),
         alone({"reasoning_content": "rs", "content": "a"}),
         alone({"reasoning_content": "rs", "content": "ab"}, "stop")],
        "ab", "rs", [],
    ),
    "one whole completion": (
        [alone({"role": "assistant", "content": "a", "reasoning_content": "r",
                "tool_calls": [CALL]}, "tool_calls", object="chat.completion")],
        "a", "r", TOLD,
    ),
    "a call, told again": (
        [alone({"content": None, "tool_calls": [CALL]})] * 2
        + [alone({"tool_calls": [CALL]}, "tool_calls")],
        "", "", TOLD,
    ),
    "a call whose arguments grow": (
        [alone({"tool_calls": [CALL | {"function": {"name": "f", "arguments": told}}]})
         for told in ("", '{"a"', '{"a":1}')] + [alone({}, "tool_calls")],
        "", "", TOLD,
    ),
    "arguments as an object": (
        [alone({"tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}, "id": "c"}]})],
        "", "", TOLD,
    ),
    "a delta after messages": (
        [alone(text("a")), delta({"content": "b"}), alone(text("abc"), "stop")], "abc", "", [],
    ),
    "parts": ([alone({"content": [{"type": "text", "text": "a"}]}, "stop")], "a", "", []),
}  # fmt: skip


@pytest.mark.parametrize(("frames", "content", "reasoning", "calls"), MESSAGES.values(),
                         ids=MESSAGES)  # fmt: skip
def test_each_text_is_told_once(
    frames: list[bytes], content: str, reasoning: str, calls: list[Call]
) -> None:
    told = seen(b"".join(frames) + DONE)
    choice = told.choice
    assert (choice.text, choice.reasoning, choice.calls) == (content, reasoning, calls)
    assert MESSAGE in told.repairs
    assert "chat.delta-missing" not in told.repairs


def test_what_else_a_message_holds_goes_along_at_its_end() -> None:
    notes = [{"type": "url_citation"}]
    body = alone(text("a") | {"annotations": notes}) + alone(
        text("ab") | {"annotations": notes}, "stop"
    )
    out = play(body + DONE).out
    assert out.count(b'"annotations":[{"type":"url_citation"}]') == 1


def test_a_legacy_call_in_a_message_is_told_once() -> None:
    message = {"content": None, "function_call": {"name": "f", "arguments": "{}"}}
    told = seen(alone(message) + alone(message, "function_call") + DONE)
    assert told.choice.legacy == Call("", "f", "{}", "legacy")


def test_a_choice_has_a_message_of_its_own() -> None:
    choices = [said({"content": "a"}), {"index": 1, "message": text("b"), "finish_reason": None}]
    told = judge_stream(play(frame(chunk(choices)) + DONE).out)
    assert told.faults == []
    assert (told.choices[0].text, told.choices[1].text) == ("a", "b")


@given(st.lists(st.text(st.sampled_from("ab\n🦜"), min_size=1, max_size=3), min_size=1, max_size=8))
def test_growing_texts_are_told_as_their_pieces(pieces: list[str]) -> None:
    whole = ["".join(pieces[: n + 1]) for n in range(len(pieces))]
    by_message = b"".join(alone(text(told)) for told in whole)
    assert seen(by_message + DONE).choice.text == whole[-1]
    by_delta = b"".join(delta({"content": told}) for told in whole)
    told = seen(by_delta + DONE, ON)
    assert told.choice.text == whole[-1]
    assert (CUMULATIVE in told.repairs) == (len(pieces) > 1)
    assert play(one_by_one(by_delta + DONE), ON) == told.played


# ---- chat.cumulative-text ----

GROWING: dict[str, tuple[list[dict[str, Any]], str, str]] = {
    "text": ([{"content": "a"}, {"content": "ab"}, {"content": "ab"}], "ab", ""),
    "reasoning and text": (
        [{"reasoning_content": "r"}, {"reasoning_content": "rs"},
         {"reasoning_content": "rs", "content": "a"}, {"reasoning_content": "rs", "content": "ab"}],
        "ab", "rs",
    ),
    "under the other key": ([{"reasoning": "r"}, {"reasoning": "rs", "content": "a"}], "a", "rs"),
    "one that does not go on": ([{"content": "ab"}, {"content": "c"}, {"content": "abcd"}],
                                "abcd", ""),
    "an empty one between": ([{"content": "a"}, {"content": ""}, {"content": "ab"}], "ab", ""),
}  # fmt: skip


@pytest.mark.parametrize(("deltas", "content", "reasoning"), GROWING.values(), ids=GROWING)
def test_cumulative_text_is_told_as_it_grows(
    deltas: list[dict[str, Any]], content: str, reasoning: str
) -> None:
    body = b"".join(map(delta, deltas)) + delta({"content": content}, "stop")
    told = seen(body + DONE, ON)
    assert (told.choice.text, told.choice.reasoning) == (content, reasoning)
    assert (told.choice.finish, CUMULATIVE in told.repairs) == ("stop", True)


def test_text_that_repeats_is_left_alone_where_the_mode_is_off() -> None:
    body = delta({"content": "a"}) + delta({"content": "ab"}) + DONE
    told = seen(body)
    assert told.choice.text == "aab"
    assert CUMULATIVE not in told.repairs


def test_what_was_said_takes_no_memory() -> None:
    body = b"".join(delta({"content": "x" * size}) for size in range(0, 4000, 40))
    assert seen(body + DONE, ON).choice.text == "x" * 3960
