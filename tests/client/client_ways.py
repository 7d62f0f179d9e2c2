"""Both clients, behind one way to ask, and a lab to ask in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from strictwire.cli.compose import build
from strictwire.client import (
    Answer,
    AsyncClient,
    Client,
    ClientError,
    Event,
    Reasoning,
    Refusal,
    Text,
    Timeouts,
    ToolCall,
)
from strictwire.config import load
from strictwire.lab.server import LabServer
from strictwire.net.client_side.listen import bind_listeners
from strictwire.net.client_side.server import StrictConfig, StrictServer
from strictwire.repairs import MODES

START_S = 10.0
# Short, since scenarios without a terminal are many; long enough for a tail that is under way.
QUICK = Timeouts(linger_s=0.15)


Options = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True)
class Heard:
    """What a caller had of one answer, and the error that ended it."""

    events: tuple[Event, ...] = ()
    error: ClientError | None = field(default=None, compare=False)

    @property
    def text(self) -> str:
        return "".join(event.text for event in self.events if isinstance(event, Text))

    @property
    def reasoning(self) -> str:
        return "".join(event.text for event in self.events if isinstance(event, Reasoning))

    @property
    def refusal(self) -> str:
        return "".join(event.text for event in self.events if isinstance(event, Refusal))

    @property
    def calls(self) -> list[ToolCall]:
        return [event for event in self.events if isinstance(event, ToolCall)]


class Way(Protocol):
    """``options`` are those of the client. Clients are kept: making one takes as long as a test."""

    def hear(self, base_url: str, *, options: Options | None = None, **asked: Any) -> Heard: ...

    def ask(self, base_url: str, *, options: Options | None = None, **asked: Any) -> Answer: ...

    def close(self) -> None: ...


class SyncWay:
    def __init__(self) -> None:
        self._clients: dict[str, Client] = {}

    def hear(self, base_url: str, *, options: Options | None = None, **asked: Any) -> Heard:
        events: list[Event] = []
        try:
            for event in self._client(base_url, options).stream(**asked):
                events.append(event)  # noqa: PERF402 - what came before an error counts
        except ClientError as error:
            return Heard(tuple(events), error)
        return Heard(tuple(events))

    def ask(self, base_url: str, *, options: Options | None = None, **asked: Any) -> Answer:
        return self._client(base_url, options).ask(**asked)

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def _client(self, base_url: str, options: Options | None) -> Client:
        key = repr((base_url, options))
        if key not in self._clients:
            self._clients[key] = Client(base_url, **{"timeouts": QUICK, **(options or {})})
        return self._clients[key]


class AsyncWay:
    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._clients: dict[str, AsyncClient] = {}

    def hear(self, base_url: str, *, options: Options | None = None, **asked: Any) -> Heard:
        return self.run(self.heard(base_url, options, **asked))

    def ask(self, base_url: str, *, options: Options | None = None, **asked: Any) -> Answer:
        told = self.run(self.answered(base_url, options, **asked))
        if isinstance(told, ClientError):
            raise told
        return told

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    async def heard(self, base_url: str, options: Options | None, **asked: Any) -> Heard:
        events: list[Event] = []
        try:
            async for event in self._client(base_url, options).stream(**asked):
                events.append(event)
        except ClientError as error:
            return Heard(tuple(events), error)
        return Heard(tuple(events))

    async def answered(
        self, base_url: str, options: Options | None, **asked: Any
    ) -> Answer | ClientError:
        try:
            return await self._client(base_url, options).ask(**asked)
        except ClientError as error:
            return error

    def close(self) -> None:
        async def close() -> None:
            for client in self._clients.values():
                await client.close()

        self._runner.run(close())
        self._runner.close()

    def _client(self, base_url: str, options: Options | None) -> AsyncClient:
        key = repr((base_url, options))
        if key not in self._clients:
            self._clients[key] = AsyncClient(base_url, **{"timeouts": QUICK, **(options or {})})
        return self._clients[key]


WAYS: dict[str, Callable[[], Way]] = {"sync": SyncWay, "async": AsyncWay}


@contextmanager
def lab_in_a_thread() -> Iterator[LabServer]:
    """A lab that a client of the same process may block on. Look at its log, call nothing else."""
    lab = LabServer()
    is_up = threading.Event()
    loop = asyncio.new_event_loop()
    over = asyncio.Event()

    async def serve() -> None:
        async with lab:
            is_up.set()
            await over.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    assert is_up.wait(START_S)
    try:
        yield lab
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(START_S)
        assert not thread.is_alive()
        loop.close()


@contextmanager
def gateway_in_a_thread(upstream: str) -> Iterator[str]:
    """The base URL of a gateway before ``upstream``."""
    text = f"linger_s: 0.15\ndrain_timeout: 1\nproviders: [{{name: lab, base_url: '{upstream}'}}]\n"
    settings = load(text, source="the test", environ={}, known_rules=MODES)
    server = StrictServer(StrictConfig(build(settings)))
    sockets = bind_listeners("127.0.0.1", 0)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets)), daemon=True)
    thread.start()
    wait_until(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{sockets[0].getsockname()[1]}/v1"
    finally:
        server.should_exit = True
        thread.join(START_S)
        assert not thread.is_alive()


def wait_until(is_so: Callable[[], bool]) -> None:
    end_s = time.monotonic() + START_S
    while not is_so():
        assert time.monotonic() < end_s
        time.sleep(0.005)
