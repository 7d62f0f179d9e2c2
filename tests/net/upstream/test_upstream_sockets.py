"""``HttpUpstream`` on real sockets, on asyncio's own loop and on uvloop."""

from __future__ import annotations

import asyncio
import functools
import gzip
import inspect
import os
import shutil
import socket
import ssl
import struct
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from upstream_fakes import (
    Recorder,
    chunked,
    post,
    read_request,
    replying,
    serving,
    sized,
)

from strictwire.model.errors import PeerError, UpstreamTimeout
from strictwire.model.protocols import UpstreamRequest
from strictwire.net.upstream import HttpUpstream, TlsSettings, fetch

if sys.platform == "win32":
    UVLOOP = None
else:
    UVLOOP = pytest.importorskip("uvloop").new_event_loop

HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
SEVERAL_READS = 4 * 1024 * 1024

Test = Callable[..., Awaitable[None]]


def on_both_loops(test: Test) -> Callable[..., None]:
    """Run an async test on a loop of each kind, within a bound of time."""

    def run(loop_kind: str, **arguments: object) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(10):
                await test(**arguments)

        factory = UVLOOP if loop_kind == "uvloop" else asyncio.SelectorEventLoop
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(bounded())

    functools.update_wrapper(run, test)
    parameters = test.__code__.co_varnames[: test.__code__.co_argcount]  # type: ignore[attr-defined]
    del run.__wrapped__  # type: ignore[attr-defined]
    run.__signature__ = _signature("loop_kind", *parameters)  # type: ignore[attr-defined]
    kinds = ["asyncio"] + ([] if UVLOOP is None else ["uvloop"])
    return pytest.mark.parametrize("loop_kind", kinds)(run)


def _signature(*names: str) -> object:
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Signature([inspect.Parameter(name, kind) for name in names])


async def exchange(upstream: HttpUpstream, url: str, body: bytes = b"{}") -> Recorder:
    events = Recorder()
    await upstream.send(post(url, body), events)
    await events.over.wait()
    return events


async def close(upstream: HttpUpstream) -> None:
    await upstream.close()
    assert upstream.open_count == upstream.idle_count == 0


REPLIES = {
    "chunked": (chunked(b"abc", b"de"), b"abcde", 1),
    "length": (sized(b"abc"), b"abc", 1),
    "until close": (b"HTTP/1.1 200 OK\r\n\r\nabc", b"abc", 0),
    "http/1.0": (b"HTTP/1.0 200 OK\r\n\r\nabc", b"abc", 0),
    "interim": (b"HTTP/1.1 100 Continue\r\n\r\n" + sized(b"abc"), b"abc", 1),
    "gzip": (sized(gzip.compress(b"abc"), b"content-encoding: gzip"), b"abc", 1),
    "two replies": (sized(b"abc") + sized(b"def"), b"abc", 0),
}


@pytest.mark.parametrize("name", REPLIES)
@on_both_loops
async def test_a_reply(name: str) -> None:
    reply, body, idle = REPLIES[name]
    upstream = HttpUpstream()
    async with serving(replying(reply, then_close=idle == 0)) as url:
        events = await exchange(upstream, url)
        assert (events.status, events.body, events.error) == (200, body, None)
        assert upstream.idle_count == idle
        await close(upstream)


@on_both_loops
async def test_a_large_body_both_ways() -> None:
    body = os.urandom(SEVERAL_READS)

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            _, received = await read_request(reader)
            writer.write(sized(received))
            await writer.drain()

    upstream = HttpUpstream()
    async with serving(echo) as url:
        for _ in range(2):
            events = await exchange(upstream, url, body)
            assert events.body == body
        assert upstream.open_count == 1
        await close(upstream)


@on_both_loops
async def test_a_refusal_before_the_request_is_read() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(sized(b"no", status=b"413 Content Too Large"))
        writer.write_eof()
        await asyncio.sleep(3600)  # never reads the rest

    upstream = HttpUpstream()
    async with serving(refuse) as url:
        events = await exchange(upstream, url, bytes(4 * SEVERAL_READS))
        assert (events.status, events.body) == (413, b"no")
        await close(upstream)


