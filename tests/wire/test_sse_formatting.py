"""Frames and comments to bytes: what is written is what every decoder reads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strictwire.model.frames import Comment, Frame
from strictwire.wire.sse import SseDecoder, format_comment, format_frame


@pytest.mark.parametrize(
    ("data", "event", "wire"),
    [
        (b"{}", "", b"data: {}\n\n"),
        (b"{}", "ping", b"event: ping\ndata: {}\n\n"),
        (b"", "", b"data: \n\n"),
        (b"a\nb", "", b"data: a\ndata: b\n\n"),
        (b"a\r\nb\rc", "", b"data: a\ndata: b\ndata: c\n\n"),
        (b"\n", "", b"data: \ndata: \n\n"),
    ],
)
def test_a_frame_has_its_one_form(data: bytes, event: str, wire: bytes) -> None:
    assert format_frame(data, event) == wire


TEXT = st.text(st.characters(codec="utf-8"))
NAME = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"))


@pytest.mark.properties
@given(data=TEXT, event=NAME)
def test_what_is_formatted_is_read_back(data: str, event: str) -> None:
    wire = format_frame(data.encode(), event)
    lines = data.replace("\r\n", "\n").replace("\r", "\n")
    assert b"\r" not in wire
    # After a blank line, since the first bytes of a stream may be a byte order mark.
    assert SseDecoder().feed(b"\n" + wire) == [Frame(lines.encode(), event)]


@pytest.mark.properties
@given(text=TEXT)
def test_a_comment_never_becomes_an_event(text: str) -> None:
    told = SseDecoder().feed(b"\n" + format_comment(text))
    assert len(told) == 1
    assert isinstance(told[0], Comment)


def test_a_comment_is_one_block() -> None:
    assert format_comment("keep-alive") == b": keep-alive\n\n"
    assert format_comment("a\ndata: b") == b": a data: b\n\n"
