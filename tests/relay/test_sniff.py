"""What a 200 reply's body is, by its first bytes; the same answer however few come first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strictwire.relay import BodyKind, sniff
from strictwire.relay.sniff import MAX_BLANK_BYTES

BODIES: list[tuple[bytes, BodyKind]] = [
    (b"data: {}\n\n", "stream"),
    (b"data:{}\n\n", "stream"),
    (b"data\n\n", "stream"),
    (b"data\r\n\r\n", "stream"),
    (b"event: ping\n", "stream"),
    (b"id: 1\n", "stream"),
    (b"id:1\n", "stream"),
    (b"retry: 3000\n", "stream"),
    (b": keep-alive\n\n", "stream"),
    (b":\n", "stream"),
    (b"\xef\xbb\xbfdata: {}\n\n", "stream"),
    (b"\n\n\ndata: {}\n\n", "stream"),
    (b"\r\n\r\n: hi\n", "stream"),
    (b'{"id":1}', "object"),
    (b" \n\t\r\n{}", "object"),
    (b"\xef\xbb\xbf{}", "object"),
    (b"[1]", "object"),
    (b'{"a":"data: x"}\n\ndata: [DONE]\n\n', "object"),
    (b"<html>", "other"),
    (b"Internal Server Error", "other"),
    (b"database: x\n", "other"),
    (b"identity", "other"),
    (b"events: x", "other"),
    (b"dat", "other"),
    (b"Data: x\n\n", "other"),
    (b'"text"', "other"),
    (b"null", "other"),
    (b"\x1f\x8b\x08", "other"),
    (b"\xff\xfe", "other"),
    (b"", "other"),
    (b" \n\r\n", "other"),
    (b"\xef\xbb\xbf", "other"),
]


@pytest.mark.parametrize(("body", "kind"), BODIES)
def test_a_whole_body_is_known(body: bytes, kind: BodyKind) -> None:
    assert sniff(body, is_whole=True) == kind


@pytest.mark.parametrize(("body", "kind"), BODIES)
def test_a_beginning_is_never_taken_for_something_else(body: bytes, kind: BodyKind) -> None:
    """Each prefix says the same as the whole, or that it needs more."""
    for size in range(len(body) + 1):
        assert sniff(body[:size], is_whole=False) in (None, kind)


@pytest.mark.properties
@given(st.binary(max_size=40) | st.sampled_from([b for b, _ in BODIES]), st.binary(max_size=9))
def test_an_answer_once_given_stays(head: bytes, more: bytes) -> None:
    early = sniff(head, is_whole=False)
    if early is not None:
        assert sniff(head + more, is_whole=False) == early
        assert sniff(head + more, is_whole=True) == early


def test_blank_bytes_are_waited_for_up_to_a_bound() -> None:
    assert sniff(b"\n" * MAX_BLANK_BYTES, is_whole=False) is None
    assert sniff(b"\n" * (MAX_BLANK_BYTES + 1), is_whole=False) == "other"
