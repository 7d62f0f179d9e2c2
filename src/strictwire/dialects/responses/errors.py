"""Errors of this dialect: the HTTP body, the error of a failed response, and back.

Contract: pure. Inside a stream an error is always a ``response.failed``, whose ``error`` has a code
and a message. Clients choose by the code whether to try again (Codex shows its own words for it),
so each error gets one that they know; the message stays the upstream's.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from strictwire.model.errors import PeerError, WireError

# The status that each code stands for: those that clients are known to act on, and the official
# ones that are no fault of the server.
STATUS_OF_CODE: Mapping[str, int] = {
    "server_error": 502,
    "rate_limit_exceeded": 429,
    "insufficient_quota": 429,
    "usage_limit_reached": 429,
    "usage_not_included": 403,
    "server_is_overloaded": 503,
    "slow_down": 503,
    "context_length_exceeded": 400,
    "invalid_prompt": 400,
    "cyber_policy": 400,
    "bio_policy": 400,
    "misalignment_policy_violation": 400,
    "data_residency_mismatch": 400,
    "vector_store_timeout": 504,
    "invalid_image": 400,
    "invalid_image_format": 400,
    "invalid_base64_image": 400,
    "invalid_image_url": 400,
    "image_too_large": 400,
    "image_too_small": 400,
    "image_parse_error": 400,
    "image_content_policy_violation": 400,
    "invalid_image_mode": 400,
    "image_file_too_large": 400,
    "unsupported_image_media_type": 400,
    "empty_image_file": 400,
    "failed_to_download_image": 400,
    "image_file_not_found": 400,
}
# What servers call an overfull context.
_CONTEXT_WORDS = ("exceed_context_size_error", "context_length_exceeded", "context_window_exceeded")
_TYPES: Mapping[int, str] = {
    400: "invalid_request_error",
    403: "permission_error",
    429: "rate_limit_error",
}
_OVERLOADED = frozenset((503, 529))
_REFUSED = frozenset((400, 413, 422))

_TRY_AGAIN = re.compile(r"try again in", re.IGNORECASE)
# Longer waits than this are a date, or nonsense; no client would hold a request open for them.
_MAX_WAIT_S = 7 * 24 * 3600


def error_object(error: WireError) -> dict[str, Any]:
    """OpenAI's error envelope, for an error that is the whole reply."""
    return {
        "error": {
            "message": error.message,
            "type": error.type,
            "param": error.param,
            "code": error.code,
        }
    }


def failure_of(error: WireError) -> dict[str, Any]:
    """The ``error`` of a failed response."""
    code = _known_code(error)
    message = error.message
    if code == "rate_limit_exceeded" and not _TRY_AGAIN.search(message):
        message += _wait_told(error.retry_after)
    return {"code": code, "message": message}


def told_failure(told: Any) -> dict[str, Any]:
    """The ``error`` of a response that a server told as failed: what it said, with a code and a
    message in any case."""
    error = told if isinstance(told, dict) else {}
    words = error_told(error if error else {"message": told if isinstance(told, str) else None})
    right = failure_of(words)
    code = error.get("code")
    if isinstance(code, str) and code:
        right["code"] = code
    return error if right.items() <= error.items() else error | right


def error_told(told: Mapping[str, Any]) -> PeerError:
    """The error that an ``error`` event tells, or the ``error`` of a failed response."""
    code, param, status, kind = (told.get(name) for name in ("code", "param", "status", "kind"))
    code = code if isinstance(code, str) and code else None
    message = told.get("message")
    if not isinstance(status, int) or not 400 <= status < 600:
        status = STATUS_OF_CODE.get(code or "", 502)
    return PeerError(
        message if isinstance(message, str) and message else _NO_WORDS,
        status=status,
        type=kind if isinstance(kind, str) and kind else _TYPES.get(status),
        param=param if isinstance(param, str) else None,
        code=code,
    )


_NO_WORDS = "The upstream reported an error without a message."


def _known_code(error: WireError) -> str:
    code = error.code or ""
    if code in STATUS_OF_CODE:
        return code
    if code in _CONTEXT_WORDS or error.type in _CONTEXT_WORDS:
        return "context_length_exceeded"
    if error.status == 429:
        return "rate_limit_exceeded"
    if error.status in _OVERLOADED:
        return "server_is_overloaded"
    return "invalid_prompt" if error.status in _REFUSED else "server_error"


def _wait_told(retry_after: str | None) -> str:
    """In the words in which clients look for it; nothing where no number of seconds is known."""
    try:
        wait_s = float(retry_after or "")
    except ValueError:
        return ""
    if not math.isfinite(wait_s) or not 0 <= wait_s <= _MAX_WAIT_S:
        return ""
    return f" Please try again in {wait_s:g}s."
