"""A whole gateway in this process, on a real socket, and a client of bare bytes.

``Gateway`` is what ``strictwire serve`` runs, but for the signals. ``Peer`` is a connection to it;
``scripted`` is an upstream whose bytes the test writes itself.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from uvicorn.server import ServerState

from strictwire.cli.compose import build
from strictwire.config import Provider, Settings
from strictwire.net.application import Application
from strictwire.net.client_side.server import StrictConfig

WAIT_S = 10.0


@dataclass
class Heard:
    """One reply. ``is_whole``: its body ended as its framing promised."""

    status: int
    headers: dict[str, str]
    body: bytes = b""
    is_whole: bool = True

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        """The error object, whose shape is checked here for all tests."""
        error: dict[str, Any] = self.json["error"]
        assert set(error) == {"message", "type", "param", "code"}
        assert self.headers["content-type"] == "application/json"
        assert error["message"]
        return error

    @property
    def data(self) -> list[bytes]:
        """What stands behind ``data: `` in each frame of a stream."""
        lines = self.body.split(b"\n")
        return [line[6:] for line in lines if line.startswith(b"data: ")]

    @property
    def in_band_error(self) -> dict[str, Any]:
        (error,) = [json.loads(one)["error"] for one in self.data if b'"error"' in one]
        told: dict[str, Any] = error
        return told

    @property
    def text(self) -> str:
        """The content of choice 0, of a stream or of an object."""
        if not self.headers["content-type"].startswith("text/event-stream"):
            content: str = self.json["choices"][0]["message"]["content"]
            return content
        values = [json.loads(one) for one in self.data if one.startswith(b"{")]
        deltas = [value["choices"][0]["delta"] for value in values if value.get("choices")]
        return "".join(delta.get("content") or "" for delta in deltas)


class Peer:
    """One connection to the gateway."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def until(self, mark: bytes) -> bytes:
        return await asyncio.wait_for(self.reader.readuntil(mark), WAIT_S)

    async def head(self) -> Heard:
        lines = (await self.until(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines[1:] if line)
        return Heard(int(lines[0].split(" ")[1]), headers)

    async def hear(self, *, is_bodiless: bool = False) -> Heard:
        heard = await self.head()
        if not is_bodiless and heard.status != 204:
            await asyncio.wait_for(self._body(heard), WAIT_S)
        return heard

    async def _body(self, heard: Heard) -> None:
        try:
            if "content-length" in heard.headers:
                heard.body = await self.reader.readexactly(int(heard.headers["content-length"]))
            elif heard.headers.get("transfer-encoding") == "chunked":
                while size := int(await self.reader.readuntil(b"\r\n"), 16):
                    heard.body += (await self.reader.readexactly(size + 2))[:-2]
                await self.reader.readexactly(2)
            else:
                heard.body = await self.reader.read()
        except (asyncio.IncompleteReadError, ConnectionError):
            heard.is_whole = False

    async def is_closed(self) -> bool:
        """Whether the other side has nothing more to say."""
        try:
            return await asyncio.wait_for(self.reader.read(), WAIT_S) == b""
        except ConnectionError:
            return True

    def leave(self) -> None:
        self.writer.transport.abort()

    async def close(self) -> None:
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except OSError:
            pass


@dataclass
class Gateway:
    """``await Gateway(settings).start()``; ``ask`` opens a connection for one request."""

    settings: Settings
    # Another server's protocol in place of ours: then replies go over plain ASGI.
    protocol: Any = None
    peers: list[Peer] = field(default_factory=list)

    def make(self) -> Application:
        return build(self.settings)

    async def start(self) -> Gateway:
        self.app: Application = self.make()
        config = StrictConfig(self.app)
        config.load()
        await self.app.startup()
        self.state = ServerState()
        protocol = self.protocol or config.http_protocol_class
        self._server = await asyncio.get_running_loop().create_server(
            lambda: protocol(config, self.state, {}),
            "127.0.0.1",
            0,
        )
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        self._server.close()
        for peer in self.peers:
            await peer.close()
        await self.app.close()
        async with asyncio.timeout(WAIT_S):
            while self.state.connections or self.state.tasks:
                await asyncio.sleep(0)
        await self._server.wait_closed()

    async def peer(self, data: bytes = b"", *, receive_buffer: int | None = None) -> Peer:
        sock = socket.socket()
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self.port))
        peer = Peer(*await asyncio.open_connection(sock=sock))
        self.peers.append(peer)
        if data:
            await peer.send(data)
        return peer

    async def ask(
        self, method: str, path: str, *headers: str, body: bytes | None = None, host: str = ""
    ) -> Heard:
        peer = await self.peer(
            request(method, path, *headers, body=body, host=host or f"127.0.0.1:{self.port}")
        )
        heard = await peer.hear(is_bodiless=method == "HEAD")
        await peer.close()
        return heard

    async def chat(self, model: str, *headers: str, stream: bool = False, **fields: Any) -> Heard:
        body = chat_body(model, stream=stream, **fields)
        return await self.ask("POST", "/v1/chat/completions", *headers, body=body)

    async def is_well(self) -> bool:
        """Whether it still serves."""
        return (await self.ask("GET", "/health")).status == 200


