"""Who may ask: API keys, web pages' origins, and the Host of a gateway without keys.

Contract: pure functions of the request's headers and the settings. Source: docs/contract.md,
"Browsers and first use".
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Protocol

from strictwire.model.errors import CallerError

Headers = list[tuple[bytes, bytes]]

# Headers that browsers' SDKs send. A preflight names them; others are refused by the browser.
_KNOWN_HEADERS = frozenset(
    (
        "accept",
        "authorization",
        "cache-control",
        "content-type",
        "conversation_id",
        "http-referer",
        "openai-beta",
        "openai-organization",
        "openai-project",
        "originator",
        "session-id",
        "session_id",
        "thread-id",
        "thread_id",
        "user-agent",
        "x-api-key",
        "x-client-request-id",
        "x-request-id",
        "x-strictwire-prefill-progress",
        "x-strictwire-provider",
        "x-swiftlm-prefill-progress",
        "x-title",
    )
)
_KNOWN_PREFIXES = ("x-stainless-", "anthropic-", "x-codex-")
# Those that an upstream may add beside these are exposed with the reply that has them.
_EXPOSED = (
    b"x-request-id, request-id, retry-after, x-strictwire-usage, x-strictwire-dropped, "
    b"x-strictwire-estimate, x-strictwire-store, "
    b"x-ratelimit-limit-requests, x-ratelimit-limit-tokens, x-ratelimit-remaining-requests, "
    b"x-ratelimit-remaining-tokens, x-ratelimit-reset-requests, x-ratelimit-reset-tokens"
)
# Browsers cap it lower; a day saves a round trip for each request of a web page.
_PREFLIGHT_MAX_AGE_S = b"86400"


class Key(Protocol):
    def matches(self, candidate: str) -> bool: ...


def header(headers: Headers, name: bytes) -> str | None:
    """The first value of a header; names are in lower case."""
    return next((value.decode("latin-1") for key, value in headers if key == name), None)


def credential(headers: Headers) -> str | None:
    """The key that the client sent, as bearer token or ``x-api-key``."""
    scheme, _, token = (header(headers, b"authorization") or "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return header(headers, b"x-api-key")


def check_key(headers: Headers, keys: Sequence[Key]) -> None:
    """Raises CallerError 401. Every key is compared, so time does not tell which came close."""
    if not keys:
        return
    told = credential(headers)
    if told is None:
        raise CallerError(
            "No API key was sent. Send one as 'Authorization: Bearer KEY' or 'x-api-key: KEY'.",
            status=401,
            type="authentication_error",
            code="missing_api_key",
        )
    if sum(key.matches(told) for key in keys) == 0:
        raise CallerError(
            "The API key is not one of this gateway's keys (setting: api_keys).",
            status=401,
            type="authentication_error",
            code="invalid_api_key",
        )


def check_origin(headers: Headers, allowed: Sequence[str]) -> str | None:
    """The origin to echo, None without one. Raises CallerError 403 for one that is not allowed."""
    origin = header(headers, b"origin")
    if origin is None:
        return None
    if "*" in allowed:
        return "*"
    if origin in allowed:
        return origin
    raise CallerError(
        "Web pages of this origin may not use this gateway. Allow it with --cors ORIGIN or the "
        "setting cors.",
        status=403,
        type="permission_error",
        code="origin_not_allowed",
    )


def check_host(headers: Headers, keys: Sequence[Key], *, is_public_allowed: bool) -> None:
    """Without keys only names of this machine are answered.

    A web page can point a name of its own at 127.0.0.1 (DNS rebinding), and its browser then
    sends that name as Host.
    """
    if keys or is_public_allowed:
        return
    hosts = [value.decode("latin-1") for name, value in headers if name == b"host"]
    if all(map(is_loopback_name, hosts)):
        return
    raise CallerError(
        "A gateway without API keys answers only to a loopback Host such as 127.0.0.1 or "
        "localhost. Set an API key (--api-key) to use another name.",
        status=403,
        type="permission_error",
        code="host_not_allowed",
    )


def is_loopback_name(host: str) -> bool:
    """``host`` as in a Host header, with or without a port."""
    name = host.strip().lower()
    if name.startswith("["):
        name = name[1:].partition("]")[0]
    else:
        name = name.partition(":")[0] if name.count(":") == 1 else name
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def cors_headers(origin: str | None) -> Headers:
    """For every reply to a web page, errors too."""
    if origin is None:
        return []
    headers = [
        (b"access-control-allow-origin", origin.encode("latin-1")),
        (b"access-control-expose-headers", _EXPOSED),
    ]
    if origin != "*":
        headers.append((b"vary", b"Origin"))
    return headers


def preflight_headers(headers: Headers, origin: str) -> Headers:
    asked = header(headers, b"access-control-request-headers") or ""
    names = [name.strip().lower() for name in asked.split(",")]
    known = [n for n in names if n in _KNOWN_HEADERS or n.startswith(_KNOWN_PREFIXES)]
    answer = [
        *cors_headers(origin),
        (b"access-control-allow-methods", b"GET, POST, DELETE, OPTIONS, HEAD"),
        (b"access-control-max-age", _PREFLIGHT_MAX_AGE_S),
    ]
    if known:
        allowed = ", ".join(known).encode("latin-1", "replace")
        answer.append((b"access-control-allow-headers", allowed))
    return answer
