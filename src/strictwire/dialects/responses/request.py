"""A Responses request's body: checked, and read as far as the gateway must.

Contract: ``parse_request`` takes the body's bytes and returns a ``ResponsesRequest`` or raises a
``CallerError`` that names the field. What is not ours to know passes: items and tools of kinds that
we do not know, and all their fields. How a request is written for an upstream is the same for all
dialects: see ``dialects.model_request``.
Source: OpenAI API reference, "Create a model response".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import msgspec

from strictwire.dialects.json_body import parse_object, typed
from strictwire.dialects.model_request import ModelRequest
from strictwire.dialects.request_checks import (
    Number,
    check_integers,
    check_model,
    invalid_value,
    require,
)
from strictwire.model.request import Dialect

_INTEGERS = ("max_output_tokens", "max_tool_calls", "top_logprobs")
# What a response object repeats of its request.
ECHOED = (
    "background", "conversation", "instructions", "max_output_tokens", "max_tool_calls", "metadata",
    "parallel_tool_calls", "previous_response_id", "prompt", "prompt_cache_key",
    "prompt_cache_retention", "reasoning", "safety_identifier", "service_tier", "store",
    "temperature", "text", "tool_choice", "tools", "top_logprobs", "top_p", "truncation", "user",
)  # fmt: skip
# Any of these brings input of its own.
_OTHER_INPUT = ("previous_response_id", "conversation", "prompt")


class _Item(msgspec.Struct):
    """An item's fields whose type clients get wrong. Most clients leave out a message's type."""

    type: str | None = None
    id: str | None = None
    role: str | None = None
    content: str | list[str | dict[str, Any]] | None = None
    call_id: str | None = None
    output: str | list[Any] | dict[str, Any] | None = None


class _Text(msgspec.Struct):
    format: dict[str, Any] | None = None
    verbosity: str | None = None


class _Reasoning(msgspec.Struct):
    effort: str | None = None
    summary: str | None = None


class _Body(msgspec.Struct):
    """The fields whose type clients get wrong, and those that the gateway itself reads."""

    model: str
    input: str | list[_Item] | None = None
    instructions: str | list[dict[str, Any]] | None = None
    stream: bool | None = None
    stream_options: dict[str, Any] | None = None
    store: bool | None = None
    background: bool | None = None
    previous_response_id: str | None = None
    conversation: str | dict[str, Any] | None = None
    prompt: dict[str, Any] | None = None
    include: list[str] | None = None
    max_output_tokens: int | None = None
    max_tool_calls: int | None = None
    temperature: Number | None = None
    top_p: Number | None = None
    top_logprobs: int | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    text: _Text | None = None
    reasoning: _Reasoning | None = None
    metadata: dict[str, Any] | None = None
    truncation: str | None = None
    user: str | None = None


_decoder = msgspec.json.Decoder(_Body)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponsesRequest(ModelRequest):
    """A Responses request that was checked. ``store`` is None where the client did not say.
    ``echo`` has what the response object repeats of it, as the client told it."""

    dialect: ClassVar[Dialect | None] = "responses"
    takes_options: ClassVar[bool] = False

    store: bool | None = None
    previous_response_id: str | None = None
    is_background: bool = False
    include: tuple[str, ...] = ()
    echo: Mapping[str, Any] = field(default_factory=dict, repr=False)


def parse_request(body: bytes) -> ResponsesRequest:
    """Check and read a body. Raises CallerError (400) that names the field."""
    fields = parse_object(body)
    require(fields, ("model",))
    parsed = typed(_decoder, body)
    check_model(parsed.model)
    check_integers(parsed, _INTEGERS)
    if not any(getattr(parsed, name) for name in _OTHER_INPUT):
        require(fields, ("input",))
        if parsed.input is None:
            raise invalid_value("input", "must be a text or a list of items")
    return ResponsesRequest(
        model=parsed.model,
        is_stream=bool(parsed.stream),
        choices=1,
        tools=frozenset(_tool_names(parsed.tools or ())),
        store=parsed.store,
        previous_response_id=parsed.previous_response_id or None,
        is_background=bool(parsed.background),
        include=tuple(parsed.include or ()),
        echo=_echo(fields),
        raw=body,
        fields=fields,
    )


def _tool_names(tools: Iterable[dict[str, Any]]) -> Iterator[str]:
    """The tools that a reply may call, those of namespaces too; hosted ones have no name."""
    for tool in tools:
        inner = tool.get("tools")
        if tool.get("type") == "namespace" and isinstance(inner, list):
            yield from _tool_names(one for one in inner if isinstance(one, dict))
        elif isinstance(name := tool.get("name"), str):
            yield name


def _echo(fields: Mapping[str, msgspec.Raw]) -> dict[str, Any]:
    told = {name: msgspec.json.decode(fields[name]) for name in ECHOED if name in fields}
    for tool in told.get("tools") or ():
        if tool.get("type") == "function":
            # A response's functions always have both (its schema requires them), a request's not.
            tool.setdefault("parameters", None)
            tool.setdefault("strict", None)
    return {name: value for name, value in told.items() if value is not None}
