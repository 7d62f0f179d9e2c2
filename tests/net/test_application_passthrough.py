"""The pass-through on real sockets: bodies both ways, headers, routing, ends of every kind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from gateway_stand import (
    WAIT_S,
    Gateway,
    Visit,
    gateway_for,
    replying,
    request,
    scripted,
    sized,
)

from strictwire.config import Endpoints, Model, Provider, Secret, Settings, Timeouts

OK = sized(b'{"ok":true}', "content-type: application/json")
MEGABYTE = 1024 * 1024


@dataclass
class Stand:
    """A gateway, and what its upstream was sent."""

    gateway: Gateway
    visits: list[Visit]
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def heads(self) -> list[str]:
        return [head.decode("latin-1") for visit in self.visits for head in visit.heads]

    @property
    def bodies(self) -> list[bytes]:
        return [body for visit in self.visits for body in visit.bodies]


@asynccontextmanager
async def stand(reply: bytes = OK, **options: Any) -> AsyncIterator[Stand]:
    async with (
        scripted(replying(reply)) as upstream,
        gateway_for(upstream.url, **options) as gateway,
    ):
        yield Stand(gateway, upstream.visits)


# ---- what goes on ----


@pytest.mark.parametrize(
    ("method", "path", "target"),
    [
        ("POST", "/v1/images/generations", "/v1/images/generations"),
        ("POST", "/images/edits", "/v1/images/edits"),
        ("POST", "/v1/audio/speech", "/v1/audio/speech"),
        ("GET", "/v1/audio/voices?x=1&y=%20z", "/v1/audio/voices?x=1&y=%20z"),
        ("GET", "/v1/files", "/v1/files"),
        ("POST", "/v1/files", "/v1/files"),
        ("GET", "/v1/files?purpose=x&after=a%2Fb", "/v1/files?purpose=x&after=a%2Fb"),
        ("DELETE", "/v1/files/file-1", "/v1/files/file-1"),
        ("GET", "/v1/files/file%201/content", "/v1/files/file%201/content"),
        ("POST", "/v1/uploads", "/v1/uploads"),
        ("POST", "/v1/uploads/u-1/parts", "/v1/uploads/u-1/parts"),
        ("POST", "/v1/moderations", "/v1/moderations"),
        ("POST", "/rerank", "/v1/rerank"),
    ],
)  # fmt: skip
async def test_method_path_and_query_are_kept(method: str, path: str, target: str) -> None:
    async with stand() as here:
        body = b'{"model":"m"}' if method == "POST" else None
        heard = await here.gateway.ask(method, path, body=body)
        assert (heard.status, heard.json) == (200, {"ok": True})
        assert heard.headers["x-request-id"]
        (head,) = here.heads
        assert head.startswith(f"{method} {target} HTTP/1.1\r\n")
        assert here.bodies == [body or b""]


async def test_only_listed_headers_go_on_and_come_back() -> None:
    reply = sized(
        b"x",
        "content-type: audio/mpeg",
        "server: secret-box",
        "set-cookie: a=b",
        "x-internal-host: 10.0.0.1",
        "connection: keep-alive",
        "content-disposition: attachment",
        "x-ratelimit-remaining-requests: 7",
    )
    own = {"api_keys": (Secret("sk-dummy-up"),), "headers": (("x-team", Secret("blue")),)}
    keys = (Secret("sk-dummy-gateway"),)
    async with stand(reply, provider=own, api_keys=keys) as here:
        heard = await here.gateway.ask(
            "GET",
            "/v1/files/f/content",
            "authorization: Bearer sk-dummy-gateway",
            "cookie: session=1",
            "x-forwarded-for: 1.2.3.4",
            "range: bytes=0-1",
            "openai-beta: v2",
            "te: trailers",
        )
        assert heard.body == b"x"
        assert {"content-type", "content-disposition", "x-ratelimit-remaining-requests"} <= set(
            heard.headers
        )
        assert not {"server", "set-cookie", "x-internal-host"} & set(heard.headers)
        (head,) = here.heads
        told = head.lower()
        assert "authorization: bearer sk-dummy-up\r\n" in told
        assert "x-team: blue\r\n" in told
        assert "range: bytes=0-1\r\n" in told
        assert "openai-beta: v2\r\n" in told
        for name in ("sk-dummy-gateway", "cookie", "x-forwarded-for", "te: "):
            assert name not in told


# ---- bodies, both ways ----


async def read_upload(visit: Visit) -> int:
    """Reads one request whose body is chunked or counted, and returns the body's size."""
    head = await visit.reader.readuntil(b"\r\n\r\n")
    visit.heads.append(head)
    lines = head.lower().split(b"\r\n")
    lengths = [int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:")]
    size = 0
    if lengths:
        while size < lengths[0] and not visit.reader.at_eof():
            size += len(await visit.reader.read(min(65_536, lengths[0] - size)))
        return size
    while piece := int(await visit.reader.readuntil(b"\r\n"), 16):
        await visit.reader.readexactly(piece + 2)
        size += piece
    await visit.reader.readexactly(2)
    return size


@pytest.mark.parametrize("is_chunked", [False, True])
async def test_a_large_upload_goes_through_in_pieces(is_chunked: bool) -> None:
    sizes: list[int] = []

    async def script(visit: Visit) -> None:
        sizes.append(await read_upload(visit))
        await visit.send(OK)

    async with scripted(script) as upstream, gateway_for(upstream.url) as gateway:
        framing = "transfer-encoding: chunked" if is_chunked else f"content-length: {4 * MEGABYTE}"
        peer = await gateway.peer(
            b"POST /v1/files HTTP/1.1\r\nhost: localhost\r\ncontent-type: x/y\r\n%b\r\n\r\n"
            % framing.encode()
        )
        for _ in range(64):
            piece = b"z" * 65_536
            await peer.send(b"10000\r\n%b\r\n" % piece if is_chunked else piece)
        if is_chunked:
            await peer.send(b"0\r\n\r\n")
        assert (await peer.hear()).status == 200
        assert sizes == [4 * MEGABYTE]
        head = upstream.visits[0].heads[0].lower()
        assert (b"transfer-encoding: chunked" in head) is is_chunked
        assert (b"content-length: %d" % (4 * MEGABYTE) in head) is not is_chunked


async def test_an_upstream_that_takes_nothing_stops_the_client() -> None:
    release = asyncio.Event()

    async def script(visit: Visit) -> None:
        await release.wait()
        await read_upload(visit)
        await visit.send(OK)

    async with scripted(script) as upstream, gateway_for(upstream.url) as gateway:
        size = 64 * MEGABYTE
        peer = await gateway.peer(
            b"POST /v1/files HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n" % size
        )
        sent = 0
        try:
            while sent < size:
                await asyncio.wait_for(peer.send(b"z" * MEGABYTE), 0.5)
                sent += MEGABYTE
        except TimeoutError:
            pass
        assert sent < size // 2, "what nobody takes is not taken from the client either"
        release.set()
        peer.leave()


async def test_a_client_that_does_not_read_stops_the_upstream() -> None:
    written: list[int] = []

    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (64 * MEGABYTE))
        for _ in range(64):
            await visit.send(b"z" * MEGABYTE)
            written.append(MEGABYTE)

    async with scripted(script) as upstream, gateway_for(upstream.url) as gateway:
        peer = await gateway.peer(request("GET", "/v1/files/f/content"), receive_buffer=4096)
        await peer.until(b"\r\n\r\n")
        peer.reader._transport.pause_reading()  # type: ignore[attr-defined]
        for _ in range(50):
            before = len(written)
            await asyncio.sleep(0.02)
            if written and len(written) == before:
                break
        assert len(written) < 32
        peer.reader._transport.resume_reading()  # type: ignore[attr-defined]
        body = await asyncio.wait_for(peer.reader.readexactly(64 * MEGABYTE), WAIT_S)
        assert len(body) == 64 * MEGABYTE


