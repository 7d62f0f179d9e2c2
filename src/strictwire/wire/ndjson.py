"""Newline-delimited JSON: bytes in, frames out, one for each line.

Contract: ``feed`` accepts any split of the stream and returns the frames that it completed. Lines
end in LF or CRLF, and blank ones are nothing. An object that is spread over several lines, as a
pretty printer spreads it, is one frame. The last line needs no end, so who knows that the peer
closed asks for ``unended`` and then says ``finish``. What stands in a line is not judged here: a
line that is no JSON is a frame too. No I/O, no clock, no logging.

Source: https://github.com/ndjson/ndjson-spec, as Ollama's API streams it.
"""

from __future__ import annotations

import msgspec

from strictwire.model.frames import Frame
from strictwire.model.json_end import JsonEnd
from strictwire.wire.pieces import too_large, without_bom

# As of one event of a stream of events: a line may carry a whole reply with images in base64;
# beyond this a peer forgot its line ends, and memory must not follow it.
MAX_LINE_BYTES = 16 * 1024 * 1024

_check = msgspec.json.Decoder(msgspec.Raw).decode


class NdjsonDecoder:
    """Decode one stream. Any split of the input gives the same output. A line, or an object over
    several lines, of more than ``max_line_bytes`` is a PeerError."""

    __slots__ = ("_at_start", "_end", "_lines", "_max_line_bytes", "_partial", "_size_bytes")

    def __init__(self, *, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        self._max_line_bytes = max_line_bytes
        # One growing buffer, since a list of tiny pieces would cost far more than their bytes.
        self._partial = bytearray()
        self._at_start = True
        # Of an object over several lines: those so far, and where it ends.
        self._lines: list[bytes] = []
        self._end: JsonEnd | None = None
        self._size_bytes = 0

    @property
    def is_clean(self) -> bool:
        """The next byte starts a value: nothing is half read."""
        return not (self._partial or self._lines or self._at_start)

    def feed(self, chunk: bytes) -> list[Frame]:
        """Return what this piece completed. Raises PeerError for a line over the bound."""
        if self._at_start:
            begun = without_bom(self._partial, chunk)
            if begun is None:
                return []
            self._at_start = False
            chunk = begun
        out: list[Frame] = []
        position = 0
        while (end := chunk.find(b"\n", position)) >= 0:
            line = chunk[position:end]
            position = end + 1
            self._grow(len(line) + 1)
            if self._partial:
                line = bytes(self._partial) + line
                self._partial.clear()
            self._take_line(line, out)
        if position < len(chunk):
            self._grow(len(chunk) - position)
            self._partial += chunk[position:]
        return out

    def unended(self) -> Frame | None:
        """What the body's end left open. ``is_unended`` where that is no whole JSON value, so that
        it was cut."""
        rest = b"\n".join((*self._lines, bytes(self._partial))).strip()
        self._partial.clear()
        self._lines = []
        if not rest:
            return None
        try:
            _check(rest)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return Frame(rest, is_unended=True)
        return Frame(rest)

    def finish(self) -> bool:
        """The peer closed. True if something was open that nobody asked for."""
        is_cut_short = bool(self._partial.strip() or self._lines)
        self._partial.clear()
        self._lines = []
        self._end = None
        self._size_bytes = 0
        return is_cut_short

    def _grow(self, size: int) -> None:
        self._size_bytes += size
        if self._size_bytes > self._max_line_bytes:
            raise too_large("line", self._max_line_bytes)

    def _take_line(self, line: bytes, out: list[Frame]) -> None:
        text = line.strip(b" \t\r")
        if not self._lines:
            if text[:1] != b"{" or text[-1:] == b"}":
                self._size_bytes = 0
                if text:
                    out.append(Frame(text))
                return
            self._end = JsonEnd()
        assert self._end is not None  # it is there with the first line
        self._lines.append(text)
        self._end.feed(text.decode("utf-8", "surrogateescape"))
        if self._end.is_complete:
            out.append(Frame(b"\n".join(self._lines)))
            self._lines = []
            self._size_bytes = 0
