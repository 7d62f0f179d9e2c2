"""Namespaces and custom tools as plain functions, and the way back."""

from __future__ import annotations

import json

from translating import translated, written

from strictwire.dialects.folding import folded
from strictwire.model.conversation import (
    Conversation,
    HostedTool,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolName,
    Turn,
)
from strictwire.model.request import FoldedTool
from yardstick import TWICE, lines_run

LONG = "x" * 64


def names(conversation: Conversation) -> list[str]:
    return [tool.name for tool in conversation.tools if isinstance(tool, Tool)]


def with_tools(*tools: Tool | HostedTool, turns: tuple[Turn, ...] = ()) -> Conversation:
    return Conversation(turns=turns, tools=tools)


def test_plain_functions_stay_as_they_are() -> None:
    conversation = with_tools(Tool("look"), Tool(LONG), turns=(Turn("user", (Text("hi"),)),))
    assert folded(conversation) == (conversation, {})


def test_names_are_made_to_fit_and_unique() -> None:
    told = with_tools(
        Tool("open", namespace="a"),
        Tool("a__open"),
        Tool("open", namespace="b.c"),
        Tool(LONG, namespace="d"),
        Tool("say hello"),
    )
    conversation, by_name = folded(told)
    fitted = names(conversation)
    assert fitted[:3] == ["a__open_2", "a__open", "b_c__open"]
    assert fitted[4] == "say_hello"
    assert len(fitted[3]) == 64
    assert by_name == {
        "a__open_2": FoldedTool("open", "a"),
        "b_c__open": FoldedTool("open", "b.c"),
        fitted[3]: FoldedTool(LONG, "d"),
        "say_hello": FoldedTool("say hello"),
    }


def test_the_history_calls_tools_by_the_same_names() -> None:
    called = (
        ToolCall("1", "open", "{}", namespace="a"),
        ToolCall("2", "patch", 'say "hi"', "custom"),
        ToolCall("3", "open", "{}"),  # some servers forget the namespace
        ToolCall("4", "a__open", "{}"),  # or tell the folded name
        ToolCall("5", "gone", "{}", namespace="z"),  # offered no more
    )
    tools = (Tool("open", namespace="a"), Tool("patch", kind="custom"))
    conversation, by_name = folded(with_tools(*tools, turns=(Turn("assistant", called),)))
    calls = [part for part in conversation.turns[0].parts if isinstance(part, ToolCall)]
    assert [call.name for call in calls] == ["a__open", "patch", "a__open", "a__open", "z__gone"]
    assert json.loads(calls[1].arguments) == {"input": 'say "hi"'}
    assert by_name["patch"] == FoldedTool("patch", wrapper="input")
    assert by_name["z__gone"] == FoldedTool("gone", "z")


def test_a_choice_names_the_folded_tool() -> None:
    told = Conversation(
        turns=(),
        tools=(Tool("open", namespace="a"),),
        tool_choice=ToolChoice("named", ToolName("open")),
    )
    conversation, _ = folded(told)
    assert conversation.tool_choice == ToolChoice("named", ToolName("a__open"))


def test_of_allowed_tools_the_others_are_left_out() -> None:
    told = Conversation(
        turns=(),
        tools=(Tool("one"), Tool("two")),
        tool_choice=ToolChoice("required", allowed=(ToolName("two"),)),
    )
    conversation, _ = folded(told)
    assert names(conversation) == ["two"]
    assert conversation.tool_choice == ToolChoice("required")


def test_many_calls_of_unknown_tools_are_folded_quickly() -> None:
    def work(many: int) -> int:
        calls = tuple(ToolCall(str(number), f"f {number}", "{}") for number in range(many))
        told = with_tools(Tool("open", namespace="a"), turns=(Turn("assistant", calls),))
        return lines_run(lambda: folded(told))

    assert work(400) < TWICE * work(200)


def test_names_that_anthropic_takes_and_openai_does_not_are_folded() -> None:
    tool = {"name": "mcp__" + "y" * 90, "input_schema": {"type": "object"}}
    translation = translated("messages", "chat", tools=[tool])
    ((name, meant),) = translation.folded.items()
    assert len(name) == 64
    assert meant == FoldedTool(str(tool["name"]))
    assert translation.request.tools == {name}


def test_tools_told_inside_the_input_count_as_well() -> None:
    later = {"type": "function", "name": "later", "parameters": {"type": "object"}}
    items = [
        {"role": "user", "content": "hi"},
        {"type": "tool_search_call", "arguments": {}, "call_id": "c"},
        {"type": "tool_search_output", "tools": [later, later], "call_id": "c"},
    ]
    value = written("responses", "chat", input=items, tools=[{"type": "tool_search"}])
    assert [tool["function"]["name"] for tool in value["tools"]] == ["later"]
