"""A gateway in front of a chat server that the test drives, with a database of its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway_stand import Gateway, Heard, Visit, gateway_for, request, scripted, sized

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def chat_chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    value = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [choice],
    }
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def chunked(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


@dataclass
class ChatServer:
    """Answers ``/chat/completions`` with ``words``; while ``gate`` is clear it stops before the
    last of them. Every other path is one that it does not have."""

    words: list[str] = field(default_factory=lambda: ["one", " two", " three"])
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    refusal: bytes = b""

    async def __call__(self, visit: Visit) -> None:
        while True:
            body = await visit.request()
            path = visit.heads[-1].split(b" ")[1].decode()
            self.paths.append(path)
            if path != "/v1/chat/completions":
                await visit.send(sized(b'{"error":"no such path"}', status="404 Not Found"))
                continue
            self.asked.append(json.loads(body))
            if self.refusal:
                await visit.send(self.refusal)
                continue
            await self._answer(visit)

    async def _answer(self, visit: Visit) -> None:
        await visit.send(HEAD + chunked(chat_chunk({"role": "assistant", "content": ""})))
        for word in self.words[:-1]:
            await visit.send(chunked(chat_chunk({"content": word})))
        await self._until_open(visit)
        await visit.send(chunked(chat_chunk({"content": self.words[-1]})))
        await visit.send(chunked(chat_chunk({}, "stop") + b"data: [DONE]\n\n") + b"0\r\n\r\n")

    async def _until_open(self, visit: Visit) -> None:
        """Until the test lets it go on; a gateway that leaves before is noted."""
        if self.gate.is_set():
            return
        opened = asyncio.ensure_future(self.gate.wait())
        gone = asyncio.ensure_future(visit.reader.read(1))
        try:
            await asyncio.wait((opened, gone), return_when=asyncio.FIRST_COMPLETED)
            if gone.done() and not opened.done():
                self.left.set()
                raise ConnectionError
        finally:
            opened.cancel()
            gone.cancel()
            await asyncio.wait((opened, gone))

    @property
    def messages(self) -> list[tuple[str, str]]:
        """What the last request said: role and text of each message."""
        return [(one["role"], one["content"]) for one in self.asked[-1]["messages"]]


@dataclass
class Stand:
    gateway: Gateway
    server: ChatServer
    database: Path

    async def create(self, *headers: str, **fields: Any) -> Heard:
        body = {"model": "m", "input": "hello", **fields}
        return await self.gateway.ask(
            "POST", "/v1/responses", *headers, body=json.dumps(body).encode()
        )

    async def get(self, path: str, *headers: str) -> Heard:
        return await self.gateway.ask("GET", f"/v1/responses/{path}", *headers)

    async def post(self, path: str, *headers: str) -> Heard:
        return await self.gateway.ask("POST", f"/v1/responses/{path}", *headers, body=b"")

    async def delete(self, path: str, *headers: str) -> Heard:
        return await self.gateway.ask("DELETE", f"/v1/responses/{path}", *headers)

    async def until(self, response_id: str, *statuses: str, headers: tuple[str, ...] = ()) -> Any:
        """The response once it has one of these statuses."""
        async with asyncio.timeout(10):
            while True:
                heard = await self.get(response_id, *headers)
                if heard.json["status"] in statuses:
                    return heard.json
                await asyncio.sleep(0.01)


@asynccontextmanager
async def stand(folder: Path, *, is_open: bool = True, **options: Any) -> AsyncIterator[Stand]:
    server = ChatServer()
    if is_open:
        server.gate.set()
    database = folder / "kept.db"
    async with (
        scripted(server) as upstream,
        gateway_for(upstream.url, database=str(database), **options) as gateway,
    ):
        yield Stand(gateway, server, database)


def events_of(heard: Heard) -> list[dict[str, Any]]:
    return [json.loads(one) for one in heard.data if one != b"[DONE]"]


__all__ = ["ChatServer", "Stand", "chat_chunk", "chunked", "events_of", "request", "stand"]
