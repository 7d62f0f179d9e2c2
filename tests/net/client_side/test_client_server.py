"""Whole server processes: start, drain, stop, workers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from strictwire.net.client_side.internals import check_internals
from strictwire.net.client_side.listen import ServeError, bind_listeners
from strictwire.net.client_side.protocol import PushProtocol
from strictwire.net.client_side.server import StrictConfig, StrictServer, choose_http_protocol

SCRIPT = Path(__file__).with_name("client_server_app.py")
LONG_S = 60.0  # a drain that no test waits for


class Serving:
    """A server process, heard line by line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.port = 0
        self._writers: list[asyncio.StreamWriter] = []

    async def says(self) -> str:
        assert self.process.stdout is not None
        async with asyncio.timeout(20):
            return (await self.process.stdout.readline()).decode().strip()

    async def until_says(self, word: str) -> None:
        heard = []
        while (line := await self.says()) != word:
            heard.append(line)
            assert line, f"ended without saying {word!r}: {heard} {await self.errors()}"

    async def ready(self) -> None:
        word, port = (await self.says()).split()
        assert word == "ready"
        self.port = int(port)

    async def connect(self, path: str = "/") -> asyncio.StreamReader:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self._writers.append(writer)
        writer.write(b"GET %b HTTP/1.1\r\nhost: x\r\n\r\n" % path.encode())
        return reader

    async def pid(self) -> int:
        reader = await self.connect("/pid")
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
        return int(await reader.readexactly(length))

    async def exit_code(self) -> int:
        async with asyncio.timeout(20):
            return await self.process.wait()

    async def errors(self) -> str:
        assert self.process.stderr is not None
        return (await self.process.stderr.read()).decode()

    async def close(self) -> None:
        for writer in self._writers:
            writer.close()
            with contextlib.suppress(OSError):  # the server was first
                await writer.wait_closed()
        if self.process.returncode is None:
            self.process.kill()
        await self.process.communicate()


@pytest.fixture
async def launch() -> AsyncIterator[Any]:
    started: list[Serving] = []

    async def start(
        *, workers: int = 1, port: int = 0, drain_s: float = 1.0, fails: bool = False
    ) -> Serving:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(SCRIPT), str(workers), str(port), str(drain_s)),
            "fails" if fails else "starts",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # so that a test may do what a terminal does
        )
        started.append(Serving(process))
        return started[-1]

    yield start
    for serving in started:
        await serving.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("workers", [1, 2])
async def test_a_signal_drains_and_exits_with_0(
    launch: Any, workers: int, number: signal.Signals
) -> None:
    serving = await launch(workers=workers)
    await serving.ready()
    reader = await serving.connect()
    await reader.readuntil(b"data: open\n\n\r\n")
    serving.process.send_signal(number)
    assert await reader.read() == b"d\r\ndata: error\n\n\r\n0\r\n\r\n"
    await serving.until_says("closed")
    assert await serving.exit_code() == 0
    assert await serving.errors() == ""


async def test_an_interrupt_from_the_terminal_is_one_signal(launch: Any) -> None:
    # Long enough for the supervisor's SIGTERM to come in the middle of the drain.
    serving = await launch(workers=2, drain_s=1.2)
    await serving.ready()
    reader = await serving.connect()
    await reader.readuntil(b"data: open\n\n\r\n")
    os.killpg(serving.process.pid, signal.SIGINT)
    assert await reader.read() == b"d\r\ndata: error\n\n\r\n0\r\n\r\n"
    assert await serving.exit_code() == 0
    assert await serving.errors() == ""


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_second_signal_does_not_wait(launch: Any, workers: int) -> None:
    serving = await launch(workers=workers, drain_s=LONG_S)
    await serving.ready()
    reader = await serving.connect()
    await reader.readuntil(b"data: open\n\n\r\n")
    serving.process.send_signal(signal.SIGTERM)
    await serving.until_says("draining")
    serving.process.send_signal(signal.SIGTERM)
    try:
        rest = await reader.read()
    except ConnectionResetError:
        rest = b""
    assert rest == b""
    assert await serving.exit_code() == 0


async def test_a_draining_server_refuses_connections(launch: Any) -> None:
    serving = await launch(drain_s=LONG_S)
    await serving.ready()
    reader = await serving.connect()
    await reader.readuntil(b"data: open\n\n\r\n")
    idle_reader = await serving.connect("/pid")
    await idle_reader.readuntil(b"\r\n\r\n")
    serving.process.send_signal(signal.SIGTERM)
    await serving.until_says("draining")
    await idle_reader.read()  # closed
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", serving.port)


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_port_in_use_is_one_line(launch: Any, workers: int) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        serving = await launch(workers=workers, port=port)
        line = await serving.says()
        assert line.startswith(f"failed: cannot listen on 127.0.0.1:{port}: the port is already in")
        assert "--port" in line
        assert await serving.exit_code() == 2
        assert await serving.errors() == ""


