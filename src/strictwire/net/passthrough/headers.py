"""Which headers go on, to the provider and to the client. All others end here: those of one
connection, those that say who the client or the provider is, and those that nobody thought of."""

from __future__ import annotations

import re

from strictwire.config import Provider, ServerKind
from strictwire.net.call import Call
from strictwire.net.client_side.asgi import Headers
from strictwire.net.upstream_headers import upstream_headers

_TO_PROVIDER = frozenset((b"accept", b"content-type", b"idempotency-key", b"openai-beta", b"range"))
_TO_CLIENT = frozenset(
    (
        b"accept-ranges",
        b"content-disposition",
        b"content-encoding",
        b"content-language",
        b"content-length",
        b"content-range",
        b"content-type",
        b"etag",
        b"last-modified",
        b"retry-after",
    )
)
# No header may hold these (RFC 9110, 5.5). Parsers are lenient, and a lenient client reads on.
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_TO_CLIENT_PREFIXES = (b"x-ratelimit-",)


def to_provider(call: Call, provider: Provider, kind: ServerKind, key: str | None) -> Headers:
    """The request's headers, but for host and framing."""
    told = {name: value for name, value in call.headers if name in _TO_PROVIDER}
    own = dict(upstream_headers(call, provider, kind, key, asks_stream=False))
    for name in (b"content-type", b"accept"):
        # Those of ours speak of JSON. A provider's own setting outranks the client all the same.
        if name.decode() not in {named.lower() for named, _ in provider.headers}:
            own.pop(name, None)
    return list({b"accept": b"*/*", **told, **own}.items())


def to_client(headers: Headers) -> Headers:
    """The reply's headers; names are in lower case."""
    is_chunked = any(name == b"transfer-encoding" for name, _ in headers)
    return [
        (name, value)
        for name, value in headers
        if (name in _TO_CLIENT or name.startswith(_TO_CLIENT_PREFIXES))
        # Chunks overrule a length beside them (RFC 9112, 6.3), which may be any.
        and not (is_chunked and name == b"content-length")
        and not _CONTROL.search(value)
    ]
