"""The lab's server on real sockets: every script, framing and cut; disconnects; bad requests."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
import uvloop
from lab_wire import Heard, ask, chat_request, connect, hear, hear_head, json_request

from strictwire.lab.ask import Ask, Dialect
from strictwire.lab.connection import MAX_BODY_BYTES, MAX_HEAD_BYTES
from strictwire.lab.embeddings import EMBEDDINGS_SCENARIOS
from strictwire.lab.playback import BODIES, Playback
from strictwire.lab.scenarios import ALL_SCENARIOS, SCENARIOS, SCENARIOS_OF, Scenario
from strictwire.lab.script import Ending
from strictwire.lab.server import LabServer

# How many conversations the tests hold at once.
AT_ONCE = 16
PATHS: dict[Dialect, str] = {
    "chat": "/v1/chat/completions",
    "responses": "/v1/responses",
    "messages": "/v1/messages",
}
FIELDS: dict[Dialect, dict[str, object]] = {
    "chat": {"messages": []},
    "responses": {"input": ""},
    "messages": {"messages": [], "max_tokens": 9},
}
PLAYED = [*((body, "") for body in BODIES), ("chunked", "cut=7"), ("close", "cut=random:4")]


@pytest.fixture
async def server() -> AsyncIterator[LabServer]:
    async with LabServer() as started:
        yield started


async def played(
    server: LabServer, row: Scenario, options: str, *, stream: bool, dialect: Dialect = "chat"
) -> None:
    """Plays one scenario and compares what came with its script."""
    model = f"{row.name}@{options}"
    expected = row.reply(Ask(model=model, is_stream=stream, id="lab000000", dialect=dialect))
    body = b"".join(expected.frames)
    is_held = expected.ending is Ending.HOLD
    reader, writer = await connect(server)
    writer.write(
        json_request(PATHS[dialect], {"model": model, "stream": stream, **FIELDS[dialect]})
    )
    try:
        heard = await hear(reader, enough_bytes=len(body) if is_held else None)
    except (ConnectionResetError, asyncio.IncompleteReadError):
        assert expected.ending is Ending.RESET
        return
    finally:
        writer.close()
    assert (heard.status, heard.headers.get("content-type")) == (
        expected.status,
        expected.content_type,
    )
    assert unnumbered(heard.body) == unnumbered(body)
    if expected.ending is Ending.CLEAN:
        assert heard.is_complete


def unnumbered(body: bytes) -> bytes:
    """Without the number of the reply, which depends on the order of requests."""
    at = body.find(b"lab0")
    return body if at < 0 else body.replace(body[at : at + 9], b"lab000000")


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize(("body", "cut"), PLAYED)
async def test_every_scenario_plays(server: LabServer, body: str, cut: str, stream: bool) -> None:
    options = ",".join(filter(None, (f"body={body}", cut)))
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(row: Scenario) -> None:
        async with gate:
            await played(server, row, options, stream=stream)

    rows = [row for row in SCENARIOS.values() if not row.reply(row.ask).is_lazy]
    await asyncio.gather(*map(one, rows))
    await server.log.wait_ended(len(rows))


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("dialect", ["responses", "messages"])
async def test_every_scenario_of_other_dialects_plays(
    server: LabServer, dialect: Dialect, stream: bool
) -> None:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(row: Scenario) -> None:
        async with gate:
            await played(server, row, "cut=random:4", stream=stream, dialect=dialect)

    rows = SCENARIOS_OF[dialect].values()
    await asyncio.gather(*map(one, rows))
    await server.log.wait_ended(len(rows))


@pytest.mark.parametrize("body", BODIES)
async def test_framing(server: LabServer, body: str) -> None:
    heard = await ask(server, chat_request(f"healthy-text@body={body}", stream=True, close=False))
    assert heard.version == ("HTTP/1.0" if body == "http1.0" else "HTTP/1.1")
    assert ("transfer-encoding" in heard.headers) == (body == "chunked")
    assert ("content-length" in heard.headers) == (body == "length")
    assert (heard.headers.get("connection") == "close") == (body == "close")


async def test_a_cut_piece_is_a_chunk_of_its_own(server: LabServer) -> None:
    heard = await ask(server, chat_request("healthy-text@cut=7", stream=True))
    assert {len(piece) for piece in heard.pieces[:-1]} == {7}


async def test_a_cut_piece_may_join_two_frames(server: LabServer) -> None:
    heard = await ask(server, chat_request("healthy-text@cut=100000", stream=True))
    assert len(heard.pieces) == 1


async def test_a_paced_frame_is_cut_by_itself(server: LabServer) -> None:
    heard = await ask(server, chat_request("healthy-text@cut=100000,pace=1ms", stream=True))
    assert len(heard.pieces) == len(
        SCENARIOS["healthy-text"].reply(Ask("m", is_stream=True)).frames
    )


async def test_defaults_of_the_server_apply() -> None:
    async with LabServer(defaults=Playback.parse("body=close")) as server:
        heard = await ask(server, chat_request("healthy-text", stream=True))
        assert "transfer-encoding" not in heard.headers


async def test_a_scripted_http10_reply_is_http10(server: LabServer) -> None:
    assert (await ask(server, chat_request("mlx-like", stream=True))).version == "HTTP/1.0"


async def test_an_http10_client_gets_no_chunks(server: LabServer) -> None:
    heard = await ask(server, chat_request("healthy-text", stream=True, version="1.0"))
    assert "transfer-encoding" not in heard.headers
    assert heard.body.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("body", ["chunked", "length"])
async def test_a_connection_is_used_again(server: LabServer, body: str) -> None:
    reader, writer = await connect(server)
    for number in (1, 2):
        writer.write(chat_request(f"healthy-text@body={body}", stream=True, close=False))
        assert f"lab{number:06d}".encode() in (await hear(reader)).body
    assert server.open_connections == 1
    writer.close()


async def test_pipelined_requests_are_answered_in_order(server: LabServer) -> None:
    reader, writer = await connect(server)
    writer.write(chat_request("healthy-text", stream=True, close=False) * 3)
    for number in (1, 2, 3):
        assert f"lab{number:06d}".encode() in (await hear(reader)).body
    writer.close()


# ---- disconnects ----


async def test_a_client_that_leaves_in_the_middle_is_recorded(server: LabServer) -> None:
    reader, writer = await connect(server)
    writer.write(chat_request("healthy-text@pace=60s", stream=True))
    await hear_head(reader)
    await reader.readuntil(b"assistant")
    writer.close()
    await server.log.wait_ended(1)
    entry = server.log[0]
    assert (entry.outcome, entry.script, entry.frames_sent) == ("disconnected", "healthy-text", 1)
    assert entry.ended_s is not None
    assert server.open_connections == 0


async def test_a_client_that_leaves_before_the_head_is_recorded(server: LabServer) -> None:
    _, writer = await connect(server)
    writer.write(chat_request("prefill-silent@pace=60s", stream=True))
    writer.close()
    await server.log.wait_ended(1)
    assert (server.log[0].outcome, server.log[0].frames_sent) == ("disconnected", 0)


async def test_a_client_that_leaves_after_done_is_recorded(server: LabServer) -> None:
    reader, writer = await connect(server)
    writer.write(chat_request("done-then-open-socket", stream=True))
    await reader.readuntil(b"[DONE]\n\n")
    writer.close()
    await server.log.wait_ended(1)
    entry = server.log[0]
    assert entry.outcome == "disconnected"
    assert entry.frames_sent == entry.frames_total


async def test_pipelined_requests_of_a_client_that_left_all_end(server: LabServer) -> None:
    reader, writer = await connect(server)
    writer.write(chat_request("healthy-text@pace=60s", stream=True, close=False) * 3)
    await hear_head(reader)
    writer.close()
    await server.log.wait_ended(3)
    assert [entry.outcome for entry in server.log] == ["disconnected"] * 3


async def test_a_client_that_reads_nothing_holds_up_only_itself(server: LabServer) -> None:
    _, writer = await connect(server)
    writer.write(chat_request("healthy-long", stream=True, close=False) * 16)
    heard = await ask(server, chat_request("healthy-text", stream=True))
    assert heard.is_complete
    writer.close()
    await server.log.wait_ended(17)


async def test_stopping_ends_what_plays() -> None:
    server = LabServer()
    await server.start()
    reader, writer = await connect(server)
    writer.write(chat_request("healthy-text@pace=60s", stream=True))
    await hear_head(reader)
    await server.stop()
    assert [entry.outcome for entry in server.log] == ["stopped"]
    assert server.open_connections == 0
    writer.close()


async def test_a_played_request_is_recorded_with_what_it_said(server: LabServer) -> None:
    await ask(server, chat_request("healthy-text", stream=True, temperature=1))
    entry = server.log[0]
    assert (entry.outcome, entry.frames_sent) == ("played", entry.frames_total)
    assert json.loads(entry.body)["temperature"] == 1
    assert entry.headers["content-type"] == "application/json"


# ---- other paths, bad requests ----


def plain(method: str, path: str) -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n".encode()


async def test_scenarios_are_listed_as_models(server: LabServer) -> None:
    heard = await ask(server, plain("GET", "/v1/models"))
    names = [model["id"] for model in json.loads(heard.body)["data"]]
    assert names == [*ALL_SCENARIOS, *EMBEDDINGS_SCENARIOS]


async def test_scenarios_are_described(server: LabServer) -> None:
    told = json.loads((await ask(server, plain("GET", "/lab/scenarios"))).body)
    assert told[0].keys() == {"name", "title", "dialects", "rules", "faults", "quirks"}
    assert len(told) == len(ALL_SCENARIOS)


@pytest.mark.parametrize("path", ["/", "/health", "/v1/models", "/models?limit=3"])
async def test_get_and_head(server: LabServer, path: str) -> None:
    assert (await ask(server, plain("GET", path))).status == 200
    assert (await ask(server, plain("HEAD", path))).status == 200


def error_of(heard: Heard) -> tuple[int, str | None, str | None]:
    error = json.loads(heard.body)["error"]
    assert error["message"]
    return heard.status, error["code"], error["param"]


@pytest.mark.parametrize(
    ("request_bytes", "expected"),
    [
        (plain("GET", "/nothing"), (404, "not_found", None)),
        (plain("POST", "/nothing"), (404, "not_found", None)),
        (plain("DELETE", "/v1/models"), (405, "method_not_allowed", None)),
        (plain("GET", "/v1/chat/completions"), (405, "method_not_allowed", None)),
        (chat_request("no-such"), (404, "model_not_found", "model")),
        (chat_request("recording:no-such"), (404, "model_not_found", "model")),
        (chat_request("healthy-text@pace=soon"), (400, "invalid_playback", "model")),
        (b"nonsense\r\n\r\n", (400, None, None)),
        (b"GET / HTTP/1.1\r\nx: " + b"y" * MAX_HEAD_BYTES + b"\r\n\r\n", (431, None, None)),
        (
            b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: %d\r\n\r\n"
            % (MAX_BODY_BYTES + 1)
            + b" " * (MAX_BODY_BYTES + 1),
            (413, None, None),
        ),
    ],
    ids=lambda value: str(value[:2]) if isinstance(value, tuple) else "",
)
async def test_bad_requests_get_openais_error(
    server: LabServer, request_bytes: bytes, expected: tuple[int, str | None, str | None]
) -> None:
    assert error_of(await ask(server, request_bytes)) == expected
    assert (await ask(server, plain("GET", "/health"))).status == 200


async def test_an_upgrade_is_not_made(server: LabServer) -> None:
    asked = b"GET /health HTTP/1.1\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n\x81\x00"
    heard = await ask(server, asked)
    assert (heard.status, heard.headers["connection"]) == (200, "close")


async def test_an_unknown_model_is_told_a_few_names(server: LabServer) -> None:
    assert b"healthy-text" in (await ask(server, chat_request("no-such"))).body


async def test_a_client_that_waits_for_a_continue_gets_one(server: LabServer) -> None:
    head, body = chat_request("healthy-text", stream=True).split(b"\r\n\r\n")
    reader, writer = await connect(server)
    writer.write(head + b"\r\nExpect: 100-continue\r\n\r\n")
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(body)
    assert (await hear(reader)).status == 200
    writer.close()


def test_it_plays_on_uvloop_too() -> None:
    names = ("healthy-text", "mlx-like", "truncated", "reset", "reset-first")

    async def conversation() -> None:
        async with asyncio.timeout(10), LabServer() as server:
            for name in names:
                await played(server, SCENARIOS[name], "cut=11", stream=True)
            await server.log.wait_ended(len(names))

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(conversation())
