"""What a server told of a failure -> an ``ApiError`` of the right branch.

Contract: pure. A body in any shape becomes a message (OpenAI's and Anthropic's error objects,
FastAPI's ``detail``, bare text, a page). The key that was sent is blotted out of it: servers
repeat a key that they do not like.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from strictwire.client.errors import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    ClientError,
    ContextLengthError,
    MalformedReplyError,
    NotFoundError,
    OverloadedError,
    RateLimitError,
    ReplyTooLargeError,
    ServerError,
    StreamClosed,
)
from strictwire.client.hints import header_hint, hint_of, words_hint
from strictwire.config.secret import MASK, Secret
from strictwire.model.errors import WireError
from strictwire.relay.parsing import parse_json
from strictwire.repairs.error_shape import shape_error

# A refusal in words fits; a page of HTML need not be read to its end.
MAX_ERROR_BODY_BYTES = 64 * 1024
MAX_MESSAGE_CHARACTERS = 2000
# A page's title stands at its top, and a page may be made to be slow to search.
_MAX_SEARCHED_BYTES = 2048
# A shorter secret would blot out half of every message ("a", "on"), and protects nothing anyway.
_MIN_SECRET_CHARACTERS = 4
_TITLE = re.compile(rb"<title[^>]*>([^<]{1,200})", re.IGNORECASE)

# By code or type, which say more than a status: an error inside a reply has none of its own.
_BY_NAME: Mapping[str, type[ApiError]] = {
    "context_length_exceeded": ContextLengthError,
    "exceed_context_size_error": ContextLengthError,  # llama.cpp
    "rate_limit_exceeded": RateLimitError,
    "rate_limit_error": RateLimitError,
    "insufficient_quota": RateLimitError,
    "usage_limit_reached": RateLimitError,
    "server_is_overloaded": OverloadedError,
    "slow_down": OverloadedError,
    "overloaded_error": OverloadedError,
    "model_not_found": NotFoundError,
    "invalid_api_key": AuthenticationError,
}
_BY_STATUS: Mapping[int, type[ApiError]] = {
    401: AuthenticationError,
    402: RateLimitError,
    403: AuthenticationError,
    404: NotFoundError,
    429: RateLimitError,
    503: OverloadedError,
    529: OverloadedError,
}
# Waiting does not help where money is at an end, nor where a plan does not have the model.
_LASTING = frozenset(
    ("insufficient_quota", "usage_limit_reached", "usage_not_included", "billing_error")
)
# Statuses of a passing trouble, beside those of 500 and more.
_PASSING = frozenset((408, 409, 425, 429))
# What our own reading says of a reply that no server told as an error. It speaks of an upstream,
# since a gateway reads so; here that is the server.
_FOUND: Mapping[str, tuple[type[ClientError], str]] = {
    "upstream_truncated": (StreamClosed, "The reply was closed before completion."),
    "upstream_empty_reply": (StreamClosed, "The reply was closed before anything of it came."),
    "upstream_malformed": (MalformedReplyError, "The server sent what is no reply of this API."),
    "upstream_frame_too_large": (
        MalformedReplyError,
        "The server sent one event that is too large.",
    ),
    "upstream_reply_too_large": (ReplyTooLargeError, "The reply is larger than max_reply_bytes."),
}


@dataclass(frozen=True, slots=True)
class Refused:
    """A reply that is no success. Header names are in lower case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


def refusal(refused: Refused, *, key: Secret | None, now_s: float) -> ClientError:
    """The error for a status that is no success."""
    status = refused.status
    shaped = _shaped(status, refused.body)
    message = _clean(shaped["message"], key)
    hint_s = hint_of(refused.headers, message, now_s=now_s)
    should = refused.headers.get("x-should-retry")
    if 300 <= status < 400:
        return MalformedReplyError(
            f"The server answered {status}: it wants to be asked at another address. Redirects are "
            "not followed, since the key would go along; correct base_url.",
            status=status,
        )
    names = [name for name in (shaped["code"], shaped["type"]) if name]
    kind = _kind_of(status, names)
    return kind(
        message,
        status=status,
        retry_after_s=hint_s,
        is_retryable=_is_passing(status, names) if should is None else should == "true",
        code=shaped["code"] and _clean(shaped["code"], key),
        type=shaped["type"] and _clean(shaped["type"], key),
        param=shaped["param"] and _clean(shaped["param"], key),
        request_id=refused.headers.get("x-request-id") or refused.headers.get("request-id"),
    )


def failure_told(
    error: WireError, *, is_told: bool, key: Secret | None, now_s: float
) -> ClientError:
    """The error for one inside a reply. ``is_told``: the server told it, this client did not find
    it."""
    found_here = None if is_told else _FOUND.get(error.code or "")
    if found_here is not None:
        found, words = found_here
        return found(words, status=200)
    message = _clean(error.message, key)
    hint_s = header_hint(error.retry_after or "", now_s=now_s)
    names = [name for name in (error.code, error.type) if name]
    return _kind_of(error.status, names)(
        message,
        status=error.status,
        retry_after_s=words_hint(message) if hint_s is None else hint_s,
        is_retryable=_is_passing(error.status, names),
        code=error.code and _clean(error.code, key),
        type=_clean(error.type, key),
        param=error.param and _clean(error.param, key),
        is_in_band=True,
    )


def _kind_of(status: int, names: list[str]) -> type[ApiError]:
    for name in names:
        if name in _BY_NAME:
            return _BY_NAME[name]
    by_status = _BY_STATUS.get(status)
    if by_status is not None:
        return by_status
    return BadRequestError if 400 <= status < 500 else ServerError


def _is_passing(status: int, names: list[str]) -> bool:
    if _LASTING.intersection(names):
        return False
    kind = _kind_of(status, names)
    return kind.is_retryable if kind in _BY_NAME.values() else status >= 500 or status in _PASSING


def _clean(text: str, key: Secret | None) -> str:
    """Short, and without the key."""
    secret = "" if key is None else key.reveal()
    if len(secret) >= _MIN_SECRET_CHARACTERS:
        text = text.replace(secret, MASK)
    return text[:MAX_MESSAGE_CHARACTERS]


def _shaped(status: int, body: bytes) -> dict[str, Any]:
    text = body.strip()
    try:
        value = parse_json(text) if text else None
    except ValueError:
        value = None
    if isinstance(value, dict):
        return shape_error(value.get("error") or value.get("detail") or value)
    if isinstance(value, str) and value:
        return shape_error(value)
    if text[:1] == b"<":
        title = _TITLE.search(text, 0, _MAX_SEARCHED_BYTES)
        name = f" ({title[1].decode('utf-8', 'replace').strip()})" if title else ""
        return shape_error(f"The server answered {status} with an HTML page{name}.")
    if text:
        return shape_error(text.decode("utf-8", "replace"))
    return shape_error(f"The server answered {status} without a body.")
