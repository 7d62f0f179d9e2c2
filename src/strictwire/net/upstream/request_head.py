"""A request's head: ``UpstreamRequest`` and origin in, the bytes before the body out.

Contract: ``format_head`` is pure. It adds ``host``, the body's framing and ``accept-encoding:
identity``. The framing is its own: a header that speaks of framing or of the connection is a
``MisuseError``, as is a name or value that could end its line. The messages never hold a value.
"""

from __future__ import annotations

import re

from strictwire.model.errors import MisuseError
from strictwire.model.protocols import UpstreamRequest
from strictwire.net.upstream.address import Address

# RFC 9110, 5.6.2 and 5.5. A value may hold obs-text (0x80 and up), never a CR, LF or NUL.
_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_BAD_IN_VALUE = re.compile(rb"[\r\n\0]")

# Whoever sends these by hand sends two framings, or asks for a protocol that is not spoken here.
_OWN_HEADERS = frozenset(
    {b"connection", b"content-length", b"keep-alive", b"transfer-encoding", b"upgrade"}
)

# A method of these without a body still says so: some servers wait for a length (RFC 9110, 8.6).
_METHODS_WITH_BODY = frozenset({"PATCH", "POST", "PUT"})


def format_head(request: UpstreamRequest, address: Address, *, is_last: bool = False) -> bytes:
    """The request line and headers. ``is_last`` asks the peer to close after its reply.

    The caller's own ``host`` and ``accept-encoding`` win over those added here.
    """
    method = request.method.encode("ascii", "replace")
    if not _TOKEN.fullmatch(method):
        raise MisuseError("an upstream request has a method that is not a token")
    lines = [b"%s %s HTTP/1.1" % (method, address.target)]
    has_host = has_accept_encoding = False
    for name, value in request.headers:
        lowered = name.lower()
        _check_header(lowered, value)
        has_host = has_host or lowered == b"host"
        has_accept_encoding = has_accept_encoding or lowered == b"accept-encoding"
        lines.append(b"%s: %s" % (name, value))
    if not has_host:
        lines.insert(1, b"host: " + address.origin.authority)
    if not has_accept_encoding:
        lines.append(b"accept-encoding: identity")
    if request.pieces is not None:
        lines.append(_framing(request.length_bytes))
    elif request.body or request.method in _METHODS_WITH_BODY:
        lines.append(b"content-length: %d" % len(request.body))
    if is_last:
        lines.append(b"connection: close")
    lines.append(b"\r\n")
    return b"\r\n".join(lines)


def _framing(length_bytes: int | None) -> bytes:
    if length_bytes is None:
        return b"transfer-encoding: chunked"
    return b"content-length: %d" % length_bytes


def check_headers(headers: tuple[tuple[bytes, bytes], ...]) -> None:
    """Raise ``MisuseError`` for a header that ``format_head`` would refuse."""
    for name, value in headers:
        _check_header(name.lower(), value)


def _check_header(lowered_name: bytes, value: bytes) -> None:
    if not _TOKEN.fullmatch(lowered_name):
        raise MisuseError("an upstream request has a header name that is not a token")
    shown = lowered_name.decode("ascii")
    if lowered_name in _OWN_HEADERS:
        raise MisuseError(f"the header {shown!r} is set by the upstream connection itself")
    if _BAD_IN_VALUE.search(value):
        raise MisuseError(f"the value of the header {shown!r} holds CR, LF or NUL")
