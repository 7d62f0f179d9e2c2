"""Responses that are made without a client: polled, followed, cancelled, bounded."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from gateway_stand import Heard, Peer, sized
from kept_stand import Stand, events_of, request, stand

ALPHA = "authorization: Bearer sk-alpha"


async def begin_stream(made: Stand, **fields: Any) -> Peer:
    body = {"model": "m", "input": "hello", "background": True, "stream": True, **fields}
    return await made.gateway.peer(request("POST", "/v1/responses", body=json.dumps(body).encode()))


async def next_event(peer: Peer) -> dict[str, Any]:
    """The next event of a chunked stream; its frames come one or several in a chunk."""
    line = b""
    while not line.startswith(b"data: "):
        line = await peer.until(b"\n")
    event: dict[str, Any] = json.loads(line[6:])
    return event


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in events]


async def test_it_is_queued_at_once_and_done_later(tmp_path: Path) -> None:
    async with stand(tmp_path, is_open=False) as made:
        created = await made.create(background=True, store=True)
        assert (created.status, created.json["status"]) == (200, "queued")
        assert created.json["background"] is True
        response_id = created.json["id"]
        assert (await made.until(response_id, "in_progress"))["output"] == []
        made.server.gate.set()
        done = await made.until(response_id, "completed")
        assert done["output"][0]["content"][0]["text"] == "one two three"
        assert (done["id"], done["background"]) == (response_id, True)
        assert "background" not in made.server.asked[0]
        assert len(made.gateway.app.service.runs) == 0


async def test_it_can_be_gone_on_from(tmp_path: Path) -> None:
    async with stand(tmp_path) as made:
        response_id = (await made.create(background=True)).json["id"]
        await made.until(response_id, "completed")
        await made.create(previous_response_id=response_id, input="and then?")
        assert [text for _, text in made.server.messages] == [
            "hello",
            "one two three",
            "and then?",
        ]


async def test_one_that_is_under_way_cannot_be_gone_on_from(tmp_path: Path) -> None:
    async with stand(tmp_path, is_open=False) as made:
        response_id = (await made.create(background=True, store=True)).json["id"]
        await made.until(response_id, "in_progress")
        heard = await made.create(previous_response_id=response_id)
        assert (heard.status, heard.error["param"]) == (400, "previous_response_id")


async def test_it_must_be_kept_somewhere(tmp_path: Path) -> None:
    async with stand(tmp_path) as made:
        heard = await made.create(background=True, store=False)
        assert (heard.status, heard.error["param"]) == (400, "store")


async def test_a_refusal_of_the_upstream_is_its_failure(tmp_path: Path) -> None:
    async with stand(tmp_path) as made:
        made.server.refusal = sized(
            b'{"error":{"message":"slow down","type":"x","code":null}}',
            "retry-after: 7",
            status="429 Too Many Requests",
        )
        response_id = (await made.create(background=True)).json["id"]
        failed = await made.until(response_id, "failed")
        assert failed["error"]["code"] == "rate_limit_exceeded"
        assert "slow down" in failed["error"]["message"]


async def test_an_unknown_model_is_told_at_once(tmp_path: Path) -> None:
    from strictwire.config import Model

    async with stand(tmp_path, provider={"models": (Model(name="other"),)}) as made:
        heard = await made.create(background=True)
        assert (heard.status, heard.error["param"]) == (404, "model")


# ---- cancelled ----


@pytest.mark.parametrize("store", [True, None])
async def test_cancelled_is_over_at_once_and_leaves_its_upstream(
    tmp_path: Path, store: bool | None
) -> None:
    async with stand(tmp_path, is_open=False) as made:
        response_id = (await made.create(background=True, store=store)).json["id"]
        await made.until(response_id, "in_progress")
        cancelled = await made.post(f"{response_id}/cancel")
        assert (cancelled.status, cancelled.json["status"]) == (200, "cancelled")
        async with asyncio.timeout(5):
            await made.server.left.wait()
        assert (await made.get(response_id)).json == cancelled.json
        again = await made.post(f"{response_id}/cancel")
        assert (again.status, again.json) == (200, cancelled.json)


async def test_deleting_one_that_is_under_way_ends_it(tmp_path: Path) -> None:
    async with stand(tmp_path, is_open=False) as made:
        response_id = (await made.create(background=True, store=True)).json["id"]
        await made.until(response_id, "in_progress")
        assert (await made.delete(response_id)).json["deleted"] is True
        async with asyncio.timeout(5):
            await made.server.left.wait()
        assert (await made.get(response_id)).status == 404


async def test_another_key_sees_nothing_of_it(tmp_path: Path) -> None:
    async with stand(tmp_path, is_open=False) as made:
        response_id = (await made.create(ALPHA, background=True)).json["id"]
        for heard in (
            await made.get(response_id),
            await made.get(f"{response_id}?stream=true"),
            await made.post(f"{response_id}/cancel"),
            await made.delete(response_id),
        ):
            assert (heard.status, heard.error["code"]) == (404, "response_not_found")
        assert (await made.get(response_id, ALPHA)).json["status"] in ("queued", "in_progress")


# ---- followed ----


async def test_its_stream_is_one_life_with_a_queued_event(tmp_path: Path) -> None:
    async with stand(tmp_path) as made:
        heard = await made.create(background=True, stream=True)
        events = events_of(heard)
        assert kinds(events)[:3] == ["created", "queued", "in_progress"]
        assert kinds(events)[-1] == "completed"
        assert [one["sequence_number"] for one in events] == list(range(len(events)))
        assert heard.data[-1] == b"[DONE]"
        ids = {one["response"]["id"] for one in events if "response" in one}
        assert len(ids) == 1


async def test_a_stream_that_was_left_is_resumed_live(tmp_path: Path) -> None:
    async with stand(tmp_path, is_open=False) as made:
        peer = await begin_stream(made)
        first = [await next_event(peer) for _ in range(6)]
        assert kinds(first)[:2] == ["created", "queued"]
        response_id = first[0]["response"]["id"]
        peer.leave()
        wire = request("GET", f"/v1/responses/{response_id}?stream=true&starting_after=5")
        again = await made.gateway.peer(wire)
        assert (await again.head()).status == 200
        made.server.gate.set()
        rest = Heard(200, {"transfer-encoding": "chunked"})
        await again._body(rest)
        events = first + events_of(rest)
        assert [one["sequence_number"] for one in events] == list(range(len(events)))
        assert kinds(events)[-1] == "completed"
        deltas = [one["delta"] for one in events if one["type"] == "response.output_text.delta"]
        assert "".join(deltas) == "one two three"


@pytest.mark.parametrize("store", [True, None])
async def test_it_is_resumed_after_its_end(tmp_path: Path, store: bool | None) -> None:
    async with stand(tmp_path) as made:
        whole = await made.create(background=True, stream=True, store=store)
        events = events_of(whole)
        path = events[0]["response"]["id"] + "?stream=true"
        assert (await made.get(path)).body == whole.body
        tail = await made.get(f"{path}&starting_after={len(events) - 3}")
        assert events_of(tail) == events[-2:]
        nothing = await made.get(f"{path}&starting_after={len(events) + 9}")
        assert (nothing.status, nothing.data) == (200, [b"[DONE]"])
        wrong = await made.get(f"{path}&starting_after=-1")
        assert (wrong.status, wrong.error["param"]) == (400, "starting_after")


async def test_cancelled_it_ends_its_streams(tmp_path: Path) -> None:
    async with stand(tmp_path, is_open=False) as made:
        peer = await begin_stream(made)
        response_id = (await next_event(peer))["response"]["id"]
        assert (await made.post(f"{response_id}/cancel")).status == 200
        event = {"type": ""}
        while event["type"] != "response.failed":
            event = await next_event(peer)
        assert event["response"]["status"] == "cancelled"  # type: ignore[index]


async def test_only_one_that_was_begun_as_a_stream_can_be_followed(tmp_path: Path) -> None:
    async with stand(tmp_path) as made:
        for fields in ({"background": True}, {}):
            response_id = (await made.create(**fields)).json["id"]
            await made.until(response_id, "completed")
            heard = await made.get(f"{response_id}?stream=true")
            assert (heard.status, heard.error["code"]) == (400, "response_not_streamed")


# ---- bounds and ends ----


async def test_there_is_an_end_to_how_many_there_may_be(tmp_path: Path) -> None:
    async with stand(tmp_path, is_open=False) as made:
        made.gateway.app.service.runs._max_runs = 2
        for _ in range(2):
            assert (await made.create(background=True)).status == 200
        heard = await made.create(background=True)
        assert (heard.status, heard.error["code"]) == (429, "too_many_background_responses")
        assert heard.headers["retry-after"]


async def test_one_that_grows_too_large_fails(tmp_path: Path) -> None:
    async with stand(tmp_path, max_reply_bytes=2048) as made:
        made.server.words = ["word " * 50] * 40
        response_id = (await made.create(background=True)).json["id"]
        failed = await made.until(response_id, "failed")
        assert failed["error"]["code"]


async def test_when_the_gateway_stops_it_fails_and_is_kept(tmp_path: Path) -> None:
    async with stand(tmp_path, is_open=False) as made:
        response_id = (await made.create(background=True, store=True)).json["id"]
        await made.until(response_id, "in_progress")
        await made.gateway.app.drain(0)
        failed = (await made.get(response_id)).json
        assert failed["status"] == "failed"
        assert "shutting down" in failed["error"]["message"]


async def test_what_a_lost_process_left_is_told_as_failed(tmp_path: Path) -> None:
    async with stand(tmp_path, is_open=False) as made:
        response_id = (await made.create(background=True, store=True)).json["id"]
        await made.until(response_id, "in_progress")
        await made.gateway.app.service.shelf.settled()
        async with stand(tmp_path) as other:  # over the same database
            heard = await other.get(response_id)
            assert (heard.json["status"], heard.json["error"]["code"]) == (
                "failed",
                "server_error",
            )


async def test_a_follower_who_does_not_read_holds_nothing_up(tmp_path: Path) -> None:
    async with stand(tmp_path) as made:
        made.server.words = ["word " * 2000] * 400
        body = {"model": "m", "input": "hello", "background": True, "stream": True}
        wire = request("POST", "/v1/responses", body=json.dumps(body).encode())
        peer = await made.gateway.peer(wire, receive_buffer=4096)
        heard = await peer.head()
        ((_, response_id),) = made.gateway.app.service.runs._runs
        await made.until(response_id, "completed")
        await peer._body(heard)
        events = events_of(heard)
        assert [one["sequence_number"] for one in events] == list(range(len(events)))
        assert kinds(events)[-1] == "completed"
        assert len(heard.body) > 2_000_000