def request(
    method: str, path: str, *headers: str, body: bytes | None = None, host: str = "127.0.0.1"
) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"host: {host}", *headers]
    if body is not None:
        lines += ["content-type: application/json", f"content-length: {len(body)}"]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b"")


def chat_body(model: str, **fields: Any) -> bytes:
    messages = [{"role": "user", "content": "hello"}]
    return json.dumps({"model": model, "messages": messages, **fields}).encode()


def chat_request(model: str, **fields: Any) -> bytes:
    return request("POST", "/v1/chat/completions", body=chat_body(model, **fields))


def settings_for(url: str, **options: Any) -> Settings:
    """Settings with one provider. ``provider`` holds that one's own."""
    own = options.pop("provider", {})
    for name in ("stream", "timeouts", "keepalive", "dialects"):
        if name in options:
            own.setdefault(name, options[name])
    return Settings(providers=(Provider(name="up", base_url=url, **own),), **options)


@asynccontextmanager
async def gateway_for(url: str, **options: Any) -> AsyncIterator[Gateway]:
    protocol = options.pop("protocol", None)
    gateway = await Gateway(settings_for(url, **options), protocol).start()
    try:
        yield gateway
    finally:
        await gateway.stop()


# ---- an upstream whose bytes the test writes ----


class Visit:
    """One connection at the scripted upstream."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []

    async def request(self) -> bytes:
        """Reads one request; returns its body."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        self.heads.append(head)
        self.bodies.append(await self.reader.readexactly(length))
        return self.bodies[-1]

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def until_left(self) -> None:
        """Returns when the gateway has closed its side."""
        try:
            while await self.reader.read(65_536):
                pass
        except ConnectionError:
            pass


@dataclass
class Scripted:
    url: str
    visits: list[Visit] = field(default_factory=list)


Script = Callable[[Visit], Awaitable[None]]


@asynccontextmanager
async def scripted(script: Script) -> AsyncIterator[Scripted]:
    """A server on a free port; each connection is given to ``script``, then closed."""
    tasks: set[asyncio.Task[None]] = set()
    upstream = Scripted("")

    async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        visit = Visit(reader, writer)
        upstream.visits.append(visit)
        try:
            await script(visit)
            writer.close()
            await writer.wait_closed()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(run, "127.0.0.1", 0)
    upstream.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield upstream
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


def sized(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", *headers]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def replying(reply: bytes) -> Script:
    """Answers every request of a connection alike."""

    async def script(visit: Visit) -> None:
        while True:
            await visit.request()
            await visit.send(reply)

    return script


GOOD_STREAM = (
    b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m","choices":'
    b'[{"index":0,"delta":{"role":"assistant","content":"fine"},"finish_reason":null}]}\n\n'
    b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m","choices":'
    b'[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    b"data: [DONE]\n\n"
)
