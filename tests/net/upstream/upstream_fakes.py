"""What the upstream tests share: a recorder of events, transports in memory, scripted servers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from strictwire.model.protocols import UpstreamRequest
from strictwire.net.upstream import Origin
from upstream_stage import Recorder as Recorder

URL = "http://127.0.0.1:9/v1/chat/completions"


class MemoryTransport(asyncio.Transport):
    """A socket without a socket. ``abort`` reports the loss on the next turn, as loops do."""

    def __init__(self, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self.protocol = protocol
        self.written = bytearray()
        self.unsent = 0
        self.is_paused = False
        self.is_gone = False
        protocol.connection_made(self)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def is_closing(self) -> bool:
        return self.is_gone

    def pause_reading(self) -> None:
        assert not self.is_gone
        assert not self.is_paused
        self.is_paused = True

    def resume_reading(self) -> None:
        assert not self.is_gone
        assert self.is_paused
        self.is_paused = False

    def abort(self) -> None:
        self.lose(None)

    def lose(self, error: Exception | None) -> None:
        if not self.is_gone:
            self.is_gone = True
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, error)

    # ---- the peer's side ----

    def receive(self, data: bytes) -> None:
        assert not self.is_paused
        if not self.is_gone:
            self.protocol.data_received(data)

    def receive_end(self) -> None:
        if not self.is_gone:
            self.protocol.eof_received()
            self.lose(None)


class MemoryConnector:
    """Hands out memory transports; ``gate`` holds connects back, ``error`` makes them fail."""

    def __init__(self) -> None:
        self.transports: list[MemoryTransport] = []
        self.origins: list[Origin] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.connects_begun = asyncio.Event()
        self.error: Exception | None = None

    async def connect(self, origin: Origin, factory: Callable[[], asyncio.Protocol]) -> object:
        self.origins.append(origin)
        self.connects_begun.set()
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        protocol = factory()
        self.transports.append(MemoryTransport(protocol))
        return protocol


Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(script: Script, **options: object) -> AsyncIterator[str]:
    """A scripted server on a free port of 127.0.0.1; yields its base URL. Ends its scripts."""
    tasks: set[asyncio.Task[None]] = set()

    async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await script(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(run, "127.0.0.1", 0, **options)  # type: ignore[arg-type]
    port = server.sockets[0].getsockname()[1]
    scheme = "https" if "ssl" in options else "http"
    try:
        yield f"{scheme}://127.0.0.1:{port}"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


async def read_request(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """One request's head and body."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    return head, await reader.readexactly(length)


def replying(*replies: bytes, then_close: bool = False) -> Script:
    """Answers the requests of each connection with these bytes, in order."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for reply in replies:
            await read_request(reader)
            writer.write(reply)
            await writer.drain()
        if then_close:
            writer.close()
            await writer.wait_closed()
        else:
            await reader.read()

    return script


def post(url: str = URL, body: bytes = b"{}") -> UpstreamRequest:
    return UpstreamRequest("POST", url, ((b"content-type", b"application/json"),), body)


def chunked(*pieces: bytes) -> bytes:
    framed = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + framed + b"0\r\n\r\n"


def sized(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    lines = [b"HTTP/1.1 " + status, b"content-length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body
