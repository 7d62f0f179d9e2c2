"""What is fuzzed: each target takes bytes and raises where a promise is broken.

The promises: no exception but those of the contract, no output that depends on how the input was
cut, no output that the judge of the wire complains of, nothing held that grows with the stream.
That nothing hangs and no memory runs away is for the fuzzer's own limits to see (``fuzz.run``).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from fuzz.held import held_bytes
from fuzz.pairs import HEAD_BYTES, promise_by
from relay.playing import cut_at, play
from strictwire.conformance import Asked, Finding, lint
from strictwire.model.errors import PeerError
from strictwire.model.frames import Decoded, Frame
from strictwire.model.life import Life
from strictwire.model.request import Promise
from strictwire.relay import Relay, make_relay
from strictwire.relay.parsing import parse_chunk
from strictwire.wire.sse import SseDecoder

MAX_CUTS = 8
# Where the dialects make no difference, a seed of each reply for each client says nothing new.
ANY_DIALECT_SEEDS = 400
# What the judge says of a call's arguments, which are never altered, whatever a model wrote. Only
# chat's servers were seen to tell pieces twice, so only theirs are looked at.
WRITTEN_BY_THE_MODEL = ("responses.arguments", "messages.input-json")
TOLD_TWICE = "chat.tool-arguments"

# More repetitions than any bound of a rule lets pass (choices, calls, tokens, fields): from the
# first number to the second nothing may grow any more.
REPETITIONS = (1100, 1300)
# Counters that grow by digits, and dictionaries that grow once by their own steps.
ALLOWANCE_BYTES = 8192
# What is bounded in bytes (lines that are no fields, chunks before the first text) may grow for
# longer where they are small. By then it cannot have, at 27 bytes and more for each repetition.
LAST_REPETITION = 6000
MOST_BYTES = 128 * 1024

# What is held for a byte that a life counts: a small text has its fifty bytes beside it, and more
# while it is written in a done event. Told twice, as by two lives, it is counted twice.
MOST_FOR_A_COUNTED_BYTE = 4


@dataclass(frozen=True, slots=True)
class Given:
    """One input: what was promised, the bytes, and the same bytes in pieces."""

    promise: Promise
    body: bytes
    pieces: list[bytes]


def given(data: bytes) -> Given | None:
    if len(data) <= HEAD_BYTES:
        return None
    promise, body = promise_by(data), data[HEAD_BYTES:]
    dice = random.Random(data[1])
    places = [dice.randint(0, len(body)) for _ in range(dice.randint(1, MAX_CUTS))]
    return Given(promise, body, cut_at(body, places))


# ---- the targets ----


def decoder(data: bytes) -> None:
    """Any cut of an event stream gives the same frames, comments and strays."""
    told = given(data)
    if told is None:
        return
    for keeps_invalid in (False, True):
        whole = _decoded([told.body], keeps_invalid)
        assert _decoded(told.pieces, keeps_invalid) == whole
        single = [told.body[at : at + 1] for at in range(len(told.body))]
        assert _decoded(single, keeps_invalid) == whole
        for item in whole[0]:
            if isinstance(item, Frame) and not keeps_invalid:
                item.data.decode()


def _decoded(pieces: list[bytes], keeps_invalid: bool) -> tuple[list[Decoded], Any, bool, str]:
    subject = SseDecoder(keeps_invalid=keeps_invalid)
    items: list[Decoded] = []
    for piece in pieces:
        try:
            items += subject.feed(piece)
        except PeerError as beyond:
            return items, None, False, repr(beyond)
    return items, subject.unended(), subject.finish(), ""


def chunks(data: bytes) -> None:
    """Whatever stands in a frame becomes a chunk, or is said to be none."""
    parsed = parse_chunk(Frame(data[HEAD_BYTES:]))
    assert getattr(parsed, "reason", None) or isinstance(getattr(parsed, "value", None), dict)


def relay(data: bytes) -> None:
    """A stream to a stream: the same bytes for every cut, with and without the fast lane, and
    strict to the judge."""
    told = given(data)
    if told is None:
        return
    whole = play([told.body], told.promise, is_object=False)
    assert play(told.pieces, told.promise, is_object=False) == whole
    assert play(told.pieces, told.promise, is_object=False, may_splice=False) == whole
    _judge(whole.out, told.promise)


def collect(data: bytes) -> None:
    """A stream to an object, an object to a stream, an object to an object."""
    told = given(data)
    if told is None:
        return
    for is_object, is_stream in ((False, False), (True, True), (True, False)):
        promise = replace(told.promise, is_stream=is_stream)
        whole = play([told.body], promise, is_object=is_object)
        assert play(told.pieces, promise, is_object=is_object) == whole
        _judge(whole.out, promise)


def bounded(data: bytes) -> None:
    """However often the same bytes come, what an open stream holds stops growing. Where a dialect
    repeats its texts at the end, it may grow with what is counted of them and with nothing else."""
    told = given(data)
    if told is None:
        return
    subject = make_relay(told.promise, is_object=False)
    held = []
    done = 0
    for repetitions in (*REPETITIONS, LAST_REPETITION):
        while done < repetitions and subject.failure is None and not subject.is_done:
            subject.feed(told.body + b"\n\n")
            done += 1
        held.append(held_bytes(subject) - MOST_FOR_A_COUNTED_BYTE * counted_bytes(subject))
        if len(held) == len(REPETITIONS) and held[1] <= held[0] + ALLOWANCE_BYTES:
            return
    assert held[2] <= held[0] + MOST_BYTES, held


def counted_bytes(relay: Relay) -> int:
    """What the lives of a reply say that they hold, which ``max_reply_bytes`` bounds."""
    lives = {id(life): life for life in (relay._stages.life, _written_life(relay)) if life}
    return sum(life.size_bytes for life in lives.values())


def _written_life(relay: Relay) -> Life | None:
    return getattr(getattr(relay._sink, "writer", None), "life", None)


def faults_in(out: bytes, promise: Promise) -> list[Finding]:
    """What the judge finds that is not the model's own."""
    excused: tuple[str, ...] = WRITTEN_BY_THE_MODEL
    if promise.upstream in ("responses", "messages"):
        excused += (TOLD_TWICE,)
    return [one for one in lint(out, Asked.by(promise)) if one.rule not in excused]


def _judge(out: bytes, promise: Promise) -> None:
    if out:
        found = faults_in(out, promise)
        assert not found, (found, out)


@dataclass(frozen=True, slots=True)
class Target:
    """``max_bytes`` bounds an input: what is played thousands of times must be short, and begins
    with a few seeds, for it takes a second each and the fuzzer plays them all first."""

    feed: Callable[[bytes], None]
    max_bytes: int
    max_seeds: int = 10_000


TARGETS: dict[str, Target] = {
    "decoder": Target(decoder, 4096, max_seeds=ANY_DIALECT_SEEDS),
    "chunks": Target(chunks, 4096, max_seeds=ANY_DIALECT_SEEDS),
    "relay": Target(relay, 8192),
    "collect": Target(collect, 8192),
    "bounded": Target(bounded, 512, max_seeds=24),
}
