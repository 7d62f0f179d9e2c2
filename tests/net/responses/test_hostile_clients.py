"""Clients and servers that mean harm to what a Responses API is beyond its answers."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import struct
from pathlib import Path
from typing import Any

import pytest
from gateway_stand import Gateway, Peer, Visit, gateway_for, scripted
from kept_stand import events_of, stand

from strictwire.config.secret import Secret
from strictwire.wire.sse import MAX_BLOCK_BYTES

TEXT, PING, CONTINUED = 1, 9, 0
KEY = "sk-dummy-that-the-server-repeats"
STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"


def frame(opcode: int, data: bytes, *, is_last: bool = True) -> bytes:
    """A WebSocket frame of a client; its mask changes nothing."""
    size = len(data)
    lengths = struct.pack("!B", 0x80 | size) if size < 126 else struct.pack("!BH", 0xFE, size)
    return bytes([(0x80 if is_last else 0) | opcode]) + lengths + b"\0\0\0\0" + data


async def switched(gateway: Gateway, *headers: str) -> Peer:
    """A connection after its handshake, whatever the gateway said to it."""
    lines = [
        "GET /v1/responses HTTP/1.1",
        f"host: 127.0.0.1:{gateway.port}",
        "upgrade: websocket",
        "connection: Upgrade",
        "sec-websocket-version: 13",
        f"sec-websocket-key: {base64.b64encode(bytes(16)).decode()}",
        *headers,
    ]
    return await gateway.peer("\r\n".join(lines).encode() + b"\r\n\r\n")


def event(kind: str, **fields: Any) -> bytes:
    return b"data: " + json.dumps({"type": f"response.{kind}", **fields}).encode() + b"\n\n"


# ---- WebSocket ----


async def test_who_asks_without_end_and_reads_no_answer_is_closed_on(tmp_path: Path) -> None:
    async with stand(tmp_path) as made:
        peer = await switched(made.gateway)
        assert (await peer.head()).status == 101
        peer.reader._transport.pause_reading()  # type: ignore[attr-defined]
        peer.writer.write(frame(TEXT, b"{}") * 200_000)
        async with asyncio.timeout(15):
            while made.gateway.state.tasks:
                await asyncio.sleep(0.01)
        assert await made.gateway.is_well()
        peer.leave()


async def test_pongs_do_not_wait_for_a_client_that_does_not_read(tmp_path: Path) -> None:
    async with stand(tmp_path) as made:
        peer = await switched(made.gateway)
        assert (await peer.head()).status == 101
        peer.reader._transport.pause_reading()  # type: ignore[attr-defined]
        (protocol,) = (one for one in made.gateway.state.connections if hasattr(one, "frames"))
        pings = frame(PING, b"x" * 100) * 1000
        for _ in range(120):  # some 12 MB: more than the system takes for us
            await peer.send(pings)
        assert protocol.transport.get_write_buffer_size() < 1024 * 1024
        peer.leave()


async def test_pieces_of_nothing_are_not_gathered(tmp_path: Path) -> None:
    async with stand(tmp_path) as made:
        peer = await switched(made.gateway)
        assert (await peer.head()).status == 101
        body = json.dumps({"type": "response.create", "model": "m", "input": "x"}).encode()
        await peer.send(frame(TEXT, body[:10], is_last=False))
        (protocol,) = (one for one in made.gateway.state.connections if hasattr(one, "frames"))
        await peer.send(frame(CONTINUED, b"", is_last=False) * 5000 + frame(PING, b"heard"))
        await peer.until(b"heard")
        assert protocol.frames == [body[:10]]  # type: ignore[union-attr]
        await peer.send(frame(CONTINUED, body[10:]))
        await peer.until(b"response.completed")


async def test_a_stream_id_that_would_be_repeated_a_thousand_times(tmp_path: Path) -> None:
    async with stand(tmp_path) as made:
        peer = await switched(made.gateway)
        assert (await peer.head()).status == 101
        told = {"type": "response.create", "model": "m", "input": "x", "stream_id": "s" * 300}
        await peer.send(frame(TEXT, json.dumps(told).encode()))
        said = await peer.until(b"}}")
        assert b'"param":"stream_id"' in said
        assert b"sss" not in said
        assert made.server.asked == []


async def test_what_a_client_does_wrong_is_no_error_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with stand(tmp_path, api_keys=(Secret("sk-dummy"),)) as made:
        assert (await (await switched(made.gateway)).hear()).status == 401
        peer = await switched(made.gateway, "authorization: Bearer sk-dummy")
        assert (await peer.head()).status == 101
        await peer.send(frame(TEXT, b"\xff"))
        assert await peer.until(struct.pack("!H", 1007))
    assert [one.message for one in caplog.records if one.levelno >= logging.ERROR] == []


# ---- replies ----


async def test_an_answer_longer_than_any_event_of_a_server(tmp_path: Path) -> None:
    """Its last events repeat it, and are our own: no bound for a server's is theirs."""
    piece = "x" * (4 * 1024 * 1024)
    count = MAX_BLOCK_BYTES // len(piece) + 1

    async def script(visit: Visit) -> None:
        await visit.request()
        delta = event("output_text.delta", item_id="m", output_index=0, delta=piece)
        await visit.send(STREAM + delta * count + event("completed", response={"output": []}))

    options = {"database": str(tmp_path / "kept.db"), "max_reply_bytes": 2**30}
    async with scripted(script) as upstream, gateway_for(upstream.url, **options) as gateway:
        peer = await switched(gateway)
        assert (await peer.head()).status == 101
        told = {"type": "response.create", "model": "m", "input": "x", "store": False}
        await peer.send(frame(TEXT, json.dumps(told).encode()))
        peer.reader._limit = 2**30  # type: ignore[attr-defined]
        said = await peer.until(b'"type":"response.completed"')
        assert said.count(b'"type":"response.output_text.delta"') == count


