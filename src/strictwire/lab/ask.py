"""What a client asked the lab for: the bytes of a request in any dialect -> ``Ask``.

Reads only what changes a scripted answer: the tools to call, whether the last thing said is a
tool's result, the options that change the wire. Everything else in a request is let through unread,
or repeated where the format wants that.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from strictwire.lab import results, tools
from strictwire.lab.tools import Preference, Tool, ToolUse
from strictwire.model.errors import CallerError

Dialect = Literal["chat", "completions", "responses", "messages", "ollama"]
# Round on purpose: whoever reads a dump sees at once that no clock was asked.
LAB_CREATED = 1_700_000_000


@dataclass(frozen=True, slots=True)
class Ask:
    """One request. ``id`` is without a dialect's prefix; ``fields`` are its top-level names.

    ``prompts`` are those of a completions request, one for each text to complete; tokens, which
    the lab cannot read, stand there as their numbers. ``told`` is the request itself where its
    dialect repeats it in the reply, as Responses do.
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
    told: Mapping[str, Any] = field(default_factory=dict, repr=False)

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
        shape = _SHAPES[dialect]
        shape.check(value)
        options = value.get("stream_options")
        tool_choice = value.get("tool_choice")
        return cls(
            model=model,
            id=id,
            created=created,
            dialect=dialect,
            prompts=_prompts_of(value.get("prompt")) if dialect == "completions" else (),
            echoes=value.get("echo") is True,
            is_stream=value.get("stream", shape.streams_unasked) is True,
            includes_usage=isinstance(options, dict) and options.get("include_usage") is True,
            wants_progress=value.get("return_progress") is True,
            fields=frozenset(value),
            tools=shape.tools(value.get("tools")),
            forced_tool=tools.forced_tool_of(tool_choice),
            may_call=tools.allows_calls(tool_choice),
            tool_result=shape.result(value),
            told=value if dialect == "responses" else {},
        )

    @property
    def is_tool_turn(self) -> bool:
        """Whether a scenario that calls tools may call one now, rather than answer in text."""
        return self.may_call and self.tool_result is None

    def tool_use(self, position: int = 0, *, prefers: Preference = "") -> ToolUse:
        """The call to make, the ``position``-th of parallel ones: see ``tools.choose_use``."""
        return tools.choose_use(self.tools, self.forced_tool, position, prefers)


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


# ---- what each dialect wants of a request, and where it has what ----


@dataclass(frozen=True, slots=True)
class _Shape:
    """``check`` raises ``CallerError`` (400); ``result`` reads the whole request.
    ``streams_unasked``: a request that does not say so gets a stream."""

    check: Callable[[Mapping[str, Any]], None]
    tools: Callable[[object], tuple[Tool, ...]]
    result: Callable[[Mapping[str, Any]], str | None]
    streams_unasked: bool = False


def _check_messages(value: Mapping[str, Any]) -> None:
    if not isinstance(value.get("messages"), list):
        raise CallerError("messages must be an array", param="messages")


def _check_max_tokens(value: Mapping[str, Any]) -> None:
    _check_messages(value)
    limit = value.get("max_tokens")
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
        raise CallerError("max_tokens must be a whole number from 1 on", param="max_tokens")


def _check_input(value: Mapping[str, Any]) -> None:
    told = value.get("input")
    if told is None and value.get("previous_response_id"):
        return
    if not isinstance(told, str | list):
        raise CallerError("input must be a string or an array", param="input")


def _check_plain_contents(value: Mapping[str, Any]) -> None:
    """Go reads a request into its types: a text is a text, and arguments are an object."""
    _check_messages(value)
    for place, message in enumerate(value["messages"]):
        told = message if isinstance(message, dict) else {}
        if not isinstance(told.get("content", ""), str):
            at = f"messages[{place}].content"
            raise CallerError("json: cannot unmarshal array into a string", param=at)
        for call in told.get("tool_calls") or ():
            if not isinstance(call["function"].get("arguments"), dict):
                at = f"messages[{place}].tool_calls"
                raise CallerError("json: cannot unmarshal string into an object", param=at)


def _let_pass(value: Mapping[str, Any]) -> None:
    """A prompt is checked where it is read."""


_SHAPES: Mapping[Dialect, _Shape] = {
    "chat": _Shape(
        _check_messages, tools.chat_tools, lambda value: results.chat_result(value["messages"])
    ),
    "completions": _Shape(_let_pass, lambda value: (), lambda value: None),
    "responses": _Shape(
        _check_input,
        tools.responses_tools,
        lambda value: results.responses_result(value.get("input")),
    ),
    "messages": _Shape(
        _check_max_tokens,
        tools.messages_tools,
        lambda value: results.messages_result(value["messages"]),
    ),
    "ollama": _Shape(
        _check_plain_contents,
        tools.chat_tools,
        lambda value: results.chat_result(value["messages"]),
        streams_unasked=True,
    ),
}
