"""The tools of a request, in the shape of its dialect, and which of them a scenario calls.

Reads only its own dialect's shape: a chat-shaped tool in a Messages request is no tool, so that a
wrong translation shows as an agent without tools. Hosted tools (a web search) are let through
unread: the lab runs nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from strictwire.lab.arguments import COMMAND, has_command, minimal_arguments

CallKind = Literal["function", "custom"]
# What a scenario wants to call, where the request has such a tool.
Preference = Literal["", "bare", "custom", "namespaced"]
WEATHER_TOOL = "get_weather"
WEATHER_CITIES = ("Paris", "Tokyo")
# Called where a scenario is about a kind of tool of which the request has none.
SCRIPT_TOOL = "run_script"
SCRIPT_INPUT = 'print("café", {"a": [1, 2]})\n# not JSON\n'
WEATHER_NAMESPACE = "maps"


@dataclass(frozen=True, slots=True)
class Tool:
    """``parameters`` is a function's JSON Schema; ``namespace`` the group it stands in, or ""."""

    name: str
    parameters: Mapping[str, Any]
    kind: CallKind = "function"
    namespace: str = ""

    @property
    def needs_nothing(self) -> bool:
        return self.kind == "function" and not self.parameters.get("required")


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A tool to call. ``arguments`` is compact JSON text, of a custom tool its plain input."""

    name: str
    arguments: str
    kind: CallKind = "function"
    namespace: str = ""


def object_or_empty(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


# ---- what a request has ----


def chat_tools(value: object) -> tuple[Tool, ...]:
    functions = (object_or_empty(entry.get("function")) for entry in _entries(value))
    return tuple(_function(each, "parameters") for each in functions if _is_named(each))


def messages_tools(value: object) -> tuple[Tool, ...]:
    return tuple(
        _function(entry, "input_schema")
        for entry in _entries(value)
        if _is_named(entry) and isinstance(entry.get("input_schema"), dict)
    )


def responses_tools(value: object, namespace: str = "") -> tuple[Tool, ...]:
    return tuple(_responses_tools(value, namespace))


def _responses_tools(value: object, namespace: str) -> Iterator[Tool]:
    for entry in _entries(value):
        if not _is_named(entry):
            continue
        match entry.get("type"):
            case "function":
                yield _function(entry, "parameters", namespace)
            case "custom":
                yield Tool(entry["name"], {}, "custom", namespace)
            case "namespace" if not namespace:
                yield from _responses_tools(entry.get("tools"), entry["name"])


def _entries(value: object) -> Iterator[dict[str, Any]]:
    yield from (entry for entry in (value if isinstance(value, list) else ()) if entry)


def _is_named(entry: object) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("name"), str)


def _function(entry: Mapping[str, Any], schema: str, namespace: str = "") -> Tool:
    return Tool(entry["name"], object_or_empty(entry.get(schema)), "function", namespace)


# ---- what it wants of them ----


def forced_tool_of(tool_choice: object) -> str:
    """The name that a choice names, wherever the three dialects have it."""
    choice = object_or_empty(tool_choice)
    for place in (choice.get("function"), choice.get("custom"), choice):
        name = object_or_empty(place).get("name")
        if isinstance(name, str):
            return name
    return ""


def allows_calls(tool_choice: object) -> bool:
    return tool_choice != "none" and object_or_empty(tool_choice).get("type") != "none"


# ---- which is called ----


def choose_use(
    tools: tuple[Tool, ...], forced: str, position: int = 0, prefers: Preference = ""
) -> ToolUse:
    """The call to make, the ``position``-th of parallel ones.

    The tool that the request forces; else one of the kind that the scenario is about; else
    ``get_weather`` if the request has it or has no tools; else one that runs a harmless command;
    else the first.
    """
    if not tools:
        return _made_up(position, prefers)
    tool = _chosen(tools, forced, prefers)
    if tool.kind == "custom":
        return ToolUse(tool.name, COMMAND, "custom", tool.namespace)
    if tool.name == WEATHER_TOOL:
        return ToolUse(tool.name, _weather(position), namespace=tool.namespace)
    arguments = _compact(minimal_arguments(tool.parameters))
    return ToolUse(tool.name, arguments, namespace=tool.namespace)


def _made_up(position: int, prefers: Preference) -> ToolUse:
    if prefers == "custom":
        return ToolUse(SCRIPT_TOOL, SCRIPT_INPUT, "custom")
    namespace = WEATHER_NAMESPACE if prefers == "namespaced" else ""
    return ToolUse(WEATHER_TOOL, _weather(position), namespace=namespace)


def _chosen(tools: tuple[Tool, ...], forced: str, prefers: Preference) -> Tool:
    wanted = (
        lambda tool: tool.name == forced,
        lambda tool: _suits(tool, prefers),
        lambda tool: tool.name == WEATHER_TOOL,
        lambda tool: has_command(tool.parameters),
        lambda tool: tool.kind == "function",
    )
    found = (tool for fits in wanted for tool in tools if fits(tool))
    return next(found, tools[0])


def _suits(tool: Tool, prefers: Preference) -> bool:
    match prefers:
        case "bare":
            return tool.needs_nothing
        case "custom":
            return tool.kind == "custom"
        case "namespaced":
            return bool(tool.namespace)
    return False


def _weather(position: int) -> str:
    return f'{{"city":"{WEATHER_CITIES[position % len(WEATHER_CITIES)]}"}}'


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
