"""openai-python over the pass-through: images, speech, transcriptions, files, moderations."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import openai
import pytest
from gateway_stand import Visit, gateway_for, scripted

AUDIO = bytes(range(256)) * 300
FILE = {
    "id": "file-1",
    "object": "file",
    "bytes": 3,
    "created_at": 1,
    "filename": "a.jsonl",
    "purpose": "batch",
    "status": "processed",
}
DELETED = {"id": "file-1", "object": "file", "deleted": True}
MODERATION = {"id": "modr-1", "model": "m", "results": [{"flagged": False}]}
IMAGES = {"created": 1, "data": [{"b64_json": "AAAA"}]}

# (method and path, the reply's content type, its body)
ANSWERS: dict[str, tuple[str, bytes]] = {
    "POST /v1/images/generations": ("application/json", json.dumps(IMAGES).encode()),
    "POST /v1/audio/speech": ("audio/mpeg", AUDIO),
    "POST /v1/audio/transcriptions": ("application/json", b'{"text":"hello"}'),
    "POST /v1/files": ("application/json", json.dumps(FILE).encode()),
    "GET /v1/files/file-1/content": ("application/octet-stream", AUDIO),
    "DELETE /v1/files/file-1": ("application/json", json.dumps(DELETED).encode()),
    "POST /v1/moderations": ("application/json", json.dumps(MODERATION).encode()),
    "POST /v1/images/edits": ("", b'{"detail":"no such model"}'),
}  # fmt: skip


async def whole_body(visit: Visit, head: str) -> bytes:
    if "transfer-encoding: chunked" not in head.lower():
        length = head.lower().partition("content-length: ")[2].partition("\r\n")[0]
        return await visit.reader.readexactly(int(length or 0))
    body = b""
    while size := int(await visit.reader.readuntil(b"\r\n"), 16):
        body += (await visit.reader.readexactly(size + 2))[:-2]
    await visit.reader.readexactly(2)
    return body


async def answer(visit: Visit) -> None:
    """A server that knows the paths above, and answers in chunks."""
    while True:
        head = (await visit.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        visit.bodies.append(await whole_body(visit, head))
        content_type, body = ANSWERS[head.partition(" HTTP/1.1")[0]]
        status = "200 OK" if content_type else "404 No"
        await visit.send(
            f"HTTP/1.1 {status}\r\ncontent-type: {content_type or 'application/json'}\r\n"
            "transfer-encoding: chunked\r\n\r\n".encode()
        )
        for place in range(0, len(body), 10_000):
            piece = body[place : place + 10_000]
            await visit.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        await visit.send(b"0\r\n\r\n")


@asynccontextmanager
async def sdk() -> AsyncIterator[tuple[openai.AsyncOpenAI, list[Visit]]]:
    async with scripted(answer) as upstream, gateway_for(upstream.url) as gateway:
        url = f"http://127.0.0.1:{gateway.port}/v1"
        async with openai.AsyncOpenAI(base_url=url, api_key="sk-dummy", max_retries=0) as client:
            yield client, upstream.visits


def sent(visits: list[Visit]) -> Any:
    return [body for visit in visits for body in visit.bodies]


async def test_images() -> None:
    async with sdk() as (client, visits):
        told = await client.images.generate(model="m", prompt="a cat")
        assert told.data
        assert told.data[0].b64_json == "AAAA"
        assert json.loads(sent(visits)[0]) == {"model": "m", "prompt": "a cat"}


async def test_speech_is_streamed() -> None:
    async with sdk() as (client, _):
        speech = client.audio.speech.with_streaming_response
        async with speech.create(model="m", voice="v", input="hi") as response:
            assert b"".join([piece async for piece in response.iter_bytes()]) == AUDIO
            assert response.headers["content-type"] == "audio/mpeg"


async def test_transcriptions() -> None:
    async with sdk() as (client, visits):
        told = await client.audio.transcriptions.create(model="m", file=("a.wav", AUDIO))
        assert told.text == "hello"
        (body,) = sent(visits)
        assert AUDIO in body
        assert b'name="model"\r\n\r\nm\r\n' in body


async def test_files() -> None:
    async with sdk() as (client, visits):
        told = await client.files.create(file=("a.jsonl", AUDIO * 4), purpose="batch")
        assert told.id == "file-1"
        assert AUDIO * 4 in sent(visits)[0]
        assert (await client.files.content("file-1")).content == AUDIO
        assert (await client.files.delete("file-1")).deleted


async def test_moderations() -> None:
    async with sdk() as (client, _):
        assert not (await client.moderations.create(input="hi")).results[0].flagged


async def test_an_error_is_the_sdks_own() -> None:
    async with sdk() as (client, _):
        with pytest.raises(openai.NotFoundError, match="no such model"):
            await client.images.edit(model="m", image=("a.png", b"x"), prompt="y")
