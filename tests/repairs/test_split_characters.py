"""Characters that were cut in two, told as half surrogate pairs or as bytes that are no UTF-8."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.chat_streams import DONE, ROLE, STOP, chunk, said, text_frame
from relay.judge import judge_object, judge_stream
from relay.playing import PROMISE, WHOLE, cuts, one_by_one, play
from repairs.seen import seen
from strictwire.model.chunks import Chunk
from strictwire.repairs.chat.characters import MAX_HELD_HALVES, SplitCharacter

RULE = "chat.split-character"
HIGH, LOW = "\ud83e", "\udd9c"  # of the parrot
PARROT = HIGH.encode("utf-16-le", "surrogatepass") + LOW.encode("utf-16-le", "surrogatepass")
PARROT_TEXT = PARROT.decode("utf-16-le")
BYTES = PARROT_TEXT.encode()


def raw_frame(text: bytes, key: bytes = b"content", finish: bytes = b"null") -> bytes:
    """A frame whose text is told in bytes of any kind."""
    return (
        b'data: {"id":"chatcmpl-x","object":"chat.completion.chunk","created":5,"model":"m",'
        b'"choices":[{"index":0,"delta":{"%b":"%b"},"finish_reason":%b}]}\n\n' % (key, text, finish)
    )


def escaped(text: str) -> bytes:
    return json.dumps(text)[1:-1].encode()


# The texts of the deltas, and what the client reads.
TEXTS: dict[str, tuple[list[bytes], str]] = {
    "two halves": ([escaped(HIGH), escaped(LOW)], PARROT_TEXT),
    "halves in text": ([b"a" + escaped(HIGH), escaped(LOW) + b"b"], f"a{PARROT_TEXT}b"),
    "a first half alone": ([b"a" + escaped(HIGH), b"b"], "a\ufffdb"),
    "a last half alone": ([b"a", escaped(LOW) + b"b"], "a\ufffdb"),
    "two first halves": ([escaped(HIGH), escaped(HIGH), escaped(LOW)], f"\ufffd{PARROT_TEXT}"),
    "in the wrong order": ([escaped(LOW), escaped(HIGH), b"a"], "\ufffd\ufffda"),
    "never ended": ([b"a", escaped(HIGH)], "a\ufffd"),
    "in the middle": ([b"a" + escaped(HIGH) + b"b"], "a\ufffdb"),
    "a half that looks like a byte": ([b"\\ud83d", b"\\udcf0"], "\U0001f4f0"),
    "a whole one that looks like it": ([b"\\ud83d\\udcf0", escaped(LOW)], "\U0001f4f0\ufffd"),
    "a byte at a time": ([BYTES[at : at + 1] for at in range(4)], PARROT_TEXT),
    "one and three bytes": ([b"a" + BYTES[:1], BYTES[1:] + b"b"], f"a{PARROT_TEXT}b"),
    "three and one": ([b"a" + BYTES[:3], BYTES[3:] + b"b"], f"a{PARROT_TEXT}b"),
    "two of a letter": ([b"\xc3", b"\xa9"], "é"),
    "bytes never ended": ([b"a" + BYTES[:3], b"b"], "a\ufffdb"),
    "bytes of nothing": ([b"a\xff\xfeb", b"\x80"], "a\ufffd\ufffdb\ufffd"),
    "an end without a beginning": ([b"a", BYTES[3:] + b"b"], "a\ufffdb"),
    "whole, then cut": ([PARROT_TEXT.encode() + BYTES[:2], BYTES[2:]], PARROT_TEXT * 2),
    "an empty text between": ([escaped(HIGH), b"", escaped(LOW)], PARROT_TEXT),
    "a line end after a half": ([b"a" + escaped(HIGH) + b"\\n", b"b"], "a\ufffd\nb"),
}


@pytest.mark.parametrize("key", ["content", "reasoning_content", "reasoning", "refusal"])
@pytest.mark.parametrize(("texts", "want"), TEXTS.values(), ids=TEXTS)
def test_halves_are_joined_in_every_text(texts: list[bytes], want: str, key: str) -> None:
    frames = [raw_frame(text, key.encode()) for text in texts]
    told = seen(ROLE + b"".join(frames) + STOP + DONE)
    reading = {"content": told.choice.text, "refusal": told.choice.refusal}
    assert reading.get(key, told.choice.reasoning) == want
    assert RULE in told.repairs
    assert "chat.empty-delta" not in told.repairs or b"" in texts


@pytest.mark.parametrize(("texts", "want"), TEXTS.values(), ids=TEXTS)
def test_halves_are_joined_in_arguments(texts: list[bytes], want: str) -> None:
    head = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}
    body = ROLE + _pieces(head)
    for text in [b"<", *texts, b">"]:
        function = b'{"index":0,"function":{"arguments":"%b"}}' % text
        body += raw_frame(b"@", b"tool_calls").replace(b'"@"', b"[%b]" % function)
    told = seen(body + STOP + DONE)
    assert told.choice.calls[0].arguments == f"<{want}>"


def _pieces(piece: dict[str, Any]) -> bytes:
    text = json.dumps(chunk([said({"tool_calls": [piece]})]))
    return b"data: %b\n\n" % text.encode()


@pytest.mark.parametrize("text", [escaped(HIGH), BYTES[:1]], ids=["half", "byte"])
def test_a_half_on_the_last_chunk_is_told_before_the_finish(text: bytes) -> None:
    told = seen(ROLE + raw_frame(b"a" + text, finish=b'"length"') + DONE)
    assert (told.choice.text, told.choice.finish) == ("a\ufffd", "length")


def test_a_half_is_told_before_a_finish_of_its_own() -> None:
    end = STOP.replace(b'"stop"', b'"length"')
    told = seen(ROLE + raw_frame(b"a" + escaped(HIGH)) + end + DONE)
    assert (told.choice.text, told.choice.finish) == ("a\ufffd", "length")
    assert "reply.finish-early" not in told.repairs


def test_a_half_is_told_though_nothing_but_the_terminal_follows() -> None:
    told = seen(ROLE + raw_frame(b"a" + escaped(HIGH)) + DONE)
    assert (told.choice.text, told.choice.finish) == ("a\ufffd", "stop")


def test_halves_of_two_choices_and_kinds_do_not_meet() -> None:
    def half(text: str, index: int, key: str) -> bytes:
        told = json.dumps(chunk([said({key: text}, index)]))
        return b"data: %b\n\n" % told.encode()

    body = half(HIGH, 0, "content") + half(HIGH, 1, "content") + half(LOW, 1, "reasoning")
    body += half(LOW, 1, "content") + half("a" + LOW, 0, "content")
    told = judge_stream(play(body + DONE).out)
    assert told.faults == []
    assert told.choices[0].text == "\ufffda\ufffd"
    assert (told.choices[1].text, told.choices[1].reasoning) == (PARROT_TEXT, "\ufffd")


def test_no_text_of_a_chunk_keeps_a_half() -> None:
    value = chunk(
        [said({"content": "a"}, 0)], model="m" + HIGH, extra={"k" + LOW: [HIGH, {"x": LOW}]}
    )
    body = b"data: %b\n\n" % json.dumps(value).encode()
    out = play(ROLE + body + STOP + DONE).out.decode()
    assert '"extra":{"k\ufffd":["\ufffd",{"x":"\ufffd"}]}' in out


def test_a_whole_object_is_healed_too() -> None:
    message = {"role": "assistant", "content": "a" + HIGH}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    value = chunk([choice], object="chat.completion")
    played = play(json.dumps(value).encode(), WHOLE)
    told = judge_object(played.out)
    assert (told.faults, told.choices[0].text) == ([], "a\ufffd")
    assert RULE in played.repairs


def test_an_error_is_healed_too() -> None:
    told = play(b'data: {"error":{"message":"a\\ud800"}}\n\n')
    assert told.failure is not None
    assert told.failure.message == "a\ufffd"


def test_a_chunk_that_is_nested_too_deeply_is_an_error() -> None:
    deep = b'{"choices":[],"x":%b"\\ud800"%b}' % (b"[" * 900, b"]" * 900)
    played = play(b"data: %b\n\n" % deep)
    assert played.failure is not None
    assert played.failure.code in ("upstream_malformed", "upstream_empty_reply")


def test_halves_under_ever_new_indexes_take_no_memory() -> None:
    rule = SplitCharacter(PROMISE)
    for index in range(3 * MAX_HELD_HALVES):
        list(rule.feed(Chunk(chunk([said({"content": HIGH}, index)]))))
    assert len(rule.held) == MAX_HELD_HALVES


CHARACTERS = st.text(
    st.sampled_from("aé€\u200d\ud7ff\ue000\ufffd") | st.characters(min_codepoint=0x10000),
    min_size=1,
    max_size=6,
)


@given(st.data(), CHARACTERS)
def test_any_text_comes_through_cut_at_any_byte(data: st.DataObject, text: str) -> None:
    pieces = data.draw(cuts(text.encode()))
    told = seen(ROLE + b"".join(raw_frame(piece) for piece in pieces) + STOP + DONE)
    assert told.choice.text == text


@given(st.lists(st.text(st.sampled_from(["a", HIGH, LOW]), max_size=3), max_size=8))
def test_how_the_body_is_cut_makes_no_difference(texts: list[str]) -> None:
    body = ROLE + text_frame("w") + b"".join(raw_frame(escaped(text)) for text in texts) + STOP
    assert play(one_by_one(body)) == play(body)
    # Nothing but halves is lost: a high one right before a low one is the parrot.
    want = "".join(texts).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    told = seen(body + DONE)
    assert told.choice.text == "w" + want