@on_both_loops
async def test_a_stale_connection_is_replaced() -> None:
    """The server closes each connection after its first reply, when the second request came."""
    count = 0

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        count += 1
        await read_request(reader)
        writer.write(sized(b"%d" % count))
        await read_request(reader)

    upstream = HttpUpstream()
    async with serving(script) as url:
        assert [(await exchange(upstream, url)).body for _ in range(3)] == [b"1", b"2", b"3"]
        await close(upstream)


@on_both_loops
async def test_a_reset_within_a_body() -> None:
    has_arrived = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nabc")
        await has_arrived.wait()
        at_once = struct.pack("ii", 1, 0)  # a close without waiting: a reset
        client = writer.get_extra_info("socket")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)

    upstream = HttpUpstream()
    async with serving(script) as url:
        events = Recorder()
        await upstream.send(post(url), events)
        await events.until(lambda: events.body == b"abc")
        has_arrived.set()
        await events.over.wait()
        assert events.error is not None
        assert events.error.code == "upstream_closed"
        await close(upstream)


@on_both_loops
async def test_cancel_is_seen_by_the_server_at_once() -> None:
    gone = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(HEAD + b"1\r\na\r\n")
        await reader.read()
        gone.set()

    upstream = HttpUpstream()
    async with serving(script) as url:
        events = Recorder()
        call = await upstream.send(post(url), events)
        await events.until(lambda: events.body == b"a")
        call.cancel()
        await gone.wait()
        assert events.order == ["head", "body"]
        await close(upstream)


@on_both_loops
async def test_release_keeps_or_closes() -> None:
    end_it = asyncio.Event()
    gone = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(HEAD + b"1\r\na\r\n")
        await end_it.wait()
        writer.write(b"0\r\n\r\n")
        await read_request(reader)
        writer.write(HEAD + b"1\r\nb\r\n")  # and no end
        await reader.read()
        gone.set()

    upstream = HttpUpstream(grace_s=0.1)
    async with serving(script) as url:
        first, second = Recorder(), Recorder()
        call = await upstream.send(post(url), first)
        await first.until(lambda: first.body == b"a")
        call.release()
        end_it.set()
        while not upstream.idle_count:
            await asyncio.sleep(0.001)
        call = await upstream.send(post(url), second)
        await second.until(lambda: second.body == b"b")
        call.release()
        await gone.wait()
        assert first.order == second.order == ["head", "body"]
        await close(upstream)


@on_both_loops
async def test_pause_bounds_what_is_read() -> None:
    is_stuck = asyncio.Event()
    piece = bytes(65536)

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(1024):
            writer.write(piece)
            await asyncio.sleep(0)  # uvloop writes at the end of a turn
            await asyncio.sleep(0)
            if writer.transport.get_write_buffer_size() > 0:  # the kernel takes no more
                is_stuck.set()
            await writer.drain()
        writer.close()

    upstream = HttpUpstream()
    async with serving(flood) as url:
        events = Recorder()
        call = await upstream.send(post(url), events)
        call.pause()
        await is_stuck.wait()
        assert events.order == []
        call.resume()
        await events.until(lambda: "body" in events.order)
        call.pause()
        count = len(events.pieces)
        await asyncio.sleep(0)
        assert len(events.pieces) == count
        call.resume()
        await events.over.wait()
        assert len(events.body) == 1024 * len(piece)
        await close(upstream)


@on_both_loops
async def test_a_refused_connect() -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        port = unheard.getsockname()[1]
        upstream = HttpUpstream()
        events = await exchange(upstream, f"http://127.0.0.1:{port}")
    assert isinstance(events.error, PeerError)
    assert (events.error.status, events.error.code) == (502, "upstream_unreachable")
    assert f"127.0.0.1:{port} cannot be reached (Connection refused)" in events.error.message
    await close(upstream)


@on_both_loops
async def test_an_unknown_name() -> None:
    upstream = HttpUpstream()
    events = await exchange(upstream, "http://strictwire.invalid/")
    assert events.error is not None
    assert events.error.code == "upstream_unreachable"
    assert "strictwire.invalid:80" in events.error.message
    await close(upstream)