@pytest.mark.parametrize("fields", [{}, {"background": True}], ids=["plain", "background"])
async def test_a_key_that_a_server_repeats_is_shown_to_nobody(
    tmp_path: Path, fields: dict[str, Any]
) -> None:
    error = {"code": "invalid_api_key", "message": f"No such key: {KEY}.", "param": KEY}

    async def script(visit: Visit) -> None:
        await visit.request()
        delta = event("output_text.delta", delta="a")
        failed = event("failed", response={"status": "failed", "error": error})
        await visit.send(STREAM + delta + failed)

    options = {"database": str(tmp_path / "kept.db")}
    mine = f"authorization: Bearer {KEY}"
    async with scripted(script) as upstream, gateway_for(upstream.url, **options) as gateway:
        asked = {"model": "m", "input": "x", "stream": True, "store": True, **fields}
        heard = await gateway.ask("POST", "/v1/responses", mine, body=json.dumps(asked).encode())
        last = events_of(heard)[-1]
        assert last["type"] == "response.failed"
        assert last["response"]["error"]["code"] == "invalid_api_key"
        kept = await gateway.ask("GET", f"/v1/responses/{last['response']['id']}", mine)
        assert kept.json["status"] == "failed"
        for body in (heard.body, kept.body):
            assert KEY.encode() not in body


async def test_a_server_that_calls_all_its_responses_alike(tmp_path: Path) -> None:
    asked: list[Any] = []

    async def script(visit: Visit) -> None:
        asked.append(json.loads(await visit.request())["input"])
        said = f"answer {len(asked)}"
        item = {"type": "message", "content": [{"type": "output_text", "text": said}]}
        response = {"id": "resp_0", "status": "completed", "output": [item]}
        await visit.send(STREAM + event("completed", response=response))

    options = {"database": str(tmp_path / "kept.db")}
    async with scripted(script) as upstream, gateway_for(upstream.url, **options) as gateway:
        for number in range(4):
            body = {"model": "m", "input": f"question {number + 1}", "stream": True}
            if number:
                body["previous_response_id"] = "resp_0"
            heard = await gateway.ask("POST", "/v1/responses", body=json.dumps(body).encode())
            assert heard.status == 200
    texts = [one["content"][0]["text"] for one in asked[-1]]
    assert texts == [
        "question 1", "answer 1", "question 2", "answer 2", "question 3", "answer 3", "question 4",
    ]  # fmt: skip
