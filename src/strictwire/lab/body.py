"""A script's pieces -> the body's bytes as they go out: encoded, and joined where cuts may cross.

Contract: ``runs`` yields silences, and runs: bytes to write in one go, with the number of the
script's pieces told by them. It is lazy: what is repeated is never held as a whole. It knows
nothing of transfer framing, cuts and faults, which are the player's.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from strictwire.lab.playback import Encoding, Playback
from strictwire.lab.script import Piece, Repeated, Reply, Silence

Run = tuple[bytes, int]
# zlib's window bits with a gzip header, and with zlib's own, which HTTP calls deflate.
_WINDOW_BITS: dict[Encoding, int] = {"gzip": 31, "deflate": 15}


def runs(reply: Reply, playback: Playback) -> Iterator[Silence | Run]:
    """What is cut at no pace is one run, so that a cut piece may hold the end of one frame and
    the beginning of the next."""
    parts = _encoded(reply.pieces, playback.encoding)
    if not playback.is_cut or playback.pace_s or reply.is_lazy:
        yield from parts
        return
    waiting: list[Run] = []
    for part in parts:
        if isinstance(part, Silence):
            yield from _joined(waiting)
            waiting.clear()
            yield part
        else:
            waiting.append(part)
    yield from _joined(waiting)


def encoded_size(reply: Reply, encoding: Encoding | None) -> int:
    """The length of the whole body; 0 where it has no end."""
    size = reply.size_bytes
    if encoding is None or size is None:
        return size or 0
    parts = _encoded(reply.pieces, encoding)
    return sum(len(part[0]) for part in parts if not isinstance(part, Silence))


def _joined(waiting: list[Run]) -> Iterator[Run]:
    if waiting:
        yield b"".join(data for data, _ in waiting), sum(count for _, count in waiting)


def _encoded(pieces: Iterable[Piece], encoding: Encoding | None) -> Iterator[Silence | Run]:
    packer = zlib.compressobj(wbits=_WINDOW_BITS[encoding]) if encoding else None
    for piece in pieces:
        if isinstance(piece, Silence):
            yield piece
            continue
        for number, data in enumerate(_each(piece)):
            if packer is not None:
                # Flushed each time: a frame that waits in the packer is not sent.
                data = packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH)
            yield data, int(number == 0)
    if packer is not None:
        yield packer.flush(), 0


def _each(piece: bytes | Repeated) -> Iterator[bytes]:
    if isinstance(piece, bytes):
        yield piece
        return
    told = 0
    while piece.times is None or told < piece.times:
        yield piece.data
        told += 1
