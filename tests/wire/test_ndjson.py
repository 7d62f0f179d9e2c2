"""The decoder of JSON lines against its table: whole, byte by byte, cut anywhere; and its bound."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strictwire.model.errors import PeerError
from strictwire.model.frames import Frame
from strictwire.wire.ndjson import MAX_LINE_BYTES, NdjsonDecoder

BOM = b"\xef\xbb\xbf"
# (stream, the data of its frames, whether the last of them was cut)
CASES: dict[str, tuple[bytes, list[bytes], bool]] = {
    "nothing": (b"", [], False),
    "one line": (b'{"a":1}\n', [b'{"a":1}'], False),
    "two lines": (b'{"a":1}\n{"b":2}\n', [b'{"a":1}', b'{"b":2}'], False),
    "no end of the last line": (b'{"a":1}\n{"b":2}', [b'{"a":1}', b'{"b":2}'], False),
    "an object alone": (b'{"a":{"b":[]}}', [b'{"a":{"b":[]}}'], False),
    "a CRLF": (b'{"a":1}\r\n{"b":2}\r\n', [b'{"a":1}', b'{"b":2}'], False),
    "blank lines": (b'\n\r\n{"a":1}\n \t\n\n{"b":2}\n\n', [b'{"a":1}', b'{"b":2}'], False),
    "blanks around": (b'  {"a":1}\t\n', [b'{"a":1}'], False),
    "a byte order mark": (BOM + b'{"a":1}\n', [b'{"a":1}'], False),
    "a mark later is no mark": (b"{}\n" + BOM + b"{}\n", [b"{}", BOM + b"{}"], False),
    "half a mark": (BOM[:2], [BOM[:2]], True),
    "escaped line ends": (b'{"a":"x\\ny"}\n', [b'{"a":"x\\ny"}'], False),
    "two objects in a line": (b'{"a":1}{"b":2}\n', [b'{"a":1}{"b":2}'], False),
    "no JSON": (b"ping\nnull\n[DONE]\n", [b"ping", b"null", b"[DONE]"], False),
    "a pretty object": (
        b'{\n  "a": {\n    "b": 1\n  },\n  "c": "}"\n}\n{"d":2}\n',
        [b'{\n"a": {\n"b": 1\n},\n"c": "}"\n}', b'{"d":2}'],
        False,
    ),
    "a pretty object, not ended": (b'{\n  "a": 1\n}', [b'{\n"a": 1\n}'], False),
    "a pretty object, cut": (b'{\n  "a": 1', [b'{\n  "a": 1'], True),
    "a line, cut": (b'{"a":1}\n{"b":', [b'{"a":1}', b'{"b":'], True),
    "a line, cut in a string": (b'{"b":"}', [b'{"b":"}'], True),
    "a line, cut in a character": (b'{"b":"\xc3', [b'{"b":"\xc3'], True),
    "bytes that are no UTF-8": (b'{"a":"\xff"}\n', [b'{"a":"\xff"}'], False),
}
EACH = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


def decoded(pieces: Iterable[bytes]) -> tuple[list[bytes], bool]:
    decoder = NdjsonDecoder()
    frames = [frame for piece in pieces for frame in decoder.feed(piece)]
    assert not any(frame.is_unended for frame in frames)
    last = decoder.unended()
    assert not decoder.finish(), "what was asked for is not open any more"
    told = [*frames, last] if last is not None else frames
    return [frame.data for frame in told], last is not None and last.is_unended


@EACH
def test_the_table_holds_however_the_stream_is_cut(case: tuple[bytes, list[bytes], bool]) -> None:
    stream, *want = case
    assert decoded([stream]) == tuple(want)
    assert decoded(stream[at : at + 1] for at in range(len(stream))) == tuple(want)
    for at in range(len(stream) + 1):
        assert decoded([stream[:at], b"", stream[at:]]) == tuple(want)


ATOMS = st.sampled_from(
    [BOM, b"\n", b"\r", b"\r\n", b"{", b"}", b'"', b"\\", b" ", b'{"a":1}', b"[", b"]", b"x",
     b"\xff", "é".encode(), b'{"a":"}', b'{\n "a":{}\n}\n']
)  # fmt: skip
STREAMS = st.lists(ATOMS, max_size=40).map(b"".join)


@pytest.mark.properties
@given(stream=STREAMS, places=st.lists(st.integers(0, 200), max_size=10))
def test_how_the_network_cuts_the_stream_does_not_matter(stream: bytes, places: list[int]) -> None:
    bounds = [0, *sorted(min(place, len(stream)) for place in places), len(stream)]
    pieces = [stream[a:b] for a, b in itertools.pairwise(bounds)]
    whole, cut = NdjsonDecoder(), NdjsonDecoder()
    want = whole.feed(stream)
    assert [one for piece in pieces for one in cut.feed(piece)] == want
    # What may come next is the same too: state, not only output.
    assert cut.is_clean == whole.is_clean
    for more in (b'"}\n', b'{"z":1}\n', b"}\n}\n"):
        assert cut.feed(more) == whole.feed(more)
    assert cut.unended() == whole.unended()


@pytest.mark.properties
@given(stream=STREAMS)
def test_no_byte_but_blanks_is_lost(stream: bytes) -> None:
    told = b"".join(decoded([stream])[0])
    assert told.translate(None, b" \t\r\n") == stream.removeprefix(BOM).translate(None, b" \t\r\n")


# ---- the bound ----


def test_a_line_over_the_bound_is_the_peers_fault() -> None:
    for *pieces, last in ([b"x" * 11], [b"xxxxx"] * 3, [b"{\n", b'"a":1,', b'"b":2']):
        decoder = NdjsonDecoder(max_line_bytes=10)
        assert not any(map(decoder.feed, pieces))
        with pytest.raises(PeerError) as caught:
            decoder.feed(last)
        assert caught.value.code == "upstream_frame_too_large"


def test_lines_up_to_the_bound_pass_one_after_the_other() -> None:
    decoder = NdjsonDecoder(max_line_bytes=10)
    for _ in range(3):
        assert decoder.feed(b'{"a":123}\n') == [Frame(b'{"a":123}')]
        assert decoder.feed(b'{\n"a":1\n}\n') == [Frame(b'{\n"a":1\n}')]


def test_a_large_line_in_small_pieces_is_read() -> None:
    decoder = NdjsonDecoder()
    line = b'{"images":["' + b"A" * (4 * 1024 * 1024) + b'"]}'
    assert len(line) < MAX_LINE_BYTES
    pieces = [line[at : at + 65_536] for at in range(0, len(line), 65_536)]
    assert [one for piece in pieces for one in decoder.feed(piece)] == []
    assert decoder.feed(b"\n") == [Frame(line)]


# ---- where it stands ----


def test_it_is_clean_between_two_values_only() -> None:
    decoder = NdjsonDecoder()
    assert not decoder.is_clean, "a byte order mark may still come"
    for piece, is_clean in ((b"{}\n", True), (b"{", False), (b"\n", False), (b"}\n", True)):
        decoder.feed(piece)
        assert decoder.is_clean == is_clean


def test_finish_says_whether_something_was_left_open() -> None:
    for stream, is_cut_short in (
        (b"{}\n", False),
        (b"{}", True),
        (b"{\n", True),
        (b"{}\n  ", False),
    ):
        decoder = NdjsonDecoder()
        decoder.feed(stream)
        assert decoder.finish() == is_cut_short
        assert decoder.feed(b"{}\n") == [Frame(b"{}")], "nothing of it is left"