async def test_a_stream_comes_through_as_it_is_made() -> None:
    go_on = asyncio.Event()

    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n")
        await go_on.wait()
        await visit.send(b"3\r\ntwo\r\n0\r\n\r\n")

    async with scripted(script) as upstream, gateway_for(upstream.url) as gateway:
        peer = await gateway.peer(request("POST", "/v1/audio/speech", body=b'{"model":"m"}'))
        await peer.until(b"one\r\n")
        go_on.set()
        assert await peer.until(b"0\r\n\r\n") == b"3\r\ntwo\r\n0\r\n\r\n"


# ---- ends ----


async def test_a_client_that_leaves_cancels_the_upstream_in_the_upload_and_in_the_reply() -> None:
    left = asyncio.Event()
    heads = asyncio.Event()

    async def script(visit: Visit) -> None:
        visit.heads.append(await visit.reader.readuntil(b"\r\n\r\n"))
        heads.set()
        if b"GET" in visit.heads[0]:
            await visit.send(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nx")
        await visit.until_left()
        left.set()

    async with scripted(script) as upstream, gateway_for(upstream.url) as gateway:
        upload = b"POST /v1/files HTTP/1.1\r\nhost: localhost\r\ncontent-length: 999999\r\n\r\n"
        for sent in (upload + b"z" * 70_000, request("GET", "/v1/files/f/content")):
            left.clear()
            heads.clear()
            peer = await gateway.peer(sent)
            await asyncio.wait_for(heads.wait(), WAIT_S)
            peer.leave()
            await asyncio.wait_for(left.wait(), WAIT_S)
        async with asyncio.timeout(WAIT_S):
            while gateway.app.service.open_exchanges:
                await asyncio.sleep(0)
        page = (await gateway.ask("GET", "/metrics")).body.decode()
        assert 'outcome="client_gone",provider="up",route="/files/{path}",status="200"} 1.0' in page
        assert 'outcome="client_gone",provider="up",route="/files",status="499"} 1.0' in page


async def test_a_reply_that_breaks_is_cut() -> None:
    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nx")

    async with scripted(script) as upstream, gateway_for(upstream.url) as gateway:
        heard = await gateway.ask("GET", "/v1/files/f/content")
        assert (heard.status, heard.is_whole) == (200, False)
        assert await gateway.is_well()


@pytest.mark.parametrize(
    ("reply", "status", "code"),
    [
        (sized(b'{"detail":"no sk-dummy-up here"}', status="401 No"), 401, None),
        (sized(b"<html><title>Bad</title>", status="502 Bad"), 502, None),
        (sized(b"", status="500 Oops"), 500, None),
        (sized(b"x" * 200_000, status="404 None"), 404, None),
        (sized(b"", "location: http://10.0.0.1/", status="302 Found"), 502, "upstream_malformed"),
        (b"garbage\r\n\r\n", 502, "upstream_protocol"),
        (b"", 502, "upstream_closed"),
    ],
)
async def test_errors_have_the_usual_shape(reply: bytes, status: int, code: str | None) -> None:
    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(reply)

    own = {"api_keys": (Secret("sk-dummy-up"),)}
    async with scripted(script) as upstream, gateway_for(upstream.url, provider=own) as gateway:
        heard = await gateway.ask("POST", "/v1/moderations", body=b'{"input":"x"}')
        assert (heard.status, heard.error["code"]) == (status, code)
        assert "sk-dummy-up" not in heard.error["message"]
        assert "location" not in heard.headers
        page = (await gateway.ask("GET", "/metrics")).body.decode()
        assert f'provider="up",route="/moderations",status="{status}"}} 1.0' in page


async def test_nobody_listens_there() -> None:
    async with gateway_for("http://127.0.0.1:9/v1") as gateway:
        heard = await gateway.ask("POST", "/v1/rerank", body=b"{}")
        assert (heard.status, heard.error["code"]) == (502, "upstream_unreachable")


@pytest.mark.parametrize(
    ("sends", "limit", "code"),
    [
        (b"", {"first_byte": 0.2}, "upstream_first_byte_timeout"),
        (b"HTTP/1.1 500 X\r\ncontent-length: 9\r\n\r\n", {"idle": 0.2}, "upstream_idle_timeout"),
        (b"", {"total": 0.2}, "upstream_total_timeout"),
    ],
)
async def test_each_phase_has_its_timeout(sends: bytes, limit: dict[str, float], code: str) -> None:
    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(sends)
        await visit.until_left()

    limits = Timeouts(**limit)
    async with scripted(script) as upstream, gateway_for(upstream.url, timeouts=limits) as gateway:
        heard = await gateway.ask("POST", "/v1/rerank", body=b"{}")
        assert (heard.status, heard.error["code"]) == (504, code)
        assert next(iter(limit)) in heard.error["message"]


async def test_a_body_that_does_not_come_is_a_408() -> None:
    async with stand(timeouts=Timeouts(request_body=0.2)) as here:
        for begin in (b"", b"z" * 70_000):  # within the look-ahead, and after it
            peer = await here.gateway.peer(
                b"POST /v1/files HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99999\r\n\r\n"
                + begin
            )
            heard = await peer.hear()
            assert (heard.status, heard.error["code"]) == (408, "request_body_timeout")


async def test_a_shutdown_ends_it_in_words() -> None:
    asked = asyncio.Event()

    async def script(visit: Visit) -> None:
        await visit.request()
        asked.set()
        await visit.until_left()

    async with scripted(script) as upstream, gateway_for(upstream.url) as gateway:
        peer = await gateway.peer(request("POST", "/v1/rerank", body=b"{}"))
        await asyncio.wait_for(asked.wait(), WAIT_S)
        await gateway.app.drain(0)
        heard = await peer.hear()
        assert (heard.status, heard.error["code"]) == (503, "shutting_down")


# ---- where it goes ----


@asynccontextmanager
async def several() -> AsyncIterator[tuple[Gateway, dict[str, Any]]]:
    """Three providers: ``a`` lists models with an alias, ``b`` lists one, ``c`` takes all."""
    async with (
        scripted(replying(sized(b'"a"'))) as a,
        scripted(replying(sized(b'"b"'))) as b,
        scripted(replying(sized(b'"c"'))) as c,
    ):
        listed = (Model(name="real-name", aliases=("alias",)),)
        providers = (
            Provider(name="a", base_url=a.url, models=listed),
            Provider(name="b", base_url=b.url, models=(Model(name="big"),)),
            Provider(name="c", base_url=c.url),
        )
        gateway = await Gateway(Settings(providers=providers)).start()
        try:
            yield gateway, {"a": a, "b": b, "c": c}
        finally:
            await gateway.stop()


@pytest.mark.parametrize(
    ("headers", "body", "provider", "sent"),
    [
        ((), b'{"model":"big","x":1.0}', "b", b'{"model":"big","x":1.0}'),
        ((), b'{"x": 1.0, "model": "alias"}', "a", b'{"x": 1.0, "model": "real-name"}'),
        ((), b'{"model":"else"}', "c", b'{"model":"else"}'),
        ((), b'{"x":1}', "c", b'{"x":1}'),
        (("x-strictwire-provider: b",), b'{"x":1}', "b", b'{"x":1}'),
        (("x-strictwire-provider: a",), b'{"model":"alias"}', "a", b'{"model":"real-name"}'),
    ],
)
async def test_the_provider_is_chosen(
    headers: tuple[str, ...], body: bytes, provider: str, sent: bytes
) -> None:
    async with several() as (gateway, upstreams):
        heard = await gateway.ask("POST", "/v1/images/generations", *headers, body=body)
        assert heard.json == provider
        (visit,) = upstreams[provider].visits
        assert visit.bodies == [sent]


async def test_an_alias_in_a_form_is_renamed_and_the_length_agrees() -> None:
    part = b'--b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n'
    body = part % (b"model", b"alias") + part % (b"file", b"z" * 200_000) + b"--b--\r\n"
    async with several() as (gateway, upstreams):
        head = (
            "POST /v1/audio/transcriptions HTTP/1.1\r\nhost: localhost\r\n"
            f"content-type: multipart/form-data; boundary=b\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        peer = await gateway.peer(head.encode() + body)
        assert (await peer.hear()).json == "a"
        (visit,) = upstreams["a"].visits
        assert visit.bodies == [body.replace(b"\r\nalias\r\n", b"\r\nreal-name\r\n")]


@pytest.mark.parametrize(
    ("headers", "body", "status", "code"),
    [
        (("x-strictwire-provider: nobody",), b"{}", 404, "provider_not_found"),
        (("x-strictwire-provider: b",), b'{"model":"alias"}', 404, "model_not_found"),
        ((), b'{"model":', 400, "invalid_json"),
        ((), b"[]", 400, "invalid_json"),
        ((), b'{"model":"a","model":"b"}', 400, "invalid_json"),
    ],
)
async def test_what_fits_nowhere_is_refused(
    headers: tuple[str, ...], body: bytes, status: int, code: str
) -> None:
    async with several() as (gateway, _):
        heard = await gateway.ask("POST", "/v1/images/generations", *headers, body=body)
        assert (heard.status, heard.error["code"]) == (status, code)


async def test_without_a_model_and_a_taker_of_all_it_must_be_named() -> None:
    listed = tuple(
        Provider(name=name, base_url="http://127.0.0.1:9/v1", models=(Model(name=name),))
        for name in ("a", "b")
    )
    gateway = await Gateway(Settings(providers=listed)).start()
    try:
        heard = await gateway.ask("GET", "/v1/files")
        assert (heard.status, heard.error["code"]) == (400, "provider_unclear")
        assert "X-Strictwire-Provider" in heard.error["message"]
    finally:
        await gateway.stop()


@pytest.mark.parametrize(
    "path", ["/v1/files/../chat", "/v1/files/%2e%2e/x", "/v1/files/a/..", "/v1/audio/."]
)
async def test_a_path_does_not_climb(path: str) -> None:
    async with stand() as here:
        heard = await here.gateway.ask("GET", path)
        assert (heard.status, heard.error["code"]) == (404, "unknown_path")
        assert not here.visits


# ---- switches ----


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("completions", "/v1/completions"),
        ("embeddings", "/v1/embeddings"),
        ("images", "/v1/images/generations"),
        ("audio", "/v1/audio/speech"),
        ("files", "/v1/files"),
        ("files", "/v1/uploads"),
        ("moderations", "/v1/moderations"),
        ("rerank", "/v1/rerank"),
    ],
)
async def test_an_endpoint_that_is_off_says_so(name: str, path: str) -> None:
    endpoints = Endpoints(**{name: False})
    async with stand(endpoints=endpoints) as here:
        heard = await here.gateway.ask("POST", path, body=b"{}")
        assert (heard.status, heard.error["code"]) == (404, "endpoint_off")
        assert f"endpoints.{name}" in heard.error["message"]
        assert not here.visits


async def test_keys_hold_here_too() -> None:
    async with stand(api_keys=(Secret("sk-dummy-gateway"),)) as here:
        assert (await here.gateway.ask("GET", "/v1/files")).status == 401
        assert not here.visits
