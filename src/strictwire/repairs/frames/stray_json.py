"""Frame rules for JSON that is not where a frame has it: several objects in one frame or one in
several, an object without ``data:``, and a last frame that nothing ended."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from strictwire.model.frames import Decoded, Frame, Malformed
from strictwire.model.json_end import JsonEnd
from strictwire.repairs.frames.data import DONE
from strictwire.repairs.rule import FrameRule

# NaN and line ends inside of strings are for the parser to judge; here only the ends count.
_reader = json.JSONDecoder(strict=False)
_BLANK = re.compile(r"\s*")
_BETWEEN = re.compile(r"[\s,]*")
_ERROR = re.compile(r'\{\s*"error"\s*:')
# A read of 256 KB holds some thousand frames. What splits into more was made to keep us busy.
MAX_JOINED = 4096
# Places where an error may begin in what is broken: each try may read all that follows.
MAX_ERROR_PLACES = 8
# A chunk that a middlebox cut in two. Beyond this, what is cut is an error at once.
MAX_CUT_BYTES = 1024 * 1024
# An error in bare JSON is a kilobyte; a page of text without ``data:`` is not worth keeping.
MAX_BARE_BYTES = 64 * 1024
# What a line takes in memory beside its bytes, so that empty ones count too.
LINE_OVERHEAD_BYTES = 40


@dataclass(slots=True)
class JoinedObjects(FrameRule):
    """Send each JSON object in a frame of its own.

    Relays that lose a line end join frames, servers that end each with one line end join all of
    them, others send a list; as a chunk none of it can be read. Where a server breaks off inside
    an object to tell an error, the error is what counts: its words say more than that the chunk
    was malformed. So a frame that ends inside its object waits for the next one, which may also
    be its other half.
    """

    name = "sse.joined-objects"
    title = "One event holds several JSON objects, or half of one"
    quirks = (21, 22)
    evidence = "lab:joined-objects"

    cut: bytes = b""

    def frame(self, item: Frame) -> Iterable[Frame]:
        return self._after_cut(item) if self.cut else self._apart(item)

    def finish(self) -> Iterator[Frame]:
        if self.cut:
            yield Frame(self.cut)

    def _after_cut(self, item: Frame) -> Iterable[Frame]:
        cut, self.cut = self.cut, b""
        if _is_error(item):
            self.fired = True
            return self._apart(item)
        if _is_object(cut + item.data):
            self.fired = True
            return (replace(item, data=cut + item.data, raw=b""),)
        return (Frame(cut), *self._apart(item))

    def _apart(self, item: Frame) -> Iterable[Frame]:
        data = item.data
        # Plain finds, since every frame pays for them. Text may hold the same signs, so after
        # them only the JSON reader decides.
        may_be_joined = (
            b"}{" in data
            or b"\n" in data
            or b"} {" in data
            or data.find(b'{"error"', 1) > 0
            or (data[:1] == b"[" and data != DONE)
            or (b"[DONE]" in data and data != DONE)
        )
        if not may_be_joined:
            return () if self._holds(item) else (item,)
        text = data.decode("utf-8", "surrogateescape").strip()
        pieces = _objects_in(text)
        if pieces == [text]:
            return () if self._holds(item) else (item,)
        self.fired = True
        frames = [
            replace(item, data=piece.encode("utf-8", "surrogateescape"), raw=b"")
            for piece in pieces
        ]
        return frames[:-1] if self._holds(frames[-1]) else frames

    def _holds(self, item: Frame) -> bool:
        """Whether the frame ends inside its object, so that it is held. Of a frame that the
        body's end cut no other half comes."""
        data = item.data
        is_cut = data[-1:] != b"}" and data[:1] == b"{" and data.rstrip()[-1:] != b"}"
        if is_cut and not item.is_unended and len(data) <= MAX_CUT_BYTES:
            self.cut = data
        return bool(self.cut)


def _is_error(item: Frame) -> bool:
    return item.event == "error" or _ERROR.match(item.data.decode("utf-8", "replace")) is not None


def _objects_in(text: str) -> list[str]:
    """The JSON objects and terminals of a text without blanks around it, and last what is
    neither, if anything."""
    if text.startswith("[") and text.endswith("]") and not text.startswith("[DONE]"):
        pieces, rest = _pieces_of(text[1:-1], _BETWEEN)
        return pieces if pieces and not rest else [text]
    pieces, rest = _pieces_of(text, _BLANK)
    if not rest:
        return pieces
    error = _error_in(rest)
    return [*pieces, rest if error is None else error]