@on_both_loops
async def test_a_connect_that_hangs_is_bounded_and_can_be_cancelled() -> None:
    """The server accepts and never speaks, so that a TLS handshake hangs."""
    begun: asyncio.Queue[bool] = asyncio.Queue()
    ended: asyncio.Queue[bool] = asyncio.Queue()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        begun.put_nowait(True)
        await reader.read()
        ended.put_nowait(True)

    async with serving(silent) as url:
        url = url.replace("http:", "https:")
        upstream = HttpUpstream(connect_timeout_s=0.05)
        events = await exchange(upstream, url)
        assert isinstance(events.error, UpstreamTimeout)
        await begun.get()
        await ended.get()
        patient = HttpUpstream()
        sending = asyncio.create_task(patient.send(post(url), Recorder()))
        await begun.get()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await ended.get()
        await close(upstream)
        await close(patient)


@on_both_loops
async def test_fetch() -> None:
    upstream = HttpUpstream()
    async with serving(replying(sized(b"[1]"), HEAD + b"b\r\nhello world\r\n")) as url:
        request = UpstreamRequest("GET", url + "/v1/models")
        fetched = await fetch(upstream, request, timeout_s=5, max_bytes=10)
        assert (fetched.status, fetched.body) == (200, b"[1]")
        assert upstream.idle_count == 1
        with pytest.raises(PeerError, match="larger"):
            await fetch(upstream, request, timeout_s=5, max_bytes=10)
        assert upstream.idle_count == 0
    async with serving(replying(HEAD)) as url:
        request = UpstreamRequest("GET", url + "/v1/models")
        with pytest.raises(UpstreamTimeout, match=r"0\.05 s"):
            await fetch(upstream, request, timeout_s=0.05, max_bytes=10)
    with pytest.raises(PeerError, match="cannot be reached"):
        await fetch(upstream, request, timeout_s=5, max_bytes=10)
    await close(upstream)


# ---- TLS ----


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("the openssl command is needed to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    made, key = folder / "certificate.pem", folder / "key.pem"
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(made)]
    subprocess.run(command, check=True, capture_output=True)
    return made, key


@on_both_loops
async def test_tls(certificate: tuple[Path, Path]) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    trusting = HttpUpstream(tls=TlsSettings(ca_file=str(certificate[0])))
    careless = HttpUpstream(tls=TlsSettings(is_insecure=True))
    doubting = HttpUpstream()
    replies = replying(chunked(b"abc"), sized(b"x" * 100_000))
    async with serving(replies, ssl=context) as url:
        for upstream in (trusting, careless):
            assert (await exchange(upstream, url)).body == b"abc"
            assert upstream.idle_count == 1
            assert len((await exchange(upstream, url)).body) == 100_000
            assert upstream.open_count == 1
        events = await exchange(doubting, url)
        assert events.error is not None
        assert events.error.code == "upstream_tls"
        assert "ca_file" in events.error.message
        for upstream in (trusting, careless, doubting):
            await close(upstream)


@on_both_loops
async def test_tls_with_pauses_loses_nothing_at_the_end(certificate: tuple[Path, Path]) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    upstream = HttpUpstream(tls=TlsSettings(is_insecure=True))
    body = os.urandom(SEVERAL_READS)
    reply = b"HTTP/1.1 200 OK\r\n\r\n" + body
    async with serving(replying(reply, then_close=True), ssl=context) as url:
        events = Recorder()
        call = await upstream.send(post(url), events)
        loop = asyncio.get_running_loop()

        def pause() -> None:
            call.pause()
            loop.call_later(0.001, call.resume)

        events.hooks["body"] = pause
        await events.over.wait()
        assert events.error is None
        assert events.body == body
        await close(upstream)


@on_both_loops
async def test_https_to_a_plain_port() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await reader.read()

    upstream = HttpUpstream()
    async with serving(answer) as url:
        events = await exchange(upstream, url.replace("http:", "https:"))
    assert events.error is not None
    assert events.error.code == "upstream_tls"
    await close(upstream)


@on_both_loops
async def test_a_peer_that_hangs_up_in_the_handshake() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)

    upstream = HttpUpstream()
    async with serving(hang_up) as url:
        events = await exchange(upstream, url.replace("http:", "https:"))
    assert events.error is not None
    assert events.error.code == "upstream_tls"
    await close(upstream)


def test_a_wrong_ca_file_shows_at_once() -> None:
    with pytest.raises(OSError):
        HttpUpstream(tls=TlsSettings(ca_file="/nowhere.pem"))
