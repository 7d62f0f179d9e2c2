"""How a script is played: pace, cuts, framing, encoding, type, dialects, and what goes wrong.

``Playback.parse`` reads ``pace=20ms,cut=7,fault=reset:300``, the same words in a flag and behind
the model's name (``finish-empty@pace=20ms,cut=7``). It says what cannot be, and never guesses.
All of it is orthogonal to the content: every script can be played in every one of these ways.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal, cast, get_args

from strictwire.lab.ask import Dialect
from strictwire.model.errors import CallerError

Body = Literal["chunked", "close", "http1.0", "length"]
BODIES: tuple[str, ...] = get_args(Body)
Encoding = Literal["gzip", "deflate"]
ENCODINGS: tuple[str, ...] = get_args(Encoding)
DIALECTS: tuple[str, ...] = get_args(Dialect)
# cut: the connection closes. reset: it is reset. stall: silence on an open connection.
# half-close: our writing side ends, and we go on reading.
FaultKind = Literal["cut", "reset", "stall", "half-close"]
FAULTS: tuple[str, ...] = get_args(FaultKind)
# Instead of a number of bytes: not even the head is sent.
BEFORE_HEAD = "head"
# Between two dialects, since a comma ends the option.
DIALECTS_JOINT = "+"
# Instead of a content type: the header is left out.
NO_TYPE = "none"

# A slower script would outlive every sensible client's patience, and the tests'.
MAX_PACE_S = 60.0
MAX_CUT_BYTES = 1 << 20
# Random pieces are short, so that most frames are cut and many cuts fall inside one character.
MAX_RANDOM_PIECE_BYTES = 48
MAX_FAULT_BYTES = 1 << 40
# A content type longer than this is a mistake, and so is one that would end the header line.
_TYPE = re.compile(
    r"[\w!#$&^.+-]{1,60}/[\w!#$&^.+-]{1,60}(; ?[\w.+-]{1,40}=[\w.+-]{1,40})?", re.ASCII
)
# The length of one silent beat of a script where no pace is set: visible, and still quick.
DEFAULT_BEAT_S = 0.05


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong after so many bytes of the body as they go over the wire (encoded, without
    chunk framing); ``after_bytes`` None: before the head. A shorter body ends in it."""

    kind: FaultKind
    after_bytes: int | None


@dataclass(frozen=True, slots=True)
class Playback:
    """``cut_bytes`` 0 and no ``cut_seed`` leave frames whole; None is the script's own for
    ``body`` and ``content_type`` (there "none" means without one). The path of a dialect that is
    not in ``dialects`` is not there; None: all are."""

    pace_s: float = 0.0
    cut_bytes: int = 0
    cut_seed: int | None = None
    body: Body | None = None
    fault: Fault | None = None
    encoding: Encoding | None = None
    content_type: str | None = None
    dialects: frozenset[str] | None = None

    @classmethod
    def parse(cls, text: str, base: Playback | None = None) -> Playback:
        """``base`` with the options of ``text``. Raises ``CallerError`` that names the option."""
        playback = base or cls()
        for option in filter(None, text.split(",")):
            name, _, value = option.partition("=")
            if name not in _READERS:
                raise _wrong(f"the playback options are {_OPTIONS}, such as pace=20ms")
            playback = _READERS[name](playback, value)
        return playback

    def has(self, dialect: Dialect) -> bool:
        return self.dialects is None or dialect in self.dialects

    @property
    def is_cut(self) -> bool:
        return self.cut_bytes > 0 or self.cut_seed is not None

    @property
    def beat_s(self) -> float:
        return self.pace_s or DEFAULT_BEAT_S

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """``data`` cut as asked; the same seed cuts the same data alike."""
        if not self.is_cut:
            yield data
            return
        # A pseudo-random cut for tests; nothing secret rests on it.
        dice = random.Random(self.cut_seed)  # noqa: S311
        start = 0
        while start < len(data):
            size = self.cut_bytes or dice.randint(1, MAX_RANDOM_PIECE_BYTES)
            yield data[start : start + size]
            start += size


def split_model(model: str, base: Playback) -> tuple[str, Playback]:
    """A model's name -> the script's name and how to play it."""
    name, _, options = model.partition("@")
    return name, Playback.parse(options, base)


def _wrong(message: str) -> CallerError:
    return CallerError(message, param="model", code="invalid_playback")


def _read_pace(playback: Playback, value: str) -> Playback:
    number, unit_s = (value[:-2], 0.001) if value.endswith("ms") else (value[:-1], 1.0)
    try:
        pace_s = float(number) * unit_s
    except ValueError:
        pace_s = -1.0
    if not value.endswith("s") or not 0 <= pace_s <= MAX_PACE_S:
        raise _wrong(f"pace must be a time such as 20ms or 0.5s, at most {MAX_PACE_S:.0f}s")
    return replace(playback, pace_s=pace_s)


def _read_cut(playback: Playback, value: str) -> Playback:
    kind, _, seed = value.partition(":")
    if kind == "random" and _is_digits(seed):
        return replace(playback, cut_bytes=0, cut_seed=int(seed))
    if _is_digits(value) and 1 <= int(value) <= MAX_CUT_BYTES:
        return replace(playback, cut_bytes=int(value), cut_seed=None)
    raise _wrong(f"cut must be a number of bytes from 1 to {MAX_CUT_BYTES}, or random:SEED")


def _read_body(playback: Playback, value: str) -> Playback:
    if value not in BODIES:
        raise _wrong(f"body must be one of {', '.join(BODIES)}")
    return replace(playback, body=cast(Body, value))


def _read_fault(playback: Playback, value: str) -> Playback:
    kind, _, place = value.partition(":")
    is_head = place == BEFORE_HEAD
    if kind in FAULTS and (is_head or (_is_digits(place) and int(place) <= MAX_FAULT_BYTES)):
        after_bytes = None if is_head else int(place)
        return replace(playback, fault=Fault(cast(FaultKind, kind), after_bytes))
    raise _wrong(
        f"fault must be one of {', '.join(FAULTS)}, a colon, and a number of bytes "
        f"or {BEFORE_HEAD}, such as cut:300"
    )


def _read_encoding(playback: Playback, value: str) -> Playback:
    if value not in ENCODINGS:
        raise _wrong(f"encoding must be one of {', '.join(ENCODINGS)}")
    return replace(playback, encoding=cast(Encoding, value))


def _read_type(playback: Playback, value: str) -> Playback:
    if value != NO_TYPE and not _TYPE.fullmatch(value):
        raise _wrong(f"type must be a content type such as text/plain, or {NO_TYPE}")
    return replace(playback, content_type=value)


def _read_dialects(playback: Playback, value: str) -> Playback:
    names = frozenset(value.split(DIALECTS_JOINT))
    if not names <= frozenset(DIALECTS):
        raise _wrong(
            f"dialects must be some of {', '.join(DIALECTS)}, joined by {DIALECTS_JOINT}, "
            "such as chat+responses"
        )
    return replace(playback, dialects=names)


def _is_digits(text: str) -> bool:
    # ``isdigit`` alone takes superscripts, and ``int`` refuses very long numbers.
    return text.isascii() and text.isdigit() and len(text) <= 18


_READERS: dict[str, Callable[[Playback, str], Playback]] = {
    "pace": _read_pace,
    "cut": _read_cut,
    "body": _read_body,
    "fault": _read_fault,
    "encoding": _read_encoding,
    "type": _read_type,
    "dialects": _read_dialects,
}
_OPTIONS = ", ".join(_READERS)
