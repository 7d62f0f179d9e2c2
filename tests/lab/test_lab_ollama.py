"""The lab's path of Ollama's own API: what it answers, and what it refuses as a Go server does."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from lab_wire import Heard, ask, json_request

from strictwire.lab.scenarios.answer import PROMPT_TOKENS, TEXT_PIECES
from strictwire.lab.server import LabServer

QUESTION = {"role": "user", "content": "hi"}


@pytest.fixture
async def server() -> AsyncIterator[LabServer]:
    async with LabServer() as started:
        yield started


async def asked(server: LabServer, model: str, *messages: Any, **fields: object) -> Heard:
    body = {"model": model, "messages": messages or (QUESTION,), **fields}
    return await ask(server, json_request("/api/chat", body))


async def test_it_streams_to_who_does_not_say_otherwise(server: LabServer) -> None:
    for fields in ({}, {"stream": True}):
        heard = await asked(server, "healthy-text", **fields)
        assert heard.headers["content-type"] == "application/x-ndjson"
        *pieces, last = [json.loads(line) for line in heard.body.splitlines()]
        assert tuple(one["message"]["content"] for one in pieces) == TEXT_PIECES
        assert not any(one["done"] for one in pieces)
        assert (last["done"], last["done_reason"]) == (True, "stop")
        assert last["prompt_eval_count"] == PROMPT_TOKENS


async def test_an_object_says_the_same(server: LabServer) -> None:
    heard = await asked(server, "healthy-text", stream=False)
    assert heard.headers["content-type"] == "application/json"
    told = json.loads(heard.body)
    assert told["message"]["content"] == "".join(TEXT_PIECES)
    assert (told["done"], told["eval_count"]) == (True, len(TEXT_PIECES))


async def test_arguments_are_objects(server: LabServer) -> None:
    heard = await asked(server, "healthy-parallel-tools", stream=False)
    calls = json.loads(heard.body)["message"]["tool_calls"]
    assert [call["function"]["arguments"] for call in calls] == [
        {"city": "Paris"},
        {"city": "Tokyo"},
    ]


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "content": [{"type": "text", "text": "hi"}]},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}],
        },
    ],
)
async def test_what_does_not_fit_its_types_is_refused(server: LabServer, message: Any) -> None:
    heard = await asked(server, "healthy-text", QUESTION, message)
    assert heard.status == 400
    assert "cannot unmarshal" in json.loads(heard.body)["error"]


async def test_errors_are_texts(server: LabServer) -> None:
    for model in ("no-such-model", "healthy-refusal"):
        heard = await asked(server, model)
        assert heard.status == 404
        assert isinstance(json.loads(heard.body)["error"], str)
