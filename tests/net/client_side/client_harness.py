"""A server on a real socket whose replies the test writes itself, and a client of bare bytes.

The application hands each request to the test as an ``Exchange`` and then waits; the test calls
the reply's methods and awaits what the reply tells, so that every order of events is a dialogue.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from strictwire.model.errors import CallerError
from strictwire.net.client_side.body import read_body
from strictwire.net.client_side.protocol import PushProtocol
from strictwire.net.client_side.push import ClientGone, ClientReply, SendPush, client_reply

# "transport": PushProtocol and its own handle; "send": PushProtocol, but answered over plain
# ASGI; "foreign" and "h11": SendPush on uvicorn's own protocols, as on any other server.
KINDS = ("transport", "send", "foreign", "h11")

GET = b"GET /stream HTTP/1.1\r\nhost: x\r\n\r\n"
STREAM_HEADERS = [(b"content-type", b"text/event-stream")]


def post(body: bytes, *extra: bytes, version: bytes = b"1.1") -> bytes:
    lines = [b"POST /stream HTTP/" + version, b"host: x", b"content-length: %d" % len(body), *extra]
    return b"\r\n".join([*lines, b"", body])


class Exchange:
    """One request, its reply, and what the reply told, in order."""

    def __init__(self, scope: Any, reply: ClientReply, body: bytes) -> None:
        self.scope = scope
        self.reply = reply
        self.body = body
        self.told: list[str] = []
        self.returned = asyncio.Event()
        self._news: asyncio.Queue[str] = asyncio.Queue()

    def on_pause(self) -> None:
        self._tell("pause")

    def on_resume(self) -> None:
        self._tell("resume")

    def on_gone(self) -> None:
        self._tell("gone")

    def _tell(self, word: str) -> None:
        self.told.append(word)
        self._news.put_nowait(word)

    async def next_told(self) -> str:
        return await asyncio.wait_for(self._news.get(), 5)

    def start_stream(self) -> None:
        self.reply.start(200, STREAM_HEADERS)

    def answer(self, body: bytes = b"ok") -> None:
        self.reply.start(200, [(b"content-length", b"%d" % len(body))])
        self.reply.write(body)
        self.reply.end()


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @property
    def socket(self) -> Any:
        return self.writer.get_extra_info("socket")

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def until(self, mark: bytes) -> bytes:
        return await asyncio.wait_for(self.reader.readuntil(mark), 5)

    async def exactly(self, count: int) -> bytes:
        return await asyncio.wait_for(self.reader.readexactly(count), 5)

    async def rest(self) -> bytes:
        """All up to the end of the connection; a reset raises."""
        return await asyncio.wait_for(self.reader.read(), 5)

    async def head(self) -> tuple[int, dict[str, str]]:
        lines = (await self.until(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
        return int(lines[0].split(" ")[1]), headers

    async def whole(self) -> tuple[int, dict[str, str], bytes]:
        """A reply with a content-length."""
        status, headers = await self.head()
        return status, headers, await self.exactly(int(headers["content-length"]))

    async def refusal(self) -> tuple[int, dict[str, Any]]:
        """An error in OpenAI's shape, after which the connection closes."""
        status, headers, body = await self.whole()
        assert headers["content-type"] == "application/json"
        assert headers["connection"] == "close"
        assert await self.rest() == b""
        error = json.loads(body)["error"]
        assert set(error) == {"message", "type", "param", "code"}
        return status, error

    def reset(self) -> None:
        self.writer.transport.abort()

    async def close(self) -> None:
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except OSError:
            pass  # the server was first


class Stand:
    def __init__(self, kind: str = "transport") -> None:
        self.kind = kind
        self.app: Any = self._hand_over
        self.protocol_class: Any = {"foreign": HttpToolsProtocol, "h11": H11Protocol}.get(
            kind, PushProtocol
        )
        self.max_bytes = 10_000_000
        self.body_timeout_s = 5.0
        self.config_options: dict[str, Any] = {}
        self.header_timeout_s = 30.0
        self.state = ServerState()
        self.protocols: list[Any] = []
        self.app_errors: list[Exception] = []
        self._exchanges: asyncio.Queue[Exchange] = asyncio.Queue()
        self._clients: list[Client] = []
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        options = {"log_config": None, "ws": "none", "lifespan": "off", "interface": "asgi3"}
        config = Config(
            self._call, proxy_headers=False, access_log=False, **options, **self.config_options
        )
        config.load()

        def make_protocol() -> Any:
            config.header_timeout_s = self.header_timeout_s  # type: ignore[attr-defined]
            protocol = self.protocol_class(config, self.state, {})
            self.protocols.append(protocol)
            return protocol

        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(make_protocol, "127.0.0.1", 0)

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for client in self._clients:
            await client.close()
        for protocol in list(self.state.connections):
            protocol.transport.abort()
        async with asyncio.timeout(5):
            while self.state.connections or self.state.tasks:
                await asyncio.sleep(0)
        await self._server.wait_closed()

    async def client(self, data: bytes = b"", *, receive_buffer: int | None = None) -> Client:
        assert self._server is not None
        sock = socket.socket()
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(sock, self._server.sockets[0].getsockname())
        reader, writer = await asyncio.open_connection(sock=sock, limit=2**20)
        client = Client(reader, writer)
        self._clients.append(client)
        if data:
            await client.send(data)
        return client

    async def exchange(self) -> Exchange:
        """The next request that reached the application."""
        return await asyncio.wait_for(self._exchanges.get(), 5)

    @property
    def has_exchange(self) -> bool:
        return not self._exchanges.empty()

    async def until(self, is_true: Callable[[], bool]) -> None:
        """Let the loop run until something has come about."""
        async with asyncio.timeout(5):
            while not is_true():
                await asyncio.sleep(0)

    async def _call(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)

    async def _hand_over(self, scope: Any, receive: Any, send: Any) -> None:
        reply: ClientReply = (
            client_reply(scope, receive, send)
            if self.kind == "transport"
            else SendPush(scope, receive, send)
        )
        try:
            body = await read_body(
                receive,
                scope["headers"],
                max_bytes=self.max_bytes,
                timeout_s=self.body_timeout_s,
            )
        except ClientGone as gone:
            self.app_errors.append(gone)
            return
        except CallerError as error:
            self.app_errors.append(error)
            text = json.dumps({"error": {"message": error.message, "code": error.code}}).encode()
            reply.start(error.status, [(b"content-length", b"%d" % len(text))])
            reply.write(text)
            reply.end()
            await reply.finished()
            return
        exchange = Exchange(scope, reply, body)
        reply.attach(exchange)
        self._exchanges.put_nowait(exchange)
        await reply.finished()
        exchange.returned.set()
