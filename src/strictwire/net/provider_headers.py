"""What a provider is sent with anything: its key where it looks for it, and the settings' headers.

Contract: pure. Nothing here is of one client or of one request.
"""

from __future__ import annotations

from strictwire import __version__
from strictwire.config import Provider, ServerKind

Headers = tuple[tuple[bytes, bytes], ...]

USER_AGENT = f"strictwire/{__version__}".encode()


def provider_headers(
    told: dict[bytes, bytes], provider: Provider, kind: ServerKind, key: str | None
) -> Headers:
    """The headers ``told``, the key, and the provider's own, which outrank all others."""
    headers = {**told, b"user-agent": USER_AGENT}
    if key is not None:
        sent = key.encode("latin-1")
        if kind.takes_as_token(key):
            headers[b"authorization"] = b"Bearer " + sent
        else:
            headers[kind.key_header.encode()] = sent
    for name, value in provider.headers:
        headers[name.lower().encode()] = value.reveal().encode("latin-1")
    return tuple(headers.items())


def own_headers(provider: Provider, kind: ServerKind) -> Headers:
    """Those of a question that the gateway asks on behalf of no client."""
    key = provider.api_keys[0].reveal() if provider.api_keys else None
    return provider_headers({b"accept": b"application/json"}, provider, kind, key)
