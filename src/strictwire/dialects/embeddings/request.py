"""An embeddings request's body: checked, and read as far as the gateway must.

Contract: ``parse_request`` takes the body's bytes and returns an ``EmbeddingsRequest`` or raises a
``CallerError`` that names the field. What is not ours to know passes, such as inputs that are
objects (images) or another encoding than OpenAI's two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from strictwire.dialects.json_body import parse_object, typed
from strictwire.dialects.model_request import ModelRequest
from strictwire.dialects.request_checks import check_model, invalid_value, require
from strictwire.model.embeddings import EmbeddingsAsk, Encoding

_ENCODINGS: dict[str | None, Encoding] = {None: "float", "float": "float", "base64": "base64"}


class _Body(msgspec.Struct):
    model: str
    input: str | list[str | int | list[int] | dict[str, Any]]
    encoding_format: str | None = None
    dimensions: int | None = None
    user: str | None = None


_decoder = msgspec.json.Decoder(_Body)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingsRequest(ModelRequest):
    """An embeddings request that was checked."""

    ask: EmbeddingsAsk


def parse_request(body: bytes) -> EmbeddingsRequest:
    """Check and read a body. Raises CallerError (400) that names the field."""
    fields = parse_object(body)
    require(fields, ("model", "input"))
    parsed = typed(_decoder, body)
    check_model(parsed.model)
    if parsed.dimensions is not None and parsed.dimensions < 1:
        raise invalid_value("dimensions", "must be at least 1")
    return EmbeddingsRequest(
        model=parsed.model,
        ask=EmbeddingsAsk(
            inputs=_count(parsed.input), encoding=_ENCODINGS.get(parsed.encoding_format)
        ),
        raw=body,
        fields=fields,
    )


def _count(told: str | list[Any]) -> int:
    """How many vectors are due: one for a text or for a list of tokens, else one for each."""
    if isinstance(told, str):
        return 1
    if not told:
        raise invalid_value("input", "must hold at least one text")
    are_tokens = [isinstance(one, int) for one in told]
    if all(are_tokens):
        return 1
    if any(are_tokens):
        raise invalid_value("input", "must be texts, or tokens, not both")
    return len(told)
