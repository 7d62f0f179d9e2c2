"""The soak of the embedded engine: requests of which most are left in the middle, and what remains.

It runs ``strictwire serve`` with the demonstration model and four places. How long a request is,
how it is read (streamed or whole) and where it is left comes from one seed. It is left in the line,
while its prompt is read, while it answers, or not at all; where it stands is asked of the gateway
(``GET /v1/requests/{id}``), so that whole replies are left as knowingly as streams. Afterwards no
place may be taken, the processes must be those from before, and neither they nor their descriptors
or memory may have become more.

Then the slots: with all places taken and one request in line, one that has a place is left. From
that moment until llama.cpp's first report on the one that waited, a slot became free. What must
not be at all raises ``BenchError``.
"""

from __future__ import annotations

import asyncio
import random
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import httpx

from bench.control import BenchError
from bench.gateways import Gateway
from bench.measure import open_descriptors, resident_bytes
from strictwire.config import DEMO_NAME

PLACES = 4
REQUESTS = 200
SLOT_TRIALS = 60
# More than the places, so that there is always a line; less than a line may hold.
_AT_ONCE = 10
# What grows once (pools, caches, what the allocators keep) has grown by then.
_WARM_UP_REQUESTS = 100
_SEED = 5
_BATCH = 128
# Prompts of two to twelve batches: a word is one token here.
_WORDS = (200, 1500)
_TOKENS = (50, 500)
# Read and answered for longer than a trial lasts.
_LONG_WORDS = 10_000
_LONG_TOKENS = 20_000
_POLL_S = 0.01
# llama.cpp closes a connection that was idle for 5 s.
_IDLE_S = 6.0
# Reached only when something hangs.
_STEP_TIMEOUT_S = 30.0
_ID = "x-request-id"
_HEADERS = {"x-strictwire-prefill-progress": "comment"}
# llama.cpp's first report on a request: it has a slot.
_BEGUN = re.compile(rb'"status":"(?:processing|done)"')

Where = Literal["queued", "processing", "answering", "over"]
# In the order in which a request goes through them.
WHERE: tuple[Where, ...] = ("queued", "processing", "answering", "over")
# As the gateway calls them: between the prompt's end and the first token a request is "done".
_STATUSES: dict[str, Where] = {
    "queued": "queued",
    "processing": "processing",
    "done": "processing",
    "answering": "answering",
}


@dataclass(frozen=True, slots=True)
class Ask:
    """One request. It is left as soon as it is where it says, or further; "over" means that it is
    not left."""

    name: str
    is_stream: bool
    words: int
    tokens: int
    leave: Where


@dataclass(slots=True)
class Soaked:
    """What came of it. ``left`` counts where requests were when they were left, those that were
    not left as "over". What has grown is of the gateway and its child together."""

    left: Counter[Where] = field(default_factory=Counter)
    slot_free_s: list[float] = field(default_factory=list)
    grown_bytes: int = 0
    grown_descriptors: int = 0


def asks(count: int, seed: int) -> list[Ask]:
    """The same ones for a seed, on every machine."""
    dice = random.Random(seed)
    return [
        Ask(
            name=f"soak-{seed}-{number}",
            is_stream=dice.random() < 0.5,
            words=dice.randint(*_WORDS),
            tokens=dice.randint(*_TOKENS),
            leave=dice.choices(WHERE, weights=(3, 3, 3, 1))[0],
        )
        for number in range(count)
    ]


def serve_engine(folder: Path, port: int, upstream_port: int) -> list[str]:
    """This tree's gateway with the model that comes along; no upstream of the bench is asked."""
    program = Path(sys.executable).parent / "strictwire"
    engine = ("--parallel", str(PLACES), "--prefill-batch", str(_BATCH))
    return [str(program), "serve", "--port", str(port), *engine]


