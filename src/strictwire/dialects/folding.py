"""Namespaces and custom tools as plain functions, for servers that know nothing else.

Contract: ``folded`` returns the same conversation with nothing but functions whose names fit
``[a-zA-Z0-9_-]{1,64}`` and are unique, in tools, choice and history, and what each new name stands
for, so that the reply can call a tool as the client knows it. A choice among some of the tools
leaves the others out: a server cannot call what it was not told of.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import msgspec

from strictwire.dialects.settling import FittedNames
from strictwire.model.conversation import (
    Conversation,
    HostedTool,
    Part,
    Tool,
    ToolCall,
    ToolName,
    ToolResult,
)
from strictwire.model.request import FoldedTool

# OpenAI's bound for a function's name; Anthropic's is 128.
MAX_NAME_CHARACTERS = 64
# The one argument of the function that a custom tool becomes.
WRAPPER = "input"
_HOW_TO_CALL = f"Put the tool's input, as it is, into `{WRAPPER}`."


def folded(conversation: Conversation) -> tuple[Conversation, dict[str, FoldedTool]]:
    """The conversation without namespaces and custom tools, and what the new names stand for."""
    offered = _allowed(conversation)
    names = _Names(tool for tool in conversation.tools if isinstance(tool, Tool))
    turns = tuple(
        replace(turn, parts=tuple(_folded_part(part, names) for part in turn.parts))
        for turn in conversation.turns
    )
    tools = tuple(_as_function(tool, names) if isinstance(tool, Tool) else tool for tool in offered)
    choice = conversation.tool_choice
    if choice is not None:
        named = ToolName(names.of(choice.named)) if choice.named else None
        choice = replace(choice, named=named, allowed=None)
    return replace(conversation, turns=turns, tools=tools, tool_choice=choice), names.folded


class _Names:
    """What each tool is called upstream. Tools that fit keep their names, whatever comes before
    them."""

    def __init__(self, tools: Iterable[Tool]) -> None:
        self.folded: dict[str, FoldedTool] = {}
        self._fitted = FittedNames(MAX_NAME_CHARACTERS)
        self._given: dict[tuple[str, str], str] = {}
        self._by_name: dict[str, set[str]] = {}  # without namespaces
        told = [ToolName(tool.name, tool.kind, tool.namespace) for tool in tools]
        for name in sorted(told, key=self._must_change):
            self._give(name)

    def of(self, name: ToolName) -> str:
        """Its name upstream, also for a tool of the history that is offered no more."""
        given = self._given.get((name.namespace, name.name)) or self._meant(name)
        return given or self._give(name)

    def _must_change(self, name: ToolName) -> bool:
        return bool(name.namespace) or not self._fitted.is_free(name.name)

    def _give(self, name: ToolName) -> str:
        whole = f"{name.namespace}__{name.name}" if name.namespace else name.name
        given = self._fitted.give(whole)
        given = self._given.setdefault((name.namespace, name.name), given)
        self._by_name.setdefault(name.name, set()).add(given)
        if given != name.name or name.kind == "custom":
            wrapper = WRAPPER if name.kind == "custom" else ""
            self.folded[given] = FoldedTool(name.name, name.namespace, wrapper)
        return given

    def _meant(self, name: ToolName) -> str | None:
        """A name without its namespace, or told as the upstream knows it."""
        if name.namespace:
            return None
        if name.name in self.folded:
            return name.name
        inside = self._by_name.get(name.name, set())
        return next(iter(inside)) if len(inside) == 1 else None


def _allowed(conversation: Conversation) -> tuple[Tool | HostedTool, ...]:
    choice = conversation.tool_choice
    if choice is None or choice.allowed is None:
        return conversation.tools
    # An allowed tool is told by kind and name alone.
    names = {one.name for one in choice.allowed}
    return tuple(
        tool for tool in conversation.tools if isinstance(tool, HostedTool) or tool.name in names
    )


def _folded_part(part: Part, names: _Names) -> Part:
    if isinstance(part, ToolCall):
        arguments = part.arguments
        if part.kind == "custom":
            arguments = msgspec.json.encode({WRAPPER: part.arguments}).decode()
        name = names.of(ToolName(part.name, part.kind, part.namespace))
        return replace(part, name=name, arguments=arguments, kind="function", namespace="")
    if isinstance(part, ToolResult):
        return replace(part, kind="function")
    return part


def _as_function(tool: Tool, names: _Names) -> Tool:
    name = names.of(ToolName(tool.name, tool.kind, tool.namespace))
    described = "\n\n".join(text for text in (tool.namespace_description, tool.description) if text)
    plain = replace(tool, name=name, description=described, namespace="", namespace_description="")
    if tool.kind == "function":
        return plain
    words = [described, _HOW_TO_CALL]
    if tool.format:
        words.append(_grammar_words(tool.format))
    return replace(
        plain,
        kind="function",
        description="\n\n".join(word for word in words if word),
        parameters={
            "type": "object",
            "properties": {WRAPPER: {"type": "string"}},
            "required": [WRAPPER],
            "additionalProperties": False,
        },
        format=None,
    )


def _grammar_words(grammar: Mapping[str, str]) -> str:
    return (
        f"The input must follow this grammar ({grammar.get('syntax', '')}):\n"
        f"{grammar.get('definition', '')}"
    )
