"""The embedded engine through the official SDKs: what a model of one's own can be asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx
import openai
import pytest
from engine_stand import WAYS, EngineGateway, prompt_of
from openai import OpenAI
from sdk_ways import TIMEOUT_S, client

from strictwire.config import DEMO_NAME as MODEL

HELLO: list[Any] = [{"role": "user", "content": "Hello"}]
QUESTION: list[Any] = [{"role": "user", "content": "What is the weather in Paris?"}]
WEATHER: dict[str, Any] = {
    "name": "get_weather",
    "description": "Get the weather of a city",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}
TOOLS: list[Any] = [{"type": "function", "function": WEATHER}]
CONTEXT = 32_768


@pytest.fixture(scope="module")
def sdk(engine: EngineGateway) -> Iterator[OpenAI]:
    with client(OpenAI, engine.url) as made:
        yield made


@pytest.fixture(scope="module")
def claude(engine: EngineGateway) -> Iterator[anthropic.Anthropic]:
    url = engine.url.removesuffix("/v1")
    with anthropic.Anthropic(
        base_url=url, api_key="sk-dummy", max_retries=0, timeout=TIMEOUT_S
    ) as made:
        yield made


def chat(sdk: OpenAI, *, stream: bool, messages: list[Any] = HELLO, **fields: Any) -> Any:
    """The finished completion, told at once or in pieces."""
    asked = {"model": MODEL, "messages": messages, "temperature": 0, **fields}
    if not stream:
        return sdk.chat.completions.create(**asked)
    with sdk.chat.completions.stream(**asked, stream_options={"include_usage": True}) as told:
        try:
            return told.get_final_completion()
        except openai.LengthFinishReasonError as cut:
            return cut.completion


BOTH = pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])


@BOTH
def test_a_plain_turn(sdk: OpenAI, stream: bool) -> None:
    told = chat(sdk, stream=stream)
    assert told.model == MODEL
    assert told.choices[0].message.content
    assert told.choices[0].finish_reason == "stop"
    assert told.usage.prompt_tokens > 0
    assert told.usage.completion_tokens > 0


@BOTH
def test_a_tool_is_called_and_its_result_is_read(sdk: OpenAI, stream: bool) -> None:
    told = chat(sdk, stream=stream, messages=QUESTION, tools=TOOLS)
    assert told.choices[0].finish_reason == "tool_calls"
    (call,) = told.choices[0].message.tool_calls
    assert call.function.name == "get_weather"
    assert json.loads(call.function.arguments) == {"city": "Paris"}
    said = {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": "get_weather", "arguments": call.function.arguments},
            }
        ],
    }
    result = {"role": "tool", "tool_call_id": call.id, "content": "sunny"}
    second = chat(sdk, stream=stream, messages=[*QUESTION, said, result], tools=TOOLS)
    assert second.choices[0].finish_reason == "stop"
    assert second.choices[0].message.content


@BOTH
def test_a_json_schema_is_kept(sdk: OpenAI, stream: bool) -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"enum": ["Paris", "Rome"]}, "sunny": {"type": "boolean"}},
        "required": ["city", "sunny"],
        "additionalProperties": False,
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "w", "schema": schema, "strict": True}}
    told = chat(sdk, stream=stream, response_format=wanted, max_tokens=100)
    value = json.loads(told.choices[0].message.content)
    assert value["city"] in ("Paris", "Rome")
    assert isinstance(value["sunny"], bool)
    assert set(value) == {"city", "sunny"}


def _saying(text: str) -> dict[str, Any]:
    """Makes the model say just this."""
    return {"type": "json_schema", "json_schema": {"name": "t", "schema": {"const": text}}}


@BOTH
def test_a_stop_string_ends_the_text_before_it(sdk: OpenAI, stream: bool) -> None:
    wanted = _saying("one two three")
    told = chat(sdk, stream=stream, response_format=wanted, stop=["two", "nine"], max_tokens=50)
    assert told.choices[0].message.content == '"one '
    assert told.choices[0].finish_reason == "stop"


@BOTH
def test_max_tokens_ends_the_text(sdk: OpenAI, stream: bool) -> None:
    told = chat(sdk, stream=stream, max_tokens=3, extra_body={"ignore_eos": True})
    assert told.choices[0].finish_reason == "length"
    assert told.usage.completion_tokens == 3


def test_logprobs_in_a_stream(sdk: OpenAI) -> None:
    asked = {"model": MODEL, "messages": HELLO, "max_tokens": 5, "temperature": 0}
    told = sdk.chat.completions.create(**asked, stream=True, logprobs=True, top_logprobs=2)
    tokens = [one for chunk in told for choice in chunk.choices if choice.logprobs
              for one in choice.logprobs.content or ()]  # fmt: skip
    assert tokens
    assert all(len(token.top_logprobs) == 2 and token.logprob <= 0 for token in tokens)


def test_logprobs_of_an_object(sdk: OpenAI) -> None:
    told = chat(sdk, stream=False, max_tokens=5, logprobs=True, top_logprobs=2)
    tokens = told.choices[0].logprobs.content
    assert tokens
    assert all(len(token.top_logprobs) == 2 for token in tokens)
    assert "".join(token.token for token in tokens).startswith(told.choices[0].message.content[:4])


@BOTH
def test_three_answers_at_once(sdk: OpenAI, stream: bool) -> None:
    asked: dict[str, Any] = {
        "model": MODEL,
        "messages": HELLO,
        "n": 3,
        "max_tokens": 20,
        "temperature": 1.5,
    }
    if not stream:
        told = sdk.chat.completions.create(**asked)
        assert [choice.index for choice in told.choices] == [0, 1, 2]
        assert all(choice.message.content for choice in told.choices)
        return
    texts = ["", "", ""]
    ends: list[int] = []
    for chunk in sdk.chat.completions.create(**asked, stream=True):
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
            ends += [choice.index] if choice.finish_reason else []
    assert all(texts)
    assert sorted(ends) == [0, 1, 2]


def test_more_answers_than_places_are_refused(sdk: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refusal:
        chat(sdk, stream=False, n=5)
    assert refusal.value.param == "n"
    assert "4" in refusal.value.message


@BOTH
def test_a_prompt_that_was_read_before_is_cached(sdk: OpenAI, stream: bool) -> None:
    messages = [{"role": "user", "content": prompt_of(600, f"cached {stream}")}]
    first, second = (chat(sdk, stream=stream, messages=messages, max_tokens=2) for _ in range(2))
    assert second.usage.prompt_tokens == first.usage.prompt_tokens > 600
    cached = second.usage.prompt_tokens_details.cached_tokens
    assert 600 < cached < second.usage.prompt_tokens


@BOTH
def test_legacy_completions(engine: EngineGateway, stream: bool) -> None:
    asked: dict[str, Any] = {"model": MODEL, "prompt": "The license", "max_tokens": 8}
    # Its types allow no null as the reason of a chunk: its strict way fits no server's stream.
    loose = OpenAI(base_url=engine.url, api_key="sk-dummy", max_retries=0, timeout=TIMEOUT_S)
    with loose as sdk:
        if stream:
            chunks = list(sdk.completions.create(**asked, stream=True))
        else:
            chunks = [sdk.completions.create(**asked)]
            assert chunks[0].usage is not None
            assert chunks[0].usage.completion_tokens > 0
    choices = [choice for chunk in chunks for choice in chunk.choices]
    assert "".join(choice.text for choice in choices)
    assert [one.finish_reason for one in choices if one.finish_reason] in (["length"], ["stop"])


def test_a_chat_model_says_that_it_makes_no_embeddings(sdk: OpenAI) -> None:
    with pytest.raises(openai.APIStatusError) as refusal:
        sdk.embeddings.create(model=MODEL, input="Hello")
    assert refusal.value.status_code in (400, 404, 501)
    assert "embedding" in refusal.value.message.lower()


def test_the_model_is_listed_with_its_context(sdk: OpenAI) -> None:
    listed = {model.id: model for model in sdk.models.list()}
    assert MODEL in listed
    assert str(CONTEXT) in listed[MODEL].to_json()


# ---- the other dialects ----


def test_a_responses_turn_streamed(sdk: OpenAI) -> None:
    with sdk.responses.stream(model=MODEL, input="Hello", max_output_tokens=60) as told:
        kinds = [event.type for event in told]
        final = told.get_final_response()
    assert kinds[0] == "response.created"
    assert "response.output_text.delta" in kinds
    assert final.output_text
    assert final.usage is not None
    assert final.usage.output_tokens > 0


def test_a_responses_turn_calls_a_tool(sdk: OpenAI) -> None:
    told = sdk.responses.create(
        model=MODEL,
        input="What is the weather in Paris?",
        tools=[{"type": "function", "strict": False, **WEATHER}],
        temperature=0,
    )
    (call,) = [item for item in told.output if item.type == "function_call"]
    assert json.loads(call.arguments) == {"city": "Paris"}


def test_an_anthropic_turn_whole(claude: anthropic.Anthropic) -> None:
    told = claude.messages.create(model=MODEL, max_tokens=60, messages=HELLO)
    assert told.content[0].type == "text"
    assert told.content[0].text
    assert told.stop_reason in ("end_turn", "max_tokens")
    assert told.usage.input_tokens > 0


def test_an_anthropic_turn_streamed_calls_a_tool(claude: anthropic.Anthropic) -> None:
    tool: Any = {
        "name": "get_weather",
        "description": WEATHER["description"],
        "input_schema": WEATHER["parameters"],
    }
    with claude.messages.stream(
        model=MODEL, max_tokens=100, messages=QUESTION, tools=[tool]
    ) as stream:
        told = stream.get_final_message()
    (call,) = [block for block in told.content if block.type == "tool_use"]
    assert call.input == {"city": "Paris"}
    assert told.stop_reason == "tool_use"


# ---- a prompt that is too long ----


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("way", WAYS)
def test_an_overflow_tells_both_numbers(engine: EngineGateway, way: str, stream: bool) -> None:
    body = {"model": MODEL, "stream": stream, **WAYS[way].body(prompt_of(CONTEXT + 2000), 5)}
    told = httpx.post(engine.url + WAYS[way].path, json=body, timeout=TIMEOUT_S)
    assert told.status_code == 400
    error = told.json()["error"]
    numbers = [int(word.strip("().,;:")) for word in error["message"].split()
               if word.strip("().,;:").isdigit()]  # fmt: skip
    assert CONTEXT in numbers
    assert max(numbers) > CONTEXT + 2000
    if way != "messages":  # whose errors have a type and a message alone
        assert error["code"] == "context_length_exceeded"
