"""Clients of every dialect in front of a server that is asked in Ollama's own API."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anthropic
import openai
import pytest
from dialect_stand import BODIES, PATHS, text_of
from gateway_stand import Gateway, Heard, Scripted, Visit, gateway_for, scripted, sized

from strictwire.conformance import Asked, lint
from strictwire.lab.playback import Playback
from strictwire.lab.scenarios.answer import PROMPT_TOKENS, TEXT_PIECES
from strictwire.lab.server import LabServer
from strictwire.model.request import Dialect

CLIENTS: tuple[Dialect, ...] = ("chat", "completions", "responses", "messages")
KEY = "sk-dummy-client"
TEXT = "".join(TEXT_PIECES)
WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
}
TOOL: dict[str, Any] = {
    "type": "function",
    "function": {"name": "get_weather", "description": "Tells it.", "parameters": WEATHER},
}


@asynccontextmanager
async def ollama(**options: Any) -> AsyncIterator[tuple[Gateway, LabServer]]:
    """A lab that has no other path, and the gateway in front of it."""
    only = Playback.parse("dialects=ollama")
    async with (
        LabServer(defaults=only) as lab,
        gateway_for(lab.url, dialects=("ollama",), **options) as gateway,
    ):
        yield gateway, lab


async def ask(gateway: Gateway, client: Dialect, **fields: Any) -> Heard:
    body = json.dumps({**BODIES[client], **fields}).encode()
    return await gateway.ask("POST", PATHS[client], body=body)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("client", CLIENTS)
async def test_every_client_is_answered_in_its_own_dialect(client: Dialect, stream: bool) -> None:
    async with ollama() as (gateway, lab):
        heard = await ask(gateway, client, model="healthy-text@cut=7", stream=stream)
        assert heard.status == 200
        assert text_of(client, heard) == TEXT
        assert lint(heard.body, Asked(dialect=client, is_stream=stream)) == []
        (entry,) = lab.log
        assert entry.path == "/api/chat"
        sent = json.loads(entry.body)
        assert sent["stream"] is stream
        assert [turn["content"] for turn in sent["messages"]] == ["hello"]


@pytest.mark.parametrize(("stream", "asked"), [("always", True), ("never", False)])
async def test_the_setting_says_how_it_is_asked(stream: str, asked: bool) -> None:
    async with ollama(stream=stream) as (gateway, lab):
        for wanted in (True, False):
            heard = await gateway.chat("healthy-text", stream=wanted)
            assert heard.text == TEXT
        assert [json.loads(entry.body)["stream"] for entry in lab.log] == [asked, asked]


async def test_a_base_url_of_its_own_is_kept() -> None:
    """Only the ``/v1`` that all servers share is left out; what a proxy put in front is not."""
    paths: list[str] = []

    async def script(visit: Visit) -> None:
        while True:
            await visit.request()
            paths.append(visit.heads[-1].split(b" ")[1].decode())
            done = {"model": "m", "message": {"content": "fine"}, "done": True}
            await visit.send(sized(json.dumps(done).encode()))

    async with scripted(script) as upstream:
        root = upstream.url.removesuffix("/v1")
        for base_url in (upstream.url, f"{root}/ollama/v1", f"{root}/ollama"):
            async with gateway_for(base_url, dialects=("ollama",)) as gateway:
                assert (await gateway.chat("m")).text == "fine"
    assert paths == ["/api/chat", "/ollama/api/chat", "/ollama/api/chat"]


async def test_usage_is_told_to_who_asks_for_it() -> None:
    async with ollama() as (gateway, _):
        heard = await gateway.chat("healthy-text")
        assert heard.json["usage"]["prompt_tokens"] == PROMPT_TOKENS
        assert "x-strictwire-usage" not in heard.headers
        heard = await gateway.chat("ollama-cached-prompt")
        assert heard.headers["x-strictwire-usage"] == "unknown"


async def test_what_it_cannot_hold_is_refused_before_it_is_asked() -> None:
    async with ollama() as (gateway, lab):
        heard = await gateway.chat("healthy-tools", tools=[TOOL], tool_choice="required")
        assert (heard.status, heard.error["param"]) == (400, "tool_choice")
        assert not list(lab.log)
        heard = await gateway.chat("healthy-text", user="u", grammar="x")
        assert heard.headers["x-strictwire-dropped"] == "user, grammar"


# ---- errors ----


async def test_errors_before_and_inside_a_reply() -> None:
    async with ollama() as (gateway, _):
        for stream in (True, False):
            early = await gateway.chat("ollama-error-first", stream=stream)
            assert early.status == 502
            assert "model runner" in early.error["message"]
            unknown = await gateway.chat("no-such-model", stream=stream)
            assert unknown.status == 404
            assert "no scenario" in unknown.error["message"]
        late = await gateway.chat("ollama-error-line", stream=True)
        assert late.status == 200
        assert "model runner" in late.in_band_error["message"]
        cut = await gateway.chat("ollama-cut", stream=True)
        assert cut.in_band_error["code"] == "upstream_truncated"
        whole = await gateway.chat("ollama-cut")
        assert (whole.status, whole.error["code"]) == (502, "upstream_truncated")


REFUSALS = (
    '"llama3.1:8b" does not support thinking',
    'think value "low" is not supported for this model',
)


@asynccontextmanager
async def refusing(words: str) -> AsyncIterator[tuple[Gateway, Scripted]]:
    """A server whose model takes no ``think``."""

    async def script(visit: Visit) -> None:
        while True:
            asked = json.loads(await visit.request())
            if "think" in asked:
                told = json.dumps({"error": words}).encode()
                await visit.send(sized(told, status="400 Bad Request"))
                continue
            done = {"model": "m", "message": {"content": "fine"}, "done": True}
            await visit.send(sized(json.dumps(done).encode()))

    async with (
        scripted(script) as upstream,
        gateway_for(upstream.url, dialects=("ollama",)) as gateway,
    ):
        yield gateway, upstream


@pytest.mark.parametrize("words", REFUSALS)
async def test_a_model_that_takes_no_think_is_asked_without(words: str) -> None:
    async with refusing(words) as (gateway, upstream):
        for _ in range(2):
            heard = await gateway.chat("m", reasoning_effort="low")
            assert heard.text == "fine"
            assert heard.headers["x-strictwire-dropped"] == "reasoning_effort"
        asked = [json.loads(body) for visit in upstream.visits for body in visit.bodies]
        assert ["think" in one for one in asked] == [True, False, False], "it is learned"


# ---- the official SDKs ----


@asynccontextmanager
async def sdks(gateway: Gateway) -> AsyncIterator[tuple[openai.AsyncOpenAI, Any]]:
    root = f"http://127.0.0.1:{gateway.port}"
    async with (
        openai.AsyncOpenAI(base_url=f"{root}/v1", api_key=KEY, max_retries=0) as chat,
        anthropic.AsyncAnthropic(base_url=root, api_key=KEY, max_retries=0) as claude,
    ):
        yield chat, claude


async def test_a_tool_is_called_and_its_result_told() -> None:
    question: list[Any] = [{"role": "user", "content": "Paris?"}]
    tools: Any = [TOOL]
    async with ollama() as (gateway, lab), sdks(gateway) as (client, _):
        for model in ("ollama-thinking-tools", "ollama-calls-without-ids"):
            async with client.chat.completions.stream(
                model=model, messages=question, tools=tools
            ) as stream:
                final = await stream.get_final_completion()
            (choice,) = final.choices
            assert choice.finish_reason == "tool_calls"
            calls = choice.message.tool_calls or []
            assert calls[0].function.name == "get_weather"
            assert json.loads(calls[0].function.arguments) == {"city": "Paris"}
            results = [
                {"role": "tool", "tool_call_id": call.id, "content": "rain"} for call in calls
            ]
            told = choice.message.model_dump(exclude_none=True, exclude={"parsed"})
            for call in told["tool_calls"]:
                call["function"].pop("parsed_arguments", None)
            answer = await client.chat.completions.create(
                model=model, messages=[*question, told, *results], tools=tools
            )
            assert answer.choices[0].message.content == "The tool said: rain"
            sent = json.loads(lab.log[-1].body)["messages"]
            assert sent[1]["tool_calls"][0]["function"]["arguments"] == {"city": "Paris"}
            assert sent[2]["tool_name"] == "get_weather"


async def test_stream_helpers_of_responses_and_messages() -> None:
    async with ollama() as (gateway, _), sdks(gateway) as (client, claude):
        async with client.responses.stream(model="healthy-reasoning", input="hi") as events:
            response = await events.get_final_response()
        assert response.output_text == "Hello there."
        assert [item.type for item in response.output] == ["reasoning", "message"]
        async with claude.messages.stream(
            model="healthy-reasoning",
            max_tokens=9,
            messages=[{"role": "user", "content": "hi"}],
        ) as stream:
            message = await stream.get_final_message()
        assert [block.type for block in message.content] == ["thinking", "text"]
        assert message.usage.input_tokens == PROMPT_TOKENS
