"""A plain HTTP/1 client on a socket: what the lab's tests judge its bytes with."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field

from strictwire.lab.server import LabServer


@dataclass
class Heard:
    """One reply. ``is_complete`` says that the body ended as its framing promised."""

    status: int
    version: str
    headers: dict[str, str]
    body: bytes = b""
    pieces: list[bytes] = field(default_factory=list)
    is_complete: bool = True


def chat_request(
    model: str, *, close: bool = True, version: str = "1.1", **fields: object
) -> bytes:
    told = {"model": model, "messages": [], **fields}
    return json_request("/v1/chat/completions", told, close=close, version=version)


def json_request(path: str, value: object, *, close: bool = True, version: str = "1.1") -> bytes:
    body = json.dumps(value).encode()
    head = [
        f"POST {path} HTTP/{version}",
        "Host: lab",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    if close:
        head.append("Connection: close")
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


async def connect(server: LabServer) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", server.port)


async def ask(server: LabServer, request: bytes) -> Heard:
    reader, writer = await connect(server)
    try:
        writer.write(request)
        return await hear(reader)
    finally:
        writer.close()


async def hear(reader: asyncio.StreamReader, *, enough_bytes: int | None = None) -> Heard:
    """Reads one reply; stops early once ``enough_bytes`` of body came, for what never ends."""
    heard = await hear_head(reader)
    try:
        if heard.headers.get("transfer-encoding") == "chunked":
            await _hear_chunks(reader, heard, enough_bytes)
        else:
            await _hear_plain(reader, heard, enough_bytes)
    except (ConnectionError, asyncio.IncompleteReadError):
        heard.is_complete = False
    heard.body = b"".join(heard.pieces)
    return heard


async def hear_head(reader: asyncio.StreamReader) -> Heard:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    version, status, _ = lines[0].split(" ", 2)
    headers = dict(line.split(": ", 1) for line in lines[1:] if line)
    return Heard(int(status), version, headers)


async def _hear_chunks(
    reader: asyncio.StreamReader, heard: Heard, enough_bytes: int | None
) -> None:
    while enough_bytes is None or sum(map(len, heard.pieces)) < enough_bytes:
        line = await reader.readline()
        if not line:
            heard.is_complete = False
            return
        size = int(line, 16)
        heard.pieces.append(await reader.readexactly(size))
        assert await reader.readexactly(2) == b"\r\n"
        if not size:
            heard.pieces.pop()
            return
    heard.is_complete = False


async def _hear_plain(reader: asyncio.StreamReader, heard: Heard, enough_bytes: int | None) -> None:
    length = heard.headers.get("content-length")
    want = enough_bytes if enough_bytes is not None else int(length) if length else None
    came = 0
    while want is None or came < want:
        piece = await reader.read(65536 if want is None else want - came)
        if not piece:
            heard.is_complete = want is None
            return
        heard.pieces.append(piece)
        came += len(piece)
    heard.is_complete = enough_bytes is None
