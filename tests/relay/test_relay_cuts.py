"""However the network cuts a reply, and whether frames are spliced or not: the same bytes."""

from __future__ import annotations

import os
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from chat_streams import (
    DONE,
    ROLE,
    STOP,
    WARM_UP_FRAMES,
    chunk,
    frame,
    said,
    streams,
    text_frame,
)
from hypothesis import given
from hypothesis import strategies as st

from relay.playing import PROMISE, WHOLE, Played, cut_at, cuts, one_by_one, play
from strictwire.lab.replay import Recording
from strictwire.lab.scenarios import SCENARIOS
from strictwire.lab.scenarios.scenario import PLAIN_ASK
from strictwire.model.request import Promise
from strictwire.relay import make_relay

CORPUS = Path(__file__).resolve().parents[2] / "corpus" / "chat"
PROMISES = [
    PROMISE,
    replace(PROMISE, includes_usage=True),
    replace(PROMISE, is_model_pinned=True),
    replace(PROMISE, reasoning_key="both"),
]
# Short streams in which each kind of splice, and of its end, happens, once the relay has seen
# enough frames to begin learning.
WARM_UP = b"".join(text_frame("w") for _ in range(WARM_UP_FRAMES))
BEGIN = ROLE + WARM_UP
FRAME_BYTES = len(text_frame("w"))
# Every place in the long run; a part of them, and each single byte, whenever the tests run.
STEP = 1 if os.environ.get("STRICTWIRE_PROPERTIES") == "1" else 7
A_FEW = b"".join(map(text_frame, "abc"))
SHORT = {
    "plain": BEGIN + b"".join(map(text_frame, ["a", "bc", "é", "🦜", "x"])) + STOP + DONE,
    "escapes": BEGIN + b"".join(map(text_frame, ["a", '"', "\\", "\n", "\0", "b"])) + STOP + DONE,
    "CRLF": (BEGIN + b"".join(map(text_frame, "ab\u00e9c")) + STOP + DONE).replace(b"\n", b"\r\n"),
    "CR": (BEGIN + b"".join(map(text_frame, "abc")) + STOP + DONE).replace(b"\n", b"\r"),
    "two choices in turn": BEGIN
    + b"".join(text_frame(text, at % 2) for at, text in enumerate("abcdef"))
    + DONE,
    "stop on each chunk": BEGIN
    + b"".join(frame(chunk([said({"content": text}, finish="stop")])) for text in "abcd")
    + DONE,
    "empty deltas between": BEGIN
    + b"".join(text_frame(text) for text in ("a", "", "b", "", "c", "", "d"))
    + STOP
    + DONE,
    "the model is named like the text": BEGIN
    + b"".join(text_frame(text, model="a") for text in ("a", "a", "b", "a"))
    + STOP
    + DONE,
    "a comment between": BEGIN + b": hi\n\n".join(map(text_frame, "abcd")) + STOP + DONE,
    "escapes in CRLF": (
        BEGIN
        + b"".join(text_frame("é").replace("é".encode(), b"\\u00e9") for _ in range(3))
        + text_frame('"')
        + DONE
    ).replace(b"\n", b"\r\n"),
    "escapes in a stream that is written anew": BEGIN.replace(b'"id":"chatcmpl-x",', b"")
    + b"".join(text_frame("é").replace("é".encode(), b"\\u00e9") for _ in range(3)).replace(
        b'"id":"chatcmpl-x",', b""
    )
    + DONE,
    "stop, text that cancels it, and nothing more": BEGIN + A_FEW + STOP + A_FEW,
    "stop, text that cancels it, and another reason": BEGIN
    + A_FEW
    + STOP
    + A_FEW
    + frame(chunk([said({}, finish="length")]))
    + DONE,
    "invalid UTF-8": BEGIN
    + text_frame("?").replace(b'"?"', b'"a\xffb"')
    + text_frame("?").replace(b'"?"', b'"\xf0\x9f\x8e"')
    + text_frame("?").replace(b'"?"', b'"\xed\xa0\x80"')
    + STOP
    + DONE,
    "what only a lenient reader reads": BEGIN
    + text_frame("?").replace(b'"?"', b'"a\tb"')
    + text_frame("?").replace(b'"?"', b'"\\ud83e"')
    + text_frame("?").replace(b'"?"', b'"\\x"')
    + STOP
    + DONE,
    "cut short": BEGIN + b"".join(map(text_frame, "abcd")),
    "an error after text": BEGIN
    + b"".join(map(text_frame, "abcd"))
    + frame({"error": {"message": "no"}})
    + text_frame("never"),
}


def long_way(stream: bytes, promise: Promise) -> Played:
    """What must come out: the stream in one piece, each frame decoded and written anew."""
    return play(stream, promise, is_object=False, may_splice=False)


def cut_and_spliced(pieces: list[bytes], promise: Promise) -> Played:
    return play(pieces, promise, is_object=False)


@pytest.mark.properties
@pytest.mark.parametrize("stream", SHORT.values(), ids=SHORT)
def test_every_cut_of_a_short_stream_gives_the_same(stream: bytes) -> None:
    for number, promise in enumerate(PROMISES):
        want = long_way(stream, promise)
        assert cut_and_spliced([stream], promise) == want
        assert cut_and_spliced(one_by_one(stream), promise) == want
        # Each place under one of the promises: all of them under each would prove little more.
        begin = len(ROLE) + len(WARM_UP) - FRAME_BYTES + number
        for place in range(begin, len(stream), STEP * len(PROMISES)):
            assert cut_and_spliced([stream[:place], stream[place:]], promise) == want
        for size in range(number + 2, 200, 4 * STEP + 1):
            pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
            assert cut_and_spliced(pieces, promise) == want


