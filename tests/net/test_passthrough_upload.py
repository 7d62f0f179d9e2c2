"""An upload, read piece by piece: one ahead, never more; a disconnect is told at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from strictwire.model.errors import CallerError
from strictwire.net.client_side.push import ClientGone
from strictwire.net.passthrough.upload import Upload


class Client:
    """Sends what the test says; ``asked`` counts how often more was asked for."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.asked = 0

    async def receive(self) -> dict[str, Any]:
        self.asked += 1
        return await self.messages.get()

    def sends(self, body: bytes, *, more: bool = True) -> None:
        self.messages.put_nowait({"type": "http.request", "body": body, "more_body": more})

    def leaves(self) -> None:
        self.messages.put_nowait({"type": "http.disconnect"})


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_the_head_comes_again_and_may_be_another() -> None:
    client = Client()
    for body in (b"ab", b"cd", b"ef"):
        client.sends(body)
    client.sends(b"", more=False)
    upload = Upload(client.receive, 5)
    assert await upload.look_ahead(3) == b"abcd"
    assert not upload.is_whole
    upload.replace_head(b"ABCD")
    assert [await upload.next_piece() for _ in range(3)] == [b"ABCD", b"ef", None]


async def test_only_one_piece_is_read_ahead() -> None:
    client = Client()
    for _ in range(9):
        client.sends(b"x")
    upload = Upload(client.receive, 5)
    await upload.look_ahead(1)
    upload.watch(lambda: None)
    await turns()
    assert client.asked == 2
    await upload.next_piece()  # the head
    await upload.next_piece()
    await turns()
    assert client.asked == 3
    upload.stop()


async def test_a_disconnect_is_told_while_a_piece_is_on_its_way() -> None:
    client, gone = Client(), asyncio.Event()
    client.sends(b"x")
    upload = Upload(client.receive, 5)
    await upload.look_ahead(1)
    upload.watch(gone.set)
    await upload.next_piece()
    client.leaves()
    await turns()
    assert gone.is_set()
    with pytest.raises(ClientGone):
        await upload.next_piece()


async def test_after_the_stop_nothing_is_told() -> None:
    client, gone = Client(), asyncio.Event()
    client.sends(b"x")
    upload = Upload(client.receive, 5)
    await upload.look_ahead(1)
    upload.watch(gone.set)
    upload.stop()
    client.leaves()
    await turns()
    assert not gone.is_set()


async def test_a_client_that_sends_nothing_is_a_408() -> None:
    upload = Upload(Client().receive, 0.01)
    with pytest.raises(CallerError) as caught:
        await upload.look_ahead(1)
    assert caught.value.status == 408
    upload.stop()
