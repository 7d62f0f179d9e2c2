"""A message of WebSocket mode, read: what response its client wishes for.

Contract: pure. ``wish_of`` takes the fields of a message and returns the request that it makes, as
if it had been posted, or raises a ``CallerError`` that names the field.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from strictwire.dialects.responses.request import ResponsesRequest, parse_request
from strictwire.model.errors import CallerError

_CREATE = "response.create"
# Sent by clients after some responses. There is nothing to do about it.
_IGNORED = frozenset(("response.processed",))
# It stands in each event of its response: a longer one would be sent a thousand times.
MAX_STREAM_ID_CHARACTERS = 256
# What is of the socket and not of the request.
_ENVELOPE = ("type", "stream_id", "generate", "stream")

Fields = Mapping[str, msgspec.Raw]


@dataclass(frozen=True, slots=True)
class Wish:
    """One ``response.create``. ``generates`` False: only get ready for the next."""

    request: ResponsesRequest
    stream_id: str = ""
    generates: bool = True


def wish_of(fields: Fields, stream_id: str) -> Wish:
    if text_in(fields, "type") != _CREATE:
        raise CallerError(
            f"A message must have the type '{_CREATE}'.", param="type", code="invalid_value"
        )
    if _is(fields, "background", b"true"):
        raise CallerError(
            "Background responses cannot be asked for over WebSocket: POST them.",
            param="background",
            code="unsupported_parameter",
        )
    body = {name: raw for name, raw in fields.items() if name not in _ENVELOPE}
    request = parse_request(msgspec.json.encode({**body, "stream": True}))
    return Wish(request, stream_id, generates=not _is(fields, "generate", b"false"))


def is_ignored(fields: Fields) -> bool:
    return text_in(fields, "type") in _IGNORED


def stream_id_in(fields: Fields) -> str:
    told = text_in(fields, "stream_id")
    if len(told) > MAX_STREAM_ID_CHARACTERS:
        raise CallerError(
            f"'stream_id' is longer than {MAX_STREAM_ID_CHARACTERS} characters.",
            param="stream_id",
            code="invalid_value",
        )
    return told


def text_in(fields: Fields, name: str) -> str:
    """The text of a field, empty where it is not there or null."""
    try:
        told = msgspec.json.decode(fields.get(name, b"null"), type=str | None)
    except msgspec.ValidationError:
        raise CallerError(
            f"Invalid type for '{name}': expected a string.", param=name, code="invalid_type"
        ) from None
    return told or ""


def _is(fields: Fields, name: str, value: bytes) -> bool:
    return bytes(fields.get(name, b"")) == value
