"""The project's own table of event streams: bytes in, the events that the standard dispatches.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
"""

from __future__ import annotations

from dataclasses import dataclass

BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Event:
    data: str
    type: str = "message"
    last_event_id: str = ""


@dataclass(frozen=True)
class Case:
    """``is_cut_short``: the stream ends inside a block."""

    name: str
    stream: bytes
    events: tuple[Event, ...] = ()
    is_cut_short: bool = False


def _texts(name: str, stream: bytes, *texts: str, is_cut_short: bool = False) -> Case:
    return Case(name, stream, tuple(map(Event, texts)), is_cut_short)


CASES = (
    Case("nothing", b""),
    _texts("one event", b"data: a\n\n", "a"),
    # ---- the byte order mark ----
    _texts("a byte order mark is dropped at the start", BOM + b"data: a\n\n", "a"),
    _texts("a second one is part of the field's name", BOM * 2 + b"data: a\n\ndata: b\n\n", "b"),
    _texts("one in a later line spoils that field", b"data: a\n" + BOM + b"data: b\n\n", "a"),
    _texts("one inside data is text", b"data: " + BOM + b"a\n\n", "\ufeffa"),
    _texts("a comment may follow it", BOM + b": hi\ndata: a\n\n", "a"),
    _texts("only a byte order mark", BOM),
    _texts("two bytes of one are a field's name", BOM[:2] + b"\n\n"),
    _texts("two bytes of one before data", BOM[:2] + b"data: a\n\ndata: b\n\n", "b"),
    # ---- line ends ----
    _texts("CRLF", b"data: a\r\n\r\ndata: b\r\n\r\n", "a", "b"),
    _texts("CR alone", b"data: a\r\rdata: b\r\r", "a", "b"),
    _texts("LF CR is two line ends", b"data: a\n\rdata: b\n\r", "a", "b"),
    _texts("CR CRLF is two line ends", b"data: a\r\r\ndata: b\r\n\r", "a", "b"),
    _texts("mixed inside a block", b"data: a\rdata: b\r\ndata: c\n\n", "a\nb\nc"),
    _texts(
        "U+2028 and U+0085 end no line", "data: a\u2028b\u0085c\n\n".encode(), "a\u2028b\u0085c"
    ),
    _texts("vertical tab and form feed end no line", b"data: a\x0bb\x0cc\n\n", "a\x0bb\x0cc"),
    _texts("blank lines between events", b"\n\n\r\n\rdata: a\n\n\n\n\n", "a"),
    # ---- data ----
    _texts("lines of data are joined by LF", b"data: a\ndata: b\ndata: c\n\n", "a\nb\nc"),
    _texts(
        "one space is dropped, no more", b"data:a\n\ndata:  b\n\ndata:\tc\n\n", "a", " b", "\tc"
    ),
    _texts("a colon in the value stays", b"data: a:b: c\n\n", "a:b: c"),
    _texts("a space before the colon is another field", b"data : a\n\ndata: b\n\n", "b"),
    _texts("field names are case-sensitive", b"Data: a\nDATA: b\n\n"),
    _texts("empty data is an event", b"data:\n\n", ""),
    _texts("data without a colon", b"data\n\n", ""),
    _texts("two empty lines of data", b"data\ndata\n\n", "\n"),
    _texts("data, then an empty line of data", b"data: a\ndata\n\n", "a\n"),
    _texts("a name that begins with data", b"database: a\n\n"),
    _texts("NUL is text", b"data: a\0b\n\n", "a\0b"),
    _texts("many bytes of one character", "data: 🦜é日\n\n".encode(), "🦜é日"),
    _texts("invalid UTF-8 is replaced", b"data: a\xffb\xc3\n\n", "a\ufffdb\ufffd"),
    _texts("half a character before the line's end", b"data: \xf0\x9f\x8e\n\n", "\ufffd"),
    _texts("a surrogate in UTF-8 is invalid", b"data: \xed\xa0\x80\n\n", "\ufffd\ufffd\ufffd"),
    # ---- comments ----
    _texts("comments say nothing", b": a\n:\n\n:data: b\ndata: c\n: d\n\n", "c"),
    _texts("a comment inside a block", b"data: a\n: hi\ndata: b\n\n", "a\nb"),
    _texts("only comments", b": keep-alive\n\n:\n\n"),
    # ---- other fields ----
    Case("event", b"event: x\ndata: a\n\ndata: b\n\n", (Event("a", "x"), Event("b"))),
    Case("the last event wins", b"event: x\nevent: y\ndata: a\n\n", (Event("a", "y"),)),
    Case("an empty event is the default", b"event: x\nevent\ndata: a\n\n", (Event("a"),)),
    Case("event after data", b"data: a\nevent: x\n\n", (Event("a", "x"),)),
    Case("a block without data forgets its event", b"event: x\n\ndata: a\n\n", (Event("a"),)),
    Case("unknown fields", b"x: 1\nfoo\ndata: a\n\n", (Event("a"),)),
    Case("retry says nothing to us", b"retry: 3000\n\nretry: x\ndata: a\n\n", (Event("a"),)),
    # ---- id ----
    Case(
        "an id lasts",
        b"id: 1\ndata: a\n\ndata: b\n\n",
        (Event("a", last_event_id="1"), Event("b", last_event_id="1")),
    ),
    Case(
        "an empty id resets it",
        b"id: 1\ndata: a\n\nid\ndata: b\n\n",
        (Event("a", last_event_id="1"), Event("b")),
    ),
    Case(
        "an id with NUL is ignored",
        b"id: 1\ndata: a\n\nid: 2\0\ndata: b\n\n",
        (Event("a", last_event_id="1"), Event("b", last_event_id="1")),
    ),
    Case(
        "a block without data sets the id",
        b"id: 7\n\ndata: a\n\n",
        (Event("a", last_event_id="7"),),
    ),
    # ---- the end ----
    _texts("an unterminated block is discarded", b"data: a\n\ndata: b\n", "a", is_cut_short=True),
    _texts("an unterminated line is discarded", b"data: a\n\ndata: b", "a", is_cut_short=True),
    _texts("only a comment begun", b"data: a\n\n: hi", "a", is_cut_short=True),
    _texts("half a CRLF ends a line", b"data: a\n\r", "a"),
)
