"""Replies of every dialect for clients of every dialect: the same however they come, strict, and
left alone where they are strict already.

What the lab and the recorded servers tell is played as it is; the properties play it with some
edits (``spoiled_streams``).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fuzz.pairs import PAIRS, TOOL
from fuzz.targets import faults_in
from hypothesis import given
from hypothesis import strategies as st

from relay.playing import PROMISE, cut_at, cuts, play
from relay.spoiled_streams import spoiled, streams_of
from strictwire.lab.replay import Recording
from strictwire.lab.scenarios import SCENARIOS_OF, Scenario
from strictwire.model.request import Dialect, Promise
from strictwire.relay import make_relay

CORPUS = Path(__file__).resolve().parents[2] / "corpus"
# What chat and completions do with each other's replies has tests of its own.
NEW_PAIRS = [pair for pair in PAIRS if {*pair} - {"chat", "completions"}]
EACH_PAIR = pytest.mark.parametrize(("client", "upstream"), NEW_PAIRS)
NATIVE: tuple[Dialect, ...] = ("responses", "messages")
# Chat's servers have the most ways to be wrong, and tests of their own; a part will do here.
STEP: dict[Dialect, int] = {"chat": 2, "responses": 1, "messages": 1}
PIECES = 3
# Arguments that come twice are told as they came from other dialects' servers; of chat's it is
# known to be a habit, and mended.
TOLD_BY_CHAT_ALONE = {"chat.tool-name", "chat.tool-arguments"}
# A call whose name never came. Who hears of it again waits for the name again.
NAMELESS = b'"name":""'


def promised(client: Dialect, upstream: Dialect) -> Promise:
    return replace(
        PROMISE,
        dialect=client,
        upstream=upstream,
        includes_usage=True,
        tools=frozenset((TOOL,)),
        prompt_tokens=7,
    )


def told_in(upstream: Dialect) -> tuple[bytes, ...]:
    return streams_of(upstream)[:: STEP[upstream]]


def blocks_of(stream: bytes) -> list[bytes]:
    """As a server sends it: an event a piece."""
    *blocks, last = stream.split(b"\n\n")
    return [*(block + b"\n\n" for block in blocks), last]


# ---- the same, however it comes ----


@EACH_PAIR
def test_any_cut_gives_the_same(client: Dialect, upstream: Dialect) -> None:
    promise = promised(client, upstream)
    dice = random.Random(f"{client}<-{upstream}")
    for stream in told_in(upstream):
        want = play([stream], promise, is_object=False, may_splice=False)
        assert play(blocks_of(stream), promise, is_object=False) == want
        places = [dice.randint(0, len(stream)) for _ in range(PIECES)]
        assert play(cut_at(stream, places), promise, is_object=False) == want
        whole = replace(promise, is_stream=False)
        pieces = cut_at(stream, places)
        assert play(pieces, whole, is_object=False) == play([stream], whole, is_object=False)


def long_stream(upstream: Dialect) -> list[bytes]:
    row = SCENARIOS_OF[upstream]["healthy-long"]
    ask = replace(row.ask_in(upstream), is_stream=True, includes_usage=True)
    return list(row.reply(ask).frames)


@EACH_PAIR
@pytest.mark.parametrize("most", [1, 2, 7])
def test_a_long_text_is_spliced_and_the_same(client: Dialect, upstream: Dialect, most: int) -> None:
    """Numbers count on, and the texts that the end repeats are whole, however many events a piece
    holds and wherever the fast lane takes over."""
    promise = promised(client, upstream)
    frames = long_stream(upstream)
    dice = random.Random(most)
    pieces = list(_joined(frames, most, dice))
    want = play(frames, promise, is_object=False, may_splice=False)
    assert play(pieces, promise, is_object=False) == want
    assert play([b"".join(frames)], promise, is_object=False) == want
    assert want.failure is None
    if most == 1:
        relay = make_relay(promise, is_object=False)
        assert b"".join(map(relay.feed, pieces)) + relay.finish() == want.out
        assert relay._splicer is not None
        assert relay._splicer.frames > 0.8 * len(frames)


def _joined(frames: list[bytes], most: int, dice: random.Random) -> Iterator[bytes]:
    place = 0
    while place < len(frames):
        size = dice.randint(1, most)
        yield b"".join(frames[place : place + size])
        place += size


@pytest.mark.parametrize("upstream", NATIVE)
def test_the_fast_lane_takes_one_frame_as_the_long_way_does(upstream: Dialect) -> None:
    """``take_one`` may be asked before ``feed``, with any piece: what it refuses it must not have
    counted."""
    frames = long_stream(upstream)
    promise = promised(upstream, upstream)
    want = play(frames, promise, is_object=False, may_splice=False).out
    relay = make_relay(promise, is_object=False)
    out = []
    for piece in _joined(frames, 3, random.Random(upstream)):
        taken = relay.lane.take_one(piece) if relay.lane is not None else None
        out.append(relay.feed(piece) if taken is None else taken)
    assert b"".join(out) + relay.finish() == want


# ---- strict, and once is enough ----


@EACH_PAIR
def test_what_goes_out_is_not_mended_again(client: Dialect, upstream: Dialect) -> None:
    promise = promised(client, upstream)
    for is_stream in (True, False):
        first = replace(promise, is_stream=is_stream)
        again = replace(first, upstream=client)
        for stream in told_in(upstream):
            once = play([stream], first, is_object=False)
            if once.failure is None:
                twice = play([once.out], again, is_object=not is_stream)
                assert (twice.out, twice.repairs) == (once.out, frozenset()), stream.decode()


def healthy(dialect: Dialect) -> list[Scenario]:
    return [
        row
        for row in SCENARIOS_OF[dialect].values()
        if row.name.startswith("healthy-") and not row.rules_of(dialect)
    ]


@pytest.mark.parametrize("is_stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("dialect", NATIVE)
def test_healthy_replies_pass_to_the_byte(dialect: Dialect, is_stream: bool) -> None:
    rows = healthy(dialect)
    assert len(rows) > 5
    for row in rows:
        ask = replace(row.ask_in(dialect), is_stream=is_stream, includes_usage=is_stream)
        body = b"".join(row.reply(ask).frames)
        promise = replace(promised(dialect, dialect), is_stream=is_stream)
        played = play([body], promise, is_object=not is_stream)
        assert (played.out, played.repairs) == (body, frozenset()), row.name


@pytest.mark.parametrize("dialect", NATIVE)
def test_recordings_are_replies(dialect: Dialect) -> None:
    """Each that answered is answered to every client, streamed and whole."""
    for path in sorted((CORPUS / dialect).glob("*.http")):
        reply = Recording.parse(path.read_bytes()).reply
        for client, upstream in NEW_PAIRS:
            if upstream != dialect or reply.status != 200:
                continue
            for is_stream in (True, False):
                promise = replace(promised(client, upstream), is_stream=is_stream)
                played = play(reply.frames, promise)
                assert played.failure is None, (path.name, client)
                assert faults_in(played.out, promise) == []


# ---- with something wrong in it ----


@st.composite
def _cases(draw: st.DrawFn) -> tuple[bytes, Promise]:
    client, upstream = draw(st.sampled_from(NEW_PAIRS))
    promise = replace(promised(client, upstream), is_stream=draw(st.booleans()))
    return draw(spoiled(upstream)), promise


@pytest.mark.properties
@given(case=_cases(), data=st.data())
def test_a_spoiled_stream_comes_out_the_same_however_it_is_cut(
    case: tuple[bytes, Promise], data: st.DataObject
) -> None:
    stream, promise = case
    want = play([stream], promise, is_object=False, may_splice=False)
    assert play([stream], promise, is_object=False) == want
    assert play(blocks_of(stream), promise, is_object=False) == want
    assert play(data.draw(cuts(stream)), promise, is_object=False) == want


@pytest.mark.properties
@given(case=_cases())
def test_nothing_is_found_in_what_comes_of_a_spoiled_stream(case: tuple[bytes, Promise]) -> None:
    stream, promise = case
    played = play([stream], promise, is_object=False)
    if played.out:
        assert faults_in(played.out, promise) == []


@pytest.mark.properties
@given(case=_cases())
def test_mending_a_spoiled_stream_twice_is_mending_it_once(case: tuple[bytes, Promise]) -> None:
    stream, promise = case
    once = play([stream], promise, is_object=False)
    if once.failure is None:
        again = replace(promise, upstream=promise.dialect)
        twice = play([once.out], again, is_object=not promise.is_stream)
        if not (twice.repairs & TOLD_BY_CHAT_ALONE or NAMELESS in once.out):
            # Chat's rules wait whether a call goes on, and let a text pass meanwhile.
            assert sorted(blocks_of(twice.out)) == sorted(blocks_of(once.out))
            assert twice.repairs == frozenset()
