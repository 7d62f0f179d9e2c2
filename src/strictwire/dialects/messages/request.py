"""A Messages request's body: checked, and read as far as the gateway must.

Contract: ``parse_request`` takes the body's bytes and returns a ``MessagesRequest`` or raises a
``CallerError`` that names the field; ``parse_count_request`` does the same for count_tokens, which
has no ``max_tokens``. What is not ours to know passes: blocks, tools and roles of other kinds, and
all their fields. How a request is written for an upstream is the same for all dialects: see
``dialects.model_request``.
Source: Anthropic API reference, "Messages".
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
    check_integers,
    check_model,
    invalid_value,
    require,
)
from strictwire.model.request import Dialect

_INTEGERS = ("max_tokens", "top_k")


class _Message(msgspec.Struct):
    role: str
    content: str | list[dict[str, Any]]


class _Body(msgspec.Struct):
    """The fields whose type clients get wrong, and those that the gateway itself reads."""

    model: str
    messages: list[_Message]
    max_tokens: int | None = None
    system: str | list[dict[str, Any]] | None = None
    stream: bool | None = None
    temperature: Number | None = None
    top_p: Number | None = None
    top_k: int | None = None
    stop_sequences: list[str] | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: dict[str, Any] | None = None
    thinking: dict[str, Any] | None = None
    output_config: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None


_decoder = msgspec.json.Decoder(_Body)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagesRequest(ModelRequest):
    """A Messages request that was checked."""

    dialect: ClassVar[Dialect | None] = "messages"
    takes_options: ClassVar[bool] = False
    takes_progress: ClassVar[bool] = False  # llama.cpp takes it there, and tells nothing


def parse_request(body: bytes) -> MessagesRequest:
    """Check and read a body. Raises CallerError (400) that names the field."""
    request, max_tokens = _parse(body, ("model", "max_tokens", "messages"))
    if max_tokens is None or max_tokens < 0:
        raise invalid_value("max_tokens", "must be a number of tokens")
    return request


def parse_count_request(body: bytes) -> MessagesRequest:
    """The body of count_tokens: the same without ``max_tokens``."""
    request, _ = _parse(body, ("model", "messages"))
    return request


def _parse(body: bytes, required: Iterable[str]) -> tuple[MessagesRequest, int | None]:
    fields = parse_object(body)
    require(fields, required)
    parsed = typed(_decoder, body)
    check_model(parsed.model)
    if not parsed.messages:
        raise invalid_value("messages", "must hold at least one message")
    check_integers(parsed, _INTEGERS)
    names = [tool.get("name") for tool in parsed.tools or ()]
    request = MessagesRequest(
        model=parsed.model,
        is_stream=bool(parsed.stream),
        choices=1,
        tools=frozenset(name for name in names if isinstance(name, str)),
        raw=body,
        fields=fields,
    )
    return request, parsed.max_tokens
