"""A JSON text of a body: its value, what is wrong with its spelling, and where each value lies.

Contract: ``JsonText.read`` never raises for what a peer sent. Offsets are of the whole body, also
where the text came in several ``data:`` lines. Values are located only once somebody asks.
"""

from __future__ import annotations

import bisect
import itertools
import json
import re
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import msgspec

# Values of one text whose place is remembered. A chunk has some forty, and what lies beyond in a
# huge object is told by the place of the last object around it that is known.
MAX_PLACES = 10_000

Path = tuple[str | int, ...]
Problem = Literal["invalid", "lenient", "characters"]

_decode = msgspec.json.Decoder().decode
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},:]|[^\s\[\]{},:"]+', re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(slots=True)
class JsonText:
    """``problems``: "invalid" (no reader can read it), "lenient" (only some can: NaN, control
    characters), "characters" (halves of a character, or bytes that are no UTF-8)."""

    pieces: tuple[tuple[int, bytes], ...]  # (offset in the body, bytes), joined by one LF
    value: Any = None
    problems: frozenset[Problem] = frozenset()
    _places: dict[Path, int] = field(default_factory=dict)
    _starts: list[int] = field(default_factory=list)  # of each piece in the joined text

    @classmethod
    def read(cls, *pieces: tuple[int, bytes]) -> JsonText:
        text = cls(pieces)
        try:
            text.value = _decode(text.data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            text._read_leniently()
        return text

    @property
    def data(self) -> bytes:
        pieces = self.pieces
        return pieces[0][1] if len(pieces) == 1 else b"\n".join(piece for _, piece in pieces)

    @property
    def is_valid(self) -> bool:
        return "invalid" not in self.problems

    @property
    def start(self) -> int:
        return self.pieces[0][0]

    def at(self, *path: str | int) -> Place:
        """The value at this path; where it lies is worked out when somebody asks."""
        return Place(self, path)

    def offset(self, *path: str | int) -> int:
        """The offset of the value at this path, or of the nearest thing around it."""
        if not self.is_valid:
            return self.start
        if not self._places:
            self._places = places_of(self.data)
        while path and path not in self._places:
            path = path[:-1]
        return self._in_body(self._places.get(path, 0))

    def _in_body(self, place: int) -> int:
        if len(self.pieces) == 1:
            return self.start + place
        if not self._starts:
            sizes = (len(piece) + 1 for _, piece in self.pieces[:-1])
            self._starts = [0, *itertools.accumulate(sizes)]
        number = bisect.bisect_right(self._starts, place) - 1
        return self.pieces[number][0] + place - self._starts[number]

    def _read_leniently(self) -> None:
        constants: list[str] = []
        problems: set[Problem] = set()
        text = self.data.decode("utf-8", "surrogateescape")
        try:
            self.value = json.loads(text, strict=False, parse_constant=constants.append)
        except (ValueError, RecursionError):
            self.problems = frozenset(("invalid",))
            return
        if _has_surrogates(self.value):
            problems.add("characters")
        if constants or not problems or _is_lenient(text):
            problems.add("lenient")
        self.problems = frozenset(problems)


class Place(NamedTuple):
    """A value of a text. Nearly all are named and never looked up: healthy chunks have no
    findings."""

    text: JsonText
    path: Path

    @property
    def offset(self) -> int:
        return self.text.offset(*self.path)


# A place in the body: bytes from its start, or a value of a JSON text.
Where = int | Place


def offset_of(where: Where) -> int:
    return where if isinstance(where, int) else where.offset


def _has_surrogates(value: Any) -> bool:
    """A walk without recursion: what was read may be nested as deeply as the reader allows."""
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, str):
            if _SURROGATE.search(one):
                return True
        elif isinstance(one, dict):
            left.extend(one)
            left.extend(one.values())
        elif isinstance(one, list):
            left.extend(one)
    return False


def _is_lenient(text: str) -> bool:
    """Whether a strict reader refuses it for more than its halves of characters."""
    try:
        json.loads(text)
    except ValueError:
        return True
    return False


def places_of(data: bytes) -> dict[Path, int]:
    """Where each value of a well-formed JSON text begins."""
    places: dict[Path, int] = {}
    path: list[str | int] = []
    is_object: list[bool] = []  # of each open container; the path has one step for each
    is_key = False
    for token in _TOKEN.finditer(data):
        mark = data[token.start() : token.start() + 1]
        if mark == b",":
            is_key = is_object[-1]
            if not is_key:
                path[-1] = int(path[-1]) + 1
        elif mark == b":":
            is_key = False
        elif mark in b"]}":
            is_object.pop()
            path.pop()
            is_key = False
        elif is_key:
            path[-1] = _key(token.group())
        else:
            if len(places) == MAX_PLACES:
                break
            places[tuple(path)] = token.start()
            if mark in b"[{":
                is_key = mark == b"{"
                is_object.append(is_key)
                path.append("" if is_key else 0)
    return places


def _key(quoted: bytes) -> str:
    inner = quoted[1:-1]
    if b"\\" not in inner:
        return inner.decode("utf-8", "surrogateescape")
    return str(json.loads(quoted.decode("utf-8", "surrogateescape"), strict=False))


def part_of(pieces: tuple[tuple[int, bytes], ...], start: int, end: int) -> list[tuple[int, bytes]]:
    """The pieces that hold the joined text from ``start`` to ``end``, cut to it."""
    part: list[tuple[int, bytes]] = []
    position = 0
    for offset, piece in pieces:
        first, last = max(start - position, 0), min(end - position, len(piece))
        if first <= last:
            part.append((offset + first, piece[first:last]))
        position += len(piece) + 1
        if position > end:
            break
    return part
