"""A client that goes away, on real sockets: the lab's own log proves the order.

Scripts are played at a pace of 25 s, longer than a test may take: an upstream that was told of the
loss by anything but the disconnect itself would never be told in time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from gateway_stand import (
    GOOD_STREAM,
    Gateway,
    Visit,
    chat_request,
    gateway_for,
    request,
    scripted,
)
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from strictwire.lab.server import LabServer

# Its first frame has content already; the second would come after the test's end.
STREAMING = "role-with-content@pace=25s"
# Its first frame says nothing but the role.
BEFORE = "healthy-text@pace=25s"
SILENT = "prefill-silent@pace=25s"


@pytest.fixture
async def lab() -> AsyncIterator[LabServer]:
    async with LabServer() as made:
        yield made


async def begun(lab: LabServer, count: int = 1, frames: int = 1) -> None:
    """The lab plays ``count`` requests, and ``frames`` of the last are out."""
    async with asyncio.timeout(10):
        while len(lab.log) < count or lab.log[-1].frames_sent < frames:
            await asyncio.sleep(0)


async def assert_cancelled(lab: LabServer, gateway: Gateway, *frames: int) -> None:
    """Every request was given up before the lab's next scripted step, and nothing is left."""
    await asyncio.wait_for(lab.log.wait_ended(len(frames)), 10)
    assert [entry.outcome for entry in lab.log] == ["disconnected"] * len(frames)
    assert [entry.frames_sent for entry in lab.log] == list(frames)
    async with asyncio.timeout(10):
        while gateway.app.service.open_exchanges or gateway.state.tasks:
            await asyncio.sleep(0)
    text = (await gateway.ask("GET", "/metrics")).body.decode()
    assert 'outcome="error"' not in text
    assert 'strictwire_open_streams{provider="up"} 1' not in text


@pytest.mark.parametrize("mode", ["auto", "always"])
@pytest.mark.parametrize("protocol", [None, HttpToolsProtocol, H11Protocol])
async def test_while_streaming(lab: LabServer, mode: str, protocol: Any) -> None:
    async with gateway_for(lab.url, stream=mode, protocol=protocol) as gateway:
        peer = await gateway.peer(chat_request(STREAMING, stream=True))
        await peer.until(b'"content"')
        assert lab.log[0].outcome == "playing"
        peer.leave()
        await assert_cancelled(lab, gateway, 1)


async def test_a_half_closed_client_counts_as_gone(lab: LabServer) -> None:
    async with gateway_for(lab.url) as gateway:
        peer = await gateway.peer(chat_request(STREAMING, stream=True))
        await peer.until(b'"content"')
        peer.writer.write_eof()
        await assert_cancelled(lab, gateway, 1)


@pytest.mark.parametrize(("model", "frames"), [(BEFORE, 1), (SILENT, 0)])
@pytest.mark.parametrize("protocol", [None, HttpToolsProtocol, H11Protocol])
async def test_before_the_first_token(
    lab: LabServer, model: str, frames: int, protocol: Any
) -> None:
    async with gateway_for(lab.url, protocol=protocol) as gateway:
        peer = await gateway.peer(chat_request(model, stream=True))
        await begun(lab, frames=frames)
        peer.leave()
        await assert_cancelled(lab, gateway, frames)


@pytest.mark.parametrize(
    ("mode", "model", "frames"),
    [("auto", SILENT, 0), ("always", STREAMING, 1), ("always", BEFORE, 1)],
)
@pytest.mark.parametrize("protocol", [None, HttpToolsProtocol, H11Protocol])
async def test_while_a_whole_reply_is_made(
    lab: LabServer, mode: str, model: str, frames: int, protocol: Any
) -> None:
    async with gateway_for(lab.url, stream=mode, protocol=protocol) as gateway:
        peer = await gateway.peer(chat_request(model))
        await begun(lab, frames=frames)
        peer.leave()
        await assert_cancelled(lab, gateway, frames)


async def test_in_the_middle_of_progress(lab: LabServer) -> None:
    async with gateway_for(lab.url) as gateway:
        sent = chat_request("prefill-progress@pace=25s", stream=True)
        head, _, body = sent.partition(b"\r\n\r\n")
        peer = await gateway.peer(head + b"\r\nx-strictwire-prefill-progress: 1\r\n\r\n" + body)
        await peer.until(b"prefill_progress")
        peer.leave()
        await assert_cancelled(lab, gateway, 1)


