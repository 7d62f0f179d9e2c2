"""A chat request's body: checked, read as far as the gateway must, and written anew for upstream.

Contract: ``parse_request`` takes the body's bytes and returns a ``ChatRequest`` or raises a
``CallerError`` that names the field. What is not ours to know passes: unknown fields are kept to
the byte, and a body that needs no change goes upstream as it came.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from strictwire.dialects.json_body import parse_object, typed
from strictwire.model.errors import CallerError

Number = int | float

# OpenAI's own bound for `n`; a choice costs the upstream a slot and us a little memory.
MAX_CHOICES = 128
_INT64 = 2**63


class _StreamOptions(msgspec.Struct):
    include_usage: bool | None = None


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
    stream_options: _StreamOptions | None = None
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


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """``raw`` is the body as it came, ``fields`` its top level, each value still as bytes."""

    model: str
    is_stream: bool
    includes_usage: bool
    choices: int
    raw: bytes = field(repr=False)
    fields: dict[str, msgspec.Raw] = field(repr=False)

    def upstream_body(
        self,
        *,
        model: str,
        is_stream: bool,
        asks_usage: bool = False,
        asks_progress: bool = False,
        refused: frozenset[str] = frozenset(),
    ) -> bytes:
        """The body for an upstream. ``refused`` names fields that it was seen to reject."""
        changed: dict[str, Any] = {}
        if model != self.model:
            changed["model"] = model
        if is_stream != self.is_stream:
            changed["stream"] = is_stream
        if asks_usage and is_stream and not self.includes_usage:
            options = self.fields.get("stream_options")
            told = msgspec.json.decode(options) if options else None
            changed["stream_options"] = (told or {}) | {"include_usage": True}
        if asks_progress and is_stream:
            changed["return_progress"] = True
        dropped = {name for name in refused if name in self.fields or name in changed}
        if not is_stream and "stream_options" in self.fields:
            # OpenAI rejects stream_options without stream.
            dropped.add("stream_options")
        if not changed and not dropped:
            return self.raw
        merged: dict[str, Any] = {**self.fields, **changed}
        return msgspec.json.encode({k: v for k, v in merged.items() if k not in dropped})


def parse_request(body: bytes) -> ChatRequest:
    """Check and read a body. Raises CallerError (400) that names the field."""
    fields = parse_object(body)
    for name in ("model", "messages"):
        if name not in fields:
            raise CallerError(
                f"Missing required parameter: '{name}'.",
                param=name,
                code="missing_required_parameter",
            )
    parsed = typed(_decoder, body)
    _check_values(parsed)
    options = parsed.stream_options
    return ChatRequest(
        model=parsed.model,
        is_stream=bool(parsed.stream),
        includes_usage=bool(parsed.stream and options and options.include_usage),
        choices=parsed.n or 1,
        raw=body,
        fields=fields,
    )


def _check_values(parsed: _Body) -> None:
    if not parsed.model.strip():
        raise _invalid("model", "must not be empty")
    if not parsed.messages:
        raise _invalid("messages", "must hold at least one message")
    if parsed.n is not None and not 1 <= parsed.n <= MAX_CHOICES:
        raise _invalid("n", f"must be between 1 and {MAX_CHOICES}")
    for name in ("max_tokens", "max_completion_tokens", "seed", "top_logprobs"):
        value = getattr(parsed, name)
        if value is not None and not -_INT64 <= value < _INT64:
            raise _invalid(name, "must fit 64 bits")


def _invalid(name: str, problem: str) -> CallerError:
    return CallerError(f"Invalid value for '{name}': {problem}.", param=name, code="invalid_value")
