"""``strictwire serve`` as a process with the demonstration model, and a client of its bare bytes.

``EngineGateway`` is the process; ``Reading`` is one request whose reply is read as it comes, with
the reports of its prompt kept apart. ``WAYS`` says how each dialect asks for a text, and by what
its tokens are known in the bytes.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from strictwire.config import DEMO_NAME

WAIT_S = 10.0
POLL_S = 0.005
PROGRESS = {"x-strictwire-prefill-progress": "comment"}
# Seconds of reading for the demonstration model, and left before their end.
LONG_WORDS = 20_000
ENDLESS_TOKENS = 30_000

# The likeliest tokens: at random the model may end its turn before it has said a word.
_SURE: dict[str, Any] = {"temperature": 0}
_COMMENT = re.compile(rb"^: prefill_progress (\{.*\})$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Way:
    """``body`` takes a prompt and the most tokens of its answer. ``token`` stands in each frame
    with text, ``error`` in the frame that ends a reply in an error."""

    path: str
    body: Callable[[str, int], dict[str, Any]]
    token: bytes
    error: bytes


def _messages(prompt: str, tokens: int) -> dict[str, Any]:
    return {**_SURE, "messages": [{"role": "user", "content": prompt}], "max_tokens": tokens}


WAYS: dict[str, Way] = {
    "chat": Way("/chat/completions", _messages, b'"delta":{"content":', b'data: {"error":'),
    "completions": Way(
        "/completions",
        lambda prompt, tokens: {**_SURE, "prompt": prompt, "max_tokens": tokens},
        b'"text":',
        b'data: {"error":',
    ),
    "responses": Way(
        "/responses",
        lambda prompt, tokens: {
            **_SURE,
            "input": prompt,
            "max_output_tokens": tokens,
            "store": False,
        },
        b"event: response.output_text.delta",
        b"event: response.failed",
    ),
    "messages": Way("/messages", _messages, b"event: content_block_delta", b"event: error"),
}


def prompt_of(words: int, name: str = "") -> str:
    """A prompt of about so many tokens; another name has nothing in common with it."""
    return f"{name} " + "weather " * words


class EngineGateway:
    """The process. ``child`` is the engine's."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._log = folder / "engine-gateway.log"
        command = [sys.executable, "-m", "strictwire", "serve", "--port", str(self.port)]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("STRICTWIRE_")}
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, *arguments], stdout=log, stderr=log, env=environment, cwd=folder
            )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def log(self) -> str:
        return self._log.read_text()

    def until_ready(self) -> None:
        deadline_s = time.monotonic() + WAIT_S
        while True:
            try:
                if httpx.get(f"http://127.0.0.1:{self.port}/ready").status_code == 200:
                    return
            except httpx.TransportError:
                pass
            assert self.process.poll() is None, self.log
            assert time.monotonic() < deadline_s, self.log
            time.sleep(POLL_S)

    def engine(self) -> dict[str, int]:
        """What the metrics tell of it: ``places``, ``busy_places``, ``waiting_requests`` …"""
        page = httpx.get(f"http://127.0.0.1:{self.port}/metrics").text
        told = re.findall(r"^strictwire_engine_([a-z_]+){provider=[^,}]*} (\S+)$", page, re.M)
        return {name: int(float(value)) for name, value in told}

    def child(self) -> int:
        """The process in which the model is; read from /proc."""
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        (child,) = [
            int(one)
            for one in listed.split()
            if b"strictwire.engine.child" in Path(f"/proc/{one}/cmdline").read_bytes()
        ]
        return child

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(WAIT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait(WAIT_S)


@contextmanager
def engine_gateway(folder: Path, *arguments: str) -> Iterator[EngineGateway]:
    gateway = EngineGateway(folder, *arguments)
    try:
        gateway.until_ready()
        yield gateway
    finally:
        gateway.stop()


class Reading:
    """One streamed request, under way in a task of its own; ``leave`` closes its connection."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        way: str,
        prompt: str,
        tokens: int,
        *,
        request_id: str = "",
        **fields: Any,
    ) -> None:
        self.way = WAYS[way]
        self.body = b""
        self.status = 0
        self._client = client
        self._headers = {**PROGRESS, **({"x-request-id": request_id} if request_id else {})}
        asked = {"model": DEMO_NAME, "stream": True, **self.way.body(prompt, tokens), **fields}
        self._news = asyncio.Event()
        self.task = asyncio.create_task(self._read(asked))

    @property
    def reports(self) -> list[dict[str, Any]]:
        return [json.loads(told) for told in _COMMENT.findall(self.body)]

    @property
    def places(self) -> list[int]:
        return [one["place"] for one in self.reports if "place" in one]

    @property
    def has_tokens(self) -> bool:
        return self.way.token in self.body

    @property
    def has_failed(self) -> bool:
        return self.way.error in self.body

    async def until(self, condition: Callable[[Reading], bool]) -> Reading:
        async with asyncio.timeout(WAIT_S):
            while not condition(self):
                assert not self.task.done(), self.body[-500:]
                self._news.clear()
                await self._news.wait()
        return self

    async def until_status(self, status: str) -> Reading:
        return await self.until(lambda it: any(one["status"] == status for one in it.reports))

    async def until_tokens(self) -> Reading:
        return await self.until(lambda it: it.has_tokens)

    async def whole(self) -> Reading:
        async with asyncio.timeout(WAIT_S):
            await self.task
        return self

    async def leave(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])

    async def _read(self, asked: dict[str, Any]) -> None:
        url = self.way.path
        try:
            async with self._client.stream("POST", url, json=asked, headers=self._headers) as reply:
                self.status = reply.status_code
                async for piece in reply.aiter_raw():
                    self.body += piece
                    self._news.set()
        finally:
            self._news.set()


def client_of(gateway: EngineGateway) -> httpx.AsyncClient:
    """A connection for each request, so that leaving one is closing one."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    return httpx.AsyncClient(base_url=gateway.url, timeout=WAIT_S, limits=limits)