def soak(gateway: Gateway, *, requests: int = REQUESTS, trials: int = SLOT_TRIALS) -> Soaked:
    """All of it, on a gateway that was just started by ``serve_engine``."""
    try:
        return asyncio.run(_run(gateway, requests, trials))
    except (TimeoutError, httpx.HTTPError) as problem:
        raise BenchError(f"the soak hangs or broke: {problem!r}") from problem


async def _run(gateway: Gateway, requests: int, trials: int) -> Soaked:
    soaked = Soaked()
    url = f"http://127.0.0.1:{gateway.port}"
    # A connection for each request: to leave is to close it. Looks share one.
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    async with (
        httpx.AsyncClient(base_url=url, timeout=_STEP_TIMEOUT_S, limits=limits) as client,
        httpx.AsyncClient(base_url=url, timeout=_STEP_TIMEOUT_S) as looker,
        _Watch(looker) as watch,
    ):
        await _ask_all(client, watch, asks(_WARM_UP_REQUESTS, _SEED + 1))
        before = await _rest(looker, gateway)
        soaked.left = await _ask_all(client, watch, asks(requests, _SEED))
        after = await _rest(looker, gateway)
        if after.pids != before.pids:
            raise BenchError(f"other processes after the soak: {before.pids} and {after.pids}")
        soaked.grown_descriptors = after.descriptors - before.descriptors
        soaked.grown_bytes = after.resident_bytes - before.resident_bytes
        for number in range(trials):
            soaked.slot_free_s.append(await _free_a_slot(client, watch, number))
    return soaked


