"""Replies as tables: bytes in; head, body, end out. Whole, byte by byte, and cut anywhere."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strictwire.net.upstream import content_decoder
from strictwire.net.upstream.content_decoder import ContentDecoder, ContentError
from strictwire.net.upstream.reply_reader import (
    MAX_HEADER_BYTES,
    MAX_HEADER_COUNT,
    ReplyReader,
)

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
TEXT = b'data: {"a":1}\n\n' * 40
RAW_DEFLATER = zlib.compressobj(wbits=-15)
RAW_DEFLATED = RAW_DEFLATER.compress(TEXT) + RAW_DEFLATER.flush()


@dataclass(frozen=True)
class Outcome:
    status: int
    body: bytes
    code: str | None = None
    is_reusable: bool = False
    headers: list[tuple[bytes, bytes]] | None = None


def coded(coding: bytes, content: bytes) -> bytes:
    head = b"Content-Encoding: %s\r\nContent-Length: %d\r\n\r\n" % (coding, len(content))
    return OK + head + content


def lengthy(count: int) -> bytes:
    return OK + b"X-Pad: x\r\n" * count + b"Content-Length: 0\r\n\r\n"


# name: (bytes until the peer closes, what comes of it)
REPLIES: dict[str, tuple[bytes, Outcome]] = {
    "chunked": (CHUNKED + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", Outcome(200, b"abcde", None, True)),
    "length": (OK + b"Content-Length: 3\r\n\r\nabc", Outcome(200, b"abc", None, True)),
    "empty": (OK + b"Content-Length: 0\r\n\r\n", Outcome(200, b"", None, True)),
    "until close": (OK + b"\r\nabc", Outcome(200, b"abc")),
    "until close, empty": (OK + b"\r\n", Outcome(200, b"")),
    "http/1.0": (b"HTTP/1.0 200 OK\r\n\r\nabc", Outcome(200, b"abc")),
    "http/1.0 with length": (
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na",
        Outcome(200, b"a"),
    ),
    "connection: close": (
        OK + b"Connection: close\r\nContent-Length: 1\r\n\r\na",
        Outcome(200, b"a"),
    ),
    "header values trimmed, names lowered": (
        OK + b"X-A:  b c \r\nX-Empty:\r\nContent-Length: 0\r\n\r\n",
        Outcome(
            200,
            b"",
            None,
            True,
            [(b"x-a", b"b c"), (b"x-empty", b""), (b"content-length", b"0")],
        ),
    ),
    "interim replies skipped": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
        + OK
        + b"Content-Length: 1\r\n\r\na",
        Outcome(200, b"a", None, True, [(b"content-length", b"1")]),
    ),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", Outcome(204, b"", None, True)),
    "304 with a length": (
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
        Outcome(304, b"", None, True),
    ),
    "redirect": (
        b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n",
        Outcome(302, b"", None, True, [(b"location", b"/x"), (b"content-length", b"0")]),
    ),
    "bare LF": (b"HTTP/1.1 200 OK\nContent-Length: 3\n\nabc", Outcome(200, b"abc", None, True)),
    "blanks after the chunk size": (
        CHUNKED + b"3  \r\nabc\r\n0\r\n\r\n",
        Outcome(200, b"abc", None, True),
    ),
    "chunks overrule the length": (
        OK + b"Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
        Outcome(200, b"a"),
    ),
    "trailers": (
        CHUNKED + b"1;ext=1\r\na\r\n0\r\nX-Sum: 1\r\n\r\n",
        Outcome(200, b"a", None, True, [(b"transfer-encoding", b"chunked")]),
    ),
    "surplus after the reply": (
        OK + b"Content-Length: 1\r\n\r\na" + b"<html>",
        Outcome(200, b"a", None, False),
    ),
    "two replies": (
        OK + b"Content-Length: 1\r\n\r\na" + OK + b"Content-Length: 1\r\n\r\nb",
        Outcome(200, b"a", None, False),
    ),
    "gzip": (
        coded(b"gzip", gzip.compress(TEXT)),
        Outcome(200, TEXT, None, True, []),
    ),
    "gzip, two members and padding": (
        coded(b"x-gzip", gzip.compress(TEXT) + gzip.compress(b"!") + b"\0\0"),
        Outcome(200, TEXT + b"!", None, True),
    ),
    "gzip, empty": (coded(b"gzip", b""), Outcome(200, b"", None, True)),
    "gzip, until close": (
        OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(TEXT),
        Outcome(200, TEXT),
    ),
    "deflate, zlib": (coded(b"deflate", zlib.compress(TEXT)), Outcome(200, TEXT, None, True)),
    "deflate, raw": (coded(b"deflate", RAW_DEFLATED), Outcome(200, TEXT, None, True)),
    "identity said": (coded(b"identity", b"abc"), Outcome(200, b"abc", None, True)),
    # ---- broken ----
    "nothing": (b"", Outcome(0, b"", "upstream_closed")),
    "header cut": (OK + b"Content-Le", Outcome(0, b"", "upstream_closed")),
    "length cut": (OK + b"Content-Length: 3\r\n\r\nab", Outcome(200, b"ab", "upstream_closed")),
    "chunk cut": (CHUNKED + b"3\r\nab", Outcome(200, b"ab", "upstream_closed")),
    "last chunk cut": (CHUNKED + b"2\r\nab\r\n0\r\n", Outcome(200, b"ab", "upstream_closed")),
    "only an interim reply": (b"HTTP/1.1 100 C\r\n\r\n", Outcome(0, b"", "upstream_closed")),
    "not http": (b"SSH-2.0-OpenSSH\r\n", Outcome(0, b"", "upstream_protocol")),
    "bad chunk size": (
        CHUNKED + b"1\r\na\r\nzz\r\n",
        Outcome(200, b"a", "upstream_protocol"),
    ),
    "two lengths": (
        OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        Outcome(0, b"", "upstream_protocol"),
    ),
    "protocol switched": (
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nabc",
        Outcome(0, b"", "upstream_protocol"),
    ),
    "transfer coding": (
        OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        Outcome(0, b"", "upstream_protocol"),
    ),
    "brotli": (coded(b"br", b"abc"), Outcome(0, b"", "upstream_protocol")),
    "two codings": (coded(b"gzip, gzip", b"abc"), Outcome(0, b"", "upstream_protocol")),
    "gzip cut": (
        coded(b"gzip", gzip.compress(TEXT)[:-4]),
        Outcome(200, TEXT, "upstream_protocol"),
    ),
    "not gzip": (coded(b"gzip", b"abcdef"), Outcome(200, b"", "upstream_protocol")),
    "endless header": (
        OK + b"X: " + b"x" * (MAX_HEADER_BYTES + 1),
        Outcome(0, b"", "upstream_protocol"),
    ),
    "too large a header": (
        OK + b"X: " + b"x" * MAX_HEADER_BYTES + b"\r\n\r\n",
        Outcome(0, b"", "upstream_protocol"),
    ),
    "too many headers": (lengthy(MAX_HEADER_COUNT), Outcome(0, b"", "upstream_protocol")),
    "just enough headers": (lengthy(MAX_HEADER_COUNT - 1), Outcome(200, b"", None, True)),
    "endless trailer": (
        CHUNKED + b"0\r\nX: " + b"x" * MAX_HEADER_BYTES,
        Outcome(200, b"", "upstream_protocol"),
    ),
    "endless interim replies": (
        b"HTTP/1.1 100 Continue\r\n\r\n" * 3000,
        Outcome(0, b"", "upstream_protocol"),
    ),
}


def read(data: bytes, cuts: list[int], method: str = "POST") -> Outcome:
    """Feed ``data`` in pieces until the reply is over, else tell that the peer closed."""
    reader = ReplyReader(method)
    status, body, headers = 0, [], None
    for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
        if start == end or reader.is_over:
            continue
        body.append(reader.feed(data[start:end]))
        if reader.head is not None:
            assert headers is None
            (status, headers), reader.head = reader.head, None
    reader.finish()
    assert reader.is_over
    code = None if reader.failure is None else reader.failure.code
    return Outcome(status, b"".join(body), code, reader.is_reusable, headers)


def assert_meets(found: Outcome, expected: Outcome, *, is_whole: bool = True) -> None:
    assert (found.status, found.body, found.code) == (
        expected.status,
        expected.body,
        expected.code,
    )
    if expected.headers is not None:
        assert found.headers == expected.headers
    # Surplus shows only when it comes along; later the idle connection sees it.
    if is_whole or expected.is_reusable:
        assert found.is_reusable == expected.is_reusable


@pytest.mark.parametrize("name", REPLIES)
def test_a_reply_read_whole(name: str) -> None:
    data, expected = REPLIES[name]
    assert_meets(read(data, []), expected)


@pytest.mark.parametrize("name", [name for name in REPLIES if not name.startswith("endless")])
def test_a_reply_read_byte_by_byte(name: str) -> None:
    data, expected = REPLIES[name]
    assert_meets(read(data, list(range(1, len(data)))), expected, is_whole=False)


@given(st.data())
def test_how_the_network_cuts_a_reply_does_not_matter(draw: st.DataObject) -> None:
    data, expected = REPLIES[draw.draw(st.sampled_from(sorted(REPLIES)))]
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(data)), max_size=8)))
    assert_meets(read(data, cuts), expected, is_whole=False)


def test_a_reply_to_head_has_no_body_whatever_its_length_says() -> None:
    found = read(OK + b"Content-Length: 9\r\nContent-Encoding: gzip\r\n\r\n", [], "HEAD")
    assert (found.status, found.body, found.code) == (200, b"", None)
    assert (b"content-encoding", b"gzip") in (found.headers or [])


def test_one_feed_gives_one_piece_without_a_copy() -> None:
    reader = ReplyReader("POST")
    reader.feed(OK + b"Content-Length: 99\r\n\r\n")
    assert reader.feed(b"a" * 9) == b"a" * 9
    reader = ReplyReader("POST")
    assert reader.feed(CHUNKED + b"1\r\na\r\n1\r\nb\r\n") == b"ab"


def test_the_bound_on_headers_does_not_grow_with_the_stream() -> None:
    reader = ReplyReader("POST")
    reader.feed(CHUNKED)
    for _ in range(MAX_HEADER_BYTES // 3 + 1):
        assert reader.feed(b"1\r\n") == b""
        assert reader.feed(b"a\r\n") == b"a"
    assert not reader.is_over


def test_a_lost_connection_fails_even_a_body_that_ends_by_close() -> None:
    reader = ReplyReader("POST")
    reader.feed(OK + b"\r\nabc")
    reader.lose()
    assert reader.failure is not None
    assert reader.failure.code == "upstream_closed"
    assert "inside the body" in reader.failure.message


@pytest.mark.parametrize("name", REPLIES)
def test_a_failure_holds_no_byte_of_the_reply(name: str) -> None:
    reader = ReplyReader("POST")
    reader.feed(REPLIES[name][0].replace(b"abc", b"secret").replace(b"x" * 99, b"secret"))
    reader.finish()
    assert reader.failure is None or "secret" not in reader.failure.message


@pytest.mark.parametrize("coding", [b"gzip", b"deflate"])
def test_a_bomb_is_refused_at_a_bounded_size(coding: bytes) -> None:
    zeros = bytes(2 * content_decoder.MAX_INFLATED_BYTES)
    bomb = gzip.compress(zeros) if coding == b"gzip" else zlib.compress(zeros)
    found = read(coded(coding, bomb), [])
    assert (found.status, found.code) == (200, "upstream_protocol")
    assert found.body == b""


def test_a_crowd_of_empty_members_is_refused() -> None:
    assert read(coded(b"gzip", gzip.compress(b"") * 10_000), []).code == "upstream_protocol"


def test_a_decoder_gives_what_a_flush_completed() -> None:
    deflater = zlib.compressobj(wbits=31)
    first = deflater.compress(b"data: 1\n\n") + deflater.flush(zlib.Z_SYNC_FLUSH)
    decoder = ContentDecoder(is_gzip=True)
    assert decoder.feed(first) == b"data: 1\n\n"
    assert not decoder.finish()
    assert decoder.feed(deflater.compress(b"!") + deflater.flush()) == b"!"
    assert decoder.finish()
    with pytest.raises(ContentError):
        decoder.feed(b"not another member")
