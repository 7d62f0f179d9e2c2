"""A stand for engines: the real child with the tiny model, and who asks it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from strictwire.engine import DEMO_MODEL, Engine, EnginePlan
from strictwire.engine.supervisor import Patience
from strictwire.model.errors import WireError
from strictwire.model.protocols import UpstreamCall, UpstreamRequest
from strictwire.net.upstream.connecting import UnixConnector
from strictwire.net.upstream.pool import HttpUpstream

# Its prefill takes about a millisecond a byte: slow enough to be caught in the middle of a prompt.
SLOW_MODEL = Path(__file__).parent / "data" / "markov.gguf"
URL = "http://engine"


def connect(path: str) -> HttpUpstream:
    return HttpUpstream(connector=UnixConnector(path), max_idle=0)


def make_plan(model: Path = DEMO_MODEL, **changes: Any) -> EnginePlan:
    usual = {"parallel": 2, "context": 8192, "prefill_batch": 64}
    return EnginePlan(name="tiny", model_path=model, model_name="tiny-demo", **(usual | changes))


@asynccontextmanager
async def running_engine(
    plan: EnginePlan | None = None, patience: Patience | None = None
) -> AsyncIterator[Engine]:
    engine = Engine(plan or make_plan(), connect, patience or Patience())
    try:
        await engine.start()
        yield engine
    finally:
        await engine.close()


def chat(content: str = "Hello", *, n: int = 1, **fields: Any) -> UpstreamRequest:
    """A streamed chat request; 8 tokens unless told otherwise."""
    body = {
        "messages": [{"role": "user", "content": content}],
        "stream": True,
        "return_progress": True,
        "max_tokens": 8,
        "temperature": 0,
        "n": n,
    } | fields
    return UpstreamRequest(
        "POST",
        f"{URL}/v1/chat/completions",
        ((b"content-type", b"application/json"),),
        json.dumps(body).encode(),
        places=n,
    )


def endless(content: str = "Hello", **fields: Any) -> UpstreamRequest:
    """A chat request whose answer takes longer than any test."""
    return chat(content, **({"max_tokens": 8000, "ignore_eos": True} | fields))


def get(path: str) -> UpstreamRequest:
    return UpstreamRequest("GET", URL + path)


class Asker:
    """The events of one request. ``seen`` tells them in order, each with what came with it."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, Any]] = []
        self.body = b""
        self.error: WireError | None = None
        self.over = asyncio.Event()
        self.call: UpstreamCall | None = None
        self._changed = asyncio.Event()

    # ---- UpstreamEvents ----

    def on_queued(self, place: int) -> None:
        self._see("queued", place)

    def on_head(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self._see("head", status)

    def on_body(self, data: bytes) -> None:
        self.body += data
        self._changed.set()

    def on_end(self) -> None:
        self._see("end", None)
        self.over.set()

    def on_error(self, error: WireError) -> None:
        self.error = error
        self._see("error", error.code)
        self.over.set()

    def _see(self, kind: str, what: Any) -> None:
        self.seen.append((kind, what))
        self._changed.set()

    # ---- what a test asks ----

    @property
    def places(self) -> list[int]:
        return [what for kind, what in self.seen if kind == "queued"]

    @property
    def chunks(self) -> list[dict[str, Any]]:
        """The whole events of the body so far."""
        events = self.body.split(b"\n\n")[:-1]
        return [json.loads(event[6:]) for event in events if event[:7] == b"data: {"]

    @property
    def progress(self) -> list[dict[str, int]]:
        return [chunk["prompt_progress"] for chunk in self.chunks if "prompt_progress" in chunk]

    @property
    def text(self) -> str:
        deltas = [choice["delta"] for chunk in self.chunks for choice in chunk["choices"]]
        return "".join(delta.get("content") or "" for delta in deltas)

    async def until(self, holds: Callable[[], object]) -> None:
        """Wait for what the events make true."""
        while not holds():
            self._changed.clear()
            await self._changed.wait()


async def begin(engine: Engine, request: UpstreamRequest) -> Asker:
    """Send it; its reply goes on by itself."""
    asker = Asker()
    asker.call = await engine.send(request, asker)
    return asker


async def ask(engine: Engine, request: UpstreamRequest) -> Asker:
    """Send it and wait for its end."""
    asker = await begin(engine, request)
    await asker.over.wait()
    return asker


async def wait(engine: Engine, request: UpstreamRequest) -> tuple[asyncio.Task[Asker], Asker]:
    """Send one that must stand in line; returns when it does."""
    asker = Asker()

    async def send() -> Asker:
        asker.call = await engine.send(request, asker)
        await asker.over.wait()
        return asker

    task = asyncio.create_task(send())
    await asker.until(lambda: asker.places)
    return task, asker


async def slots_at_work(engine: Engine) -> int:
    """How many of the child's slots are working, as it says itself."""
    asker = await ask(engine, get("/slots"))
    return sum(slot["is_processing"] for slot in json.loads(asker.body))


async def until_idle(engine: Engine) -> None:
    """Wait until the child's slots are free; the test's own limit bounds it."""
    while await slots_at_work(engine):
        await asyncio.sleep(0.01)
