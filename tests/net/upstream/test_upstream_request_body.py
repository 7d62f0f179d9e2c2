"""A request body in pieces: its framing, its pace, and what ends it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from upstream_fakes import MemoryTransport

from strictwire.model.errors import CallerError, WireError
from strictwire.net.upstream.request_body import BodyWriter


class Sender:
    """Hands out the pieces that it was given, then raises ``error`` if there is one."""

    def __init__(self, *pieces: bytes, error: Exception | None = None) -> None:
        self._pieces = pieces
        self._error = error
        self.asked = 0

    async def pieces(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            self.asked += 1
            yield piece
        if self._error is not None:
            raise self._error


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def transport() -> MemoryTransport:
    return MemoryTransport(asyncio.Protocol())


@pytest.mark.parametrize(
    ("pieces", "length", "written"),
    [
        ((b"ab", b"c"), 3, b"abc"),
        ((b"ab", b"", b"c" * 16), None, b"2\r\nab\r\n10\r\n" + b"c" * 16 + b"\r\n0\r\n\r\n"),
        ((), None, b"0\r\n\r\n"),
        ((), 0, b""),
    ],
)
async def test_the_framing(pieces: tuple[bytes, ...], length: int | None, written: bytes) -> None:
    wire, failures = transport(), list[WireError]()
    writer = BodyWriter(wire, Sender(*pieces).pieces(), length, failures.append)
    await turns()
    assert (bytes(wire.written), writer.is_done, failures) == (written, True, [])


async def test_nothing_is_asked_for_while_there_is_no_room() -> None:
    wire, sender = transport(), Sender(b"a", b"b", b"c")
    writer = BodyWriter(wire, sender.pieces(), None, lambda error: None)
    writer.pause()
    await turns()
    assert (sender.asked, writer.is_done) == (1, False)
    writer.resume()
    await turns()
    assert (sender.asked, writer.is_done) == (3, True)


async def test_after_the_stop_nothing_is_written() -> None:
    wire, sender = transport(), Sender(b"a", b"b")
    writer = BodyWriter(wire, sender.pieces(), None, lambda error: None)
    writer.pause()
    await turns()
    writer.stop()
    writer.resume()
    await turns()
    assert (bytes(wire.written), writer.is_done) == (b"1\r\na\r\n", False)


@pytest.mark.parametrize(
    ("sender", "length", "code"),
    [
        (Sender(b"a", error=CallerError("late", status=408, code="late")), 9, "late"),
        (Sender(b"abc"), 2, "internal_error"),
        (Sender(b"a"), 2, "internal_error"),
        (Sender(error=RuntimeError("bug")), None, "internal_error"),
    ],
)
async def test_what_goes_wrong_is_told(sender: Sender, length: int | None, code: str) -> None:
    failures: list[WireError] = []
    writer = BodyWriter(transport(), sender.pieces(), length, failures.append)
    await turns()
    assert [error.code for error in failures] == [code]
    assert not writer.is_done