@pytest.mark.properties
@given(data=st.data(), promise=st.sampled_from(PROMISES))
def test_any_cut_of_any_stream_gives_the_same(data: st.DataObject, promise: Promise) -> None:
    stream = data.draw(streams())
    want = long_way(stream, promise)
    assert cut_and_spliced([stream], promise) == want
    assert cut_and_spliced(data.draw(cuts(stream)), promise) == want


@pytest.mark.properties
@given(stream=streams(), promise=st.sampled_from(PROMISES))
def test_frames_that_arrive_one_by_one_give_the_same(stream: bytes, promise: Promise) -> None:
    """As a server sends them: the way on which most frames are spliced."""
    blocks = [block + b"\n\n" for block in stream.split(b"\n\n")]
    blocks[-1] = blocks[-1].removesuffix(b"\n\n")
    assert cut_and_spliced(blocks, promise) == long_way(stream, promise)


@pytest.mark.properties
@given(data=st.data())
def test_any_cut_collects_to_the_same_object(data: st.DataObject) -> None:
    stream = data.draw(streams())
    whole = play(stream, WHOLE, is_object=False)
    cut = play(data.draw(cuts(stream)), WHOLE, is_object=False)
    assert cut == whole


@pytest.mark.properties
@given(data=st.data())
def test_any_cut_of_an_object_gives_the_same(data: st.DataObject) -> None:
    body = b"".join(SCENARIOS["json-for-stream-tools"].reply(PLAIN_ASK).frames)
    for promise in (PROMISE, WHOLE):
        assert play(data.draw(cuts(body)), promise, is_object=True) == play(body, promise)


RECORDINGS = sorted(CORPUS.glob("*.http"))


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_recordings_give_the_same_however_they_are_cut(path: Path) -> None:
    reply = Recording.parse(path.read_bytes()).reply
    if reply.status != 200 or not reply.is_event_stream:
        # No stream: an error or an object, which are read when they are whole.
        body = b"".join(reply.frames)
        assert play(one_by_one(body), WHOLE, is_object=True) == play(body, WHOLE, is_object=True)
        return
    stream = b"".join(reply.frames)
    dice = random.Random(path.stem)
    for promise in PROMISES[:2]:
        want = long_way(stream, promise)
        assert cut_and_spliced(list(reply.frames), promise) == want
        assert cut_and_spliced([stream], promise) == want
        for _ in range(2):
            places = dice.sample(range(len(stream)), min(40, len(stream)))
            assert cut_and_spliced(cut_at(stream, places), promise) == want
    if len(stream) < 8000:
        assert cut_and_spliced(one_by_one(stream), PROMISE) == long_way(stream, PROMISE)


def test_most_frames_of_a_healthy_stream_are_spliced() -> None:
    """Else the tests above would prove nothing about the splice."""
    frames = SCENARIOS["healthy-long"].reply(PLAIN_ASK).frames
    for line_end in (b"\n", b"\r\n"):
        relay = make_relay(replace(PROMISE, includes_usage=True), is_object=False)
        for one in frames:
            relay.feed(one.replace(b"\n", line_end))
        assert relay._splicer is not None
        assert relay._splicer.frames > 0.9 * len(frames)


def test_a_relay_may_be_told_not_to_splice() -> None:
    assert make_relay(PROMISE, is_object=False, may_splice=False)._splicer is None


@pytest.mark.parametrize("varies", ["id", "usage", "logprobs"])
def test_a_stream_whose_frames_all_differ_is_given_up(varies: str) -> None:
    """To prove a template costs as much as many frames, so it must be used to be worth it."""
    relay = make_relay(PROMISE, is_object=False)
    relay.feed(ROLE)
    for number in range(100):
        fields: dict[str, Any] = {
            "id": {"id": f"x{number}"},
            "usage": {"usage": {"prompt_tokens": 1, "completion_tokens": number}},
            "logprobs": {"choices": [said({"content": "a"}, logprobs={"content": [number]})]},
        }[varies]
        relay.feed(frame(chunk([said({"content": "a"})]) | fields))
    assert relay._splicer is not None
    assert not relay._splicer.may_learn


def text_of(envelope: dict[str, Any], text: str = "tok") -> bytes:
    return frame(envelope | {"choices": [said({"content": text})]})


def test_an_envelope_that_changes_is_not_spliced_over() -> None:
    """Without the rule that keeps it constant, a frame that tells no id has the last one told."""
    promise = replace(PROMISE, modes={"chat.envelope": "off"})
    frames = [text_of({})] * 12 + [text_of({"id": "B", "model": "z"})] + [text_of({})] * 3
    frames.append(b"data: [DONE]\n\n")
    spliced = play(frames, promise)
    assert spliced == play(frames, promise, may_splice=False)
    assert b'"id":"chatcmpl-own"' not in spliced.out.split(b'"id":"B"')[-1]


@pytest.mark.parametrize("held", ["finish", "usage"])
def test_what_is_held_and_told_again_in_another_spelling(held: str) -> None:
    """A choice goes on, so there is a fast lane, while the other's end is held."""
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    if held == "finish":
        compact = frame(chunk([said({}, index=1, finish="stop")]))
    else:
        compact = frame(chunk([], usage=usage))
    spaced = compact.replace(b'"object":', b'"object": ')
    text = text_of({key: value for key, value in chunk([]).items() if key != "choices"})
    other = frame(chunk([said({"content": "b"}, index=1)]))
    end = [frame(chunk([said({}, finish="stop")])), b"data: [DONE]\n\n"]
    frames = [*[text] * 8, other, compact, *[text] * 12, compact, text, spaced, text, compact]
    frames += [text, *end]
    promise = replace(PROMISE, includes_usage=held == "usage")
    assert play(frames, promise) == play(frames, promise, may_splice=False)
