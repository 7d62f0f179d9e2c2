"""What every upstream promises, of those that speak HTTP: over TCP, a unix socket and a proxy."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from upstream_fakes import chunked, post, read_request, sized

from strictwire.model.protocols import Upstream, UpstreamRequest
from strictwire.net.upstream import HttpUpstream, UnixConnector
from strictwire.net.upstream.proxied import ProxiedUpstream
from upstream_stage import LARGE_BYTES, Ability, Answer
from upstream_suite import check_upstream

CAN: frozenset[Ability] = frozenset({"silent", "large", "backpressure"})
HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
PIECE = b"10000\r\n" + bytes(65_536) + b"\r\n"
# Far below the bound of a check: a released reply that does not end is waited for so long.
GRACE_S = 0.05


class FarSide:
    """A server that does what the body of each request says."""

    def __init__(self) -> None:
        self.working: set[asyncio.StreamWriter] = set()
        self.stuck = asyncio.Event()
        self._visits: set[asyncio.Task[None]] = set()

    async def visit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._visits.add(task)
        try:
            while True:
                _, body = await read_request(reader)
                self.working.add(writer)
                await self._answer(json.loads(body), reader, writer)
                self.working.discard(writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.working.discard(writer)
            self._visits.discard(task)
            writer.transport.abort()

    def strike(self) -> None:
        for writer in self.working:
            writer.transport.abort()

    async def stop(self) -> None:
        visits = tuple(self._visits)
        for visit in visits:
            visit.cancel()
        if visits:
            await asyncio.wait(visits)

    async def _answer(
        self, asked: dict[str, object], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        match asked["answer"]:
            case "short":
                writer.write(chunked(b"mark ", str(asked["mark"]).encode()))
            case "refusal":
                writer.write(sized(b"no", status=b"400 Bad Request"))
            case "large":
                writer.write(sized(bytes(4 * LARGE_BYTES)))
            case "slow":
                if not await reader.read(1):
                    raise ConnectionResetError
            case "endless":
                await self._go_on(writer)
        await writer.drain()

    async def _go_on(self, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD)
        while True:
            writer.write(PIECE)
            await asyncio.sleep(0)  # uvloop writes at the end of a turn
            await asyncio.sleep(0)
            if writer.transport.get_write_buffer_size() > 0:  # the kernel takes no more
                self.stuck.set()
            await writer.drain()


class _HttpStage:
    can = CAN
    places = 0
    upstream: Upstream

    def __init__(self) -> None:
        self.far_side = FarSide()
        self.stuck = self.far_side.stuck
        self.url = ""

    async def __aenter__(self) -> Self:
        self._server = await self.serve()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.upstream.close()
        self._server.close()
        await self.far_side.stop()

    async def serve(self) -> asyncio.Server:
        raise NotImplementedError

    async def _serve_tcp(self) -> asyncio.Server:
        server = await asyncio.start_server(self.far_side.visit, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        return server

    def asking(self, answer: Answer, *, mark: int = 1, padding_bytes: int = 0) -> UpstreamRequest:
        asked = {"answer": answer, "mark": mark, "padding": "x" * padding_bytes}
        return post(self.url + "/v1/chat/completions", json.dumps(asked).encode())

    def mark_of(self, body: bytes) -> int:
        told = re.fullmatch(rb"mark (\d+)", body)
        assert told is not None
        return int(told[1])

    async def at_work(self) -> int:
        return len(self.far_side.working)

    async def strike(self) -> None:
        self.far_side.strike()


class TcpStage(_HttpStage):
    async def serve(self) -> asyncio.Server:
        self.upstream = HttpUpstream(grace_s=GRACE_S)
        return await self._serve_tcp()


class UnixStage(_HttpStage):
    async def serve(self) -> asyncio.Server:
        self._folder = Path(tempfile.mkdtemp(prefix="strictwire-"))
        path = str(self._folder / "s")
        self.upstream = HttpUpstream(grace_s=GRACE_S, connector=UnixConnector(path))
        self.url = "http://engine"
        return await asyncio.start_unix_server(self.far_side.visit, path)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await super().__aexit__(kind, problem, traceback)
        shutil.rmtree(self._folder)


class ProxiedStage(_HttpStage):
    """The far side is the proxy itself, which answers for the server behind it."""

    async def serve(self) -> asyncio.Server:
        server = await self._serve_tcp()
        self.upstream = ProxiedUpstream(self.url, grace_s=GRACE_S)
        self.url = "http://model.example:81"
        return server


test_tcp = check_upstream(TcpStage, CAN)
test_proxied = check_upstream(ProxiedStage, CAN)
if sys.platform != "win32":
    test_unix = check_upstream(UnixStage, CAN)
