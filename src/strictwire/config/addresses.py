"""URLs, origins and hosts of the settings: text in, normal form out, or a reason why not.

Contract: pure functions that raise ``Rejected`` with a message and a hint; no name is looked up.
A message never repeats a URL, which may hold a password.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit, urlunsplit

DEFAULT_PORTS = {"http": 80, "https": 443}
PROXY_SCHEMES = ("http", "https")
# Services of one host whose API is elsewhere than servers of one's own have it. Azure gives each
# customer a host; this is its v1 API, which wants no version in the query.
_ROOTS = {"openrouter.ai": "/api/v1"}
_AZURE_DOMAIN, _AZURE_ROOT = ".openai.azure.com", "/openai/v1"
# People paste the URL of the endpoint where the URL of the API root is asked for.
ENDPOINT_TAILS = ("/chat/completions", "/completions", "/responses", "/messages", "/models")
# All addresses of a machine, to listen on; to connect to, its own.
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - nothing listens here
_UNPRINTABLE = re.compile(r"[^\x21-\x7e]")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)


class Rejected(ValueError):  # noqa: N818 - named for what happened
    """A value that a setting does not take: why, and what to write instead."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def normal_base_url(text: str) -> str:
    """The URL of an API root without a trailing slash; an empty path becomes ``/v1``, or where the
    host is known to have it."""
    parts = _split(text, ("http", "https"), example="http://127.0.0.1:8000/v1")
    if "@" in parts.netloc:
        raise Rejected(
            "must not hold a user name or password",
            "put the key under api_keys, or a header under headers",
        )
    if "?" in text or "#" in text:
        raise Rejected("must not hold a query or a fragment", "end the URL with its path")
    path = parts.path.rstrip("/")
    for tail in ENDPOINT_TAILS:
        if path.endswith(tail):
            raise Rejected(
                "names an endpoint, not the API root", f"cut {tail} off the end of the URL"
            )
    return urlunsplit((parts.scheme, parts.netloc.lower(), path or _root_of(parts), "", ""))


def _root_of(parts: SplitResult) -> str:
    host = parts.hostname or ""
    return _AZURE_ROOT if host.endswith(_AZURE_DOMAIN) else _ROOTS.get(host, "/v1")


def normal_proxy_url(text: str) -> str:
    """The URL of a proxy; it may hold a user name and a password."""
    parts = _split(text, PROXY_SCHEMES, example="http://127.0.0.1:3128")
    if parts.path not in ("", "/") or "?" in text or "#" in text:
        raise Rejected("must end after the host and port", "http://proxy.example:3128")
    return f"{parts.scheme}://{parts.netloc}"


def normal_origin(text: str) -> str:
    """``*``, or an origin as a browser sends it: ``scheme://host[:port]`` in lower case.

    The default port is left out, as in the Origin header (RFC 6454, section 6.2).
    """
    if text == "*":
        return text
    example = "https://app.example or http://localhost:3000"
    if not _SCHEME.match(text) or _UNPRINTABLE.search(text):
        raise Rejected("is not an origin", f"write scheme and host: {example}")
    parts = _parts(text, example)
    if parts.path or "?" in text or "#" in text or "@" in parts.netloc or text.endswith("/"):
        raise Rejected("is a URL, not an origin", f"end it after host and port: {example}")
    scheme, host = parts.scheme.lower(), _bracketed(parts.hostname or "")
    if "*" in host:
        raise Rejected(
            "may not hold a wildcard", 'list each origin, or say "*" alone to allow every web page'
        )
    port = parts.port
    if port is None or port == DEFAULT_PORTS.get(scheme):
        return f"{scheme}://{host}"
    return f"{scheme}://{host}:{port}"


def normal_host(text: str) -> str:
    """An address or host name to listen on; an IPv6 address without its brackets."""
    host = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if not host or _UNPRINTABLE.search(host) or "/" in host:
        raise Rejected("is not a host", "an address such as 127.0.0.1 or 0.0.0.0")
    if ":" in host:
        try:
            ipaddress.IPv6Address(host)
        except ValueError:
            raise Rejected("is not a host", "give the port apart, as port") from None
    return host


def is_loopback_host(host: str) -> bool:
    """Whether only this machine reaches what listens on ``host``. A name other than
    ``localhost`` counts as public, whatever it resolves to."""
    if host.lower() == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return address.is_loopback or (mapped is not None and mapped.is_loopback)


def is_own_address(url: str, host: str, port: int) -> bool:
    """Whether ``url`` leads to what listens on ``host`` and ``port`` of this machine. Names are not
    looked up, so that not every such URL is seen."""
    parts = urlsplit(url)
    asked = (parts.hostname or "").lower()
    if (parts.port or DEFAULT_PORTS.get(parts.scheme)) != port:
        return False
    if asked == host.lower():
        return True
    is_here = is_loopback_host(asked) or asked in _EVERYWHERE
    if host in _EVERYWHERE:
        return is_here
    # ``localhost`` is an address of either family.
    return is_here and is_loopback_host(host) and "localhost" in (asked, host.lower())


def shown_url(url: str) -> str:
    """A URL for people's eyes: without user name and password."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _split(text: str, schemes: tuple[str, ...], *, example: str) -> SplitResult:
    if _UNPRINTABLE.search(text):
        raise Rejected("is not a URL: it holds a space or a character beyond ASCII", example)
    if not _SCHEME.match(text):
        raise Rejected("is not a URL: it has no scheme", f"write it as in {example}")
    parts = _parts(text, example)
    if parts.scheme not in schemes:
        raise Rejected(f"must begin with one of {', '.join(f'{s}://' for s in schemes)}", example)
    return parts


def _parts(text: str, example: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        is_port_good = parts.port is None or parts.port > 0
    except ValueError:  # a port beyond 65535, an unclosed bracket
        raise Rejected("is not a URL: its host or port is wrong", example) from None
    if not parts.hostname or not is_port_good or parts.netloc.endswith(":"):
        raise Rejected("is not a URL: its host or port is wrong", example)
    return parts


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
