"""Errors as Anthropic words them: the type says what an error is, there is no code.

Contract: pure. ``error_object`` writes any error of ours, ``error_told`` reads one of theirs.
Source: Anthropic API reference, "Errors".
"""

from __future__ import annotations

from typing import Any

from strictwire.model.errors import PeerError, WireError

# Anthropic's own status of each type. The first of two types with one status is written for it.
STATUS_OF = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
_TYPE_OF = {status: name for name, status in STATUS_OF.items()} | {
    408: "timeout_error",
    503: "overloaded_error",
}
# By these names OpenAI's clients know what to do; see also ``repairs/error_codes.py``.
_CODE_OF = {
    "billing_error": "insufficient_quota",
    "rate_limit_error": "rate_limit_exceeded",
    "overloaded_error": "server_is_overloaded",
}
_TYPE_OF_CODE = {code: name for name, code in _CODE_OF.items()}


def error_object(error: WireError) -> dict[str, Any]:
    """Anthropic's error envelope, which is also the in-band ``error`` event."""
    return {"type": "error", "error": {"type": error_type(error), "message": error.message}}


def error_type(error: WireError) -> str:
    """One of Anthropic's types; an upstream's own is kept if it is one."""
    # OpenAI says "invalid_request_error" under many a status, and so do we: there the status
    # tells more.
    is_vague = error.type == "invalid_request_error" and error.status in _TYPE_OF
    if error.type in STATUS_OF and not is_vague:
        return error.type
    named = _TYPE_OF_CODE.get(error.code or "")
    if named is not None:
        return named
    return _TYPE_OF.get(error.status) or (
        "invalid_request_error" if 400 <= error.status < 500 else "api_error"
    )


def error_told(error: dict[str, Any]) -> PeerError:
    """An upstream's error, from the inner object of its envelope."""
    kind, code, status = error.get("type"), error.get("code"), error.get("status")
    kind = kind if isinstance(kind, str) and kind else None
    known = STATUS_OF.get(kind or "")
    param = error.get("param")
    return PeerError(
        str(error.get("message") or "The upstream reported an error without a message."),
        status=status if isinstance(status, int) else known,
        type=kind,
        param=param if isinstance(param, str) else None,
        code=code if isinstance(code, str) else _CODE_OF.get(kind or ""),
    )
