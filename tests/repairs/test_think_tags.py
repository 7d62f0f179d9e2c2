"""Thinking between tags: what becomes reasoning, what stays text, whatever cuts the tags."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.chat_streams import DONE, ROLE, STOP, chunk, frame, said, text_frame
from relay.judge import judge_object
from relay.playing import PROMISE, WHOLE, one_by_one, play
from repairs.seen import seen
from strictwire.repairs.chat.think_split import MAX_HELD_BLANKS, ThinkSplit

RULE = "chat.think-tags"
SPLIT = replace(PROMISE, modes={RULE: "split"})
OPENED = replace(PROMISE, modes={RULE: "opened"})

# A text, and what of it is reasoning and what is content, however it is cut.
TEXTS: dict[str, tuple[str, str, str]] = {
    "no tags": ("Hello", "", "Hello"),
    "thought and answer": ("<think>why</think>so", "why", "so"),
    "the longer tag": ("<thinking>why</thinking>so", "why", "so"),
    "blank lines around": ("\n <think>\nwhy\n</think>\n\nso", "why\n", "so"),
    "an indented answer": ("<think>why</think>\n\n    so", "why", "    so"),
    "an answer on the same line": ("<think>why</think> so", "why", " so"),
    "nothing thought": ("<think>\n\n</think>\n\nso", "", "so"),
    "nothing answered": ("<think>why</think>", "why", ""),
    "nothing but blank lines answered": ("<think>why</think>\n\n", "why", ""),
    "never closed": ("<think>why", "why", ""),
    "half a closer at the end": ("<think>why</thin", "why</thin", ""),
    "half an opener at the end": ("<thin", "", "<thin"),
    "half a tag that is none": ("<thin ice", "", "<thin ice"),
    "half a closer that is none": ("<think>a </thinner> b</think>c", "a </thinner> b", "c"),
    "signs in the thought": ("<think>a<b</think>c", "a<b", "c"),
    "an opener in the thought": ("<think>a<think>b</think>c", "a<think>b", "c"),
    "a second thought": ("<think>a</think>b<think>c</think>", "a", "b<think>c</think>"),
    "code that speaks of it": ("Say `<think>a</think>` so", "", "Say `<think>a</think>` so"),
    "code after the thought": ("<think>a</think>b </think>", "a", "b </think>"),
    "blank text": (" \n ", "", " \n "),
    "text after blanks": ("\n\nHello", "", "\n\nHello"),
}


def stream(*texts: str) -> bytes:
    return ROLE + b"".join(map(text_frame, filter(None, texts))) + STOP + DONE


@pytest.mark.parametrize(("text", "thought", "answer"), TEXTS.values(), ids=TEXTS)
def test_each_text_is_split_the_same_in_every_cut(text: str, thought: str, answer: str) -> None:
    for texts in ([text], list(text), [text[:3], text[3:]], [text[:9], text[9:]]):
        split = ThinkSplit("start")
        parts = [split.feed(piece) for piece in texts] + [split.finish()]
        assert "".join(part[0] for part in parts) == thought
        assert "".join(part[1] for part in parts) == answer


@pytest.mark.parametrize(("text", "thought", "answer"), TEXTS.values(), ids=TEXTS)
def test_a_client_reads_the_thought_as_reasoning(text: str, thought: str, answer: str) -> None:
    for body in (stream(text), stream(*text), stream(text[:7], text[7:])):
        told = seen(body, SPLIT)
        assert (told.choice.reasoning, told.choice.text) == (thought, answer)
        assert (RULE in told.repairs) == (answer != text)
        kept = seen(body)
        assert (kept.choice.reasoning, kept.choice.text) == ("", text)
        assert kept.repairs == frozenset()
        # Without a finish reason what is held is told by the terminal.
        assert seen(body.replace(STOP, b""), SPLIT).choice == told.choice
        assert play(one_by_one(body), SPLIT) == told.played


@pytest.mark.parametrize(("text", "thought", "answer"), TEXTS.values(), ids=TEXTS)
def test_a_whole_object_is_split_the_same(text: str, thought: str, answer: str) -> None:
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    value = frame(chunk([choice], object="chat.completion"))[6:]
    played = play(value, replace(WHOLE, modes=SPLIT.modes))
    told = judge_object(played.out).choices[0]
    assert (told.reasoning, told.text) == (thought, answer)


STRAYS: dict[str, tuple[list[str], str, str]] = {
    "in one delta": (["why</think>\n\nso"], "why", "so"),
    "in its own delta": (["why", "</think>", "so"], "", "whyso"),
    "after text of the same delta": (["a ", "b</think>c"], "b", "a c"),
    "cut in two": (["a ", "b</th", "ink>c"], "", "a bc"),
    "only the first": (["a</think>b</think>c"], "a", "b</think>c"),
}


@pytest.mark.parametrize(("texts", "thought", "answer"), STRAYS.values(), ids=STRAYS)
def test_a_closer_without_an_opener_takes_what_is_not_said_yet(
    texts: list[str], thought: str, answer: str
) -> None:
    told = seen(stream(*texts), SPLIT)
    assert (told.choice.reasoning, told.choice.text) == (thought, answer)
    assert RULE in told.repairs


OPENED_TEXTS: dict[str, tuple[str, str, str]] = {
    "closed": ("why</think>\n\nso", "why", "so"),
    "opened all the same": ("<think>\nwhy</think>so", "why", "so"),
    "never closed": ("why", "why", ""),
    "closed at once": ("\n</think>so", "", "so"),
    "half a closer": ("why</thi", "why</thi", ""),
    "a sign first": ("<why</think>so", "<why", "so"),
}


@pytest.mark.parametrize(("text", "thought", "answer"), OPENED_TEXTS.values(), ids=OPENED_TEXTS)
def test_an_opened_reply_begins_inside_of_the_thought(text: str, thought: str, answer: str) -> None:
    for body in (stream(text), stream(*text)):
        told = seen(body.replace(STOP, b""), OPENED)
        assert (told.choice.reasoning, told.choice.text) == (thought, answer)
        assert seen(body, OPENED).choice == told.choice


def test_a_server_that_tells_reasoning_needs_no_tags() -> None:
    reasoning = frame(chunk([said({"reasoning_content": "r"})]))
    told = seen(ROLE + reasoning + stream("Hello"), OPENED)
    assert (told.choice.reasoning, told.choice.text) == ("r", "Hello")


def test_reasoning_in_the_same_delta_is_trusted_too() -> None:
    both = frame(chunk([said({"reasoning_content": "r", "content": "a</think>b"})]))
    told = seen(ROLE + both + STOP + DONE, SPLIT)
    assert (told.choice.reasoning, told.choice.text) == ("r", "a</think>b")


@pytest.mark.parametrize("key", ["reasoning", "both"])
def test_thought_comes_under_the_key_that_is_set(key: str) -> None:
    promise = replace(SPLIT, reasoning_key=key)
    out = play(stream("<think>why</think>so"), promise).out
    assert b'"reasoning":"why"' in out
    assert (b'"reasoning_content":"why"' in out) == (key == "both")


def test_what_is_held_comes_before_a_call() -> None:
    head = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    call = frame(chunk([said({"tool_calls": [head]})]))
    told = seen(ROLE + text_frame("a <thi") + call + STOP + DONE, SPLIT)
    assert told.choice.text == "a <thi"
    assert (told.choice.finish, len(told.choice.calls)) == ("tool_calls", 1)


def test_choices_think_by_themselves() -> None:
    body = text_frame("<think>a", 0) + text_frame("b", 1) + text_frame("</think>c", 0)
    out = play(body + DONE, SPLIT)
    assert out.failure is None
    assert b'"reasoning_content":"a"' in out.out
    assert out.out.count(b'"content":"b"') == out.out.count(b'"content":"c"') == 1


def test_blanks_without_end_are_told() -> None:
    told = seen(stream(*[" "] * (3 * MAX_HELD_BLANKS)), SPLIT)
    assert told.choice.text == " " * (3 * MAX_HELD_BLANKS)
    told = seen(stream("<think>a</think>", *[" "] * (3 * MAX_HELD_BLANKS)), SPLIT)
    assert set(told.choice.text) <= {" "}


PIECES = st.lists(
    st.sampled_from(["<think>", "</think>", "<thinking>", "</thinking>", "<th", "ink>", "</", "<",
                     "a", " ", "\n", "b c", ">", "think"]),
    max_size=10,
)  # fmt: skip


@given(PIECES, st.data(), st.sampled_from(["start", "opened"]))
def test_cuts_make_no_difference_and_no_text_is_lost(
    pieces: list[str], data: st.DataObject, phase: str
) -> None:
    text = "".join(pieces)
    opener = "" if phase == "opened" else "<think>"
    places = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    cut = [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]
    results = []
    for told in ([opener + text], [opener, *cut]):
        split = ThinkSplit(phase)  # type: ignore[arg-type]
        parts = [split.feed(piece) for piece in told] + [split.finish()]
        results.append(("".join(part[0] for part in parts), "".join(part[1] for part in parts)))
    assert results[0] == results[1]
    # Only tags and blanks are taken out.
    left = "".join(results[0]).split()
    assert "".join(left) == "".join(_without_one_pair(text, phase).split())


def _without_one_pair(text: str, phase: str) -> str:
    """The text without what the rule takes out, found without its state machine."""
    body = text.lstrip()
    if phase == "opened":
        for opener in ("<think>", "<thinking>"):
            if body.startswith(opener):
                body = body[len(opener) :]
                break
    found = [(body.find(closer), closer) for closer in ("</think>", "</thinking>")]
    found = sorted(one for one in found if one[0] >= 0)
    return body.replace(found[0][1], "", 1) if found else body