async def test_pipelined_requests_all_end(lab: LabServer) -> None:
    """Only the first is asked upstream while the others wait; none of them is asked after."""
    async with gateway_for(lab.url) as gateway:
        peer = await gateway.peer(chat_request(STREAMING, stream=True) * 3)
        await peer.until(b'"content"')
        peer.leave()
        await assert_cancelled(lab, gateway, 1)


async def test_a_second_pipelined_request_is_cancelled_too(lab: LabServer) -> None:
    async with gateway_for(lab.url) as gateway:
        peer = await gateway.peer(
            request("GET", "/health") + chat_request(STREAMING, stream=True) + b"GET / HT"
        )
        await peer.until(b'"content"')
        peer.leave()
        await assert_cancelled(lab, gateway, 1)


async def test_a_large_request_does_not_hide_the_disconnect(lab: LabServer) -> None:
    """A body over the server's buffer pauses reading; it has to be resumed to see the end."""
    async with gateway_for(lab.url) as gateway:
        peer = await gateway.peer(chat_request(STREAMING, stream=True, user="x" * 500_000))
        await peer.until(b'"content"')
        peer.leave()
        await assert_cancelled(lab, gateway, 1)


async def test_one_that_leaves_does_not_touch_the_others(lab: LabServer) -> None:
    async with gateway_for(lab.url) as gateway:
        stays = await gateway.peer(chat_request(STREAMING, stream=True))
        await stays.until(b'"content"')
        leaves = await gateway.peer(chat_request(STREAMING, stream=True))
        await leaves.until(b'"content"')
        leaves.leave()
        await asyncio.wait_for(lab.log.wait_ended(1), 10)
        assert [entry.outcome for entry in lab.log] == ["playing", "disconnected"]


async def flood(visit: Visit) -> None:
    """Content without end, as fast as it is taken."""
    await visit.request()
    await visit.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
    text = b"x" * 4000
    frame = (
        b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":'
        b'[{"index":0,"delta":{"content":"' + text + b'"},"finish_reason":null}]}\n\n'
    )
    while True:
        await visit.send(frame * 4)


@pytest.mark.parametrize("leaves_by", ["reset", "close", "half-close"])
async def test_a_client_that_stopped_reading_and_then_left(leaves_by: str) -> None:
    ended = asyncio.Event()

    async def script(visit: Visit) -> None:
        try:
            await flood(visit)
        finally:
            ended.set()

    async with scripted(script) as upstream, gateway_for(upstream.url) as gateway:
        peer = await gateway.peer(receive_buffer=4096)
        peer.reader._transport.pause_reading()  # type: ignore[attr-defined]
        await peer.send(chat_request("m", stream=True))
        service = gateway.app.service

        def is_paused() -> bool:
            return any(exchange._client.is_paused for exchange in service._exchanges)

        async with asyncio.timeout(15):
            while not is_paused():
                await asyncio.sleep(0)
        sock = peer.writer.get_extra_info("socket")
        if leaves_by == "half-close":
            peer.writer.write_eof()
        elif leaves_by == "reset":
            peer.leave()
        else:
            sock.shutdown(2)
        await asyncio.wait_for(ended.wait(), 10)
        async with asyncio.timeout(10):
            while service.open_exchanges:
                await asyncio.sleep(0)


async def test_a_client_that_pauses_and_reads_on_gets_every_byte() -> None:
    count = 3000

    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
        for number in range(count):
            await visit.send(
                b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m",'
                b'"choices":[{"index":0,"delta":{"content":"%05d %s"},"finish_reason":null}]}\n\n'
                % (number, b"x" * 2000)
            )
        await visit.send(GOOD_STREAM.split(b"\n\n", 1)[1])

    async with scripted(script) as upstream, gateway_for(upstream.url) as gateway:
        peer = await gateway.peer(receive_buffer=4096)
        peer.reader._transport.pause_reading()  # type: ignore[attr-defined]
        await peer.send(chat_request("m", stream=True))
        service = gateway.app.service

        def paused() -> list[Any]:
            return [one for one in service._exchanges if one._client.is_paused]

        async with asyncio.timeout(15):
            while not paused():
                await asyncio.sleep(0)
        peer.reader._transport.resume_reading()  # type: ignore[attr-defined]
        heard = await peer.hear()
        assert heard.is_whole
        words = heard.text.split("x" * 2000)
        assert [int(word) for word in words[:count]] == list(range(count))
        assert heard.body.endswith(b"data: [DONE]\n\n")
