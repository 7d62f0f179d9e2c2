"""What a client asked the lab for: the bytes of a chat or completions request -> ``Ask``.

Reads only what changes a scripted answer: the tools to call, whether the last message is a tool's
result, the options that change the wire. Everything else in a request is let through unread.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from strictwire.lab.arguments import has_command, minimal_arguments
from strictwire.model.errors import CallerError

Dialect = Literal["chat", "completions"]
# Round on purpose: whoever reads a dump sees at once that no clock was asked.
LAB_CREATED = 1_700_000_000
WEATHER_TOOL = "get_weather"
WEATHER_CITIES = ("Paris", "Tokyo")
# How much of a tool's result the answer repeats: enough to prove that it arrived.
REPEATED_RESULT_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class Tool:
    """A function tool of the request; ``parameters`` is its JSON Schema."""

    name: str
    parameters: Mapping[str, Any]

    @property
    def needs_nothing(self) -> bool:
        return not self.parameters.get("required")


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A tool to call, with its arguments as compact JSON text."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Ask:
    """One request. ``id`` is without a dialect's prefix; ``fields`` are its top-level names.

    ``prompts`` are those of a completions request, one for each text to complete; tokens, which
    the lab cannot read, stand there as their numbers.
    """

    model: str
    id: str = "lab"
    created: int = LAB_CREATED
    dialect: Dialect = "chat"
    prompts: tuple[str, ...] = ()
    echoes: bool = False
    is_stream: bool = False
    includes_usage: bool = False
    wants_progress: bool = False
    fields: frozenset[str] = frozenset()
    tools: tuple[Tool, ...] = ()
    forced_tool: str = ""
    may_call: bool = True
    tool_result: str | None = None

    @classmethod
    def parse(
        cls,
        body: bytes,
        *,
        dialect: Dialect = "chat",
        id: str = "lab",  # noqa: A002 - the wire's own name
        created: int = LAB_CREATED,
    ) -> Ask:
        """Raises ``CallerError`` (400) that names the field."""
        value = parse_object(body)
        model = value.get("model")
        if not isinstance(model, str) or not model:
            raise CallerError("model must be a non-empty string", param="model")
        messages = value.get("messages") if dialect == "chat" else []
        if not isinstance(messages, list):
            raise CallerError("messages must be an array", param="messages")
        options = value.get("stream_options")
        tool_choice = value.get("tool_choice")
        return cls(
            model=model,
            id=id,
            created=created,
            dialect=dialect,
            prompts=_prompts_of(value.get("prompt")) if dialect == "completions" else (),
            echoes=value.get("echo") is True,
            is_stream=value.get("stream") is True,
            includes_usage=isinstance(options, dict) and options.get("include_usage") is True,
            wants_progress=value.get("return_progress") is True,
            fields=frozenset(value),
            tools=_tools_of(value.get("tools")),
            forced_tool=_forced_tool_of(tool_choice),
            may_call=tool_choice != "none",
            tool_result=_tool_result_of(messages),
        )

    @property
    def is_tool_turn(self) -> bool:
        """Whether a scenario that calls tools may call one now, rather than answer in text."""
        return self.may_call and self.tool_result is None

    def tool_use(self, position: int = 0, *, prefers_bare: bool = False) -> ToolUse:
        """The call to make, the ``position``-th of parallel ones.

        ``get_weather`` if the request has it or has no tools; else the tool that the request
        forces; else one that runs a harmless command; else the first. With ``prefers_bare``, a
        tool without required arguments comes first: it is called with no arguments at all.
        """
        tool = self._chosen_tool(prefers_bare)
        if tool is None or tool.name == WEATHER_TOOL:
            city = WEATHER_CITIES[position % len(WEATHER_CITIES)]
            return ToolUse(WEATHER_TOOL, f'{{"city":"{city}"}}')
        return ToolUse(tool.name, _compact(minimal_arguments(tool.parameters)))

    def _chosen_tool(self, prefers_bare: bool) -> Tool | None:
        by_name = {tool.name: tool for tool in self.tools}
        if self.forced_tool in by_name:
            return by_name[self.forced_tool]
        if prefers_bare:
            bare = [tool for tool in self.tools if tool.needs_nothing]
            if bare:
                return bare[0]
        if WEATHER_TOOL in by_name:
            return by_name[WEATHER_TOOL]
        runners = [tool for tool in self.tools if has_command(tool.parameters)]
        return next(iter(runners or self.tools), None)


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def parse_object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except RecursionError as error:
        raise CallerError("the body is nested too deep") from error
    except ValueError as error:
        raise CallerError("the body is not valid JSON") from error
    if not isinstance(value, dict):
        raise CallerError("the body must be a JSON object")
    return value


def _prompts_of(value: object) -> tuple[str, ...]:
    """A text, a list of texts, a list of tokens, or a list of lists of tokens."""
    if isinstance(value, str):
        return (value,)
    parts: list[Any] = value if isinstance(value, list) else []
    if parts and all(isinstance(part, str) for part in parts):
        return tuple(parts)
    if parts and all(isinstance(part, list) for part in parts):
        return tuple(" ".join(map(str, part)) for part in parts)
    if parts and all(isinstance(part, int) for part in parts):
        return (" ".join(map(str, parts)),)
    raise CallerError("prompt must be a string, or an array of strings or tokens", param="prompt")


def _tools_of(value: object) -> tuple[Tool, ...]:
    if not isinstance(value, list):
        return ()
    functions = [tool.get("function") for tool in value if isinstance(tool, dict)]
    return tuple(
        Tool(function["name"], _object_or_empty(function.get("parameters")))
        for function in functions
        if isinstance(function, dict) and isinstance(function.get("name"), str)
    )


def _object_or_empty(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _forced_tool_of(tool_choice: object) -> str:
    name = _object_or_empty(_object_or_empty(tool_choice).get("function")).get("name")
    return name if isinstance(name, str) else ""


def _tool_result_of(messages: list[Any]) -> str | None:
    last = _object_or_empty(messages[-1]) if messages else {}
    if last.get("role") not in ("tool", "function"):
        return None
    content = last.get("content")
    if isinstance(content, list):
        texts = [_object_or_empty(part).get("text") for part in content]
        content = "".join(text for text in texts if isinstance(text, str))
    return (content if isinstance(content, str) else "")[:REPEATED_RESULT_CHARACTERS]
