"""Responses that are kept: where, for whom, for how long, and what can be done with them."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from gateway_stand import gateway_for
from kept_stand import Stand, events_of, stand

ALPHA = "authorization: Bearer sk-alpha"
BETA = "authorization: Bearer sk-beta"


def text_of(response: dict[str, Any]) -> str:
    return "".join(
        part["text"]
        for item in response["output"]
        if item["type"] == "message"
        for part in item["content"]
    )


async def test_what_is_stored_is_told_again_as_it_was(tmp_path: Path) -> None:
    async with stand(tmp_path) as made:
        created = await made.create(store=True)
        assert created.status == 200, created.body
        assert text_of(created.json) == "one two three"
        again = await made.get(created.json["id"])
        assert (again.status, again.json) == (200, created.json)
        assert made.database.exists()
        # Another process, later: the gateway was started anew.
        await made.gateway.app.service.shelf.settled()
        async with gateway_for("http://127.0.0.1:9/v1", database=str(made.database)) as other:
            later = await other.ask("GET", f"/v1/responses/{created.json['id']}")
        assert later.json == created.json


async def test_a_stream_is_stored_too(tmp_path: Path) -> None:
    async with stand(tmp_path) as made:
        heard = await made.create(store=True, stream=True)
        last = events_of(heard)[-1]
        assert last["type"] == "response.completed"
        again = await made.get(last["response"]["id"])
        assert again.json == last["response"]


async def test_without_a_word_it_is_kept_in_memory_only(tmp_path: Path) -> None:
    async with stand(tmp_path) as made:
        created = await made.create()
        assert (await made.get(created.json["id"])).json == created.json
        assert not made.database.exists()


async def test_with_store_false_it_is_kept_nowhere(tmp_path: Path) -> None:
    async with stand(tmp_path) as made:
        created = await made.create(store=False)
        heard = await made.get(created.json["id"])
        assert (heard.status, heard.error["code"]) == (404, "response_not_found")
        assert not made.database.exists()


@pytest.mark.parametrize("store", [True, None])
async def test_another_keys_response_is_like_one_that_never_was(
    tmp_path: Path, store: bool | None
) -> None:
    async with stand(tmp_path) as made:
        created = await made.create(ALPHA, store=store)
        response_id = created.json["id"]
        for ask in (made.get, made.delete):
            theirs, nobodys = await ask(response_id, BETA), await ask("resp_none", BETA)
            assert theirs.status == nobodys.status == 404
            assert theirs.body == nobodys.body
        for path in ("cancel", "input_items"):
            ask = made.post if path == "cancel" else made.get
            theirs = await ask(f"{response_id}/{path}", BETA)
            assert theirs.status == 404
            assert (await ask(f"{response_id}/{path}", ALPHA)).status != 404
        went_on = await made.create(BETA, previous_response_id=response_id)
        unknown = await made.create(BETA, previous_response_id="resp_none")
        assert went_on.status == unknown.status >= 400
        assert went_on.body == unknown.body
        assert (await made.get(response_id, ALPHA)).json == created.json


@pytest.mark.parametrize("store", [True, None])
async def test_what_was_deleted_is_gone(tmp_path: Path, store: bool | None) -> None:
    async with stand(tmp_path) as made:
        response_id = (await made.create(store=store)).json["id"]
        deleted = await made.delete(response_id)
        assert deleted.json == {"id": response_id, "object": "response", "deleted": True}
        assert (await made.get(response_id)).status == 404
        assert (await made.delete(response_id)).status == 404


async def test_only_background_responses_can_be_cancelled(tmp_path: Path) -> None:
    async with stand(tmp_path) as made:
        response_id = (await made.create()).json["id"]
        heard = await made.post(f"{response_id}/cancel")
        assert (heard.status, heard.error["code"]) == (400, "not_a_background_response")


async def test_methods_and_paths_below_a_response(tmp_path: Path) -> None:
    async with stand(tmp_path) as made:
        response_id = (await made.create()).json["id"]
        wrong = await made.get(f"{response_id}/cancel")
        assert (wrong.status, wrong.headers["allow"]) == (405, "POST")
        assert (await made.get(f"{response_id}/nothing")).error["code"] == "unknown_path"


# ---- its input ----


async def test_the_input_is_listed_in_pages(tmp_path: Path) -> None:
    texts = [f"line {number}" for number in range(5)]
    items = [{"role": "user", "content": text} for text in texts]
    async with stand(tmp_path) as made:
        path = (await made.create(input=items)).json["id"] + "/input_items"
        whole = (await made.get(f"{path}?order=asc")).json
        assert [one["content"][0]["text"] for one in whole["data"]] == texts
        assert all(one["id"].startswith("msg_") for one in whole["data"])
        assert whole["has_more"] is False
        newest_first = (await made.get(path)).json
        assert newest_first["data"] == whole["data"][::-1]
        page = (await made.get(f"{path}?order=asc&limit=2")).json
        assert (page["data"], page["has_more"]) == (whole["data"][:2], True)
        assert (page["first_id"], page["last_id"]) == tuple(one["id"] for one in whole["data"][:2])
        after = (await made.get(f"{path}?order=asc&limit=3&after={page['last_id']}")).json
        assert (after["data"], after["has_more"]) == (whole["data"][2:], False)


@pytest.mark.parametrize(
    ("query", "param"),
    [("limit=0", "limit"), ("limit=x", "limit"), ("order=up", "order"), ("after=none", "after")],
)
async def test_a_wrong_page_names_what_is_wrong(tmp_path: Path, query: str, param: str) -> None:
    async with stand(tmp_path) as made:
        response_id = (await made.create()).json["id"]
        heard = await made.get(f"{response_id}/input_items?{query}")
        assert (heard.status, heard.error["param"]) == (400, param)


# ---- going on ----


async def went_on(made: Stand, *stores: bool | None) -> list[tuple[str, str]]:
    previous = None
    for number, store in enumerate(stores):
        heard = await made.create(
            input=f"question {number}", previous_response_id=previous, store=store
        )
        assert heard.status == 200, heard.body
        assert heard.json["previous_response_id"] == previous
        previous = heard.json["id"]
    return made.server.messages


@pytest.mark.parametrize(
    "stores", [(None,) * 3, (True,) * 3, (None, True, None), (True, None, True)]
)
async def test_a_response_is_gone_on_from(tmp_path: Path, stores: tuple[bool | None, ...]) -> None:
    async with stand(tmp_path) as made:
        said = await went_on(made, *stores)
        assert said == [
            ("user", "question 0"),
            ("assistant", "one two three"),
            ("user", "question 1"),
            ("assistant", "one two three"),
            ("user", "question 2"),
        ]


async def test_what_is_stored_outlives_what_it_went_on_from_in_memory(tmp_path: Path) -> None:
    async with stand(tmp_path) as made:
        first = await made.create(input="question 0")
        second = await made.create(
            input="question 1", previous_response_id=first.json["id"], store=True
        )
        await made.delete(first.json["id"])
        third = await made.create(input="question 2", previous_response_id=second.json["id"])
        assert third.status == 200
        assert [text for _, text in made.server.messages][::2] == [
            "question 0",
            "question 1",
            "question 2",
        ]


async def test_the_instructions_of_the_one_before_are_not_carried_over(tmp_path: Path) -> None:
    async with stand(tmp_path) as made:
        first = await made.create(instructions="be brief")
        assert made.server.messages[0] == ("system", "be brief")
        await made.create(previous_response_id=first.json["id"], instructions="be kind")
        assert [one for one in made.server.messages if one[0] == "system"] == [
            ("system", "be kind")
        ]


async def test_an_unknown_one_is_an_error_that_names_the_field(tmp_path: Path) -> None:
    async with stand(tmp_path) as made:
        heard = await made.create(previous_response_id="resp_none")
        assert heard.status in (400, 404)
        assert heard.error["param"] == "previous_response_id"
        assert heard.error["code"] == "previous_response_not_found"


async def test_items_may_be_named_by_their_ids(tmp_path: Path) -> None:
    async with stand(tmp_path) as made:
        first = (await made.create(store=True, input="question 0")).json
        references = [{"type": "item_reference", "id": one["id"]} for one in first["output"]]
        await made.create(input=[*references, {"role": "user", "content": "question 1"}])
        assert made.server.messages == [
            ("assistant", "one two three"),
            ("user", "question 1"),
        ]


# ---- a database that cannot be used ----


async def test_a_locked_database_stops_no_answer(tmp_path: Path) -> None:
    async with stand(tmp_path) as made:
        first = (await made.create(store=True)).json
        other = sqlite3.connect(made.database, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        second = await made.create(store=True, stream=True)
        assert events_of(second)[-1]["type"] == "response.completed"
        # Found while the database is waited for, and in memory after that.
        told = events_of(second)[-1]["response"]
        assert (await made.get(told["id"])).json == told
        assert (await made.get(first["id"])).json == first
        other.execute("ROLLBACK")
        other.close()


async def test_a_database_that_is_none_fails_only_who_needs_it(tmp_path: Path) -> None:
    (tmp_path / "kept.db").write_bytes(b"no database " * 500)
    async with stand(tmp_path) as made:
        stored = await made.create(store=True, stream=True)
        assert stored.headers["x-strictwire-store"] == "memory"
        told = events_of(stored)[-1]["response"]
        assert (await made.get(told["id"])).json == told  # it is in memory
        missing = await made.get("resp_other")
        assert missing.status == 503
        assert missing.error["code"] == "response_store_unavailable"
        assert "no database" in missing.error["message"]
        assert (await made.create(stream=True)).status == 200
        assert await made.gateway.is_well()