class _Watch:
    """Where the open requests are, looked up over and over: one look for all of them."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._seen: dict[str, Where] = {}
        self._looked = asyncio.Condition()

    async def __aenter__(self) -> _Watch:
        self._looking = asyncio.create_task(self._look())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._looking.cancel()
        await asyncio.wait([self._looking])

    async def until(self, name: str, where: Where, reading: asyncio.Task[None]) -> Where:
        """Until the request is there, or further; where it is then. Raises what ``reading`` it
        raised, and ``BenchError`` if nothing comes of it."""
        async with asyncio.timeout(_STEP_TIMEOUT_S), self._looked:
            while not reading.done():
                now = self._seen.get(name)
                if now is not None and WHERE.index(now) >= WHERE.index(where):
                    return now
                if self._looking.done():
                    self._looking.result()
                await self._looked.wait()
        reading.result()
        return "over"

    async def _look(self) -> None:
        try:
            while True:
                told = await self._client.get("/v1/requests")
                self._seen = {one["id"]: _STATUSES[one["status"]] for one in told.json()["data"]}
                async with self._looked:
                    self._looked.notify_all()
                await asyncio.sleep(_POLL_S)
        finally:
            async with self._looked:
                self._looked.notify_all()


# ---- the soak ----


async def _ask_all(client: httpx.AsyncClient, watch: _Watch, many: list[Ask]) -> Counter[Where]:
    """Some at once, until all were asked; where each was when it was left."""
    left: Counter[Where] = Counter()
    waiting = iter(many)

    async def ask_on() -> None:
        for ask in waiting:
            left[await _ask(client, watch, ask)] += 1

    asking = [asyncio.create_task(ask_on()) for _ in range(_AT_ONCE)]
    try:
        await asyncio.gather(*asking)
    finally:
        for one in asking:
            one.cancel()
        await asyncio.wait(asking)
    return left


async def _ask(client: httpx.AsyncClient, watch: _Watch, ask: Ask) -> Where:
    reading = asyncio.create_task(_read(client, ask))
    try:
        return await watch.until(ask.name, ask.leave, reading)
    finally:
        reading.cancel()
        await asyncio.wait([reading])


async def _read(client: httpx.AsyncClient, ask: Ask) -> None:
    """One reply, to its end. No two prompts begin alike, so that none is found in a cache."""
    body = _body(ask.name, ask.words, ask.tokens, is_stream=ask.is_stream)
    reply = await client.post("/v1/chat/completions", json=body, headers={_ID: ask.name})
    if reply.status_code != 200 or '"error"' in reply.text:
        raise BenchError(f"{ask.name}: {reply.status_code} {reply.text[-200:]}")


def _body(name: str, words: int, tokens: int, *, is_stream: bool) -> dict[str, Any]:
    prompt = f"{name} " + "weather " * words
    return {
        "model": DEMO_NAME,
        "messages": [{"role": "user", "content": prompt}],
        "max_tokens": tokens,
        "ignore_eos": True,
        "stream": is_stream,
    }


# ---- the slots ----


class _Held:
    """A request that goes on until it is left."""

    def __init__(
        self, client: httpx.AsyncClient, name: str, words: int, *, is_stream: bool
    ) -> None:
        self._client = client
        self._name = name
        self._body = _body(name, words, _LONG_TOKENS, is_stream=is_stream)
        self._heard = b""
        self._news = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        path, headers = "/v1/chat/completions", {_ID: self._name, **_HEADERS}
        async with self._client.stream("POST", path, json=self._body, headers=headers) as reply:
            async for data in reply.aiter_raw():
                self._heard += data
                self._news.set()

    async def until(self, watch: _Watch, where: Where) -> None:
        if await watch.until(self._name, where, self._reading) == "over":
            raise BenchError(f"{self._name} was over too early: {self._heard[-200:]!r}")

    async def until_heard(self, pattern: re.Pattern[bytes]) -> None:
        async with asyncio.timeout(_STEP_TIMEOUT_S):
            while not pattern.search(self._heard):
                self._news.clear()
                await self._news.wait()

    async def leave(self) -> None:
        self._reading.cancel()
        await asyncio.wait([self._reading])


async def _free_a_slot(client: httpx.AsyncClient, watch: _Watch, number: int) -> float:
    """Seconds from leaving one of four requests until the one in line has its slot. The one that
    is left is by turns read or answered, a stream or a whole reply. The others answer: behind
    another's prompt llama.cpp may let a request stand still that has its slot."""
    is_stream, is_read = number % 2 == 0, number % 4 < 2
    name = f"slot-{number}"
    others = [_Held(client, f"{name}-{place}", 1, is_stream=True) for place in range(1, PLACES)]
    held = list(others)
    try:
        for other in others:
            await other.until(watch, "answering")
        left = _Held(client, f"{name}-left", _LONG_WORDS if is_read else 1, is_stream=is_stream)
        held.append(left)
        await left.until(watch, "processing" if is_read else "answering")
        waiting = _Held(client, f"{name}-next", 1, is_stream=True)
        held.append(waiting)
        await waiting.until(watch, "queued")
        left_s = time.perf_counter()
        await left.leave()
        await waiting.until_heard(_BEGUN)
        return time.perf_counter() - left_s
    finally:
        for one in held:
            await one.leave()


# ---- what remains ----


@dataclass(frozen=True, slots=True)
class _Rest:
    """The gateway and its child, while nobody asks anything."""

    pids: tuple[int, ...]
    descriptors: int
    resident_bytes: int


async def _rest(client: httpx.AsyncClient, gateway: Gateway) -> _Rest:
    """Once no place is taken, nobody waits and the idle connections between the two are closed."""
    deadline_s = time.monotonic() + _STEP_TIMEOUT_S
    while (busy := _busy((await client.get("/metrics")).text)) != (0, 0):
        if time.monotonic() > deadline_s:
            raise BenchError(f"{busy[0]} places are taken and {busy[1]} requests wait, for nobody")
        await asyncio.sleep(_POLL_S)
    await asyncio.sleep(_IDLE_S)
    pids = gateway.pids()
    return _Rest(tuple(pids), open_descriptors(pids), resident_bytes(pids))


def _busy(metrics: str) -> tuple[int, int]:
    """Places that are taken, and requests in line."""
    told = dict(re.findall(r"^(strictwire_engine_\w+){[^}]*} ([0-9.]+)$", metrics, re.MULTILINE))
    places = told["strictwire_engine_busy_places"], told["strictwire_engine_waiting_requests"]
    return int(float(places[0])), int(float(places[1]))
