"""Translations of plain values, for tables of tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from strictwire.dialects import chat, completions, messages, responses
from strictwire.dialects.model_request import ModelRequest, UpstreamAsk
from strictwire.dialects.translation import Translation, translate
from strictwire.model.errors import CallerError
from strictwire.model.request import Dialect

PARSERS: dict[Dialect, Callable[[bytes], ModelRequest]] = {
    "chat": chat.parse_request,
    "completions": completions.parse_request,
    "responses": responses.parse_request,
    "messages": messages.parse_request,
}
TARGETS: tuple[Dialect, ...] = ("chat", "responses", "messages")
PAIRS: list[tuple[Dialect, Dialect]] = [
    (source, target) for source in PARSERS for target in TARGETS if source != target
]
_MINIMAL: dict[Dialect, dict[str, Any]] = {
    "chat": {"messages": [{"role": "user", "content": "hi"}]},
    "completions": {"prompt": "hi"},
    "responses": {"input": "hi"},
    "messages": {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 900},
}
_SCHEMAS = Path(__file__).resolve().parents[3] / "shared/data/openai-schema/requests.schema.json"
_SCHEMA_NAMES = {"chat": "CreateChatCompletionRequest", "responses": "CreateResponse"}


def translated(source: Dialect, target: Dialect, **fields: Any) -> Translation:
    """A small request with these fields, on its way from ``source`` to ``target``."""
    body = {"model": "m", **_MINIMAL[source], **fields}
    return translate(PARSERS[source](json.dumps(body).encode()), source, target)


def written(source: Dialect, target: Dialect, **fields: Any) -> dict[str, Any]:
    """What goes upstream of it."""
    return sent(translated(source, target, **fields).request)


def sent(request: ModelRequest) -> dict[str, Any]:
    ask = UpstreamAsk(request.model, request.is_stream)
    value: dict[str, Any] = json.loads(request.upstream_body(ask))
    return value


def refusal(source: Dialect, target: Dialect, **fields: Any) -> CallerError:
    with pytest.raises(CallerError) as caught:
        translated(source, target, **fields)
    return caught.value


def problems(target: Dialect, value: dict[str, Any]) -> list[str]:
    """What OpenAI's own schema finds wrong with a request; none is known for Messages."""
    if target not in _SCHEMA_NAMES:
        return []
    if not _SCHEMAS.exists():
        pytest.skip(f"{_SCHEMAS} is not here: only where the shared data is")
    errors = _validator(_SCHEMA_NAMES[target]).iter_errors(value)
    return [f"{list(error.absolute_path)}: {error.message[:200]}" for error in errors]


@cache
def _validator(name: str) -> Draft202012Validator:
    # A message whose content is a list is two of the schema's kinds of items at once.
    schema = json.loads(_SCHEMAS.read_text("utf-8").replace('"oneOf"', '"anyOf"'))
    return Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": schema["$defs"]})
