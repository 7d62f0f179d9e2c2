"""The official SDKs in front of the gateway: their errors, counts, lists and streams."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anthropic
import openai
import pytest
from dialect_stand import Speaker, speaker

from strictwire.config import Secret
from strictwire.model.request import Dialect

KEY = "sk-dummy-client"


@asynccontextmanager
async def claude(stand: Speaker, key: str = KEY) -> AsyncIterator[anthropic.AsyncAnthropic]:
    url = f"http://127.0.0.1:{stand.gateway.port}"
    async with anthropic.AsyncAnthropic(base_url=url, api_key=key, max_retries=0) as client:
        yield client


@asynccontextmanager
async def codex(stand: Speaker, key: str = KEY) -> AsyncIterator[openai.AsyncOpenAI]:
    url = f"http://127.0.0.1:{stand.gateway.port}/v1"
    async with openai.AsyncOpenAI(base_url=url, api_key=key, max_retries=0) as client:
        yield client


def spoken_to(text: str = "hello") -> list[anthropic.types.MessageParam]:
    return [{"role": "user", "content": text}]


@pytest.mark.parametrize("upstream", ["chat", "responses", "messages"])
async def test_a_stream_helper_of_each(upstream: Dialect) -> None:
    async with speaker(upstream, dialects=(upstream,)) as stand:
        async with claude(stand) as client:
            async with client.messages.stream(
                model="m", max_tokens=9, messages=spoken_to()
            ) as stream:
                message = await stream.get_final_message()
            assert [block.type for block in message.content] == ["text"]
            assert message.stop_reason == "end_turn"
            assert message.usage.input_tokens > 0
        async with codex(stand) as other:
            async with other.responses.stream(model="m", input="hello") as events:
                response = await events.get_final_response()
            assert (response.output_text, response.status) == ("fine", "completed")


async def test_anthropics_errors_are_its_sdks_exceptions() -> None:
    full = {"error": {"message": "This model's maximum context length is 9 tokens."}}
    async with (
        speaker("chat", dialects=("chat",), refuse=lambda asked: (400, full)) as stand,
        claude(stand) as client,
    ):
        with pytest.raises(anthropic.BadRequestError) as caught:
            await client.messages.create(model="m", max_tokens=9, messages=spoken_to())
        assert "prompt is too long" in str(caught.value)
        assert caught.value.request_id == caught.value.response.headers["x-request-id"]
        with pytest.raises(anthropic.NotFoundError):
            await client.get("/v1/messages/batches", cast_to=object)


async def test_the_gateways_key_as_anthropics_sdk_sends_it() -> None:
    async with speaker("chat", api_keys=(Secret("sk-dummy-gateway"),)) as stand:
        async with claude(stand) as client:
            with pytest.raises(anthropic.AuthenticationError):
                await client.messages.create(model="m", max_tokens=9, messages=spoken_to())
        async with claude(stand, key="sk-dummy-gateway") as client:
            message = await client.messages.create(model="m", max_tokens=9, messages=spoken_to())
            assert message.content[0].type == "text"
            assert "sk-dummy-gateway" not in str([one.headers for one in stand.requests])


async def test_openais_errors_are_its_sdks_exceptions() -> None:
    busy = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    async with (
        speaker("messages", dialects=("messages",), refuse=lambda asked: (529, busy)) as stand,
        codex(stand) as client,
    ):
        with pytest.raises(openai.InternalServerError) as caught:
            await client.responses.create(model="m", input="hello")
        assert caught.value.status_code == 529
        assert caught.value.code == "server_is_overloaded"


async def test_counts_and_models_of_anthropics_sdk() -> None:
    async with speaker("chat") as stand, claude(stand) as client:
        counted = await client.messages.count_tokens(model="m", messages=spoken_to())
        assert counted.input_tokens > 0
        with pytest.raises(anthropic.NotFoundError):
            await client.models.list()  # the server behind has no list
