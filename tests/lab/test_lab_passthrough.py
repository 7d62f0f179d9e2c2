"""The other paths: each answers, takes a body of any size, and breaks as it is told."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator

import pytest
from lab_wire import ask, connect, hear, json_request
from openai import AsyncOpenAI

from strictwire.lab.connection import MAX_BODY_BYTES
from strictwire.lab.passthrough import BLOCK, MAX_KEPT_HEAD_BYTES, SPEECH_PIECES
from strictwire.lab.server import LabServer

SPEECH = BLOCK * SPEECH_PIECES


@pytest.fixture
async def server() -> AsyncIterator[LabServer]:
    async with LabServer() as started:
        yield started


@pytest.fixture
async def client(server: LabServer) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=server.url, api_key="sk-dummy", max_retries=0) as made:
        yield made


async def test_the_sdk_uses_them_all(client: AsyncOpenAI, server: LabServer) -> None:
    images = await client.images.generate(model="painter", prompt="a lab", n=2)
    assert len(images.data or ()) == 2
    speech = await client.audio.speech.create(model="tts", voice="alloy", input="hi")
    assert await speech.aread() == SPEECH
    sound = ("sound.mp3", SPEECH)
    heard = await client.audio.transcriptions.create(model="asr", file=sound)
    assert heard.text.endswith("bytes were heard.")
    flagged = await client.moderations.create(model="judge", input="hi")
    assert not flagged.results[0].flagged
    kept = await client.files.create(file=sound, purpose="assistants")
    assert kept.id == f"file-{kept.bytes}"
    assert (await client.files.retrieve(kept.id)).bytes == kept.bytes
    assert [one.id async for one in client.files.list()]
    assert len(await (await client.files.content("file-2500")).aread()) == 2_500
    assert (await client.files.delete(kept.id)).deleted
    assert [entry.model for entry in server.log][:3] == ["painter", "tts", "asr"]


async def test_documents_are_ranked(server: LabServer) -> None:
    body = {"model": "m", "query": "q", "documents": ["a", "b"]}
    heard = await ask(server, json_request("/v1/rerank", body))
    assert [one["index"] for one in json.loads(heard.body)["results"]] == [0, 1]


async def test_a_body_of_any_size_is_counted_and_not_kept(server: LabServer) -> None:
    piece, times = b"\0" * 65_536, MAX_BODY_BYTES // 65_536 + 8
    reader, writer = await connect(server)
    size = len(piece) * times
    head = f"POST /v1/files?model=m HTTP/1.1\r\nhost: lab\r\ncontent-length: {size}\r\n\r\n"
    writer.write(head.encode())
    for _ in range(times):
        writer.write(piece)
        await writer.drain()
    told = json.loads((await hear(reader)).body)
    writer.close()
    digest = hashlib.sha256(piece * times).hexdigest()
    assert (told["bytes"], told["lab_body_sha256"]) == (size, digest)
    entry = server.log[0]
    assert (entry.body, entry.body_bytes, entry.body_sha256) == (b"", size, digest)


async def test_a_chunked_upload_is_counted_too(server: LabServer) -> None:
    reader, writer = await connect(server)
    writer.write(b"POST /v1/files HTTP/1.1\r\nhost: lab\r\ntransfer-encoding: chunked\r\n\r\n")
    writer.write(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
    told = json.loads((await hear(reader)).body)
    writer.close()
    assert told["lab_body_sha256"] == hashlib.sha256(b"abcde").hexdigest()


def form(model: str, before: bytes = b"") -> bytes:
    body = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + before
        + b'\r\n--b\r\nContent-Disposition: form-data; name="model"\r\n\r\n'
        + model.encode() + b"\r\n--b--\r\n"
    )  # fmt: skip
    head = (
        "POST /v1/audio/transcriptions HTTP/1.1\r\nhost: lab\r\nconnection: close\r\n"
        f"content-type: multipart/form-data; boundary=b\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (json_request("/v1/images/generations", {"model": "error-500-detail"}), 500),
        (json_request("/v1/moderations?model=error-401", {"model": "healthy"}), 401),
        (form("error-429-html"), 429),
        (form("error-429", b"x" * MAX_KEPT_HEAD_BYTES), 200),
        (b"GET /v1/files?model=error-503 HTTP/1.1\r\nconnection: close\r\n\r\n", 503),
        (b"PUT /v1/files HTTP/1.1\r\nconnection: close\r\n\r\n", 405),
        (b"GET /v1/audio/speech HTTP/1.1\r\nconnection: close\r\n\r\n", 405),
        (b"POST /v1/audio/other HTTP/1.1\r\nconnection: close\r\n\r\n", 404),
    ],
)
async def test_the_model_s_name_says_what_goes_wrong(
    server: LabServer, request_bytes: bytes, status: int
) -> None:
    assert (await ask(server, request_bytes)).status == status


async def test_a_binary_stream_breaks_off(server: LabServer) -> None:
    heard = await ask(server, json_request("/v1/audio/speech", {"model": "tts@fault=cut:2000"}))
    assert (heard.body, heard.is_complete) == (SPEECH[:2000], False)


async def test_a_long_file_is_never_held(server: LabServer) -> None:
    reader, writer = await connect(server)
    writer.write(b"GET /v1/files/file-1099511627776/content HTTP/1.1\r\nhost: lab\r\n\r\n")
    heard = await hear(reader, enough_bytes=1_000_000)
    assert heard.headers["content-length"] == str(1 << 40)
    writer.close()
    await server.log.wait_ended(1)
    assert server.log[0].outcome == "disconnected"
