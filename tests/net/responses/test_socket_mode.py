"""WebSocket mode, over real sockets, with two clients that were not written for it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from gateway_stand import request, sized
from kept_stand import Stand, stand
from openai import AsyncOpenAI
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from strictwire.config.secret import Secret

WAIT_S = 10.0


class Socket:
    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def create(self, **fields: Any) -> None:
        told = {"type": "response.create", "model": "m", "input": "hello", **fields}
        await self.connection.send(json.dumps(told))

    async def event(self) -> dict[str, Any]:
        text = await asyncio.wait_for(self.connection.recv(), WAIT_S)
        assert isinstance(text, str)
        event: dict[str, Any] = json.loads(text)
        return event

    async def until(self, *kinds: str) -> list[dict[str, Any]]:
        events = [await self.event()]
        while events[-1]["type"] not in kinds:
            events.append(await self.event())
        return events

    async def answer(self, **fields: Any) -> dict[str, Any]:
        """The response to one request."""
        await self.create(**fields)
        events = await self.until("response.completed", "response.failed", "error")
        assert events[-1]["type"] == "response.completed", events[-1]
        response: dict[str, Any] = events[-1]["response"]
        return response

    async def error(self, **fields: Any) -> dict[str, Any]:
        await self.create(**fields)
        event = await self.event()
        assert event["type"] == "error"
        return event


@asynccontextmanager
async def socket(made: Stand, path: str = "/v1/responses", **options: Any) -> AsyncIterator[Socket]:
    url = f"ws://127.0.0.1:{made.gateway.port}{path}"
    async with connect(url, compression=None, max_size=None, **options) as connection:
        yield Socket(connection)


async def test_a_response_is_one_life_of_messages(tmp_path: Path) -> None:
    async with stand(tmp_path) as made, socket(made) as client:
        await client.create()
        events = await client.until("response.completed")
        assert [one["sequence_number"] for one in events] == list(range(len(events)))
        assert [one["type"].removeprefix("response.") for one in events[:3]] == [
            "created",
            "in_progress",
            "output_item.added",
        ]
        deltas = [one["delta"] for one in events if one["type"] == "response.output_text.delta"]
        assert "".join(deltas) == "one two three"
        assert not any("stream_id" in one for one in events)


async def test_the_connection_remembers_what_nobody_stores(tmp_path: Path) -> None:
    async with stand(tmp_path) as made:
        async with socket(made, "/responses") as client:
            first = await client.answer(store=False, input="question 0")
            second = await client.answer(
                store=False, input="question 1", previous_response_id=first["id"]
            )
            await client.answer(store=False, input="question 2", previous_response_id=second["id"])
            assert [text for _, text in made.server.messages] == [
                "question 0",
                "one two three",
                "question 1",
                "one two three",
                "question 2",
            ]
        assert (await made.get(first["id"])).status == 404
        async with socket(made) as other:
            event = await other.error(previous_response_id=first["id"])
            assert (event["status"], event["error"]["code"]) == (400, "previous_response_not_found")
            assert event["error"]["param"] == "previous_response_id"
            await other.answer()  # the session goes on


async def test_what_is_stored_is_found_over_http(tmp_path: Path) -> None:
    async with stand(tmp_path) as made, socket(made) as client:
        response = await client.answer(store=True)
        assert (await made.get(response["id"])).json == response
        await made.create(previous_response_id=response["id"], input="more")
        assert made.server.messages[1] == ("assistant", "one two three")


async def test_a_warm_up_asks_no_upstream_and_can_be_gone_on_from(tmp_path: Path) -> None:
    async with stand(tmp_path) as made, socket(made) as client:
        warm = await client.answer(generate=False, store=False, input="the plan")
        assert (warm["output"], made.server.asked) == ([], [])
        await client.answer(store=False, input="go", previous_response_id=warm["id"])
        assert made.server.messages == [("user", "the plan"), ("user", "go")]


async def test_requests_are_answered_in_their_order_each_with_its_stream(tmp_path: Path) -> None:
    async with stand(tmp_path, is_open=False) as made, socket(made) as client:
        for number in range(3):
            await client.create(input=f"question {number}", stream_id=f"lane {number}")
        made.server.gate.set()
        for number in range(3):
            events = await client.until("response.completed")
            assert {one["stream_id"] for one in events} == {f"lane {number}"}
        asked = [one["messages"][-1]["content"] for one in made.server.asked]
        assert asked == ["question 0", "question 1", "question 2"]
        event = await client.error(stream_id="lane 9", temperature="warm")
        assert (event["stream_id"], event["error"]["param"]) == ("lane 9", "temperature")


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ("no json", None),
        ('{"model":"m"}', "type"),
        ('{"type":"response.steer","model":"m"}', "type"),
        ('{"type":7}', "type"),
        ('{"type":"response.create","input":"x"}', "model"),
        ('{"type":"response.create","model":"m","input":"x","background":true}', "background"),
        ("[1]", None),
    ],
)
async def test_a_wrong_message_is_an_error_and_the_session_goes_on(
    tmp_path: Path, message: str, param: str | None
) -> None:
    async with stand(tmp_path) as made, socket(made) as client:
        await client.connection.send(message)
        event = await client.event()
        assert (event["type"], event["status"]) == ("error", 400)
        assert event["error"]["param"] == param
        assert set(event["error"]) == {"message", "type", "param", "code"}
        await client.answer()


async def test_a_message_that_is_no_text_ends_the_session(tmp_path: Path) -> None:
    async with stand(tmp_path) as made, socket(made) as client:
        await client.connection.send(b"bytes")
        with pytest.raises(ConnectionClosed) as caught:
            await client.event()
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1003


async def test_an_upstreams_refusal_keeps_its_status(tmp_path: Path) -> None:
    async with stand(tmp_path) as made, socket(made) as client:
        made.server.refusal = sized(
            b'{"error":{"message":"no room","type":"x","code":null}}',
            status="429 Too Many Requests",
        )
        event = await client.error()
        assert (event["status"], event["error"]["message"]) == (429, "no room")


async def test_a_client_that_leaves_takes_the_upstream_with_it(tmp_path: Path) -> None:
    async with stand(tmp_path, is_open=False) as made:
        async with socket(made) as client:
            await client.create()
            await client.until("response.output_text.delta")
        async with asyncio.timeout(5):
            await made.server.left.wait()


async def test_what_a_slow_client_does_not_read_is_not_piled_up(tmp_path: Path) -> None:
    async with stand(tmp_path, is_open=False) as made:
        made.server.words = ["word " * 1000] * 400
        async with socket(made) as client:
            await client.create()
            client.connection.transport.pause_reading()  # type: ignore[attr-defined]
            made.server.gate.set()
            await asyncio.sleep(0.3)
            client.connection.transport.resume_reading()  # type: ignore[attr-defined]
            events = await client.until("response.completed")
            text = events[-1]["response"]["output"][0]["content"][0]["text"]
            assert text == "".join(made.server.words)


async def test_too_many_that_wait_are_refused(tmp_path: Path) -> None:
    # All events are taken as they come: behind those that nobody reads the closing would wait.
    async with stand(tmp_path, is_open=False) as made, socket(made, max_queue=None) as client:
        for _ in range(40):
            await client.create()
        kinds = []
        while "error" not in kinds:
            event = await client.event()
            kinds.append(event["type"])
        assert (event["status"], event["error"]["code"]) == (429, "too_many_waiting_requests")
        made.server.gate.set()  # so that the closing is answered at once


async def test_a_message_that_is_too_large_ends_the_session(tmp_path: Path) -> None:
    async with stand(tmp_path, max_body_bytes=4096) as made, socket(made) as client:
        await client.create(input="x" * 5000)
        with pytest.raises(ConnectionClosed) as caught:
            await client.event()
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1009
        assert await made.gateway.is_well()


# ---- who may enter ----


@pytest.mark.parametrize(
    ("options", "headers", "status", "code"),
    [
        ({"api_keys": (Secret("sk-gateway"),)}, {}, 401, "missing_api_key"),
        ({"api_keys": (Secret("sk-gateway"),)}, {"x-api-key": "sk-x"}, 401, "invalid_api_key"),
        ({}, {"origin": "https://evil.example"}, 403, "origin_not_allowed"),
        ({}, {"host": "evil.example"}, 403, "host_not_allowed"),
    ],
)
async def test_who_may_not_enter_is_told_before_the_handshake(
    tmp_path: Path, options: dict[str, Any], headers: dict[str, str], status: int, code: str
) -> None:
    async with stand(tmp_path, **options) as made:
        host = headers.pop("host", None)
        if host is not None:
            heard = await made.gateway.ask(
                "GET",
                "/v1/responses",
                "connection: upgrade",
                "upgrade: websocket",
                "sec-websocket-version: 13",
                "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
                host=host,
            )
            assert (heard.status, heard.error["code"]) == (status, code)
            return
        with pytest.raises(InvalidStatus) as caught:
            async with socket(made, additional_headers=headers):
                pass
        response = caught.value.response
        assert response.status_code == status
        assert json.loads(response.body or b"")["error"]["code"] == code
        assert response.headers["x-request-id"]


async def test_with_its_key_a_client_may_enter(tmp_path: Path) -> None:
    async with stand(tmp_path, api_keys=(Secret("sk-gateway"),)) as made:
        headers = {"authorization": "Bearer sk-gateway"}
        async with socket(made, additional_headers=headers) as client:
            await client.answer()


async def test_other_paths_take_no_upgrade(tmp_path: Path) -> None:
    upgrade = (
        "connection: upgrade",
        "upgrade: websocket",
        "sec-websocket-version: 13",
        "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
    )
    async with stand(tmp_path) as made:
        assert (await made.gateway.ask("GET", "/health", *upgrade)).json == {"status": "ok"}
        heard = await made.gateway.ask("GET", "/v1/responses", *upgrade[:2])
        assert (heard.status, heard.headers["allow"]) == (405, "POST")
        off = made.gateway
        assert (await off.ask("GET", "/v1/nothing", *upgrade)).status == 404


async def test_an_upgrade_behind_a_request_that_is_under_way_is_not_taken(tmp_path: Path) -> None:
    async with stand(tmp_path) as made:
        upgrade = request(
            "GET",
            "/v1/responses",
            "connection: upgrade",
            "upgrade: websocket",
            "sec-websocket-version: 13",
            "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
        )
        peer = await made.gateway.peer(request("GET", "/health") + upgrade)
        assert (await peer.hear()).status == 200
        assert (await peer.hear()).status == 405


# ---- the end of the gateway ----


async def test_a_stop_closes_idle_sessions_and_lets_the_others_finish(tmp_path: Path) -> None:
    opened = stand(tmp_path, is_open=False)
    async with opened as made, socket(made) as idle, socket(made) as busy:
        await busy.create()
        await busy.until("response.output_text.delta")
        for connection in list(made.gateway.state.connections):
            connection.shutdown()
        with pytest.raises(ConnectionClosed) as caught:
            await idle.event()
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1001
        made.server.gate.set()
        await busy.until("response.completed")
        with pytest.raises(ConnectionClosed) as caught:
            await busy.event()
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1001


async def test_nothing_that_was_said_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    async with stand(tmp_path) as made:
        made.server.words = ["an answer of gold", " and silver"]
        async with socket(made, "/v1/responses?token=sk-in-the-path") as client:
            response = await client.answer(store=True, input="a question of gold")
            await client.connection.send("a broken message of gold")
            assert (await client.event())["type"] == "error"
        await made.get(response["id"])
        await made.delete(response["id"])
    ours = [one.getMessage() for one in caplog.records if not one.name.startswith("websockets.")]
    assert not [line for line in ours if "gold" in line or "in-the-path" in line]


# ---- the official client ----


async def test_the_official_client_converses(tmp_path: Path) -> None:
    async with stand(tmp_path) as made:
        client = AsyncOpenAI(
            api_key="sk-dummy", base_url=f"http://127.0.0.1:{made.gateway.port}/v1"
        )
        texts = []
        async with client.responses.connect() as connection:
            previous: dict[str, Any] = {}
            for _ in range(2):
                await connection.response.create(model="m", input="hello", store=False, **previous)
                async for event in connection:
                    if event.type == "response.completed":
                        texts.append(event.response.output_text)
                        previous = {"previous_response_id": event.response.id}
                        break
        assert texts == ["one two three"] * 2
        await client.close()
