"""Errors as whole HTTP replies: ours, and an upstream's made into ours.

Contract: OpenAI's shape on OpenAI paths, Anthropic's on those of Messages. An upstream's status is
kept where it has a meaning for the client, nonsense is 502. No secret that we know goes out in a
message. Source: docs/contract.md, "Errors before the commit".
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from strictwire.config.secret import MASK
from strictwire.dialects.chunk_fields import error_object
from strictwire.dialects.messages.errors import error_object as messages_error
from strictwire.model.errors import PeerError, WireError
from strictwire.model.request import Dialect
from strictwire.relay.parsing import parse_json
from strictwire.repairs.error_codes import (
    CONTEXT_LENGTH_EXCEEDED,
    RATE_LIMIT_EXCEEDED,
    name_cause,
    tells_wait,
)
from strictwire.repairs.error_shape import shape_error

# A refusal in words fits; a page of HTML need not be read to its end.
MAX_ERROR_BODY_BYTES = 64 * 1024
MAX_MESSAGE_CHARACTERS = 2000
# Types, fields and codes are names; OpenAI's longest has some 30 characters.
MAX_NAME_CHARACTERS = 200
# A page's title stands at its top. Looking further, a page made to be slow to search would stop
# every stream of this process meanwhile.
MAX_SEARCHED_BYTES = 2048
# A shorter secret would blot out half of every message ("a", "on"), and protects nothing anyway.
MIN_SECRET_CHARACTERS = 4

_KEPT_STATUSES = frozenset((400, 401, 402, 403, 404, 408, 409, 413, 422, 429))
_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    429: "rate_limit_error",
}
# Claude Code shortens the conversation where it reads these words, and has no other sign.
_TOO_LONG = "prompt is too long"
# How a message begins that is ours, not the upstream's.
_ANSWERED = "The upstream answered"
_TITLE = re.compile(rb"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)


def format_error(error: WireError, dialect: Dialect = "chat", request_id: str = "") -> bytes:
    """The body, in the shape of the client's dialect. Anthropic's has the request's id too."""
    if dialect != "messages":
        return msgspec.json.encode(error_object(error))
    value: dict[str, Any] = messages_error(error)
    return msgspec.json.encode({**value, "request_id": request_id} if request_id else value)


def error_headers(error: WireError, body: bytes) -> list[tuple[bytes, bytes]]:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
    ]
    if error.retry_after is not None:
        headers.append((b"retry-after", error.retry_after.encode("latin-1", "replace")))
    return headers


def upstream_refusal(
    status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes, secrets: Iterable[str] = ()
) -> PeerError:
    """The error for a reply that is no success. ``secrets`` are keys that we sent."""
    shaped = _shaped(status, body)
    message = shaped["message"] or ""
    retry_after = next((v.decode("latin-1") for n, v in headers if n == b"retry-after"), None)
    is_kept = status in _KEPT_STATUSES or 500 <= status < 600
    kind = shaped["type"] or "upstream_error"
    if kind == "upstream_error":
        is_callers = 400 <= status < 500
        kind = _TYPES.get(status, "invalid_request_error" if is_callers else "upstream_error")
    refusal = PeerError(
        message
        if is_kept or _tells_status(message)
        else f"{_ANSWERED} with status {status}: {message}",
        status=status if is_kept else 502,
        type=kind,
        param=shaped["param"],
        code=shaped["code"] or (None if is_kept else "upstream_malformed"),
        retry_after=retry_after if _is_retry_hint(retry_after) else None,
    )
    blot_secrets(refusal, secrets)
    _shorten(refusal)
    name_cause(refusal)
    return refusal


def word_for(error: WireError, dialect: Dialect) -> None:
    """Say what an upstream's error is about in the code and the words that clients of this dialect
    look for. Changes the error itself."""
    name_cause(error)
    message = error.message
    if dialect == "messages" and error.code == CONTEXT_LENGTH_EXCEEDED:
        if _TOO_LONG not in message.lower():
            error.message = f"{_TOO_LONG}: {message}"
    elif dialect == "responses" and error.code == RATE_LIMIT_EXCEEDED:
        wait_s = error.retry_after or ""
        if wait_s.isdigit() and not tells_wait(message):
            error.message = f"{message} Please try again in {wait_s}s."


def _tells_status(message: str) -> bool:
    """Whether it is our own words, for a body that had none to take."""
    return message.startswith(_ANSWERED)


def blot_secrets(error: WireError, secrets: Iterable[str]) -> None:
    """Servers repeat a key that they do not like. Changes the error's own texts."""
    # The longest first: a key may begin with another.
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) < MIN_SECRET_CHARACTERS:
            continue
        error.message = error.message.replace(secret, MASK)
        error.type = error.type.replace(secret, MASK)
        error.param = error.param and error.param.replace(secret, MASK)
        error.code = error.code and error.code.replace(secret, MASK)
        if error.retry_after is not None and secret in error.retry_after:
            error.retry_after = None


def _shorten(error: WireError) -> None:
    error.message = error.message[:MAX_MESSAGE_CHARACTERS]
    error.type = error.type[:MAX_NAME_CHARACTERS]
    error.param = error.param and error.param[:MAX_NAME_CHARACTERS]
    error.code = error.code and error.code[:MAX_NAME_CHARACTERS]


def _shaped(status: int, body: bytes) -> dict[str, str | None]:
    text = body.strip()
    try:
        value = parse_json(text) if text else None
    except ValueError:
        value = None
    if isinstance(value, dict):
        error = value.get("error") or value.get("detail") or value
        return shape_error(error)
    if isinstance(value, str) and value:
        return shape_error(value)
    if text[:1] == b"<":
        title = _TITLE.search(text, 0, MAX_SEARCHED_BYTES)
        name = " ".join(title[1].decode("utf-8", "replace").split()) if title else ""
        page = f"an HTML page ({name})" if name else "an HTML page"
        return shape_error(f"{_ANSWERED} {status} with {page} instead of an API error.")
    if text:
        return shape_error(text.decode("utf-8", "replace"))
    return shape_error(f"{_ANSWERED} {status} without a body.")


def _is_retry_hint(value: str | None) -> bool:
    return value is not None and len(value) < 64 and value.isprintable()
