"""What every kind of reply does: framing, order, pausing, the client's going away."""

from __future__ import annotations

import asyncio
import socket

import pytest
from client_harness import GET, STREAM_HEADERS, Exchange, Stand, post

from strictwire.model.errors import MisuseError
from strictwire.net.client_side.protocol import PushProtocol


async def test_a_stream_is_chunked_and_the_connection_stays_usable(stand: Stand) -> None:
    client = await stand.client(post(b"question"))
    exchange = await stand.exchange()
    assert exchange.body == b"question"
    assert not exchange.reply.is_started
    exchange.start_stream()
    assert exchange.reply.is_started
    exchange.reply.write(b"data: 1\n\n")
    status, headers = await client.head()
    assert status == 200
    assert headers["transfer-encoding"] == "chunked"
    assert "connection" not in headers
    assert await client.until(b"data: 1\n\n\r\n") == b"9\r\ndata: 1\n\n\r\n"
    exchange.reply.write(b"")
    exchange.reply.write(b"data: 2\n\n")
    exchange.reply.end()
    assert exchange.reply.is_complete
    assert await client.until(b"0\r\n\r\n") == b"9\r\ndata: 2\n\n\r\n0\r\n\r\n"
    await asyncio.wait_for(exchange.returned.wait(), 5)
    await client.send(GET)
    (await stand.exchange()).answer(b"again")
    assert (await client.whole())[2] == b"again"
    assert exchange.told == []


async def test_a_counted_body_is_sent_as_it_is(stand: Stand) -> None:
    client = await stand.client(GET)
    (await stand.exchange()).answer(b"0123456789")
    status, headers, body = await client.whole()
    assert (status, body) == (200, b"0123456789")
    assert "transfer-encoding" not in headers


async def test_http_1_0_gets_no_chunks_and_an_end_by_close(stand: Stand) -> None:
    client = await stand.client(post(b"q", version=b"1.0"))
    exchange = await stand.exchange()
    exchange.start_stream()
    exchange.reply.write(b"data: 1\n\n")
    exchange.reply.write(b"data: 2\n\n")
    exchange.reply.end()
    _, headers = await client.head()
    assert "transfer-encoding" not in headers
    assert headers["connection"] == "close"
    assert await client.rest() == b"data: 1\n\ndata: 2\n\n"


@pytest.mark.parametrize("status", [204, 304])
async def test_a_reply_that_has_no_body_gets_no_framing(stand: Stand, status: int) -> None:
    client = await stand.client(GET)
    exchange = await stand.exchange()
    exchange.reply.start(status, [])
    exchange.reply.end()
    assert "transfer-encoding" not in (await client.head())[1]
    await client.send(GET)
    (await stand.exchange()).answer()
    assert (await client.whole())[2] == b"ok"


async def test_head_gets_the_headers_alone(stand: Stand) -> None:
    client = await stand.client(b"HEAD / HTTP/1.1\r\nhost: x\r\n\r\n")
    (await stand.exchange()).answer(b"never seen")
    status, headers = await client.head()
    assert (status, headers["content-length"]) == (200, "10")
    await client.send(b"HEAD / HTTP/1.1\r\nhost: x\r\n\r\n")
    exchange = await stand.exchange()
    exchange.start_stream()
    exchange.reply.write(b"never seen")
    exchange.reply.end()
    assert (await client.head())[0] == 200
    await client.send(GET)
    (await stand.exchange()).answer()
    assert (await client.whole())[2] == b"ok"


async def test_an_error_reply_closes(stand: Stand) -> None:
    client = await stand.client(GET)
    exchange = await stand.exchange()
    exchange.reply.start(502, [(b"content-length", b"3"), (b"connection", b"close")])
    exchange.reply.write(b"bad")
    exchange.reply.end(close=True)
    status, headers, body = await client.whole()
    assert (status, headers["connection"], body) == (502, "close", b"bad")
    assert await client.rest() == b""


async def test_a_cut_reply_is_seen_as_broken(stand: Stand) -> None:
    client = await stand.client(GET)
    exchange = await stand.exchange()
    exchange.start_stream()
    exchange.reply.write(b"data: 1\n\n")
    exchange.reply.cut()
    await client.head()
    assert await client.rest() == b"9\r\ndata: 1\n\n\r\n"  # and no last chunk
    await asyncio.wait_for(exchange.returned.wait(), 5)
    assert exchange.reply.is_complete
    assert not exchange.reply.is_gone
    assert exchange.told == []


async def test_calls_after_the_end_do_nothing(stand: Stand) -> None:
    client = await stand.client(GET)
    exchange = await stand.exchange()
    exchange.answer()
    exchange.reply.write(b"late")
    exchange.reply.end()
    exchange.reply.cut()
    assert (await client.whole())[2] == b"ok"
    await client.send(GET)
    (await stand.exchange()).answer(b"clean")
    assert (await client.whole())[2] == b"clean"


