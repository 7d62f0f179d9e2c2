"""The pass-through between a hostile client and a hostile upstream: early answers, clients that
leave at every stage, paths and headers that want to be something else."""

from __future__ import annotations

import asyncio
import socket
import struct

import pytest
from gateway_stand import (
    WAIT_S,
    Gateway,
    Peer,
    Visit,
    gateway_for,
    replying,
    request,
    scripted,
    sized,
)

from strictwire.config import Model, Provider, Settings

MEGABYTE = 1024 * 1024
UPLOAD = b"POST /v1/files HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n" % (
    64 * MEGABYTE
)
TOO_LARGE = sized(
    b'{"error":{"message":"too big","type":"x","param":null,"code":"big"}}', status="413 Large"
)
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"


async def push(peer: Peer, *, until: int = 64 * MEGABYTE) -> None:
    """Sends until nobody takes it any more."""
    sent = 0
    try:
        while sent < until:
            await asyncio.wait_for(peer.send(b"z" * MEGABYTE), 0.5)
            sent += MEGABYTE
    except (TimeoutError, ConnectionError):
        pass


async def no_exchange_is_open(gateway: Gateway) -> None:
    async with asyncio.timeout(WAIT_S):
        while gateway.app.service.open_exchanges:
            await asyncio.sleep(0)


# ---- an upstream that answers before the upload ended ----


@pytest.mark.parametrize("closes", [False, True])
@pytest.mark.parametrize("interim", [b"", INTERIM])
@pytest.mark.parametrize("is_pushed", [False, True])
async def test_an_early_refusal_comes_through(
    closes: bool, interim: bytes, is_pushed: bool
) -> None:
    done = asyncio.Event()

    async def script(visit: Visit) -> None:
        await visit.reader.readuntil(b"\r\n\r\n")
        await visit.send(interim + TOO_LARGE)
        if not closes:
            await done.wait()

    async with scripted(script) as upstream, gateway_for(upstream.url) as gateway:
        peer = await gateway.peer(UPLOAD + b"z" * 70_000)
        pushing = asyncio.create_task(push(peer)) if is_pushed else None
        heard = await peer.hear()
        assert (heard.status, heard.error["code"]) == (413, "big")
        assert heard.headers["connection"] == "close"
        done.set()
        if pushing is not None:
            await pushing
        assert await gateway.is_well()


async def test_an_upstream_that_leaves_in_the_upload_is_seen_though_the_client_is_silent() -> None:
    async def script(visit: Visit) -> None:
        await visit.reader.readuntil(b"\r\n\r\n")

    async with scripted(script) as upstream, gateway_for(upstream.url) as gateway:
        heard = await (await gateway.peer(UPLOAD + b"z" * 70_000)).hear()
        assert (heard.status, heard.error["code"]) == (502, "upstream_closed")


async def test_a_reply_goes_on_beside_the_upload() -> None:
    async def script(visit: Visit) -> None:
        await visit.reader.readuntil(b"\r\n\r\n")
        await visit.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n")
        await visit.reader.readexactly(100_000)
        await visit.send(b"3\r\ntwo\r\n0\r\n\r\n")

    async with scripted(script) as upstream, gateway_for(upstream.url) as gateway:
        peer = await gateway.peer(
            b"POST /v1/files HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100000\r\n\r\n"
            + b"z" * 70_000
        )
        await peer.until(b"one\r\n")
        await peer.send(b"z" * 30_000)
        assert await peer.until(b"0\r\n\r\n") == b"3\r\ntwo\r\n0\r\n\r\n"


# ---- a client that leaves ----


async def test_a_client_that_leaves_while_it_waits_cancels_the_upstream() -> None:
    asked, left = asyncio.Event(), asyncio.Event()

    async def script(visit: Visit) -> None:
        await visit.request()
        asked.set()
        await visit.until_left()
        left.set()

    async with scripted(script) as upstream, gateway_for(upstream.url) as gateway:
        peer = await gateway.peer(request("POST", "/v1/rerank", body=b"{}"))
        await asyncio.wait_for(asked.wait(), WAIT_S)
        peer.leave()
        await asyncio.wait_for(left.wait(), WAIT_S)
        await no_exchange_is_open(gateway)


