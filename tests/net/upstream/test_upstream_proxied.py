"""``ProxiedUpstream`` through a small forward proxy on a real socket."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from upstream_fakes import Recorder, chunked, post, read_request, replying, serving, sized

from strictwire.model.errors import MisuseError
from strictwire.model.protocols import Upstream, UpstreamRequest
from strictwire.net.upstream import fetch
from strictwire.net.upstream.proxied import ProxiedUpstream

HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
URL = "http://model.example:81/v1/chat/completions"


@asynccontextmanager
async def proxied(*replies: bytes, then_close: bool = False) -> AsyncIterator[ProxiedUpstream]:
    """An upstream whose proxy answers every request by itself."""
    async with serving(replying(*replies, then_close=then_close)) as url:
        upstream = ProxiedUpstream(url, grace_s=0.05)
        try:
            yield upstream
        finally:
            await upstream.close()


async def exchange(upstream: Upstream) -> Recorder:
    events = Recorder()
    await upstream.send(post(URL), events)
    await events.over.wait()
    return events


async def test_the_request_as_the_proxy_sees_it() -> None:
    heads = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head, body = await read_request(reader)
        heads.append((head, body))
        writer.write(sized(b""))
        await reader.read()

    async with serving(proxy) as url:
        upstream = ProxiedUpstream(url)
        await exchange(upstream)
        await upstream.close()
    head, body = heads[0]
    lines = head.lower().split(b"\r\n")
    assert lines[0] == b"post http://model.example:81/v1/chat/completions http/1.1"
    assert b"host: model.example:81" in lines
    assert b"accept-encoding: identity" in lines
    assert b"content-length: 2" in lines
    assert body == b"{}"
    assert not any(line.startswith(b"user-agent") for line in lines)


@pytest.mark.parametrize(
    ("reply", "body"),
    [
        (chunked(b"abc", b"de"), b"abcde"),
        (b"HTTP/1.0 200 OK\r\n\r\nabc", b"abc"),
        (sized(gzip.compress(b"abc"), b"content-encoding: gzip"), b"abc"),
    ],
    ids=["chunked", "http/1.0", "gzip"],
)
async def test_a_reply(reply: bytes, body: bytes) -> None:
    async with proxied(reply, then_close=True) as upstream:
        events = await exchange(upstream)
    assert (events.status, events.body, events.error) == (200, body, None)
    assert events.order[-1] == "end"
    assert b"content-encoding" not in dict(events.headers)


@pytest.mark.parametrize(
    ("reply", "code", "phase"),
    [
        (b"", "upstream_closed", "before the first byte"),
        (HEAD + b"3\r\nab", "upstream_closed", "inside the body"),
        (sized(b"abc")[:-1], "upstream_closed", "inside the body"),
        (b"SSH-2.0-x\r\n\r\n", "upstream_protocol", ""),
        (HEAD + b"zz\r\n", "upstream_protocol", ""),
        (sized(b"abc", b"content-encoding: br"), "upstream_protocol", "content-encoding"),
        (sized(b"abc", b"content-encoding: gzip"), "upstream_protocol", "decompressed"),
    ],
    ids=["nothing", "chunk cut", "length cut", "not http", "bad chunk size", "br", "not gzip"],
)
async def test_a_broken_reply(reply: bytes, code: str, phase: str) -> None:
    async with proxied(reply, then_close=True) as upstream:
        events = await exchange(upstream)
    assert events.error is not None
    assert events.error.code == code
    assert phase in events.error.message


async def test_cancel_is_seen_by_the_proxy() -> None:
    gone = asyncio.Event()

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(HEAD + b"1\r\na\r\n")
        await reader.read()
        gone.set()

    async with serving(proxy) as url:
        upstream = ProxiedUpstream(url)
        events = Recorder()
        call = await upstream.send(post(URL), events)
        await events.until(lambda: events.body == b"a")
        call.cancel()
        await gone.wait()
        assert events.order == ["head", "body"]
        await upstream.close()


@pytest.mark.parametrize("event", ["head", "body"])
async def test_cancel_within_a_callback(event: str) -> None:
    async with proxied(chunked(b"a", b"b")) as upstream:
        events = Recorder()
        call = await upstream.send(post(URL), events)
        events.hooks[event] = call.cancel
        await events.until(lambda: event in events.order)
    # Closing has waited for the task.
    assert events.order[-1] == event


async def test_pause_holds_the_body_back() -> None:
    async with proxied(chunked(b"a"), chunked(b"b")) as upstream:
        events = Recorder()
        call = await upstream.send(post(URL), events)
        events.hooks["head"] = call.pause
        await events.until(lambda: "head" in events.order)
        assert (await exchange(upstream)).order[-1] == "end"  # meanwhile
        assert events.order == ["head"]
        call.resume()
        await events.over.wait()
        assert events.body == b"a"


async def test_release_keeps_the_connection_if_the_body_ends() -> None:
    async with serving(replying(chunked(b"a"), chunked(b"b"))) as url:
        upstream = ProxiedUpstream(url, grace_s=5)
        events = Recorder()
        call = await upstream.send(post(URL), events)
        events.hooks["head"] = call.pause
        await events.until(lambda: "head" in events.order)
        call.release()
        while upstream.call_count:
            await asyncio.sleep(0)
        assert events.order == ["head"]
        assert (await exchange(upstream)).body == b"b"
        await upstream.close()


async def test_release_ends_after_the_grace_time() -> None:
    gone = asyncio.Event()

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(HEAD + b"1\r\na\r\n")
        await reader.read()
        gone.set()

    async with serving(proxy) as url:
        upstream = ProxiedUpstream(url, grace_s=0.01)
        events = Recorder()
        call = await upstream.send(post(URL), events)
        await events.until(lambda: events.body == b"a")
        call.release()
        await gone.wait()
        assert events.order == ["head", "body"]
        await upstream.close()


async def test_close_tells_calls_under_way() -> None:
    events = Recorder()
    async with proxied(HEAD) as upstream:
        await upstream.send(post(URL), events)
        await events.until(lambda: "head" in events.order)
    assert events.error is not None
    assert events.error.code == "upstream_closed"
    with pytest.raises(MisuseError):
        await upstream.send(post(URL), events)


async def test_a_proxy_that_is_not_there() -> None:
    async with serving(replying()) as url:
        pass
    upstream = ProxiedUpstream(url.replace("http://", "http://user:secret@"))
    events = await exchange(upstream)
    assert events.error is not None
    assert events.error.code == "upstream_unreachable"
    assert "secret" not in events.error.message
    assert "model.example:81" in events.error.message
    await upstream.close()


async def test_fetch_through_a_proxy() -> None:
    async with proxied(sized(b"[1]")) as upstream:
        request = UpstreamRequest("GET", "http://model.example/v1/models")
        assert (await fetch(upstream, request, timeout_s=5, max_bytes=9)).body == b"[1]"


@pytest.mark.parametrize("url", ["secret", "gopher://secret", "http://h:secret"])
def test_a_bad_proxy_url_is_not_repeated(url: str) -> None:
    with pytest.raises(MisuseError) as caught:
        ProxiedUpstream(url)
    assert "secret" not in str(caught.value)
