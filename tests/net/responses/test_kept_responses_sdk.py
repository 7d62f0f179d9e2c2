"""The official client reads, follows, lists, cancels, deletes and compacts, validation strict."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from kept_stand import Stand, stand
from openai import AsyncOpenAI, NotFoundError
from openai.types.responses import Response


@asynccontextmanager
async def client_of(made: Stand, *, is_strict: bool = True) -> AsyncIterator[AsyncOpenAI]:
    client = AsyncOpenAI(
        api_key="sk-dummy",
        base_url=f"http://127.0.0.1:{made.gateway.port}/v1",
        max_retries=0,
        _strict_response_validation=is_strict,
    )
    try:
        yield client
    finally:
        await client.close()


async def test_read_listed_and_deleted(tmp_path: Path) -> None:
    async with stand(tmp_path) as made, client_of(made) as client:
        created = await client.responses.create(model="m", input="hello", store=True)
        read = await client.responses.retrieve(created.id)
        assert read.output_text == created.output_text == "one two three"
        items = [item async for item in client.responses.input_items.list(created.id)]
        assert [item.type for item in items] == ["message"]
        await client.responses.delete(created.id)
        with pytest.raises(NotFoundError):
            await client.responses.retrieve(created.id)


async def test_gone_on_from(tmp_path: Path) -> None:
    async with stand(tmp_path) as made, client_of(made) as client:
        first = await client.responses.create(model="m", input="hello")
        second = await client.responses.create(
            model="m", input="more", previous_response_id=first.id
        )
        assert second.previous_response_id == first.id
        assert len(made.server.messages) == 3


async def test_in_the_background(tmp_path: Path) -> None:
    async with stand(tmp_path, is_open=False) as made, client_of(made) as client:
        created = await client.responses.create(model="m", input="hello", background=True)
        assert created.status == "queued"
        cancelled = await client.responses.cancel(created.id)
        assert cancelled.status == "cancelled"
        made.server.gate.set()
        stream = await client.responses.create(
            model="m", input="hello", background=True, stream=True
        )
        events = [event async for event in stream]
        assert events[-1].type == "response.completed"
        response_id = events[0].response.id  # type: ignore[union-attr]
        resumed = await client.responses.retrieve(response_id, stream=True, starting_after=2)
        assert [event async for event in resumed] == events[3:]
        done = await client.responses.retrieve(response_id)
        assert isinstance(done, Response)
        assert done.output_text == "one two three"


async def test_compacted(tmp_path: Path) -> None:
    # Its types know no message of a user in an output, although OpenAI's own compactions, and its
    # reference, have them there.
    async with stand(tmp_path) as made, client_of(made, is_strict=False) as client:
        compacted = await client.responses.compact(
            model="m", input=[{"role": "user", "content": "hello"}]
        )
        assert [item.type for item in compacted.output] == ["message", "compaction"]
