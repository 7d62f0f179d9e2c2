"""Tokens of reasoning are counted by pieces, however these come and whoever is told."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

import pytest
from chat_streams import DONE, ROLE, STOP, chunk, frame, said, text_frame

from relay.playing import PROMISE, cut_at, one_by_one, play
from strictwire.model.request import Dialect, Promise
from strictwire.relay import make_relay

COUNTING = replace(PROMISE, includes_usage=True, counts_reasoning=True)
PIECES = 40


def thought_frame(text: str, index: int = 0) -> bytes:
    return frame(chunk([said({"reasoning_content": text}, index)]))


def usage_frame(completion: int = 200, **more: Any) -> bytes:
    usage = {"prompt_tokens": 3, "completion_tokens": completion, "total_tokens": 3 + completion}
    return frame(chunk([], usage=usage | more))


def reply(usage: bytes, *, pieces: int = PIECES) -> list[bytes]:
    """Reasoning, text, reasoning again, and text."""
    half = pieces // 2
    thoughts = [thought_frame(f"t{number} ") for number in range(pieces)]
    words = [text_frame(f"w{number} ") for number in range(30)]
    return [ROLE, *thoughts[:half], *words, *thoughts[half:], *words, STOP, usage, DONE]


def counted(out: bytes) -> int | None:
    """The tokens of reasoning in the usage that a client was told, in its dialect's words."""
    lines = out.split(b"\n") if b"data: " in out else [b"data: " + out]
    told = [json.loads(line[6:]) for line in lines if line.startswith(b"data: {")]
    usages = [(value.get("response") or value).get("usage") for value in told]
    usage = [one for one in usages if one][-1]
    details = usage.get("completion_tokens_details") or usage.get("output_tokens_details") or {}
    count: int | None = details.get("reasoning_tokens")
    return count


@pytest.mark.parametrize("dialect", ["chat", "responses"])
@pytest.mark.parametrize("is_stream", [True, False], ids=["streamed", "whole"])
def test_each_piece_is_a_token(dialect: Dialect, is_stream: bool) -> None:
    upstream: Dialect | None = None if dialect == "chat" else "chat"
    promise = replace(COUNTING, dialect=dialect, upstream=upstream, is_stream=is_stream)
    assert counted(play(reply(usage_frame()), promise, is_object=False).out) == PIECES


@pytest.mark.parametrize("dialect", ["chat", "responses", "messages"])
def test_the_fast_lane_counts_as_the_long_way(dialect: Dialect) -> None:
    upstream: Dialect | None = None if dialect == "chat" else "chat"
    promise = replace(COUNTING, dialect=dialect, upstream=upstream)
    frames = reply(usage_frame())
    stream = b"".join(frames)
    want = play(stream, promise, is_object=False, may_splice=False)
    dice = random.Random(dialect)
    cuts = [cut_at(stream, dice.sample(range(len(stream)), 30)) for _ in range(20)]
    for pieces in (frames, [stream], one_by_one(stream), *cuts):
        assert play(pieces, promise, is_object=False) == want


def test_most_pieces_go_the_fast_lane() -> None:
    """Else the test above would prove nothing."""
    for dialect, upstream in (("chat", None), ("responses", "chat")):
        told: dict[str, Any] = {"dialect": dialect, "upstream": upstream}
        relay = make_relay(replace(COUNTING, **told), is_object=False)
        for one in reply(usage_frame()):
            relay.feed(one)
        assert relay._splicer is not None
        assert relay._splicer.reasonings.frames > PIECES // 2
        assert relay._splicer.texts.frames > 30
        assert relay.usage is not None
        assert relay.usage["completion_tokens_details"] == {"reasoning_tokens": PIECES}


@pytest.mark.parametrize(
    ("promise", "usage", "pieces", "right"),
    [
        (replace(COUNTING, counts_reasoning=False), usage_frame(), PIECES, None),
        (COUNTING, usage_frame(), 0, None),
        # What a server says itself stands, zero excepted: it sent reasoning.
        (COUNTING, usage_frame(completion_tokens_details={"reasoning_tokens": 7}), PIECES, 7),
        (COUNTING, usage_frame(completion_tokens_details={"reasoning_tokens": 0}), PIECES, PIECES),
        # Never more than there were tokens.
        (COUNTING, usage_frame(completion=12), PIECES, 12),
    ],
    ids=["not promised", "no reasoning", "told", "zero told", "fewer tokens"],
)
def test_what_is_told(promise: Promise, usage: bytes, pieces: int, right: int | None) -> None:
    assert counted(play(reply(usage, pieces=pieces), promise, is_object=False).out) == right


def test_all_choices_count() -> None:
    thoughts = [thought_frame("t", number % 2) for number in range(PIECES)]
    ends = [frame(chunk([said({}, index, finish="stop")])) for index in (0, 1)]
    body = b"".join([*thoughts, *ends, usage_frame(), DONE])
    assert counted(play(body, COUNTING, is_object=False).out) == PIECES


def test_an_object_tells_no_pieces() -> None:
    message = {"role": "assistant", "reasoning_content": "a long thought", "content": "b"}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = {"prompt_tokens": 1, "completion_tokens": 9, "total_tokens": 10}
    body = json.dumps(chunk([choice], usage=usage) | {"object": "chat.completion"}).encode()
    whole = replace(COUNTING, is_stream=False)
    assert counted(play(body, whole, is_object=True).out) is None