def _pieces_of(text: str, between: re.Pattern[str]) -> tuple[list[str], str]:
    """The JSON objects and terminals that the text begins with, and the rest of it."""
    pieces: list[str] = []
    position = _skip(between, text, 0)
    while position < len(text) and len(pieces) < MAX_JOINED:
        end = _end_of_piece(text, position)
        if end is None:
            break
        pieces.append(text[position:end])
        position = _skip(between, text, end)
    return pieces, text[position:]


def _skip(between: re.Pattern[str], text: str, position: int) -> int:
    match = between.match(text, position)
    return match.end() if match else position


def _end_of_piece(text: str, position: int) -> int | None:
    if text.startswith("[DONE]", position):
        return position + len("[DONE]")
    if text[position] != "{":
        return None
    try:
        return _reader.raw_decode(text, position)[1]
    except (ValueError, RecursionError):
        return None


def _error_in(rest: str) -> str | None:
    """The error object that ends a text which began as something else."""
    for place in [match.start() for match in _ERROR.finditer(rest, 1)][-MAX_ERROR_PLACES:]:
        end = _end_of_piece(rest, place)
        tail = "" if end is None else rest[end:].strip()
        if end is not None and tail in ("", "[DONE]"):
            return rest[place:end]
    return None


@dataclass(slots=True)
class _Strays:
    """Lines that are no field, and those of them that may be an object by themselves."""

    lines: list[bytes] = field(default_factory=list)
    size: int = 0
    held: list[bytes] = field(default_factory=list)
    end: JsonEnd = field(default_factory=JsonEnd)


@dataclass(slots=True)
class BareJson(FrameRule):
    """Read a JSON object that was written into the stream without ``data:``.

    Servers that fail late write their error body as they would have written it alone, in one
    line or in many; others say ``data:`` before the first line of an object and not before the
    next ones. The standard ignores such lines, so the client would see a stream that stops.
    Lines that make no object are dropped.
    """

    name = "sse.bare-json"
    title = "A JSON object comes without data:"
    quirks = (23,)
    evidence = "lab:bare-json"

    strays: _Strays | None = None  # since the last frame; nearly no stream has any

    def frame(self, item: Frame) -> Iterable[Frame]:
        if self.strays is None:
            return (item,)
        whole = b"\n".join((item.data, *self.strays.lines))
        self.strays = None
        is_cut = item.data[:1] == b"{" and item.data.rstrip()[-1:] != b"}"
        return (replace(item, data=whole, raw=b""),) if is_cut and _is_object(whole) else (item,)

    def stray(self, item: Malformed) -> Iterator[Decoded]:
        self.fired = True
        line = item.raw
        strays = self.strays = self.strays or _Strays()
        strays.size += len(line) + LINE_OVERHEAD_BYTES
        if strays.size > MAX_BARE_BYTES:
            self.strays = None
            return
        strays.lines.append(line)
        if not strays.held and not line.lstrip().startswith(b"{"):
            return
        strays.held.append(line)
        strays.end.feed(line.decode("utf-8", "surrogateescape"))
        if strays.end.is_complete:
            whole = b"\n".join(strays.held)
            strays.held, strays.end = [], JsonEnd()
            if _is_object(whole):
                yield Frame(whole)


def _is_object(data: bytes) -> bool:
    text = data.decode("utf-8", "surrogateescape").strip()
    return _end_of_piece(text, 0) == len(text)


@dataclass(slots=True)
class UnendedFrame(FrameRule):
    """Read the last frame though the blank line after it never came.

    The standard discards what the end of the body leaves open, and servers that forget the last
    line end lose their finish reason, their usage or their terminal to it. Data that is a whole
    object, or the terminal, was told to its end; all else is cut, and stays discarded.
    """

    name = "sse.unended-frame"
    title = "The body ends without the last blank line"
    quirks = (10,)
    evidence = "lab:unended-frame"

    def frame(self, item: Frame) -> Iterable[Frame]:
        if not item.is_unended:
            return (item,)
        if item.data.strip() != DONE and not (item.data.strip() and _is_object(item.data)):
            return ()
        self.fired = True
        return (replace(item, data=item.data.strip(), is_unended=False),)
