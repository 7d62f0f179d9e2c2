"""A conversation made short: by an upstream that can, and by the gateway where none can."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gateway_stand import Visit, gateway_for, request, scripted, sized
from kept_stand import Stand, events_of, stand

from strictwire.net.responses.compaction import INTRODUCTION, PROMPT, sealed, summary_of

CONVERSATION: list[dict[str, Any]] = [
    {"role": "user", "content": "What is in the folder?"},
    {"type": "function_call", "call_id": "c1", "name": "ls", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c1", "output": "a.txt"},
    {"role": "assistant", "content": [{"type": "output_text", "text": "One file."}]},
    {"role": "user", "content": [{"type": "input_text", "text": "Read it."}]},
]


async def compact(made: Stand, **fields: Any) -> Any:
    body = {"model": "m", "input": CONVERSATION, **fields}
    return await made.gateway.ask("POST", "/v1/responses/compact", body=json.dumps(body).encode())


async def test_the_gateway_asks_for_a_summary_where_no_upstream_compacts(tmp_path: Path) -> None:
    async with stand(tmp_path) as made:
        heard = await compact(made, instructions="be brief")
        assert heard.status == 200, heard.body
        told = heard.json
        assert told["object"] == "response.compaction"
        assert {"id", "created_at", "usage"} <= set(told)
        users, (compaction,) = told["output"][:-1], told["output"][-1:]
        assert [one["content"][0]["text"] for one in users] == [
            "What is in the folder?",
            "Read it.",
        ]
        assert compaction["type"] == "compaction"
        assert summary_of(compaction["encrypted_content"]) == "one two three"
        asked = made.server.asked[-1]["messages"]
        assert asked[0] == {"role": "system", "content": "be brief"}
        # The last turn of the user and the wish for a summary may come as one message.
        assert asked[-1]["role"] == "user"
        assert PROMPT in json.dumps(asked[-1]["content"]).replace('\\"', '"')


async def test_a_compaction_of_ours_is_opened_before_an_upstream_sees_it(tmp_path: Path) -> None:
    async with stand(tmp_path) as made:
        told = (await compact(made)).json
        await made.create(input=[*told["output"], {"role": "user", "content": "go on"}])
        said = json.dumps(made.server.asked[-1]["messages"])
        assert "one two three" in said
        assert INTRODUCTION.strip() in said
        assert "strictwire-summary" not in said


async def test_an_older_name_of_the_item_is_opened_too(tmp_path: Path) -> None:
    async with stand(tmp_path) as made:
        item = {"type": "compaction_summary", "encrypted_content": sealed("the story so far")}
        await made.create(input=[item, {"role": "user", "content": "go on"}])
        assert "the story so far" in json.dumps(made.server.asked[-1]["messages"])


async def test_what_only_looks_like_ours_is_left_alone(tmp_path: Path) -> None:
    assert summary_of("gAAAAAB") is None
    assert summary_of(None) is None
    assert summary_of("strictwire-summary-1.%%%") is None
    assert summary_of(sealed("größe ✓")) == "größe ✓"


async def test_it_goes_on_from_a_stored_response(tmp_path: Path) -> None:
    async with stand(tmp_path) as made:
        first = await made.create(input="the beginning")
        heard = await compact(made, previous_response_id=first.json["id"], input=[])
        assert heard.status == 200, heard.body
        assert heard.json["output"][0]["content"][0]["text"] == "the beginning"


async def test_a_stream_is_refused(tmp_path: Path) -> None:
    async with stand(tmp_path) as made:
        heard = await compact(made, stream=True)
        assert (heard.status, heard.error["param"]) == (400, "stream")
        assert made.server.paths == []


async def test_that_a_provider_does_not_compact_is_learned_once(tmp_path: Path) -> None:
    async with stand(tmp_path) as made:
        for _ in range(2):
            assert (await compact(made)).status == 200
        assert made.server.paths.count("/v1/responses/compact") == 1


async def test_a_summary_that_fails_is_an_error(tmp_path: Path) -> None:
    async with stand(tmp_path) as made:
        made.server.refusal = sized(
            b'{"error":{"message":"no room","type":"x","code":null}}',
            status="503 Service Unavailable",
        )
        heard = await compact(made)
        assert (heard.status, heard.error["message"]) == (503, "no room")
        made.server.refusal = b""
        made.server.words = [" "]
        heard = await compact(made)
        assert (heard.status, heard.error["code"]) == (502, "upstream_malformed")


async def test_a_client_that_leaves_ends_the_summary(tmp_path: Path) -> None:
    import asyncio

    async with stand(tmp_path, is_open=False) as made:
        body = json.dumps({"model": "m", "input": CONVERSATION}).encode()
        peer = await made.gateway.peer(request("POST", "/v1/responses/compact", body=body))
        async with asyncio.timeout(5):
            while not made.server.asked:
                await asyncio.sleep(0.01)
            peer.leave()
            await made.server.left.wait()


COMPACTED = json.dumps(
    {
        "id": "resp_up",
        "object": "response.compaction",
        "created_at": 1,
        "output": [{"id": "cmp_1", "type": "compaction", "encrypted_content": "gAAA"}],
        "usage": {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2},
    }
).encode()


async def test_an_upstream_that_compacts_is_asked_for_it(tmp_path: Path) -> None:
    bodies: list[dict[str, Any]] = []
    paths: list[bytes] = []

    async def script(visit: Visit) -> None:
        while True:
            bodies.append(json.loads(await visit.request()))
            paths.append(visit.heads[-1].split(b" ")[1])
            await visit.send(sized(COMPACTED, "content-type: application/json"))

    options = {"database": str(tmp_path / "kept.db")}
    async with scripted(script) as upstream, gateway_for(upstream.url, **options) as gateway:
        own = {"type": "compaction", "encrypted_content": sealed("the story so far")}
        body = {"model": "m", "input": [own, *CONVERSATION]}
        heard = await gateway.ask("POST", "/v1/responses/compact", body=json.dumps(body).encode())
    assert (heard.status, heard.body) == (200, COMPACTED)
    assert paths == [b"/v1/responses/compact"]
    assert bodies[0]["input"][1:] == CONVERSATION
    assert "the story so far" in bodies[0]["input"][0]["content"][0]["text"]


async def test_an_upstreams_own_refusal_is_told(tmp_path: Path) -> None:
    async def script(visit: Visit) -> None:
        await visit.request()
        error = b'{"error":{"message":"The model m does not exist","code":"model_not_found"}}'
        await visit.send(sized(error, status="404 Not Found"))

    async with scripted(script) as upstream, gateway_for(upstream.url) as gateway:
        body = json.dumps({"model": "m", "input": "x"}).encode()
        heard = await gateway.ask("POST", "/v1/responses/compact", body=body)
    assert (heard.status, heard.error["code"]) == (404, "model_not_found")


async def test_codexs_wish_for_a_compaction_is_met_where_the_server_cannot(tmp_path: Path) -> None:
    async with stand(tmp_path, dialects=("chat",), provider={"dialects": ("chat",)}) as made:
        wish = [*CONVERSATION, {"type": "compaction_trigger"}]
        events = events_of(await made.create(input=wish, stream=True, store=False))
        assert [one["sequence_number"] for one in events] == list(range(5))
        (item,) = events[-1]["response"]["output"]
        assert (events[-1]["type"], item["type"]) == ("response.completed", "compaction")
        assert events[-2] == {**events[-2], "type": "response.output_item.done", "item": item}
        assert summary_of(item["encrypted_content"]) == "one two three"
        assert PROMPT in json.dumps(made.server.asked[-1]["messages"][-1])
        whole = (await made.create(input=wish, store=False)).json
        assert [one["type"] for one in whole["output"]] == ["compaction"]
