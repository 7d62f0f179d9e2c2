"""uvicorn's traps, mended in ``PushProtocol``: pipelining, malformed and endless requests."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from client_harness import GET, Stand, post

from strictwire.model.errors import CallerError
from strictwire.net.client_side import protocol as limits
from strictwire.net.client_side.protocol import PushProtocol
from strictwire.net.client_side.push import ClientGone

# ---- pipelining ----


async def test_pipelined_requests_are_answered_in_turn(push_stand: Stand) -> None:
    client = await push_stand.client(GET + post(b"two") + GET)
    first = await push_stand.exchange()
    first.start_stream()
    first.reply.write(b"data")
    await client.until(b"4\r\ndata\r\n")
    assert not push_stand.has_exchange
    first.reply.end()
    second = await push_stand.exchange()
    assert second.body == b"two"
    second.answer(b"2")
    third = await push_stand.exchange()
    third.answer(b"3")
    await client.until(b"0\r\n\r\n")
    assert (await client.whole())[2] == b"2"
    assert (await client.whole())[2] == b"3"


@pytest.mark.parametrize("queued", [1, 5])
async def test_a_client_that_pipelined_and_goes_away_ends_all(
    push_stand: Stand, queued: int
) -> None:
    client = await push_stand.client(post(b"live") + post(b"queued") * queued)
    live = await push_stand.exchange()
    live.start_stream()
    live.reply.write(b"data")
    await client.until(b"4\r\ndata\r\n")
    client.reset()
    assert await live.next_told() == "gone"
    await push_stand.until(lambda: not push_stand.state.tasks)
    assert not push_stand.has_exchange  # nothing was begun for nobody


@pytest.mark.parametrize("pipelined", [GET, post(bytes(100_000))])
async def test_a_request_pipelined_later_does_not_hide_the_disconnect(
    push_stand: Stand, pipelined: bytes
) -> None:
    client = await push_stand.client(GET)
    live = await push_stand.exchange()
    live.start_stream()
    await client.head()
    await client.send(pipelined)
    await push_stand.until(lambda: len(push_stand.protocols[0].pipeline) == 1)
    client.reset()
    assert await live.next_told() == "gone"


async def test_too_many_pipelined_requests_close_the_connection(push_stand: Stand) -> None:
    client = await push_stand.client(GET * (limits.MAX_PIPELINED_REQUESTS + 1))
    live = await push_stand.exchange()
    live.start_stream()
    await client.send(GET)
    assert await live.next_told() == "gone"
    await push_stand.until(lambda: not push_stand.state.connections)


async def test_too_many_pipelined_bytes_close_the_connection(push_stand: Stand) -> None:
    client = await push_stand.client(GET)
    live = await push_stand.exchange()
    writing = asyncio.create_task(client.send(post(bytes(limits.MAX_PIPELINED_BYTES + 1))))
    assert await live.next_told() == "gone"
    await asyncio.wait({writing})
    writing.exception()  # a reset, or nothing


# ---- malformed requests ----

MALFORMED = [
    b"garbage\r\n\r\n",
    b"GET / HTTP/1.1\r\nbad header\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost: x\r\ncontent-length: many\r\n\r\n",
    b"POST / HTTP/1.1\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n",
    b"GET /caf\xc3\xa9 HTTP/1.1\r\nhost: x\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS on a plain port
]


@pytest.mark.parametrize("data", MALFORMED)
async def test_a_malformed_request_gets_json(push_stand: Stand, data: bytes) -> None:
    client = await push_stand.client(data)
    status, error = await client.refusal()
    assert (status, error["code"]) == (400, "malformed_request")
    assert error["type"] == "invalid_request_error"
    assert not push_stand.has_exchange


async def test_nothing_of_a_malformed_request_is_logged(
    push_stand: Stand, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client = await push_stand.client(b"GET / HTTP/1.1\r\nauthorization sk-dummy\r\n\r\n")
    await client.refusal()
    assert "sk-dummy" not in caplog.text


async def test_garbage_behind_a_request_waits_until_its_reply_ended(push_stand: Stand) -> None:
    client = await push_stand.client(GET)
    live = await push_stand.exchange()
    live.start_stream()
    await client.head()
    await client.send(GET + b"garbage\r\n\r\n" + b"more garbage")
    live.reply.write(b"data")
    await client.until(b"4\r\ndata\r\n")
    live.reply.end()
    await client.until(b"0\r\n\r\n")
    (await push_stand.exchange()).answer(b"queued")
    assert (await client.whole())[2] == b"queued"
    assert (await client.refusal())[0] == 400
    assert live.told == []


async def test_the_disconnect_is_seen_after_garbage(push_stand: Stand) -> None:
    client = await push_stand.client(GET + b"garbage\r\n\r\n")
    live = await push_stand.exchange()
    live.start_stream()
    await client.head()
    await client.send(b"more garbage")
    client.reset()
    assert await live.next_told() == "gone"


CHUNKED_POST = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"


async def test_a_malformed_body_is_the_reply_to_its_request(push_stand: Stand) -> None:
    client = await push_stand.client(CHUNKED_POST + b"3\r\nabc\r\nnot hexadecimal\r\n")
    assert (await client.refusal())[0] == 400
    await push_stand.until(lambda: not push_stand.state.tasks)
    assert [type(error) for error in push_stand.app_errors] == [ClientGone]


async def test_a_malformed_body_of_a_queued_request_waits_its_turn(push_stand: Stand) -> None:
    client = await push_stand.client(GET + CHUNKED_POST + b"3\r\nabc\r\nnot hexadecimal\r\n")
    (await push_stand.exchange()).answer(b"first")
    assert (await client.whole())[2] == b"first"
    assert (await client.refusal())[0] == 400
    assert not push_stand.has_exchange


async def test_a_reply_that_began_outlives_its_malformed_body(push_stand: Stand) -> None:
    received: asyncio.Queue[str] = asyncio.Queue()

    async def answer_early(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-type", b"text/plain")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        while (message := await receive())["type"] == "http.request":
            received.put_nowait(message["type"])
        await send({"type": "http.response.body", "body": b"still here"})

    push_stand.app = answer_early
    client = await push_stand.client(CHUNKED_POST + b"3\r\nabc\r\n")
    _, headers = await client.head()
    assert headers["connection"] == "close"
    await received.get()
    await client.send(b"not hexadecimal\r\n")
    assert await client.rest() == b"a\r\nstill here\r\n0\r\n\r\n"


# ---- heads ----


async def test_an_over_long_header_is_refused(push_stand: Stand) -> None:
    head = b"GET / HTTP/1.1\r\nhost: x\r\nlong: "
    client = await push_stand.client(head + b"a" * limits.MAX_HEAD_BYTES + b"\r\n\r\n")
    status, error = await client.refusal()
    assert (status, error["code"]) == (431, "request_head_too_large")
    assert str(limits.MAX_HEAD_BYTES) in error["message"]


async def test_an_endless_header_is_refused(push_stand: Stand) -> None:
    client = await push_stand.client(b"GET / HTTP/1.1\r\nhost: x\r\nlong: ")

    async def write_forever() -> None:
        while True:
            await client.send(b"a" * 4096)

    writing = asyncio.create_task(write_forever())
    assert (await client.head())[0] == 431
    writing.cancel()
    await asyncio.wait({writing})
    assert not push_stand.has_exchange


async def test_an_over_long_request_line_is_refused(push_stand: Stand) -> None:
    client = await push_stand.client(b"GET /" + b"a" * limits.MAX_HEAD_BYTES + b" HTTP/1.1\r\n\r\n")
    assert (await client.refusal())[0] == 431


async def test_the_largest_head_is_served(push_stand: Stand) -> None:
    lines = b"".join(b"x-%d: %b\r\n" % (i, b"a" * 300) for i in range(limits.MAX_HEADERS - 1))
    assert 60_000 < len(lines) < limits.MAX_HEAD_BYTES
    client = await push_stand.client(b"GET / HTTP/1.1\r\nhost: x\r\n" + lines + b"\r\n")
    (await push_stand.exchange()).answer()
    assert (await client.whole())[0] == 200


async def test_too_many_headers_are_refused(push_stand: Stand) -> None:
    lines = b"x: y\r\n" * limits.MAX_HEADERS
    client = await push_stand.client(b"GET / HTTP/1.1\r\nhost: x\r\n" + lines + b"\r\n")
    assert (await client.refusal())[0] == 431


async def test_trailers_neither_grow_nor_join_the_headers(push_stand: Stand) -> None:
    client = await push_stand.client(CHUNKED_POST + b"3\r\nabc\r\n0\r\nauthorization: x\r\n\r\n")
    exchange = await push_stand.exchange()
    assert exchange.body == b"abc"
    assert b"authorization" not in dict(exchange.scope["headers"])
    exchange.answer()
    await client.whole()
    await client.send(CHUNKED_POST + b"3\r\nabc\r\n0\r\nlong: " + b"a" * 200_000)
    await client.send(b"a" * 200_000)
    assert (await client.head())[0] == 431


@pytest.mark.parametrize("data", [b"", b"\r\n", GET + b"GET / HT"])
async def test_a_head_that_does_not_come_closes(push_stand: Stand, data: bytes) -> None:
    push_stand.header_timeout_s = 0.05
    client = await push_stand.client(data)
    if data.startswith(GET):
        (await push_stand.exchange()).answer()
        assert (await client.whole())[0] == 200
        assert (await client.refusal())[1]["code"] == "request_head_timeout"
    else:
        assert await client.rest() == b""


async def test_half_a_head_gets_a_408(push_stand: Stand) -> None:
    push_stand.header_timeout_s = 0.05
    client = await push_stand.client(b"GET / HTTP/1.1\r\nhost")
    status, error = await client.refusal()
    assert (status, error["code"]) == (408, "request_head_timeout")


async def test_a_stream_outlives_the_time_for_a_head(push_stand: Stand) -> None:
    push_stand.header_timeout_s = 0.05
    client = await push_stand.client(GET)
    exchange = await push_stand.exchange()
    exchange.start_stream()
    await client.head()
    slow = await push_stand.client(b"GET /")  # its time ends after ours would have
    await slow.refusal()
    exchange.reply.write(b"data")
    await client.until(b"4\r\ndata\r\n")
    assert exchange.told == []


# ---- bodies ----


async def test_a_declared_length_over_the_limit_is_refused_unread(push_stand: Stand) -> None:
    push_stand.max_bytes = 10
    head = b"POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 11\r\n\r\n"
    client = await push_stand.client(head)
    status, headers, _ = await client.whole()  # and no 100 before it
    assert (status, headers["connection"]) == (413, "close")
    assert await client.rest() == b""
    [error] = push_stand.app_errors
    assert isinstance(error, CallerError)
    assert error.code == "request_too_large"
    assert "max_body_bytes" in error.message


async def test_a_refusal_survives_a_client_that_sends_on(stand: Stand) -> None:
    stand.max_bytes = 10
    client = await stand.client(CHUNKED_POST)
    # Without the half-open close, what is still unread would make the kernel send a reset,
    # which takes the reply from the client's buffer.
    if stand.protocol_class is PushProtocol:
        for _ in range(50):
            await client.send(b"10000\r\n" + bytes(0x10000) + b"\r\n")
    else:
        await client.send(b"20\r\n" + bytes(0x20) + b"\r\n")
    status, headers, _ = await client.whole()
    assert (status, headers["connection"]) == (413, "close")
    assert await client.rest() == b""


async def test_a_late_body_is_a_408(stand: Stand) -> None:
    stand.body_timeout_s = 0.01
    client = await stand.client(post(b"ten bytes.")[:-1])
    status, headers, _ = await client.whole()
    assert (status, headers["connection"]) == (408, "close")
    [error] = stand.app_errors
    assert isinstance(error, CallerError)
    assert error.code == "request_body_timeout"


async def test_a_client_that_leaves_during_its_body_is_gone(stand: Stand) -> None:
    client = await stand.client(post(b"ten bytes.")[:-1])
    await stand.until(lambda: bool(stand.state.tasks))
    await client.close()
    await stand.until(lambda: bool(stand.app_errors))
    assert isinstance(stand.app_errors[0], ClientGone)


async def test_expect_100_continue(stand: Stand) -> None:
    request = post(b"body", b"expect: 100-continue")
    client = await stand.client(request[:-4])
    assert await client.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    await client.send(b"body")
    exchange = await stand.exchange()
    assert exchange.body == b"body"
    exchange.answer()
    assert (await client.whole())[0] == 200


async def test_http_1_0_gets_no_100_continue(push_stand: Stand) -> None:
    client = await push_stand.client(post(b"body", b"expect: 100-continue", version=b"1.0"))
    (await push_stand.exchange()).answer()
    assert (await client.whole())[0] == 200


# ---- upgrades ----


@pytest.mark.parametrize("upgrade", [b"websocket", b"h2c"])
async def test_an_upgrade_is_answered_as_plain_http(push_stand: Stand, upgrade: bytes) -> None:
    extra = (b"connection: Upgrade, HTTP2-Settings", b"upgrade: " + upgrade)
    bodiless = b"\r\n".join([b"GET / HTTP/1.1", b"host: x", *extra, b"", b""])
    client = await push_stand.client(bodiless + GET)
    (await push_stand.exchange()).answer(b"one")
    (await push_stand.exchange()).answer(b"two")
    head_alone = post(b"body", *extra)[:-4]
    await client.send(head_alone)
    await client.send(b"body" + GET)
    exchange = await push_stand.exchange()
    assert exchange.body == b"body"
    exchange.answer(b"three")
    (await push_stand.exchange()).answer(b"four")
    bodies = [(await client.whole())[2] for _ in range(4)]
    assert bodies == [b"one", b"two", b"three", b"four"]


async def test_an_upgrade_with_a_body_that_cannot_be_framed_is_refused(push_stand: Stand) -> None:
    head = b"POST / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: h2c\r\n"
    client = await push_stand.client(head + b"transfer-encoding: gzip\r\n\r\nbody")
    assert (await client.refusal())[0] == 400
    assert not push_stand.has_exchange


# ---- applications that fail, or answer the ordinary way ----


async def test_an_application_that_raises_gives_a_json_500(
    push_stand: Stand, caplog: pytest.LogCaptureFixture
) -> None:
    content = "-".join(["sk", "dummy"])  # a traceback shows lines of code, and may

    async def fail(scope: Any, receive: Any, send: Any) -> None:
        raise ValueError(content)

    push_stand.app = fail
    client = await push_stand.client(GET)
    status, error = await client.refusal()
    assert (status, error["type"]) == (500, "server_error")
    assert "ValueError" in caplog.text
    assert "sk-dummy" not in caplog.text


async def test_an_application_that_raises_in_mid_stream_breaks_the_transfer(
    push_stand: Stand,
) -> None:
    async def fail(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise ValueError

    push_stand.app = fail
    client = await push_stand.client(GET)
    await client.head()
    assert await client.rest() == b"4\r\nhalf\r\n"


async def test_an_application_that_forgets_to_answer_gives_a_500(push_stand: Stand) -> None:
    async def forget(scope: Any, receive: Any, send: Any) -> None:
        return

    push_stand.app = forget
    client = await push_stand.client(GET)
    assert (await client.refusal())[0] == 500


async def test_plain_asgi_gets_no_chunks_over_http_1_0(push_stand: Stand) -> None:
    async def plain(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"one ", "more_body": True})
        await send({"type": "http.response.body", "body": b"two"})

    push_stand.app = plain
    client = await push_stand.client(b"GET / HTTP/1.0\r\n\r\n")
    _, headers = await client.head()
    assert "transfer-encoding" not in headers
    assert await client.rest() == b"one two"


async def test_plain_asgi_waits_for_a_slow_client(push_stand: Stand) -> None:
    piece = b"x" * 65_536
    sent = 0

    async def plain(scope: Any, receive: Any, send: Any) -> None:
        nonlocal sent
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(200):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            sent += 1
        await send({"type": "http.response.body", "body": b""})

    push_stand.app = plain
    client = await push_stand.client(b"GET / HTTP/1.0\r\n\r\n", receive_buffer=4096)
    await push_stand.until(lambda: bool(push_stand.protocols[0].flow.write_paused))
    assert sent < 200
    await client.head()
    assert len(await client.rest()) == 200 * len(piece)


async def test_a_cut_reply_without_framing_is_reset(push_stand: Stand) -> None:
    client = await push_stand.client(b"GET / HTTP/1.0\r\n\r\n")
    exchange = await push_stand.exchange()
    exchange.start_stream()
    exchange.reply.write(b"half")
    await client.until(b"half")
    exchange.reply.cut()
    with pytest.raises(ConnectionResetError):
        await client.rest()


async def test_a_body_shorter_than_declared_closes(push_stand: Stand) -> None:
    client = await push_stand.client(GET)
    exchange = await push_stand.exchange()
    exchange.reply.start(200, [(b"content-length", b"5")])
    exchange.reply.write(b"four")
    exchange.reply.end()
    await client.head()
    assert await client.rest() == b"four"


async def test_over_the_limit_of_connections_is_a_json_503() -> None:
    stand = Stand()
    stand.config_options = {"limit_concurrency": 1}
    await stand.start()
    try:
        client = await stand.client(GET)
        status, error = await client.refusal()
        assert (status, error["code"]) == (503, "overloaded")
    finally:
        await stand.stop()


# ---- uvicorn's bookkeeping goes on ----


async def test_an_idle_connection_is_closed_after_the_keep_alive_time() -> None:
    stand = Stand()
    stand.config_options = {"timeout_keep_alive": 0.01}
    await stand.start()
    try:
        client = await stand.client(GET)
        (await stand.exchange()).answer()
        await client.whole()
        assert await client.rest() == b""
        assert stand.state.total_requests == 1
    finally:
        await stand.stop()


async def test_a_shutdown_closes_idle_connections_and_lets_replies_end(push_stand: Stand) -> None:
    idle = await push_stand.client(GET)
    (await push_stand.exchange()).answer()
    await idle.whole()
    busy = await push_stand.client(GET + GET)
    exchange = await push_stand.exchange()
    exchange.start_stream()
    await busy.head()
    for protocol in push_stand.protocols:
        protocol.shutdown()
    assert await idle.rest() == b""
    exchange.reply.write(b"data")
    exchange.reply.end()
    assert await busy.rest() == b"4\r\ndata\r\n0\r\n\r\n"
    assert not push_stand.has_exchange


async def test_a_stalled_client_cannot_hold_a_closing_connection(push_stand: Stand) -> None:
    class Impatient(PushProtocol):
        __slots__ = ()
        flush_stall_s = 0.05

    push_stand.protocol_class = Impatient
    client = await push_stand.client(GET, receive_buffer=4096)
    exchange = await push_stand.exchange()
    exchange.start_stream()
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]
    while not exchange.reply.is_paused:
        exchange.reply.write(b"x" * 65_536)
        await asyncio.sleep(0)
    exchange.reply.end(close=True)
    async with asyncio.timeout(5):
        while push_stand.state.connections:
            await asyncio.sleep(0.01)
