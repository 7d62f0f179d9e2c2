"""The bytes of an event stream to its blocks and comments, each with its place.

Contract: the scanner follows the standard as a decoder does, but forgives nothing in silence: what
the contract of this wire forbids in lines and blocks is told as a finding with its exact offset.
What the data says is for others to judge. It is not the decoder of the gateway, which it judges.
Source: https://html.spec.whatwg.org/multipage/server-sent-events.html; docs/contract.md, "Streams".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from strictwire.conformance.finding import Findings

BOM = b"\xef\xbb\xbf"
Kept = TypeVar("Kept")
_LINE = re.compile(rb"([^\r\n]*)(\r\n|\n|\r|\Z)")


# Lines of one kind that one block keeps. A file of nothing but comments, or of empty data, is one
# block of millions; nobody learns more from them than from the first.
MAX_KEPT_LINES = 100_000


@dataclass(frozen=True, slots=True)
class Line:
    """``text`` is without its end, which ``end`` is: empty for what the body's end cut."""

    offset: int
    text: bytes
    end: bytes


@dataclass(slots=True)
class Block:
    """What one blank line ended. ``data`` are (offset of the value, value), a piece per line."""

    offset: int
    data: list[tuple[int, bytes]] = field(default_factory=list)
    event: bytes = b""
    event_offset: int = -1
    strays: list[Line] = field(default_factory=list)
    comments: list[Line] = field(default_factory=list)
    is_misordered: bool = False  # its name comes after its data, or twice
    has_fields: bool = False
    is_unended: bool = False

    @property
    def text(self) -> bytes:
        return self.data[0][1] if len(self.data) == 1 else b"\n".join(text for _, text in self.data)


def lines_of(data: bytes, start: int) -> Iterator[Line]:
    position, size = start, len(data)
    while position < size:
        match = _LINE.match(data, position)
        if match is None:  # the expression matches everywhere; this is for the type checker
            return
        yield Line(position, match[1], match[2])
        position = match.end()


def blocks_of(data: bytes, found: Findings) -> Iterator[Block]:
    """Block by block; who stops asking has heard of nothing beyond."""
    start = 0
    if data.startswith(BOM):
        found.add("sse.byte-order-mark", 0)
        start = len(BOM)
    block = Block(start)
    for line in lines_of(data, start):
        if line.end not in (b"\n", b""):
            spelled = "CRLF" if line.end == b"\r\n" else "CR alone"
            found.add("sse.line-ends", line.offset + len(line.text), spelled)
        if line.text:
            _take(line, block, found)
            continue
        yield block
        block = Block(line.offset + len(line.end))
    if block.has_fields or block.strays or block.comments:
        block.is_unended = True
        yield block


def _take(line: Line, block: Block, found: Findings) -> None:
    name, colon, rest = line.text.partition(b":")
    if not name and colon:
        _spelled(line, found)
        _keep(block.comments, line)
        return
    value = rest.removeprefix(b" ")
    at = line.offset + len(name) + 1 + len(rest) - len(value)
    if name == b"data":
        block.has_fields = True
        if block.data:
            found.add("sse.data-lines", line.offset)
        _keep(block.data, (at, value))
    elif name == b"event":
        block.has_fields = True
        _spelled(line, found)
        block.is_misordered = bool(block.data or block.event)
        block.event, block.event_offset = value, line.offset
    elif name in (b"id", b"retry"):
        block.has_fields = True
        found.add("sse.event-id" if name == b"id" else "sse.retry-field", line.offset)
        return
    else:
        _keep(block.strays, line)
        return
    if not colon or (rest and len(value) == len(rest)):
        found.add("sse.space-after-colon", line.offset)


def _keep(kept: list[Kept], one: Kept) -> None:
    if len(kept) < MAX_KEPT_LINES:
        kept.append(one)


def _spelled(line: Line, found: Findings) -> None:
    """Comments and names are text; data is judged with its JSON, where halves can be mended."""
    if line.text.isascii():
        return
    try:
        line.text.decode()
    except UnicodeDecodeError as problem:
        found.add("sse.invalid-utf8", line.offset + problem.start)