async def test_workers_that_cannot_start_are_not_restarted(launch: Any) -> None:
    serving = await launch(workers=2, fails=True)
    assert (await serving.says()).startswith("failed: a worker did not start")
    assert await serving.exit_code() == 2
    assert "cannot start" in await serving.errors()


async def test_a_worker_that_dies_is_replaced(launch: Any) -> None:
    serving = await launch(workers=2)
    await serving.ready()
    seen = {await serving.pid()}
    reader = await serving.connect("/die")
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await reader.readuntil(b"\r\n")
    for _ in range(20):
        seen.add(await serving.pid())
    assert serving.process.pid not in seen
    serving.process.send_signal(signal.SIGTERM)
    assert await serving.exit_code() == 0


async def test_workers_end_when_the_supervisor_is_killed(launch: Any) -> None:
    serving = await launch(workers=2)
    await serving.ready()
    serving.process.kill()
    # Each worker drains and closes; then nobody holds the pipe any more.
    assert sorted([await serving.says() for _ in range(4)]) == ["closed"] * 2 + ["draining"] * 2
    assert await serving.says() == ""
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", serving.port)


@pytest.mark.parametrize(
    ("host", "port", "reason"),
    [
        ("127.0.0.1", 70_000, "a port is a number from 0 to 65535"),
        ("no.such.host.invalid", 80, "the host name cannot be resolved"),
        ("192.0.2.1", 0, "this machine has no such address"),  # RFC 5737: documentation
    ],
)
def test_what_cannot_be_bound_is_one_line(host: str, port: int, reason: str) -> None:
    with pytest.raises(ServeError) as caught:
        bind_listeners(host, port)
    assert str(caught.value) == f"cannot listen on {host}:{port}: {reason}"


def test_a_port_without_permission_is_one_line() -> None:
    limit = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    if os.geteuid() == 0 or not limit.exists() or int(limit.read_text()) == 0:
        pytest.skip("this user may bind every port")
    with pytest.raises(ServeError, match="no permission"):
        bind_listeners("127.0.0.1", 1)


# ---- in this process ----


async def test_a_server_without_drain_lets_replies_end() -> None:
    is_open = asyncio.Event()
    may_end = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        is_open.set()
        await may_end.wait()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    server = StrictServer(StrictConfig(app))
    [listener] = bind_listeners("127.0.0.1", 0)
    address = listener.getsockname()
    running = asyncio.create_task(server.serve([listener]))
    listener.listen()
    reader, writer = await asyncio.open_connection(*address)
    writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    await is_open.wait()
    signal.raise_signal(signal.SIGTERM)
    may_end.set()
    head = await reader.read()
    assert head.startswith(b"HTTP/1.1 204 ")
    assert b"\r\ndate: " in head
    assert b"\r\nserver: " not in head
    assert b"\r\nconnection: close" not in head or head.endswith(b"\r\n\r\n")
    await running
    writer.close()


def test_uvicorn_has_the_internals() -> None:
    assert check_internals() is None


def test_without_them_the_server_goes_the_slower_way(caplog: pytest.LogCaptureFixture) -> None:
    assert choose_http_protocol(None) is PushProtocol
    assert choose_http_protocol("uvicorn has no pipeline") == "h11"
    assert "uvicorn has no pipeline" in caplog.text


def test_changed_internals_are_named() -> None:
    class Protocol:
        def __init__(self, *arguments: object) -> None:
            self.pipeline: list[object] = []

    class Cycle:
        def __init__(self, scope: object, surprise: object) -> None:
            self.scope = scope

    missing = check_internals(Protocol, Cycle)
    assert missing is not None
    assert "HttpToolsProtocol._start_asgi_task" in missing
    assert "RequestResponseCycle.response_started" in missing
    assert "pipeline" not in missing
    assert "RequestResponseCycle.scope" not in missing


async def test_a_signal_ends_a_start_that_takes_long() -> None:
    """An application may load a model for minutes: Ctrl-C must not wait for that."""
    begun, outcome = asyncio.Event(), []

    class Slow:
        async def startup(self) -> None:
            begun.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                outcome.append("cancelled")
                raise

        async def close(self) -> None:
            outcome.append("closed")

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            raise AssertionError("nothing is served yet")

    server = StrictServer(StrictConfig(Slow()), lambda addresses: outcome.append("ready"))
    (sock,) = bind_listeners("127.0.0.1", 0)
    with sock:
        serving = asyncio.create_task(server.serve([sock]))
        await begun.wait()
        server.handle_exit(signal.SIGTERM, None)
        async with asyncio.timeout(10):
            await serving
    assert outcome == ["cancelled"]