@pytest.mark.skipif(not hasattr(__import__("select"), "EPOLLRDHUP"), reason="Linux only")
@pytest.mark.parametrize("answers_early", [False, True])
async def test_a_client_that_resets_a_held_back_upload_is_seen(answers_early: bool) -> None:
    async def script(visit: Visit) -> None:
        await visit.reader.readuntil(b"\r\n\r\n")
        visit.writer.transport.pause_reading()  # type: ignore[attr-defined]
        if answers_early:
            await visit.send(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nx")
        await asyncio.Event().wait()

    async with scripted(script) as upstream, gateway_for(upstream.url) as gateway:
        peer = await gateway.peer(UPLOAD)
        await push(peer)
        assert gateway.app.service.open_exchanges == 1
        sock = peer.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.leave()
        await no_exchange_is_open(gateway)
        assert await gateway.is_well()


# ---- paths ----


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/v1/files/a%2Fb", "/v1/files/a%2Fb"),
        ("/files/a%ff%E4", "/v1/files/a%ff%E4"),
        ("/v1/files/%252e%252e/x", "/v1/files/%252e%252e/x"),
        ("/v1/files/x%20y+z?q=a%0D%0Ab", "/v1/files/x%20y+z?q=a%0D%0Ab"),
    ],
)
async def test_what_a_path_encodes_stays_encoded(path: str, target: str) -> None:
    async with (
        scripted(replying(sized(b"{}"))) as upstream,
        gateway_for(upstream.url) as gateway,
    ):
        assert (await gateway.ask("GET", path)).status == 200
        (visit,) = upstream.visits
        assert visit.heads[0].startswith(f"GET {target} HTTP/1.1\r\n".encode())


@pytest.mark.parametrize(
    "path", ["/v1/files/%00", "/v1/files/a%0d%0aX:1", "/v1/files/..%5c", "/v1/files/a%2f..%2fb"]
)
async def test_a_path_that_wants_out_is_refused(path: str) -> None:
    async with (
        scripted(replying(sized(b"{}"))) as upstream,
        gateway_for(upstream.url) as gateway,
    ):
        heard = await gateway.ask("GET", path)
        assert (heard.status, heard.error["code"]) == (404, "unknown_path")
        assert not upstream.visits


# ---- headers ----


async def test_a_length_beside_chunks_is_not_told() -> None:
    reply = (
        b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\ntransfer-encoding: chunked\r\n\r\n"
        b"2\r\nok\r\n0\r\n\r\n"
    )
    async with scripted(replying(reply)) as upstream, gateway_for(upstream.url) as gateway:
        heard = await gateway.ask("GET", "/v1/files/f/content")
        assert (heard.status, heard.body, heard.is_whole) == (200, b"ok", True)
        assert "content-length" not in heard.headers


async def test_a_clients_odd_header_value_is_no_fault_of_the_upstream() -> None:
    async with (
        scripted(replying(sized(b"{}"))) as upstream,
        gateway_for(upstream.url) as gateway,
    ):
        heard = await gateway.ask("GET", "/v1/files/f", "range: bytes=0-1\t", "te: trailers")
        assert heard.status == 200
        assert b"te:" not in upstream.visits[0].heads[0]


# ---- the model's name ----


async def test_a_key_in_escapes_is_the_same_key() -> None:
    async with scripted(replying(sized(b"{}"))) as upstream:
        listed = (Model(name="real", aliases=("alias",)),)
        providers = (Provider(name="up", base_url=upstream.url, models=listed),)
        gateway = await Gateway(Settings(providers=providers)).start()
        try:
            body = b'{"mod\\u0065l":"alias","x":1}'
            assert (await gateway.ask("POST", "/v1/rerank", body=body)).status == 200
            assert upstream.visits[0].bodies == [b'{"mod\\u0065l":"real","x":1}']
        finally:
            await gateway.stop()
