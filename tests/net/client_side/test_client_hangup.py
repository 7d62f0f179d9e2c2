"""The watch for peers that leave while nothing is read from them."""

from __future__ import annotations

import asyncio
import select
import socket

import pytest

from strictwire.net.client_side.hangup import HangupWatch

pytestmark = pytest.mark.skipif(not hasattr(select, "EPOLLRDHUP"), reason="Linux only")


@pytest.fixture
def pair() -> object:
    ours, theirs = socket.socketpair()
    yield ours, theirs
    ours.close()
    theirs.close()


async def test_an_end_behind_unread_data_is_told_once(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = pair
    told = asyncio.Event()
    watch = HangupWatch(asyncio.get_running_loop())
    watch.add(ours.fileno(), told.set)
    theirs.send(b"unread")
    for _ in range(5):
        await asyncio.sleep(0)
    assert not told.is_set(), "data alone is no end"
    theirs.close()
    await asyncio.wait_for(told.wait(), 5)
    assert watch.watched_count == 0


async def test_who_was_removed_is_not_told(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    told: list[str] = []
    watch = HangupWatch(asyncio.get_running_loop())
    watch.add(ours.fileno(), lambda: told.append("gone"))
    watch.remove(ours.fileno())
    watch.remove(ours.fileno())
    theirs.close()
    for _ in range(5):
        await asyncio.sleep(0)
    assert (told, watch.watched_count) == ([], 0)
