"""The bench's clients: open many streams, count what arrives by bytes, time first tokens.

Nothing is parsed: texts are counted by ``TEXT_MARK``, the end of a reply is its last HTTP chunk.
Times are of the monotonic clock, which all processes of one machine share.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Mapping
from typing import Any, cast

from bench import control
from bench.control import BenchError
from bench.streams import PATHS, TEXT_MARK, Dialect

_REQUEST_BODY_BYTES = 1024
_OPENING_AT_ONCE = 64  # below any sane listen backlog
_OPEN_TIMEOUT_S = 30.0
_REPLY_TIMEOUT_S = 30.0
_LAST_HTTP_CHUNK = b"0\r\n\r\n"
# Frames hold no CR, so this is chunk framing and nothing else, wherever a gateway put it.
_CHUNK_BORDER = re.compile(rb"\r\n[0-9a-fA-F]+\r\n")
_HEAD_EXCERPT_BYTES = 300
_QUOTE, _SPACE = TEXT_MARK
_END_MARKS: dict[Dialect, bytes] = {
    "chat": b"data: [DONE]",
    "responses": b"data: [DONE]",
    "messages": b"event: message_stop",
}


def render_request(port: int, model: str, dialect: Dialect = "chat") -> bytes:
    """A streaming request whose body is 1 kB."""
    padding = _REQUEST_BODY_BYTES - len(json.dumps(_ask(model, dialect, "")))
    body = json.dumps(_ask(model, dialect, "x" * padding)).encode()
    head = (
        f"POST {PATHS[dialect]} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n"
        f"content-type: application/json\r\naccept: text/event-stream\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _ask(model: str, dialect: Dialect, text: str) -> dict[str, Any]:
    ask: dict[str, Any] = {"model": model, "stream": True}
    if dialect == "responses":
        return ask | {"store": False, "input": text}
    messages = {"messages": [{"role": "user", "content": text}]}
    return ask | messages | ({"max_tokens": 1000} if dialect == "messages" else {})


class Tally:
    """What all counted streams received together."""

    def __init__(self) -> None:
        self.texts = 0
        self.ended = 0


class CountedStream(asyncio.Protocol):
    """One open stream; adds what arrives to the tally. ``begun`` resolves with the first text."""

    def __init__(self, request: bytes, tally: Tally) -> None:
        self._request = request
        self._tally = tally
        self._ends_in_quote = False
        self._head = b""
        self.begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's are no subclass of it
        self.transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        texts = data.count(TEXT_MARK)
        if self._ends_in_quote and data[0] == _SPACE:
            texts += 1  # the mark was cut in two
        self._ends_in_quote = data[-1] == _QUOTE
        self._tally.texts += texts
        if not self.begun.done():
            self._begin(data, has_text=texts > 0)
        elif data.endswith(_LAST_HTTP_CHUNK):
            self._tally.ended += 1

    def _begin(self, data: bytes, *, has_text: bool) -> None:
        self._head = (self._head + data)[:_HEAD_EXCERPT_BYTES]
        if has_text and self._head.startswith(b"HTTP/1.1 200"):
            self.begun.set_result(None)
        elif not b"HTTP/1.1 200".startswith(self._head[:12]):
            self._fail("unexpected reply")

    def connection_lost(self, exc: Exception | None) -> None:
        self._tally.ended += 1
        if not self.begun.done():
            self._fail("closed before the first text")

    def _fail(self, what: str) -> None:
        self.begun.set_exception(BenchError(f"{what}: {self._head!r}"))
        self.begun.exception()  # marks it as looked at: nobody may be waiting any more


class Exchange(asyncio.Protocol):
    """Whole replies, one after another, on one connection that stays open."""

    def __init__(self) -> None:
        self._reply: asyncio.Future[bytes] | None = None
        self._received = b""
        self.first_text_ns = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's are no subclass of it

    async def ask(self, request: bytes) -> bytes:
        """The whole reply as raw bytes; ``first_text_ns`` is how long its first text took."""
        self._received, self.first_text_ns = b"", 0
        self._reply = asyncio.get_running_loop().create_future()
        self._asked_ns = time.perf_counter_ns()
        self.transport.write(request)
        return await asyncio.wait_for(self._reply, _REPLY_TIMEOUT_S)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self.first_text_ns and TEXT_MARK in self._received:
            self.first_text_ns = time.perf_counter_ns() - self._asked_ns
        reply = self._reply
        if reply is None or reply.done():
            return
        if not b"HTTP/1.1 200".startswith(self._received[:12]):
            excerpt = self._received[:_HEAD_EXCERPT_BYTES]
            reply.set_exception(BenchError(f"unexpected reply: {excerpt!r}"))
        elif self._received.endswith(b"\n" + _LAST_HTTP_CHUNK):
            reply.set_result(self._received)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(BenchError("closed before the reply's end"))


class Load:
    """The commands that the bench gives; each is a coroutine of the same name."""

    def __init__(self) -> None:
        self._tally = Tally()
        self._streams: dict[str, CountedStream] = {}

    async def open(
        self, port: int, models: list[str], wait_for_text: bool, dialect: Dialect = "chat"
    ) -> dict[str, Any]:
        """Open a stream per model; the streams' marks are their model's last part."""
        gate = asyncio.Semaphore(_OPENING_AT_ONCE)
        async with asyncio.timeout(_OPEN_TIMEOUT_S):
            await asyncio.gather(
                *(
                    self._open_one(
                        gate, port, render_request(port, model, dialect), model, wait_for_text
                    )
                    for model in models
                )
            )
        return {"open": len(self._streams)}

    async def _open_one(
        self, gate: asyncio.Semaphore, port: int, request: bytes, model: str, wait_for_text: bool
    ) -> None:
        async with gate:
            _, stream = await asyncio.get_running_loop().create_connection(
                lambda: CountedStream(request, self._tally), "127.0.0.1", port
            )
            self._streams[model.rpartition(".")[2]] = stream
            if wait_for_text:
                await stream.begun

    async def count(self) -> dict[str, Any]:
        """Texts received so far by all streams, how many streams are over, and when that was so.

        A mark that HTTP's own framing cut in two is missed: one in thousands, and only flat out.
        """
        return {
            "texts": self._tally.texts,
            "ended": self._tally.ended,
            "at_ns": time.monotonic_ns(),
        }

    async def close(self) -> dict[str, Any]:
        """Drop all streams at once, and forget what was counted."""
        for stream in self._streams.values():
            stream.transport.abort()
        self._streams.clear()
        await asyncio.sleep(0)
        self._tally = Tally()
        return {}

    async def close_each(self, gap_s: float) -> dict[str, Any]:
        """Close the streams one by one; tells by mark when each was closed."""
        closed_ns = {}
        for mark, stream in self._streams.items():
            closed_ns[mark] = time.monotonic_ns()
            stream.transport.abort()
            await asyncio.sleep(gap_s)
        await self.close()
        return {"closed_ns": closed_ns}

    async def whole(self, port: int, model: str, dialect: Dialect = "chat") -> dict[str, Any]:
        """One whole reply: how many texts and end markers it had. What a Responses stream repeats
        after the deltas is not counted."""
        exchange = await _connect(port)
        try:
            reply = await exchange.ask(render_request(port, model, dialect))
        finally:
            exchange.transport.abort()
        reply = _CHUNK_BORDER.sub(b"", reply)
        told, _, _ = reply.partition(b"event: response.output_text.done")
        return {"texts": told.count(TEXT_MARK), "done": reply.count(_END_MARKS[dialect])}

    async def first_texts(self, ports: dict[str, int], model: str, requests: int) -> dict[str, Any]:
        """Time to the first text over each port in turn, on connections that stay open."""
        exchanges = {name: await _connect(port) for name, port in ports.items()}
        times_ns: dict[str, list[int]] = {name: [] for name in ports}
        try:
            for _ in range(requests):
                for name, exchange in exchanges.items():
                    await exchange.ask(render_request(ports[name], model))
                    times_ns[name].append(exchange.first_text_ns)
        finally:
            for exchange in exchanges.values():
                exchange.transport.abort()
        return {"times_ns": times_ns}


async def _connect(port: int) -> Exchange:
    _, exchange = await asyncio.get_running_loop().create_connection(Exchange, "127.0.0.1", port)
    return exchange


async def _make_handlers() -> Mapping[str, control.Handler]:
    load = Load()
    commands = (load.open, load.count, load.close, load.close_each, load.whole, load.first_texts)
    return {command.__name__: command for command in commands}


if __name__ == "__main__":
    control.serve(_make_handlers)
