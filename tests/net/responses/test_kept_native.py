"""In front of a server that speaks Responses itself: what is ours, and what is left to it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from gateway_stand import Visit, gateway_for, scripted, sized
from kept_stand import ChatServer, Stand, events_of

from strictwire.config.secret import Secret

MESSAGE = {
    "id": "msg_up",
    "type": "message",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "fine", "annotations": [], "logprobs": []}],
}


def response(status: str, output: list[dict[str, Any]]) -> dict[str, Any]:
    return {"id": "resp_up", "object": "response", "status": status, "output": output}


def frames() -> bytes:
    """A loose stream of a server that tells its item only when it is done."""
    told: list[dict[str, Any]] = [
        {"type": "response.created", "response": response("in_progress", [])},
        {"type": "response.output_item.done", "output_index": 0, "item": MESSAGE},
        {"type": "response.completed", "response": response("completed", [MESSAGE])},
    ]
    return b"".join(b"data: %b\n\n" % json.dumps(one).encode() for one in told)


class ResponsesServer(ChatServer):
    async def __call__(self, visit: Visit) -> None:
        while True:
            self.asked.append(json.loads(await visit.request()))
            await visit.send(sized(frames(), "content-type: text/event-stream"))


@asynccontextmanager
async def native(folder: Path, **options: Any) -> AsyncIterator[Stand]:
    server = ResponsesServer()
    database = folder / "kept.db"
    async with (
        scripted(server) as upstream,
        gateway_for(upstream.url, database=str(database), **options) as gateway,
    ):
        yield Stand(gateway, server, database)


async def test_what_we_kept_is_sent_along_and_not_its_name(tmp_path: Path) -> None:
    async with native(tmp_path) as made:
        first = await made.create(stream=True, store=True)
        assert events_of(first)[-1]["response"]["id"] == "resp_up"
        await made.create(stream=True, previous_response_id="resp_up", input="more")
        asked = made.server.asked[-1]
        assert "previous_response_id" not in asked
        assert [one.get("role") for one in asked["input"]] == ["user", "assistant", "user"]
        assert asked["input"][1] == MESSAGE


async def test_what_we_do_not_know_is_left_to_the_server(tmp_path: Path) -> None:
    async with native(tmp_path) as made:
        fields = {
            "previous_response_id": "resp_of_yesterday",
            "input": [{"type": "item_reference", "id": "msg_of_yesterday"}],
        }
        first = await made.create(stream=True, **fields)
        assert first.status == 200
        assert fields.items() <= made.server.asked[-1].items()
        # What went on from that has more before it than we know: it is the server's too.
        await made.create(stream=True, previous_response_id="resp_up", input="more")
        assert made.server.asked[-1]["previous_response_id"] == "resp_up"
        assert made.server.asked[-1]["input"] == "more"


async def test_what_another_key_stored_is_not_left_to_the_server(tmp_path: Path) -> None:
    keys = (Secret("sk-alpha"), Secret("sk-beta"))
    alpha, beta = (f"authorization: Bearer {key.reveal()}" for key in keys)
    async with native(tmp_path, api_keys=keys) as made:
        assert (await made.create(alpha, stream=True, conversation="conv_1")).status == 200
        asked = len(made.server.asked)
        theirs = await made.create(beta, previous_response_id="resp_up", input="more")
        assert (theirs.status, theirs.error["code"]) == (400, "previous_response_not_found")
        named = [{"type": "item_reference", "id": "msg_up"}]
        theirs = await made.create(beta, input=named)
        assert (theirs.status, theirs.error["code"]) == (400, "item_not_found")
        assert len(made.server.asked) == asked
        # Its own goes on there, where there is more before it than is known here.
        own = await made.create(alpha, stream=True, previous_response_id="resp_up", input="more")
        assert own.status == 200
        assert made.server.asked[-1]["previous_response_id"] == "resp_up"
        own = await made.create(alpha, stream=True, input=named)
        assert made.server.asked[-1]["input"] == [MESSAGE]


async def test_a_request_that_concerns_only_the_server_passes_as_it_came(tmp_path: Path) -> None:
    async with native(tmp_path) as made:
        await made.create(stream=True)
        assert made.server.asked[-1] == {"model": "m", "input": "hello", "stream": True}


async def test_in_the_background_ids_and_numbers_are_ours(tmp_path: Path) -> None:
    async with native(tmp_path) as made:
        events = events_of(await made.create(stream=True, background=True))
        assert "background" not in made.server.asked[-1]
        ids = {one["response"]["id"] for one in events if "response" in one}
        assert len(ids) == 1
        assert ids != {"resp_up"}
        assert [one["sequence_number"] for one in events] == list(range(len(events)))
        assert events[-1]["response"]["output"] == [MESSAGE]
        assert (await made.get("resp_up")).status == 404
