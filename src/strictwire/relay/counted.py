"""Templates of frames that hold a number which counts: ``sequence_number``.

Contract: pure values. A ``Holed`` is a run of bytes with at most one hole for the digits; a
``Counted`` says what goes out for a frame that is the known one but for its string and its
number. A frame whose number is not the one that is due is not known. What is true of a template
is proved where it is learned, see ``relay.splice``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import msgspec

# What a string may hold that is spliced: as it stands in JSON, without escapes and with them.
PLAIN_ASCII = bytes(byte for byte in range(0x20, 0x7F) if byte not in b'"\\')
PLAIN = re.compile(rb'[^"\\\x00-\x1f]+')
ESCAPED = re.compile(rb'(?:[^"\\\x00-\x1f]|\\["\\/bfnrtu])+')
_NUMBER = re.compile(rb'"sequence_number":[ \t]*([0-9]+)(?=[,} \t])')

_decode_string = msgspec.json.Decoder(str).decode
_encode_string = msgspec.json.encode


@dataclass(frozen=True, slots=True)
class Holed:
    """``tail`` is None where there is no hole."""

    head: bytes
    tail: bytes | None = None

    def fill(self, digits: bytes) -> bytes:
        return self.head if self.tail is None else self.head + digits + self.tail


def find_number(data: bytes, number: int) -> Holed:
    """The bytes with a hole where this sequence number stands, if it does."""
    if number >= 0:
        for match in _NUMBER.finditer(data):
            if match[1] == b"%d" % number:
                return Holed(data[: match.start(1)], data[match.end(1) :])
    return Holed(data)


@dataclass(frozen=True, slots=True)
class Counted:
    """``before`` and ``after`` stand around the string in a frame, ``out_before`` and ``out_after``
    in what goes out for it. ``keeps_escapes``: the string goes out as it came. ``is_reasoning``:
    the string is reasoning, and not the answer's text."""

    before: Holed
    after: Holed
    out_before: Holed
    out_after: Holed
    keeps_escapes: bool
    is_reasoning: bool

    @property
    def is_identity(self) -> bool:
        """A frame goes out as it came, if its number is the one that is due."""
        return self.before is self.out_before and self.after is self.out_after

    def take_one(self, data: bytes, number_in: int, number_out: int) -> tuple[bytes, str] | None:
        """What goes out for ``data``, where it is one known frame whose string is plain ASCII, as
        nearly all are, and that string."""
        digits = b"%d" % number_in
        before, after = self.before.fill(digits), self.after.fill(digits)
        begin, end = len(before), -len(after)
        if data[:begin] != before or data[end:] != after:
            return None
        middle = data[begin:end]
        # Nothing is left of plain ASCII when its letters are taken out. A plain string has no
        # quote, so what stands between the two ends is that string and nothing else.
        if not middle or middle.translate(None, PLAIN_ASCII):
            return None
        if number_in == number_out and self.is_identity:
            return data, middle.decode("ascii")
        digits = b"%d" % number_out
        out = b"".join((self.out_before.fill(digits), middle, self.out_after.fill(digits)))
        return out, middle.decode("ascii")

    def take(
        self, data: bytes, position: int, number_in: int, number_out: int
    ) -> tuple[bytes, str, int] | None:
        """What goes out for the frame at ``position``, its string, and where it ends."""
        digits = b"%d" % number_in
        before = self.before.fill(digits)
        if not data.startswith(before, position):
            return None
        begin = position + len(before)
        after = self.after.fill(digits)
        match = PLAIN.match(data, begin)
        if match is None or not data.startswith(after, match.end()):
            match = ESCAPED.match(data, begin)
            if match is None or not data.startswith(after, match.end()):
                return None
        middle = match.group()
        try:
            text = _decode_string(b'"%b"' % middle)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None
        if not self.keeps_escapes and b"\\" in middle:
            middle = _encode_string(text)[1:-1]
        return self.told(middle, number_out), text, match.end() + len(after)

    def told(self, middle: bytes, number: int) -> bytes:
        """What goes out for a string, as it stands in JSON, under this number."""
        digits = b"%d" % number
        return self.out_before.fill(digits) + middle + self.out_after.fill(digits)
