"""The decoder against its tables: whole, byte by byte, cut at random; its bound and its hints."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sse_cases import BOM, CASES, Case, Event

from strictwire.model.errors import PeerError
from strictwire.model.frames import Comment, Frame
from strictwire.wire.sse import MAX_BLOCK_BYTES, SseDecoder

# Beside the checkout, where the data for tests was given; a plain clone has none.
SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
TABLES = ("wpt-eventsource/cases.json", "sse-extra/cases.json")


def decoded(pieces: Iterable[bytes]) -> tuple[list[Event], bool]:
    decoder = SseDecoder()
    events = [
        Event(frame.data.decode(), frame.event or "message", frame.last_event_id)
        for piece in pieces
        for frame in decoder.feed(piece)
        if isinstance(frame, Frame)
    ]
    return events, decoder.finish()


def bytewise(data: bytes) -> Iterable[bytes]:
    return (data[at : at + 1] for at in range(len(data)))


def every_single_cut(data: bytes) -> Iterable[tuple[bytes, bytes]]:
    return ((data[:at], data[at:]) for at in range(len(data) + 1))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_table_holds_however_the_stream_is_cut(case: Case) -> None:
    want = (list(case.events), case.is_cut_short)
    assert decoded([case.stream]) == want
    assert decoded(bytewise(case.stream)) == want
    for cut in every_single_cut(case.stream):
        assert decoded(cut) == want
        assert decoded([cut[0], b"", cut[1]]) == want


def test_no_two_cases_have_one_name() -> None:
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("table", TABLES)
def test_the_shared_tables_hold_however_the_stream_is_cut(table: str) -> None:
    path = SHARED / table
    if not path.exists():
        pytest.skip(f"the table {table} is not beside this checkout (../shared/data)")
    cases: list[dict[str, Any]] = json.loads(path.read_text())["cases"]
    assert len(cases) > 20
    for case in cases:
        stream = base64.b64decode(case["input_b64"])
        want = [Event(e["data"], e["type"], e["lastEventId"]) for e in case["events"]]
        assert decoded([stream])[0] == want, case["id"]
        assert decoded(bytewise(stream))[0] == want, case["id"]
        for size in (2, 3, 5, 7, 11):
            cut = (stream[at : at + size] for at in range(0, len(stream), size))
            assert decoded(cut)[0] == want, case["id"]


# ---- any stream, any cut ----

ATOMS = st.sampled_from(
    [BOM, b"\n", b"\r", b"\r\n", b"data", b":", b": ", b" ", b"event", b"id", b"retry", b"a", b"\0",
     b"\xff", "é".encode(), "🦜".encode()[:2], b"data: x\n\n", b"\n\n", b"\r\r", b"12"]
)  # fmt: skip
STREAMS = st.lists(ATOMS, max_size=40).map(b"".join)


@pytest.mark.properties
@given(stream=STREAMS, places=st.lists(st.integers(0, 200), max_size=10))
def test_how_the_network_cuts_the_stream_does_not_matter(stream: bytes, places: list[int]) -> None:
    bounds = [0, *sorted(min(place, len(stream)) for place in places), len(stream)]
    pieces = [stream[a:b] for a, b in itertools.pairwise(bounds)]
    whole, cut, bytes_ = SseDecoder(), SseDecoder(), SseDecoder()
    want = whole.feed(stream)
    assert [one for piece in pieces for one in cut.feed(piece)] == want
    assert [one for piece in bytewise(stream) for one in bytes_.feed(piece)] == want
    # What may come next is the same too: state, not only output.
    for decoder in (cut, bytes_):
        assert decoder.is_clean == whole.is_clean
        assert (decoder.last_event_id, decoder.retry_ms) == (whole.last_event_id, whole.retry_ms)
        assert decoder.feed(b"\ndata: next\n\n") == what_follows(stream)


def what_follows(stream: bytes) -> list[Frame | Comment]:
    decoder = SseDecoder()
    decoder.feed(stream)
    return decoder.feed(b"\ndata: next\n\n")


# ---- raw: the block as it came, for the splice ----


@pytest.mark.properties
@given(stream=STREAMS)
def test_raw_is_the_block_that_the_frame_came_from(stream: bytes) -> None:
    frames = [one for one in SseDecoder().feed(stream) if isinstance(one, Frame)]
    rest = stream
    for frame in frames:
        assert frame.raw
        _, found, rest = rest.partition(frame.raw)
        assert found, "the blocks are not in the stream, in order"
        # Decoded by itself the block says the same; its id may come from an earlier block.
        alone = SseDecoder().feed(b"\n" + frame.raw)
        alone = [one for one in alone if isinstance(one, Frame)]
        assert [(one.data, one.event) for one in alone] == [(frame.data, frame.event)]


def test_raw_holds_the_block_with_its_comments_and_its_blank_line() -> None:
    first, second = b": hi\r\nevent: x\r\ndata: a\r\n\r\n", b"data: b\n\n"
    frames = [one for one in SseDecoder().feed(first + second) if isinstance(one, Frame)]
    assert [frame.raw for frame in frames] == [first, second]


def test_raw_is_empty_where_the_block_came_in_pieces() -> None:
    decoder = SseDecoder()
    assert decoder.feed(b"data: a") == []
    (frame,) = decoder.feed(b"\n\n")
    assert isinstance(frame, Frame)
    assert frame.raw == b""


def test_raw_begins_after_a_line_feed_left_from_the_piece_before() -> None:
    decoder = SseDecoder()
    decoder.feed(b"data: a\r\n\r")
    (frame,) = decoder.feed(b"\ndata: b\r\n\r\n")
    assert isinstance(frame, Frame)
    assert frame.raw == b"data: b\r\n\r\n"


# ---- is_clean: the next byte begins a block ----


@pytest.mark.parametrize(
    ("fed", "is_clean"),
    [
        (b"", False),  # a byte order mark may still come
        (b"\xef", False),
        (b"data: a\n\n", True),
        (b"data: a\n", False),
        (b"data: a", False),
        (b"data: a\r\n\r", False),  # the LF may still come
        (b"data: a\r\n\r\n", True),
        (b": hi\n", False),
        (b": hi\n\n", True),
        (b"id: 1\n\n", True),
        (b"event: x\n", False),
        (b"\n", True),
    ],
)
def test_clean_means_nothing_is_half_read(fed: bytes, is_clean: bool) -> None:
    decoder = SseDecoder()
    decoder.feed(fed)
    assert decoder.is_clean is is_clean


# ---- what the frames do not show ----


def test_comments_come_in_order_with_one_space_dropped() -> None:
    told = SseDecoder().feed(b": a\n:b\n:\n:  c\ndata: d\n\n:e\n")
    assert told == [
        Comment(b"a"), Comment(b"b"), Comment(b""), Comment(b" c"), Frame(b"d"), Comment(b"e"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "retry_ms"),
    [(b"3000", 3000), (b"0", 0), (b"-1", None), (b"1.5", None), (b"", None), (b"1e3", None),
     ("٣".encode(), None), (b"9" * 5000, 10**18 - 1)],
)  # fmt: skip
def test_retry_takes_ascii_digits_only(value: bytes, retry_ms: int | None) -> None:
    decoder = SseDecoder()
    decoder.feed(b"retry: " + value + b"\n\n")
    assert decoder.retry_ms == retry_ms


def test_the_last_event_id_is_told_when_its_block_ends() -> None:
    decoder = SseDecoder()
    decoder.feed(b"id: 1\n")
    assert decoder.last_event_id == ""
    decoder.feed(b"\n")
    assert decoder.last_event_id == "1"


# ---- the bound ----

PIECE = b"x" * (1 << 20)


def test_an_endless_line_is_refused_at_the_bound() -> None:
    decoder = SseDecoder()
    for _ in range(MAX_BLOCK_BYTES // len(PIECE)):
        decoder.feed(PIECE)
    with pytest.raises(PeerError) as caught:
        decoder.feed(PIECE)
    assert caught.value.code == "upstream_frame_too_large"


def test_an_endless_block_of_short_lines_is_refused_at_the_bound() -> None:
    decoder = SseDecoder()
    lines = (b"data: " + b"x" * 1017 + b"\n") * 1024
    for _ in range(MAX_BLOCK_BYTES // len(lines)):
        decoder.feed(lines)
    with pytest.raises(PeerError):
        decoder.feed(lines)


def test_many_blocks_below_the_bound_pass() -> None:
    decoder = SseDecoder()
    block = b"data: " + PIECE + b"\n\n"
    for _ in range(MAX_BLOCK_BYTES // len(PIECE) + 2):
        assert len(decoder.feed(block)) == 1


def test_a_block_in_pieces_is_counted_once() -> None:
    """A held piece counts when it comes, and must not count again when its line ends."""
    decoder = SseDecoder()
    for _ in range(MAX_BLOCK_BYTES // len(PIECE) - 1):
        assert decoder.feed(PIECE) == []
    assert len(decoder.feed(b"\n")) == 1  # the line is no field
