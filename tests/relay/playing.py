"""Plays one reply through a relay, in pieces, as ``net`` would, and says what the client got."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from hypothesis import strategies as st

from strictwire.model.errors import WireError
from strictwire.model.request import Promise
from strictwire.relay import Relay, make_relay, sniff

PROMISE = Promise(id="own", created=1_700_000_777, model="asked-model")
WITH_USAGE = replace(PROMISE, includes_usage=True)
WHOLE = replace(PROMISE, is_stream=False)


@dataclass(frozen=True)
class Played:
    """``out`` ends with the error in-band where the reply was committed before it failed.
    ``error`` is the failure in words, since two errors are never equal."""

    out: bytes
    failure: WireError | None = field(compare=False)
    error: str
    repairs: frozenset[str]
    is_early: bool
    is_done: bool
    frames: int


def play(
    pieces: bytes | Iterable[bytes],
    promise: Promise = PROMISE,
    *,
    is_object: bool | None = None,
    may_splice: bool = True,
) -> Played:
    """``is_object`` None: as the body's first bytes say. The upstream's body ends in good order."""
    told = [pieces] if isinstance(pieces, bytes) else list(pieces)
    if is_object is None:
        is_object = sniff(b"".join(told), is_whole=True) != "stream"
    relay = make_relay(promise, is_object=is_object, may_splice=may_splice)
    out = b"".join(feed_all(relay, told)) + relay.finish()
    failure = relay.failure
    is_early = failure is not None and not out
    if failure is not None and out:
        out += relay.fail(failure)
    assert (failure is None) == relay.is_done
    repairs = frozenset(relay.repairs)
    return Played(out, failure, repr(failure), repairs, is_early, relay.is_done, relay.frames)


def feed_all(relay: Relay, pieces: Iterable[bytes]) -> Iterable[bytes]:
    for piece in pieces:
        yield relay.feed(piece)


def cut_at(data: bytes, places: Iterable[int]) -> list[bytes]:
    bounds = [0, *sorted(places), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(bounds)]


def one_by_one(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


@st.composite
def cuts(draw: st.DrawFn, data: bytes, *, most: int = 12) -> list[bytes]:
    """The data in pieces; an empty piece may be among them, as a careless caller feeds."""
    return cut_at(data, draw(st.lists(st.integers(0, len(data)), max_size=most)))
