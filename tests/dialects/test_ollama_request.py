"""Requests of every client dialect, as they are asked of Ollama's own API: what is held, what is
left out and told, what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from translating import PARSERS, refusal, sent, translated, written

from strictwire.dialects.model_request import UpstreamAsk
from strictwire.model.request import Dialect

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
PNG = "data:image/png;base64,iVBORw0KGgo="
FUNCTION = {"name": "f", "description": "d", "parameters": SCHEMA}
TOOL = {"type": "function", "function": FUNCTION}
TOOLS: dict[Dialect, dict[str, Any]] = {
    "chat": TOOL,
    "responses": {"type": "function", **FUNCTION},
    "messages": {"name": "f", "description": "d", "input_schema": SCHEMA},
}
QUESTION = {"role": "user", "content": "hi"}


def said(*messages: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [QUESTION, *messages]}


@pytest.mark.parametrize("source", PARSERS)
def test_the_least_request(source: Dialect) -> None:
    translation = translated(source, "ollama")
    value = sent(translation.request)
    options = {"options": {"num_predict": 900}} if source == "messages" else {}
    assert value == {"model": "m", "stream": False, "messages": [QUESTION], **options}
    assert (translation.dropped, translation.folded) == ((), {})


@pytest.mark.parametrize("source", PARSERS)
def test_how_the_reply_is_asked_for_is_always_said(source: Dialect) -> None:
    """Ollama streams to whoever does not say that it should not."""
    request = translated(source, "ollama", stream=True).request
    for is_stream in (True, False):
        ask = UpstreamAsk("other", is_stream, asks_usage=True, asks_progress=True)
        value = json.loads(request.upstream_body(ask))
        assert (value["stream"], value["model"]) == (is_stream, "other")
        assert value.keys() <= {"model", "stream", "messages", "options"}


# Source, its fields, what must be in what is written.
HELD: list[tuple[Dialect, dict[str, Any], dict[str, Any]]] = [
    # limits and sampling
    ("chat", {"max_tokens": 20}, {"options": {"num_predict": 20}}),
    ("chat", {"max_completion_tokens": 20}, {"options": {"num_predict": 20}}),
    ("responses", {"max_output_tokens": 20}, {"options": {"num_predict": 20}}),
    ("messages", {"max_tokens": 20}, {"options": {"num_predict": 20}}),
    ("completions", {"max_tokens": 20}, {"options": {"num_predict": 20}}),
    (
        "chat",
        {"temperature": 0.5, "top_p": 0.9, "seed": 4, "top_k": 3, "min_p": 0.1},
        {"options": {"temperature": 0.5, "top_p": 0.9, "seed": 4, "top_k": 3, "min_p": 0.1}},
    ),
    (
        "chat",
        {"presence_penalty": 1, "frequency_penalty": 2, "repetition_penalty": 1.1},
        {"options": {"presence_penalty": 1, "frequency_penalty": 2, "repeat_penalty": 1.1}},
    ),
    ("messages", {"top_k": 40}, {"options": {"num_predict": 900, "top_k": 40}}),
    ("chat", {"stop": "x"}, {"options": {"stop": ["x"]}}),
    (
        "messages",
        {"stop_sequences": ["x", "y"]},
        {"options": {"num_predict": 900, "stop": ["x", "y"]}},
    ),
    # its own words
    (
        "chat",
        {"options": {"num_ctx": 4096, "temperature": 1}, "keep_alive": "5m", "temperature": 0},
        {"options": {"num_ctx": 4096, "temperature": 1}, "keep_alive": "5m"},
    ),
    # log probabilities
    (
        "chat",
        {"logprobs": True, "top_logprobs": 3},
        {"logprobs": True, "top_logprobs": 3},
    ),
    ("completions", {"logprobs": 2}, {"logprobs": True, "top_logprobs": 2}),
    (
        "responses",
        {"include": ["message.output_text.logprobs"], "top_logprobs": 3},
        {"logprobs": True, "top_logprobs": 3},
    ),
    # how to answer
    ("chat", {"response_format": {"type": "json_object"}}, {"format": "json"}),
    (
        "chat",
        {"response_format": {"type": "json_schema", "json_schema": {"schema": SCHEMA}}},
        {"format": SCHEMA},
    ),
    (
        "chat",
        {"response_format": {"type": "json_schema", "json_schema": {"name": "n"}}},
        {"format": "json"},
    ),
    (
        "responses",
        {"text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA}}},
        {"format": SCHEMA},
    ),
    (
        "messages",
        {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
        {"format": SCHEMA},
    ),
    # how hard to think
    ("chat", {"reasoning_effort": "none"}, {"think": False}),
    ("chat", {"reasoning_effort": "minimal"}, {"think": "low"}),
    ("chat", {"reasoning_effort": "medium"}, {"think": "medium"}),
    ("responses", {"reasoning": {"effort": "xhigh"}}, {"think": "high"}),
    ("messages", {"thinking": {"type": "disabled"}}, {"think": False}),
    ("messages", {"thinking": {"type": "adaptive"}}, {"think": True}),
    ("messages", {"thinking": {"type": "enabled", "budget_tokens": 3000}}, {"think": "low"}),
    # tools
    ("chat", {"tools": [TOOL]}, {"tools": [TOOL]}),
    ("responses", {"tools": [TOOLS["responses"]]}, {"tools": [TOOL]}),
    ("messages", {"tools": [TOOLS["messages"]]}, {"tools": [TOOL]}),
    (
        "chat",
        {"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "auto"},
        {
            "tools": [
                {
                    "type": "function",
                    "function": {
                        "name": "f",
                        "description": "",
                        "parameters": {"type": "object", "properties": {}},
                    },
                }
            ]
        },
    ),
    # turns
    (
        "chat",
        {"messages": [{"role": "system", "content": "a"}, {"role": "developer", "content": "b"}]},
        {"messages": [{"role": "system", "content": "a\n\nb"}]},
    ),
    (
        "chat",
        said({"role": "system", "content": "later"}),
        {"messages": [QUESTION, {"role": "system", "content": "later"}]},
    ),
    ("messages", {"system": "s"}, {"messages": [{"role": "system", "content": "s"}, QUESTION]}),
    (
        "chat",
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "look"},
                        {"type": "image_url", "image_url": {"url": PNG}},
                        {"type": "text", "text": "there"},
                    ],
                }
            ]
        },
        {
            "messages": [
                {"role": "user", "content": "look\n\nthere", "images": ["iVBORw0KGgo="]},
            ]
        },
    ),
    (
        "responses",
        {
            "input": [
                {"role": "user", "content": [{"type": "input_image", "image_url": PNG}]},
            ]
        },
        {"messages": [{"role": "user", "content": "", "images": ["iVBORw0KGgo="]}]},
    ),
    (
        "messages",
        said({"role": "assistant", "content": [
            {"type": "thinking", "thinking": "hm", "signature": "s"},
            {"type": "text", "text": "ok"}]}),
        {"messages": [QUESTION, {"role": "assistant", "content": "ok", "thinking": "hm"}]},
    ),
    (
        "chat",
        said(
            {"role": "assistant", "content": None, "tool_calls": [
                {"id": "c1", "type": "function",
                 "function": {"name": "f", "arguments": '{"a": 1.50}'}}]},
            {"role": "tool", "tool_call_id": "c1", "content": "done"},
        ),
        {
            "messages": [
                QUESTION,
                {"role": "assistant", "content": "", "tool_calls": [
                    {"id": "c1", "function": {"index": 0, "name": "f", "arguments": {"a": 1.5}}}]},
                {"role": "tool", "content": "done", "tool_name": "f", "tool_call_id": "c1"},
            ]
        },
    ),
    (
        "messages",
        said(
            {"role": "assistant", "content": [
                {"type": "tool_use", "id": "c1", "name": "f", "input": {}}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "c1", "is_error": True, "content": [
                    {"type": "text", "text": "no such file"},
                    {"type": "image", "source": {
                        "type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}},
                ]}]},
        ),
        {
            "messages": [
                QUESTION,
                {"role": "assistant", "content": "", "tool_calls": [
                    {"id": "c1", "function": {"index": 0, "name": "f", "arguments": {}}}]},
                {"role": "tool", "content": "Error: no such file", "images": ["iVBORw0KGgo="],
                 "tool_name": "f", "tool_call_id": "c1"},
            ]
        },
    ),
    (
        "chat",
        {"messages": [{"role": "user", "content": [{"type": "file", "file": {
            "filename": "a.txt", "file_data": "data:text/plain;base64,aGk="}}]}]},
        {"messages": [
            {"role": "user", "content": '<document title="a.txt">\nhi\n</document>'}]},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("source", "fields", "want"), HELD)
def test_what_is_held(source: Dialect, fields: dict[str, Any], want: dict[str, Any]) -> None:
    value = written(source, "ollama", **fields)
    assert {name: value.get(name) for name in want} == want


def test_arguments_keep_the_models_spelling() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": 1.50}'}}
    request = translated("chat", "ollama", **said({"role": "assistant", "tool_calls": [call]}))
    assert b'{"a": 1.50}' in request.request.raw


@pytest.mark.parametrize("arguments", ["not json", "[1]", '"text"'])
def test_arguments_are_an_object_whatever_they_were(arguments: str) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}
    value = written("chat", "ollama", **said({"role": "assistant", "tool_calls": [call]}))
    told = value["messages"][1]["tool_calls"][0]["function"]["arguments"]
    assert told == {"arguments": arguments}


def test_a_choice_of_none_leaves_the_tools_out() -> None:
    value = written("chat", "ollama", tools=[TOOL], tool_choice="none", parallel_tool_calls=False)
    assert "tools" not in value


# Source, its fields, what was left out, by the client's names.
DROPPED: list[tuple[Dialect, dict[str, Any], tuple[str, ...]]] = [
    ("chat", {"user": "u", "service_tier": "auto", "verbosity": "low"},
     ("user", "service_tier", "verbosity")),
    ("chat", {"tools": [TOOL], "parallel_tool_calls": False}, ("parallel_tool_calls",)),
    ("chat", {"tools": [TOOL], "parallel_tool_calls": True}, ()),
    ("chat", {"grammar": "root ::= x"}, ("grammar",)),
    ("chat", {"options": 5}, ("options",)),
    ("chat", {"messages": [{"role": "user", "content": "hi", "name": "Ann"}]}, ("messages.name",)),
    ("responses", {"reasoning": {"effort": "low", "summary": "auto"}}, ("reasoning.summary",)),
    ("messages", {"metadata": {"user_id": "u"}}, ("metadata.user_id",)),
    ("messages", said({"role": "assistant", "content": [
        {"type": "thinking", "thinking": "hm", "signature": "s"}]}), ("messages.reasoning",)),
    ("messages", {"system": [
        {"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}]},
     ("cache_control",)),
    ("chat", {"messages": [{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": PNG, "detail": "high"}}]}]},
     ("messages.detail",)),
]  # fmt: skip


@pytest.mark.parametrize(("source", "fields", "dropped"), DROPPED)
def test_what_is_left_out(
    source: Dialect, fields: dict[str, Any], dropped: tuple[str, ...]
) -> None:
    assert translated(source, "ollama", **fields).dropped == dropped


IMAGE_AT = "messages[0].content[1]"
LOOK = {"type": "text", "text": "look"}
# Source, its fields, the field that is named.
REFUSED: list[tuple[Dialect, dict[str, Any], str]] = [
    ("chat", {"n": 2}, "n"),
    ("chat", {"tools": [TOOL], "tool_choice": "required"}, "tool_choice"),
    ("chat", {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "f"}}},
     "tool_choice"),
    ("messages", {"tools": [TOOLS["messages"]], "tool_choice": {"type": "any"}}, "tool_choice"),
    ("chat", {"logit_bias": {"5": 1}}, "logit_bias"),
    ("chat", {"messages": [{"role": "user", "content": [
        LOOK, {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]}]},
     IMAGE_AT),
    ("responses", {"input": [{"role": "user", "content": [
        {"type": "input_image", "file_id": "file-1"}]}]}, "input[0].content[0]"),
    ("chat", {"messages": [{"role": "user", "content": [
        LOOK, {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}}]}]},
     IMAGE_AT),
    ("chat", {"messages": [{"role": "user", "content": [
        LOOK, {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERi0="}}]}]},
     IMAGE_AT),
    ("completions", {"suffix": "end"}, "suffix"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "fields", "param"), REFUSED)
def test_what_is_refused(source: Dialect, fields: dict[str, Any], param: str) -> None:
    error = refusal(source, "ollama", **fields)
    assert (error.status, error.param) == (400, param)
    assert f"'{param}'" in error.message


def test_custom_tools_are_folded() -> None:
    tools = [{"type": "custom", "name": "run", "description": "runs"}]
    translation = translated("responses", "ollama", tools=tools)
    (tool,) = sent(translation.request)["tools"]
    assert tool["function"]["parameters"]["required"] == ["input"]
    assert translation.folded["run"].is_custom
    assert translation.request.tools == {"run"}