async def test_calls_out_of_order_are_misuse(stand: Stand) -> None:
    client = await stand.client(GET)
    exchange = await stand.exchange()
    with pytest.raises(MisuseError):
        exchange.reply.write(b"too early")
    with pytest.raises(MisuseError):
        exchange.reply.end()
    exchange.start_stream()
    with pytest.raises(MisuseError):
        exchange.start_stream()
    exchange.reply.end()
    assert (await client.head())[0] == 200


# ---- going away ----


@pytest.mark.parametrize("way", ["close", "reset", "half-close"])
async def test_a_client_that_goes_away_is_told_once(stand: Stand, way: str) -> None:
    client = await stand.client(post(b"q"))
    exchange = await stand.exchange()
    exchange.start_stream()
    exchange.reply.write(b"data: 1\n\n")
    await client.until(b"data: 1\n\n")
    await _go_away(client, way)
    assert await exchange.next_told() == "gone"
    assert exchange.reply.is_gone
    assert not exchange.reply.is_complete
    exchange.reply.write(b"into the void")
    exchange.reply.end()
    exchange.reply.cut()
    await asyncio.wait_for(exchange.returned.wait(), 5)
    assert exchange.told == ["gone"]
    assert not exchange.reply.is_complete


@pytest.mark.parametrize("way", ["close", "reset", "half-close"])
async def test_a_client_that_goes_away_before_the_first_byte_is_told(
    stand: Stand, way: str
) -> None:
    client = await stand.client(post(b"q"))
    exchange = await stand.exchange()
    await _go_away(client, way)
    assert await exchange.next_told() == "gone"
    late = Exchange(exchange.scope, exchange.reply, b"")
    exchange.reply.attach(late)
    assert late.told == ["gone"]


@pytest.mark.parametrize("size", [65_537, 200_000, 1_000_000])
async def test_the_disconnect_is_seen_after_a_large_body(stand: Stand, size: int) -> None:
    client = await stand.client(post(bytes(size)))
    exchange = await stand.exchange()
    assert len(exchange.body) == size
    client.reset()
    assert await exchange.next_told() == "gone"


async def _go_away(client: object, way: str) -> None:
    if way == "close":
        client.writer.close()  # type: ignore[attr-defined]
    elif way == "reset":
        client.socket.setsockopt(  # type: ignore[attr-defined]
            socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0"
        )
        client.reset()  # type: ignore[attr-defined]
    else:
        client.writer.write_eof()  # type: ignore[attr-defined]


# ---- a slow client ----


async def test_a_slow_client_pauses_and_resumes(stand: Stand) -> None:
    client = await stand.client(GET, receive_buffer=4096)
    exchange = await stand.exchange()
    exchange.start_stream()
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]
    written = await _fill(exchange)
    assert exchange.reply.is_paused
    client.writer.transport.resume_reading()  # type: ignore[attr-defined]
    await client.head()
    reading = asyncio.create_task(client.rest())
    while exchange.told[-1] != "resume":
        await exchange.next_told()
    assert not exchange.reply.is_paused
    exchange.reply.end(close=True)
    if stand.kind != "transport":  # ASGI cannot close after the head
        await asyncio.wait_for(exchange.returned.wait(), 5)
        for protocol in stand.protocols:
            protocol.transport.close()
    assert (await reading).count(b"x") == written
    assert exchange.told == ["pause", "resume"]


@pytest.mark.parametrize("way", ["close", "reset", "half-close"])
async def test_a_client_that_goes_away_while_paused_is_told(stand: Stand, way: str) -> None:
    if way == "half-close" and stand.protocol_class is not PushProtocol:
        pytest.skip("uvicorn's own protocols do not tell before the buffer is empty")
    client = await stand.client(GET, receive_buffer=4096)
    exchange = await stand.exchange()
    exchange.start_stream()
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]
    await _fill(exchange)
    await _go_away(client, way)
    while await exchange.next_told() != "gone":
        pass
    await asyncio.wait_for(exchange.returned.wait(), 5)
    assert exchange.told == ["pause", "gone"]


async def test_a_stalled_client_does_not_hold_a_cut_reply(stand: Stand) -> None:
    client = await stand.client(GET, receive_buffer=4096)
    exchange = await stand.exchange()
    exchange.start_stream()
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]
    await _fill(exchange)
    exchange.reply.cut()
    await asyncio.wait_for(exchange.returned.wait(), 5)
    if stand.kind == "transport":
        await stand.until(lambda: not stand.state.connections)


async def _fill(exchange: Exchange) -> int:
    """Write until the reply says that the client is too slow; the bytes written."""
    written = 0
    while not exchange.reply.is_paused:
        exchange.reply.write(b"x" * 16_384)
        written += 16_384
        await asyncio.sleep(0)
    return written


async def test_headers_cannot_be_split(push_stand: Stand) -> None:
    client = await push_stand.client(GET)
    exchange = await push_stand.exchange()
    for header in [(b"x", b"a\r\nset-cookie: b"), (b"x\r\ny", b"a"), (b"", b"a")]:
        with pytest.raises(MisuseError):
            exchange.reply.start(200, [header])
    assert not exchange.reply.is_started
    exchange.reply.start(200, STREAM_HEADERS)
    exchange.reply.end()
    assert set((await client.head())[1]) == {"content-type", "transfer-encoding"}
