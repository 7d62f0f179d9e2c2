"""Requests, and the tool calls that fit them."""

from __future__ import annotations

import json

import pytest

from strictwire.lab.arguments import minimal_arguments
from strictwire.lab.ask import Ask
from strictwire.lab.tools import ToolUse
from strictwire.model.errors import CallerError


def asked(**fields: object) -> Ask:
    return Ask.parse(json.dumps({"model": "m", "messages": [], **fields}).encode())


def tool(name: str, **properties: object) -> dict[str, object]:
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return {"type": "function", "function": {"name": name, "parameters": schema}}


STRING = {"type": "string"}
BASH = tool("bash", command=STRING, description=STRING)
READ = tool("read", filePath=STRING)
WEATHER = tool("get_weather", city=STRING)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"", None),
        (b"[]", None),
        (b"{", None),
        (b"[" * 100_000, None),
        (b'{"messages": []}', "model"),
        (b'{"model": 1, "messages": []}', "model"),
        (b'{"model": "m"}', "messages"),
        (b'{"model": "m", "messages": {}}', "messages"),
    ],
)
def test_a_broken_request_is_a_400_that_names_the_field(body: bytes, param: str | None) -> None:
    with pytest.raises(CallerError) as caught:
        Ask.parse(body)
    assert (caught.value.status, caught.value.param) == (400, param)


def test_options_are_read() -> None:
    ask = asked(stream=True, stream_options={"include_usage": True}, return_progress=True)
    assert (ask.is_stream, ask.includes_usage, ask.wants_progress) == (True, True, True)
    assert "return_progress" in ask.fields
    assert not asked(stream=None, stream_options=None).includes_usage


@pytest.mark.parametrize(
    ("tools", "use"),
    [
        ([], ToolUse("get_weather", '{"city":"Paris"}')),
        ([READ, WEATHER], ToolUse("get_weather", '{"city":"Paris"}')),
        (
            [READ, BASH],
            ToolUse("bash", '{"command":"echo strictwire-lab","description":"strictwire-lab"}'),
        ),
        ([READ], ToolUse("read", '{"filePath":"."}')),
        ([{"type": "custom", "custom": {"name": "x"}}], ToolUse("get_weather", '{"city":"Paris"}')),
    ],
)
def test_which_tool_is_called(tools: list[object], use: ToolUse) -> None:
    assert asked(tools=tools).tool_use() == use


def test_the_forced_tool_is_called() -> None:
    choice = {"type": "function", "function": {"name": "read"}}
    assert asked(tools=[BASH, READ], tool_choice=choice).tool_use().name == "read"


def test_no_tool_is_called_where_none_may_be() -> None:
    assert not asked(tools=[BASH], tool_choice="none").is_tool_turn


@pytest.mark.parametrize(
    ("content", "result"),
    [
        ("sunny", "sunny"),
        ("x" * 100, "x" * 60),
        ([{"type": "text", "text": "sun"}, {"type": "text", "text": "ny"}], "sunny"),
        (None, ""),
    ],
)
def test_a_tools_result_is_repeated(content: object, result: str) -> None:
    messages = [{"role": "user", "content": "?"}, {"role": "tool", "content": content}]
    ask = asked(messages=messages)
    assert ask.tool_result == result
    assert not ask.is_tool_turn


def test_arguments_fit_the_schema() -> None:
    schema = {
        "type": "object",
        "properties": {
            "mode": {"enum": ["fast", "slow"]},
            "count": {"type": "integer", "minimum": 3},
            "flag": {"type": ["null", "boolean"]},
            "items": {"type": "array", "items": STRING, "minItems": 1},
            "none": {"type": "array"},
            "url": STRING,
            "nested": {"$ref": "#/$defs/nested"},
            "either": {"anyOf": [{"type": "number"}, STRING]},
            "cmd": {"type": "array", "items": STRING},
            "optional": STRING,
        },
        "required": ["mode", "count", "flag", "items", "none", "url", "nested", "either", "cmd"],
        "$defs": {
            "nested": {"type": "object", "properties": {"path": STRING}, "required": ["path"]}
        },
    }
    assert minimal_arguments(schema) == {
        "mode": "fast",
        "count": 3,
        "flag": False,
        "items": ["strictwire-lab"],
        "none": [],
        "url": "http://127.0.0.1/",
        "nested": {"path": "."},
        "either": 1,
        "cmd": ["echo", "strictwire-lab"],
    }


def test_a_schema_without_end_ends() -> None:
    schema: dict[str, object] = {
        "type": "object",
        "properties": {"self": {"$ref": "#"}},
        "required": ["self"],
    }
    assert "self" in minimal_arguments(schema)
