"""What is asked of the tiny model, in the words of each dialect.

The model answers greetings, and calls ``get_weather`` for the cities that it knows; beyond that it
babbles, so nothing here rests on what it says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from expectations import Asked

from strictwire.model.request import Dialect

DIALECTS: tuple[Dialect, ...] = ("chat", "completions", "responses", "messages")
# Those in which a tool can be called.
TOOL_DIALECTS: tuple[Dialect, ...] = ("chat", "responses", "messages")
PATHS: dict[Dialect, str] = {
    "chat": "/chat/completions",
    "completions": "/completions",
    "responses": "/responses",
    "messages": "/messages",
}
GREETING = "Hello"
WEATHER = "What is the weather in Paris?"
TOOL, ARGUMENTS = "get_weather", {"city": "Paris"}
MAX_TOKENS = 64
_GREEDY = {"temperature": 0}
# Ten of the tiny model's tokens.
FILLER = "Nothing is said here that anybody needs to know. "
_SAID = "Get the weather of a city"
_PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
}
_CALL = "call_0"
_RESULT = "sunny"


@dataclass(frozen=True)
class Question(Asked):
    """A whole body in its dialect: ``fields`` has the question too."""

    @property
    def body(self) -> dict[str, Any]:
        body = {"stream": self.is_stream, **_GREEDY, **self.fields}
        if self.dialect == "messages":
            # Anthropic's SDK has no argument for it any more; over the wire it is as it was.
            body = {**self.fields, "stream": self.is_stream, "extra_body": _GREEDY}
        if self.includes_usage:
            body["stream_options"] = {"include_usage": True}
        return body

    @property
    def wire_body(self) -> dict[str, Any]:
        """The same as it is without an SDK."""
        body = self.body
        return {**body, **body.pop("extra_body", {})}

    @property
    def tools(self) -> frozenset[str]:
        return frozenset((TOOL,)) if "tools" in self.fields else frozenset()


def plain(dialect: Dialect, *, is_stream: bool, text: str = GREETING, **more: Any) -> Question:
    """``more`` are fields of ``Question``. Usage is asked for wherever that is possible."""
    limit = "max_output_tokens" if dialect == "responses" else "max_tokens"
    fields = {**_asking(dialect, text), limit: MAX_TOKENS}
    return _question(dialect, fields, is_stream=is_stream, **more)


def with_tool(dialect: Dialect, *, is_stream: bool) -> Question:
    question = plain(dialect, is_stream=is_stream, text=WEATHER)
    fields = {**question.fields, "tools": [_TOOLS[dialect]]}
    return _question(dialect, fields, is_stream=is_stream)


def with_result(dialect: Dialect, *, is_stream: bool) -> Question:
    """The turn after the call: what the tool said goes back."""
    question = with_tool(dialect, is_stream=is_stream)
    key = "input" if dialect == "responses" else "messages"
    fields = {**question.fields, key: [{"role": "user", "content": WEATHER}, *_TURN[dialect]]}
    return _question(dialect, fields, is_stream=is_stream)


def _question(
    dialect: Dialect, fields: dict[str, Any], *, is_stream: bool, **more: Any
) -> Question:
    includes_usage = is_stream and dialect in ("chat", "completions")
    return Question(is_stream, includes_usage, fields, dialect, **more)  # type: ignore[arg-type]


def _asking(dialect: Dialect, text: str) -> dict[str, Any]:
    match dialect:
        case "completions":
            return {"prompt": text}
        case "responses":
            return {"input": text, "store": False}
        case _:
            return {"messages": [{"role": "user", "content": text}]}


_FUNCTION = {"name": TOOL, "description": _SAID, "parameters": _PARAMETERS}
_TOOLS: dict[Dialect, dict[str, Any]] = {
    "chat": {"type": "function", "function": _FUNCTION},
    "responses": {"type": "function", "strict": False, **_FUNCTION},
    "messages": {"name": TOOL, "description": _SAID, "input_schema": _PARAMETERS},
}
_WRITTEN = '{"city": "Paris"}'
_TURN: dict[Dialect, list[dict[str, Any]]] = {
    "chat": [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": _CALL,
                    "type": "function",
                    "function": {"name": TOOL, "arguments": _WRITTEN},
                }
            ],
        },
        {"role": "tool", "tool_call_id": _CALL, "content": _RESULT},
    ],
    "responses": [
        {"type": "function_call", "call_id": _CALL, "name": TOOL, "arguments": _WRITTEN},
        {"type": "function_call_output", "call_id": _CALL, "output": _RESULT},
    ],
    "messages": [
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": _CALL, "name": TOOL, "input": ARGUMENTS}],
        },
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": _CALL, "content": _RESULT}],
        },
    ],
}
