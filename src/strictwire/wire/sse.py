"""Server-sent events: bytes in, frames out, to the letter of the WHATWG standard.

Contract: ``feed`` accepts any split of the stream and returns what it completed, in order: frames
that the standard would dispatch, and what it would ignore but in which some servers tell
something: comments, and lines that are no field (as ``Malformed``). ``finish`` says the peer
closed: an unterminated block is discarded, as the standard says; who wants it all the same asks
for ``unended`` before. No I/O, no clock, no logging, no judgement of what the data says.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
"""

from __future__ import annotations

import re
from dataclasses import replace

from strictwire.model.frames import Comment, Decoded, Frame, Malformed
from strictwire.wire.pieces import too_large, without_bom

# One block may carry a whole reply with images in base64; beyond this it is an attack or a peer
# that forgot its line ends, and memory must not follow it.
MAX_BLOCK_BYTES = 16 * 1024 * 1024

_LINE_END = re.compile(rb"\r\n|\n|\r")


class SseDecoder:
    """Decode one event stream. Any split of the input gives the same output.

    ``keeps_invalid``: bytes of data that are no UTF-8 stay as they are, for somebody who can make
    more of them than U+FFFD (a character cut in two by a tokenizer). A block of more than
    ``max_block_bytes`` is a PeerError.
    """

    __slots__ = (
        "_after_cr",
        "_at_start",
        "_block_bytes",
        "_data",
        "_event",
        "_id",
        "_keeps_invalid",
        "_max_block_bytes",
        "_partial",
        "last_event_id",
        "retry_ms",
    )

    def __init__(
        self, *, keeps_invalid: bool = False, max_block_bytes: int = MAX_BLOCK_BYTES
    ) -> None:
        self._keeps_invalid = keeps_invalid
        self._max_block_bytes = max_block_bytes
        self.last_event_id = ""
        self.retry_ms: int | None = None
        # One growing buffer, since a list of tiny pieces would cost far more than their bytes.
        self._partial = bytearray()
        self._data: list[bytes] = []
        self._event = ""
        self._id = ""
        self._block_bytes = 0
        self._after_cr = False
        self._at_start = True

    @property
    def is_clean(self) -> bool:
        """The next byte starts a block: nothing is half read, not even a line end."""
        return not (self._block_bytes or self._after_cr or self._at_start)

    def feed(self, chunk: bytes) -> list[Decoded]:
        """Return what this piece completed. Raises PeerError for a block over the bound."""
        if self._at_start:
            begun = without_bom(self._partial, chunk)
            if begun is None:
                return []
            self._at_start = False
            chunk = begun
        out: list[Decoded] = []
        if not chunk:
            return out
        position = 0
        if self._after_cr:
            # A CRLF may arrive cut in two. Its LF then opens this chunk and must not end a
            # second, empty line: that would dispatch a frame too early.
            self._after_cr = False
            if chunk[0] == 0x0A:
                position = 1
        block_start = -1 if self._block_bytes else position
        size = len(chunk)
        while position < size:
            match = _LINE_END.search(chunk, position)
            if match is None:
                self._hold(chunk[position:])
                break
            line = chunk[position : match.start()]
            position = match.end()
            # Before the pieces are joined: what was held has been counted already.
            self._grow(len(line) + 1)
            if self._partial:
                line = bytes(self._partial) + line
                self._partial.clear()
            self._after_cr = position == size and chunk[-1] == 0x0D
            if line:
                self._take_line(line, out)
                continue
            self._dispatch(out, chunk[block_start:position] if block_start >= 0 else b"")
            block_start = position
        return out

    def unended(self) -> Frame | Malformed | None:
        """What the body's end left open, as if its last lines had been ended: the frame, or the
        one line that is none."""
        out: list[Decoded] = []
        if self._partial:
            self._take_line(bytes(self._partial), out)
            self._partial.clear()
        self._dispatch(out, b"")
        told = [item for item in out if not isinstance(item, Comment)]
        last = told[-1] if told else None
        return replace(last, is_unended=True) if isinstance(last, Frame) else last

    def finish(self) -> bool:
        """The peer closed. True if it closed inside a block, which is discarded."""
        is_cut_short = bool(self._block_bytes)
        self._partial.clear()
        self._data.clear()
        self._block_bytes = 0
        self._event = ""
        return is_cut_short

    def _hold(self, piece: bytes) -> None:
        self._grow(len(piece))
        self._partial += piece

    def _grow(self, size: int) -> None:
        self._block_bytes += size
        if self._block_bytes > self._max_block_bytes:
            raise too_large("event", self._max_block_bytes)

    def _take_line(self, line: bytes, out: list[Decoded]) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
        elif not name:
            out.append(Comment(value))
        elif name == b"event":
            self._event = value.decode("utf-8", "replace")
        elif name == b"id":
            # An id with a NUL is ignored, or it could not be sent back in a header.
            if b"\0" not in value:
                self._id = value.decode("utf-8", "replace")
        elif name == b"retry":
            if value.isdigit():
                self.retry_ms = int(value[:18])
        else:
            out.append(Malformed(line, "the line is no field of an event stream"))

    def _dispatch(self, out: list[Decoded], raw: bytes) -> None:
        self.last_event_id = self._id
        self._block_bytes = 0
        if not self._data:
            # A block without data dispatches nothing, but its event name is forgotten.
            self._event = ""
            return
        data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
        if not self._keeps_invalid:
            data = _as_utf8(data)
        out.append(Frame(data, self._event, self._id, raw))
        self._data.clear()
        self._event = ""


def _as_utf8(data: bytes) -> bytes:
    """The same bytes where they are valid UTF-8, else with U+FFFD where they are not."""
    if data.isascii():
        return data
    try:
        data.decode()
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace").encode()
    return data


def format_frame(data: bytes, event: str = "") -> bytes:
    """One block: LF only, never an id, never a block without data."""
    head = b"event: %b\n" % event.encode() if event else b""
    if b"\n" in data or b"\r" in data:
        data = b"\ndata: ".join(_LINE_END.split(data))
    return b"%bdata: %b\n\n" % (head, data)


def format_comment(text: str) -> bytes:
    """A comment block. Text with a line end would start a field, so it is folded."""
    return b": %b\n\n" % " ".join(text.splitlines()).encode()
