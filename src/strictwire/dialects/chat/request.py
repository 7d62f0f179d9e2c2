"""A chat request's body: checked, and read as far as the gateway must.

Contract: ``parse_request`` takes the body's bytes and returns a ``ChatRequest`` or raises a
``CallerError`` that names the field. What is not ours to know passes. How a request is written for
an upstream is the same for all dialects: see ``dialects.model_request``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import msgspec

from strictwire.dialects.json_body import parse_object, typed
from strictwire.dialects.model_request import ModelRequest
from strictwire.dialects.request_checks import (
    Number,
    StreamOptions,
    asks_usage,
    check_choices,
    check_integers,
    check_model,
    invalid_value,
    require,
)
from strictwire.model.request import Dialect

_INTEGERS = ("max_tokens", "max_completion_tokens", "seed", "top_logprobs")


class _Message(msgspec.Struct):
    role: str
    content: str | list[str | dict[str, Any]] | None = None
    tool_calls: list[dict[str, Any]] | None = None
    tool_call_id: str | None = None
    name: str | None = None


class _Body(msgspec.Struct):
    """The fields whose type clients get wrong, and those that the gateway itself reads."""

    model: str
    messages: list[_Message]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: int | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: Number | None = None
    top_p: Number | None = None
    presence_penalty: Number | None = None
    frequency_penalty: Number | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    response_format: dict[str, Any] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    logit_bias: dict[str, Number] | None = None
    user: str | None = None


_decoder = msgspec.json.Decoder(_Body)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest(ModelRequest):
    """A chat request that was checked."""

    dialect: ClassVar[Dialect | None] = "chat"


def parse_request(body: bytes) -> ChatRequest:
    """Check and read a body. Raises CallerError (400) that names the field."""
    fields = parse_object(body)
    require(fields, ("model", "messages"))
    parsed = typed(_decoder, body)
    _check_values(parsed)
    return ChatRequest(
        model=parsed.model,
        is_stream=bool(parsed.stream),
        includes_usage=asks_usage(parsed.stream, parsed.stream_options),
        choices=parsed.n or 1,
        tools=_tool_names(parsed.tools or ()),
        raw=body,
        fields=fields,
    )


def _check_values(parsed: _Body) -> None:
    check_model(parsed.model)
    if not parsed.messages:
        raise invalid_value("messages", "must hold at least one message")
    check_choices(parsed.n)
    check_integers(parsed, _INTEGERS)


def _tool_names(tools: Iterable[dict[str, Any]]) -> frozenset[str]:
    """The names of tools of either kind; one whose shape is strange is the upstream's to judge."""
    told = [tool.get("function") or tool.get("custom") for tool in tools]
    names = [one.get("name") for one in told if isinstance(one, dict)]
    return frozenset(name for name in names if isinstance(name, str))
