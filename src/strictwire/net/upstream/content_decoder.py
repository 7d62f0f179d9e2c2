"""Compressed content: gzip or deflate bytes in, plain bytes out, whatever the cuts.

Contract: ``feed`` accepts any split and returns what it completed; ``finish`` says whether the
content was whole. What it cannot read is a ``ContentError`` whose text follows "the upstream".
The output of one call is bounded, so a bomb costs one bounded buffer. No br, no zstd: we ask for
``identity``, and a server that compresses all the same has so far always chosen gzip.
"""

from __future__ import annotations

import zlib

# One read of a socket is at most 256 KiB, and text shrinks less than 64-fold. What grows more is
# no reply of a model; whoever sends it could fill our memory with a few packets.
MAX_INFLATED_BYTES = 64 * 256 * 1024

# Each gzip member counts as so many bytes more: a read full of empty members would else cost a
# copy of its rest for each. Real writers of members (bgzip) make them of this size.
_MEMBER_COST_BYTES = 64 * 1024

_GZIP_WINDOW = 16 + zlib.MAX_WBITS
_ZLIB_WINDOW = zlib.MAX_WBITS
_RAW_WINDOW = -zlib.MAX_WBITS

_DEFLATE_METHOD = 8  # the low half of a zlib header's first byte (RFC 1950, 2.2)


class ContentError(Exception):
    """The content breaks its own coding."""


def decoder_for(coding: bytes) -> ContentDecoder | None:
    """The decoder for a ``content-encoding`` value, None for plain content."""
    codings = [name for part in coding.lower().split(b",") if (name := part.strip())]
    codings = [name for name in codings if name != b"identity"]
    match codings:
        case []:
            return None
        case [b"gzip" | b"x-gzip"]:
            return ContentDecoder(is_gzip=True)
        case [b"deflate"]:
            return ContentDecoder(is_gzip=False)
        case _:
            raise ContentError(
                "compressed its reply with a content-encoding other than gzip or deflate, "
                "though identity was asked for"
            )


class ContentDecoder:
    """Inflates one body. ``deflate`` is read both ways: zlib, and raw (RFC 9110, 8.4.1.2)."""

    __slots__ = ("_inflater", "_is_gzip", "_is_whole")

    def __init__(self, *, is_gzip: bool) -> None:
        self._is_gzip = is_gzip
        self._inflater: zlib._Decompress | None = None
        self._is_whole = True  # an empty body is: servers label those, too

    def feed(self, data: bytes) -> bytes:
        """Inflate. Raises ``ContentError`` for bad content and for too much of it."""
        if self._inflater is not None and self._inflater.eof:
            return b""
        pieces: list[bytes] = []
        room = MAX_INFLATED_BYTES
        while data and room > 0:
            inflater = self._inflater
            if inflater is None:
                if self._is_gzip and not (data := data.lstrip(b"\0")):
                    break  # padding between members or after the last
                inflater = self._inflater = zlib.decompressobj(self._window(data[0]))
                self._is_whole = False
            try:
                piece = inflater.decompress(data, room)
            except zlib.error:
                raise ContentError("sent a compressed body that cannot be decompressed") from None
            pieces.append(piece)
            room -= len(piece)
            if not inflater.eof:
                data = inflater.unconsumed_tail
                continue
            self._is_whole = True
            if not self._is_gzip:
                data = b""  # deflate has no second member: the rest is dropped, here and later
                break
            data, self._inflater = inflater.unused_data, None
            room -= _MEMBER_COST_BYTES
        if data or room <= 0:
            raise ContentError("sent a compressed body that grows beyond all measure")
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def finish(self) -> bool:
        """Whether the content came to its end."""
        return self._is_whole

    def _window(self, first: int) -> int:
        if self._is_gzip:
            return _GZIP_WINDOW
        # A raw block begins with this half byte only if it is stored and padded with ones: no
        # compressor does that.
        return _ZLIB_WINDOW if first & 0x0F == _DEFLATE_METHOD else _RAW_WINDOW
