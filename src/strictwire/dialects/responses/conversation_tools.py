"""The tools of a Responses request, and the choice among them, both ways.

Contract: functions and custom tools, also those of namespaces, become ``Tool``; all others are the
server's own and become ``HostedTool``. Tools that a client tells later, inside its input, count as
well: other dialects know only one list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from strictwire.dialects.told_values import (
    maybe_flag,
    maybe_object,
    maybe_text,
    object_of,
    objects_of,
    text_in,
)
from strictwire.model.conversation import GRAMMAR_FIELDS, HostedTool, Tool, ToolChoice, ToolName

# Items of the input that bring tools.
_BRINGS_TOOLS = ("additional_tools", "tool_search_output")


def read_tools(told: Mapping[str, Any]) -> Iterator[Tool | HostedTool]:
    """Every tool once; of two with the same name the first."""
    seen: set[tuple[str, str]] = set()
    for tools, at in _lists(told):
        for tool in _tools(tools, at):
            if isinstance(tool, Tool):
                if (tool.namespace, tool.name) in seen:
                    continue
                seen.add((tool.namespace, tool.name))
            yield tool


def _lists(told: Mapping[str, Any]) -> Iterator[tuple[Any, str]]:
    yield told.get("tools", []), "tools"
    items = told.get("input")
    for place, item in enumerate(items if isinstance(items, list) else ()):
        if isinstance(item, dict) and item.get("type") in _BRINGS_TOOLS:
            yield item.get("tools") or [], f"input[{place}].tools"


def _tools(told: Any, at: str, namespace: str = "") -> Iterator[Tool | HostedTool]:
    for tool, here in objects_of(told, at):
        kind = tool.get("type")
        if kind == "namespace" and not namespace:
            yield from _namespace(tool, here)
        elif kind in ("function", "custom"):
            yield _tool(tool, here, namespace)
        else:
            yield HostedTool("responses", tool, at=here)


def _namespace(told: dict[str, Any], at: str) -> Iterator[Tool | HostedTool]:
    name = text_in(told, "name", at)
    description = maybe_text(told, "description", at)
    for tool in _tools(told.get("tools") or [], f"{at}.tools", name):
        if isinstance(tool, Tool) and description:
            yield _described(tool, description)
            description = ""
        else:
            yield tool


def _described(tool: Tool, description: str) -> Tool:
    return Tool(
        tool.name,
        tool.description,
        tool.parameters,
        tool.is_strict,
        tool.kind,
        tool.format,
        tool.namespace,
        description,
        at=tool.at,
    )


def _tool(told: dict[str, Any], at: str, namespace: str) -> Tool:
    name, description = text_in(told, "name", at), maybe_text(told, "description", at)
    if told.get("type") == "custom":
        return Tool(
            name,
            description,
            kind="custom",
            format=_grammar(maybe_object(told, "format", at), at),
            namespace=namespace,
            at=at,
        )
    return Tool(
        name,
        description,
        maybe_object(told, "parameters", at),
        maybe_flag(told, "strict", at),
        namespace=namespace,
        at=at,
    )


def _grammar(told: dict[str, Any] | None, at: str) -> dict[str, str] | None:
    if told is None or told.get("type") != "grammar":
        return None
    return {name: maybe_text(told, name, f"{at}.format") for name in GRAMMAR_FIELDS}


def read_tool_choice(told: Any) -> ToolChoice | None:
    at = "tool_choice"
    if told is None:
        return None
    if told in ("auto", "none", "required"):
        return ToolChoice(told, at=at)
    choice = object_of(told, at)
    match choice.get("type"):
        case "function" | "custom" as kind:
            name = ToolName(text_in(choice, "name", at), kind, maybe_text(choice, "namespace", at))
            return ToolChoice("named", name, at=at)
        case "allowed_tools":
            told_names = [one for one, _ in objects_of(choice.get("tools"), f"{at}.tools")]
            names = tuple(
                ToolName(one["name"], "custom" if one.get("type") == "custom" else "function")
                for one in told_names
                if isinstance(one.get("name"), str)
            )
            mode = choice.get("mode")
            return ToolChoice("required" if mode == "required" else "auto", allowed=names, at=at)
        case other:
            return ToolChoice("required", hosted=str(other), at=at)


def write_tool(tool: Tool) -> dict[str, Any]:
    """Strictness is said in any case: left out it means yes here, and no in other dialects."""
    told: dict[str, Any] = {"type": tool.kind, "name": tool.name}
    if tool.description:
        told["description"] = tool.description
    if tool.kind == "custom":
        if tool.format:
            told["format"] = {"type": "grammar", **tool.format}
        return told
    told["parameters"] = tool.parameters
    told["strict"] = bool(tool.is_strict)
    return told


def write_tool_choice(choice: ToolChoice) -> str | dict[str, Any]:
    if choice.named:
        return {"type": choice.named.kind, "name": choice.named.name}
    if choice.allowed is not None:
        tools = [{"type": one.kind, "name": one.name} for one in choice.allowed]
        return {"type": "allowed_tools", "mode": choice.mode, "tools": tools}
    return choice.mode
