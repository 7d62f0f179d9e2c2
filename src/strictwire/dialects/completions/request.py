"""A text completion request's body: checked, and read as far as the gateway must.

Contract: ``parse_request`` takes the body's bytes and returns a ``CompletionsRequest`` or raises a
``CallerError`` that names the field. What is not ours to know passes. How a request is written for
an upstream is the same for all dialects: see ``dialects.model_request``.
Source: OpenAI API reference, "Create completion".
"""

from __future__ import annotations

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
from strictwire.model.errors import CallerError
from strictwire.model.request import Dialect

# Each prompt is answered by `n` choices, and each choice is remembered until the reply ends: as
# many as a relay is ready to remember (relay/ending.py), so that none fails half-way.
MAX_COMPLETIONS = 1024
_INTEGERS = ("max_tokens", "seed", "logprobs", "best_of")


class _Body(msgspec.Struct):
    """The fields whose type clients get wrong, and those that the gateway itself reads."""

    model: str
    # One text, several, the tokens of one, or of several; the schema allows null for none at all.
    prompt: str | list[str | int | list[int]] | None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: int | None = None
    best_of: int | None = None
    echo: bool | None = None
    logprobs: int | None = None
    max_tokens: int | None = None
    suffix: str | None = None
    temperature: Number | None = None
    top_p: Number | None = None
    presence_penalty: Number | None = None
    frequency_penalty: Number | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    logit_bias: dict[str, Number] | None = None
    user: str | None = None


_decoder = msgspec.json.Decoder(_Body)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionsRequest(ModelRequest):
    """A text completion request that was checked."""

    dialect: ClassVar[Dialect | None] = "completions"


def parse_request(body: bytes) -> CompletionsRequest:
    """Check and read a body. Raises CallerError (400) that names the field."""
    fields = parse_object(body)
    require(fields, ("model", "prompt"))
    parsed = typed(_decoder, body)
    check_model(parsed.model)
    check_choices(parsed.n)
    check_integers(parsed, _INTEGERS)
    prompts = _prompts(parsed.prompt)
    choices = prompts * (parsed.n or 1)
    if choices > MAX_COMPLETIONS:
        raise invalid_value(
            "prompt", f"asks, with 'n', for more than {MAX_COMPLETIONS} completions in one reply"
        )
    return CompletionsRequest(
        model=parsed.model,
        is_stream=bool(parsed.stream),
        includes_usage=asks_usage(parsed.stream, parsed.stream_options),
        choices=choices,
        prompts=prompts,
        raw=body,
        fields=fields,
    )


def _prompts(prompt: str | list[Any] | None) -> int:
    """How many prompts these are."""
    if not isinstance(prompt, list):
        return 1
    if not prompt:
        raise invalid_value("prompt", "must not be an empty list")
    kind = type(prompt[0])
    for place, part in enumerate(prompt):
        if type(part) is not kind:
            raise CallerError(
                f"Invalid type for 'prompt[{place}]': a prompt is texts, or tokens, or lists of "
                "tokens, and not some of each.",
                param=f"prompt[{place}]",
                code="invalid_type",
            )
        if kind is list and not part:
            raise invalid_value(f"prompt[{place}]", "must hold at least one token")
    return 1 if kind is int else len(prompt)
