"""The stories for which strictwire is built, each as one test from a client's seat.

The tables of scenarios prove more, one by one; here stands what a person would tell. The real
coding agents go through the same stories in ``tests/clients``.
"""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from openai import AsyncOpenAI, OpenAI
from sdk_ways import client
from stand import FINAL_ONLY, Stand

from strictwire.cli.compose import build
from strictwire.config import Settings
from strictwire.lab.scenarios.answer import REASONING_PIECES, TEXT_PIECES

QUESTION: list[Any] = [{"role": "user", "content": "What is the weather in Paris?"}]
WEATHER: dict[str, Any] = {
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}
CHAT_TOOLS: list[Any] = [{"type": "function", "function": WEATHER}]
RESPONSES_TOOLS: list[Any] = [{"type": "function", **WEATHER}]
PROGRESS = "X-Strictwire-Prefill-Progress"


@pytest.fixture
def sdk(stand: Stand) -> Any:
    with client(OpenAI, stand.urls["dialects"]) as made:
        yield made


def data_frames(body: str) -> list[Any]:
    told = [line.removeprefix("data: ") for line in body.split("\n") if line.startswith("data: ")]
    assert told.pop() == "[DONE]"
    return [json.loads(one) for one in told]


# ---- a server that tells prefill progress in frames of its own, and OpenCode ----


@pytest.mark.parametrize("upstream", ["progress-event", "foreign-frames", "swiftlm-like@pace=1ms"])
def test_prefill_frames_reach_no_parser_of_chunks(
    upstream: str, stand: Stand, bytes_client: httpx.Client
) -> None:
    """The AI SDK, which OpenCode uses, loses the turn over the first frame that is no chunk."""
    body = {"model": f"chat/{upstream}", "messages": QUESTION, "stream": True}
    url = f"{stand.urls['dialects']}/chat/completions"
    told = bytes_client.post(url, json=body).text
    assert "event:" not in told
    for chunk in data_frames(told):
        assert chunk["object"] == "chat.completion.chunk"
        assert chunk["choices"]


def test_progress_that_was_asked_for_comes_beside_the_chunks(
    stand: Stand, bytes_client: httpx.Client
) -> None:
    body = {"model": "chat/progress-event", "messages": QUESTION, "stream": True}
    url = f"{stand.urls['dialects']}/chat/completions"
    told = bytes_client.post(url, json=body, headers={PROGRESS: "comment"}).text
    assert ': prefill_progress {"status":"done"' in told
    assert all(chunk["choices"] for chunk in data_frames(told))


# ---- LocalAI, and an agent's tool ----


def test_the_tool_call_of_a_localai_arrives_whole(sdk: OpenAI) -> None:
    asked: dict[str, Any] = {"model": "chat/localai", "messages": QUESTION, "tools": CHAT_TOOLS}
    with sdk.chat.completions.stream(**asked) as stream:
        choice = stream.get_final_completion().choices[0]
    assert choice.finish_reason == "tool_calls"
    (call,) = choice.message.tool_calls or ()
    assert (call.function.name, json.loads(call.function.arguments)) == (
        "get_weather",
        {"city": "Paris"},
    )


# ---- Codex, and a Responses server that sends no delta ----


def test_finished_items_alone_become_a_whole_life(sdk: OpenAI) -> None:
    """Past the gateway, Codex shows an empty answer and exits with 0."""
    with sdk.responses.stream(model=f"{FINAL_ONLY}/healthy-text", input="Hello") as stream:
        deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]
        response = stream.get_final_response()
    assert "".join(deltas) == response.output_text == "".join(TEXT_PIECES)


def test_finished_calls_and_reasoning_alone_become_a_whole_life(sdk: OpenAI) -> None:
    asked: dict[str, Any] = {"model": f"{FINAL_ONLY}/healthy-reasoning-tools", "input": "Weather?"}
    with sdk.responses.stream(**asked, tools=RESPONSES_TOOLS) as stream:
        kinds = [event.type for event in stream]
        reasoning, call = stream.get_final_response().output
    assert kinds.count("response.function_call_arguments.done") == 1
    assert "response.reasoning_summary_text.delta" in kinds
    assert reasoning.type == "reasoning"
    assert "".join(part.text for part in reasoning.summary) == "".join(REASONING_PIECES)
    assert call.type == "function_call"
    assert json.loads(call.arguments) == {"city": "Paris"}


# ---- a server that behaves only while it streams ----


@pytest.mark.parametrize("upstream", ["tools-only-then-done", "localai", "quirky-everything"])
async def test_a_forced_stream_is_folded_into_one_object(upstream: str, stand: Stand) -> None:
    async with client(AsyncOpenAI, stand.urls["always"]) as sdk:
        whole = await sdk.chat.completions.create(
            model=upstream, messages=QUESTION, tools=CHAT_TOOLS
        )
    choice = whole.choices[0]
    assert stand.lab.log[-1].headers["accept"] == "text/event-stream"
    if choice.message.tool_calls:
        assert choice.finish_reason == "tool_calls"
        (call,) = choice.message.tool_calls
        assert call.type == "function"
        assert json.loads(call.function.arguments) == {"city": "Paris"}
    else:
        assert upstream == "quirky-everything"
        assert (choice.finish_reason, choice.message.content) == ("stop", "".join(TEXT_PIECES))


# ---- a newcomer, who has no server yet ----

_ASKED: dict[str, dict[str, Any]] = {
    "responses": {"input": "Hello"},
    "messages": {"max_tokens": 100, "messages": QUESTION},
}


@pytest.mark.parametrize("dialect", _ASKED)
async def test_the_built_in_lab_plays_in_every_dialect_and_order(dialect: str) -> None:
    """What one scenario lacks is not held against the others, which are other servers."""
    application = build(Settings(), lab=True)
    await application.startup()
    try:
        wires = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=wires, base_url="http://127.0.0.1") as plain:
            own = {"responses": "responses-only-completed", "messages": "messages-no-start"}
            for model in ("quirky-everything", own[dialect], "localai", "healthy-text"):
                reply = await plain.post(f"/v1/{dialect}", json={"model": model, **_ASKED[dialect]})
                assert (model, reply.status_code) == (model, 200)
                assert reply.json()["model"] == model
                assert "Hello" in reply.text or "get_weather" in reply.text
    finally:
        await application.close()
