"""What goes wrong on the way, and bodies longer than memory: on real sockets."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import AsyncIterator

import pytest
from lab_wire import Heard, ask, chat_request, connect, hear, hear_head

from strictwire.lab.playback import BODIES, ENCODINGS, Playback
from strictwire.lab.scenarios.faults import HUGE_BYTES
from strictwire.lab.server import LabServer

# Inside the second chunk.
PLACE = 300
WINDOW_BITS = {"gzip": 31, "deflate": 15}
# Longer than any reply of a scenario, and shorter than a huge one.
ENOUGH_BYTES = 3_000_000


@pytest.fixture
async def server() -> AsyncIterator[LabServer]:
    async with LabServer() as started:
        yield started


async def played(server: LabServer, options: str, name: str = "healthy-text") -> Heard:
    return await ask(server, chat_request(f"{name}@{options}", stream=True))


@pytest.mark.parametrize("cut", ["", ",cut=7", ",cut=random:2", ",pace=1ms"])
@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("kind", ["cut", "reset"])
async def test_a_reply_breaks_off_after_so_many_bytes(
    server: LabServer, kind: str, body: str, cut: str
) -> None:
    heard = await played(server, f"fault={kind}:{PLACE},body={body}{cut}")
    assert heard.status == 200
    # A reset may overtake bytes that were sent; a close does not.
    assert len(heard.body) <= PLACE if kind == "reset" else len(heard.body) == PLACE
    if body in ("chunked", "length") or kind == "reset":
        assert not heard.is_complete
    await server.log.wait_ended(1)


@pytest.mark.parametrize("kind", ["cut", "reset"])
async def test_a_fault_before_the_head_sends_nothing(server: LabServer, kind: str) -> None:
    with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)) as caught:
        await played(server, f"fault={kind}:head")
    if isinstance(caught.value, asyncio.IncompleteReadError):
        assert caught.value.partial == b""


async def test_a_stalled_reply_is_silent_until_the_client_leaves(server: LabServer) -> None:
    reader, writer = await connect(server)
    writer.write(chat_request(f"healthy-text@fault=stall:{PLACE}", stream=True))
    heard = await hear(reader, enough_bytes=PLACE)
    assert len(heard.body) == PLACE
    assert not reader.at_eof()
    assert len(server.log) == server.open_connections == 1
    writer.close()
    await server.log.wait_ended(1)
    assert server.log[0].outcome == "disconnected"


async def test_a_half_closed_reply_ends_our_side_and_the_server_goes_on_reading(
    server: LabServer,
) -> None:
    reader, writer = await connect(server)
    writer.write(chat_request(f"healthy-text@fault=half-close:{PLACE}", stream=True))
    heard = await hear(reader)
    assert (len(heard.body), heard.is_complete) == (PLACE, False)
    assert reader.at_eof()
    assert server.log.ended == 0
    writer.write(b"still heard")
    await writer.drain()
    writer.close()
    await server.log.wait_ended(1)


async def test_a_body_shorter_than_the_fault_s_place_ends_in_it(server: LabServer) -> None:
    for body in ("chunked", "length"):
        heard = await played(server, f"fault=cut:1000000,body={body}")
        assert heard.body.endswith(b"data: [DONE]\n\n")
        assert not heard.is_complete


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_an_encoded_reply_is_the_reply(server: LabServer, encoding: str, body: str) -> None:
    heard = await played(server, f"encoding={encoding},body={body}")
    assert heard.headers["content-encoding"] == encoding
    assert heard.is_complete
    plain = zlib.decompress(heard.body, wbits=WINDOW_BITS[encoding])
    assert plain.startswith(b'data: {"id":"chatcmpl-lab000001"')
    assert plain.endswith(b"data: [DONE]\n\n")


async def test_an_encoded_frame_does_not_wait_for_the_next(server: LabServer) -> None:
    """Each chunk of the framing holds a whole frame, once unpacked."""
    heard = await played(server, "encoding=gzip")
    unpacker = zlib.decompressobj(wbits=31)
    for piece in heard.pieces[:-1]:
        assert unpacker.decompress(piece).endswith(b"\n\n")


@pytest.mark.parametrize(
    ("word", "header"), [("text/plain", "text/plain"), ("none", None), ("a/b; c=d", "a/b; c=d")]
)
async def test_a_reply_gets_another_label(server: LabServer, word: str, header: str | None) -> None:
    heard = await played(server, f"type={word}")
    assert heard.headers.get("content-type") == header
    # How it is framed stays as it was.
    assert heard.headers["transfer-encoding"] == "chunked"


async def test_a_fault_is_also_played_at_errors_and_objects(server: LabServer) -> None:
    heard = await played(server, "fault=cut:20", "error-429")
    assert (heard.status, len(heard.body), heard.is_complete) == (429, 20, False)
    heard = await ask(server, chat_request("healthy-text@fault=cut:20"))
    assert (heard.status, len(heard.body), heard.is_complete) == (200, 20, False)


async def test_a_huge_frame_is_sent_in_pieces(server: LabServer) -> None:
    heard = await played(server, "", "huge-frame")
    assert HUGE_BYTES <= len(heard.body) < HUGE_BYTES + 2_000
    assert len(heard.pieces) > 1_000


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("name", ["endless-line", "endless-comment"])
async def test_what_never_ends_ends_with_its_client(
    server: LabServer, name: str, body: str
) -> None:
    reader, writer = await connect(server)
    writer.write(chat_request(f"{name}@body={body}", stream=True))
    head = await hear_head(reader)
    assert "content-length" not in head.headers
    await reader.readexactly(ENOUGH_BYTES)
    writer.close()
    await server.log.wait_ended(1)
    assert server.log[0].outcome == "disconnected"


async def test_a_server_s_own_fault_is_a_default() -> None:
    async with LabServer(defaults=Playback.parse("fault=cut:20")) as broken:
        assert len((await ask(broken, chat_request("healthy-text"))).body) == 20
        told = await ask(broken, chat_request("healthy-text@fault=cut:30"))
        assert len(told.body) == 30


@pytest.mark.parametrize(
    "name", [f"error-{status}-{shape}" for status in (401, 429, 500) for shape in
             ("string", "detail", "detail-list", "message", "text", "html", "empty", "base-resp",
              "openrouter")],
)  # fmt: skip
async def test_every_error_has_its_status(server: LabServer, name: str) -> None:
    heard = await ask(server, chat_request(name))
    assert heard.status == int(name.split("-")[1])
    assert heard.is_complete
    if heard.headers.get("content-type") == "application/json":
        assert json.loads(heard.body)
