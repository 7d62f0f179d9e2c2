"""What goes with every request to a provider: its headers, and which key is among them."""

from __future__ import annotations

from strictwire.config import Provider, ServerKind
from strictwire.model.request import UpstreamDialect
from strictwire.net.access import credential
from strictwire.net.call import Call
from strictwire.net.client_side.asgi import Headers
from strictwire.net.provider_headers import provider_headers
from strictwire.net.service import Service
from strictwire.routing.choice import Key

# The only version there is; servers of the dialect want to be told one.
ANTHROPIC_VERSION = b"2023-06-01"


def upstream_key(service: Service, call: Call, own: Key | None) -> str | None:
    """The key to send: the provider's own; or the client's, where no key of the gateway's is at
    stake, so that the client's is meant for the upstream."""
    if own is not None:
        return own.reveal()
    return None if service.settings.api_keys else credential(call.headers) or None


def upstream_headers(
    call: Call, provider: Provider, kind: ServerKind, key: str | None, *, asks_stream: bool
) -> tuple[tuple[bytes, bytes], ...]:
    """What goes to the provider with any request. Nothing of the client's but, at most, its key."""
    told = {
        b"content-type": b"application/json",
        b"accept": b"text/event-stream" if asks_stream else b"application/json",
        b"x-request-id": call.request_id.encode(),
    }
    return provider_headers(told, provider, kind, key)


def in_dialect(
    headers: tuple[tuple[bytes, bytes], ...],
    dialect: UpstreamDialect,
    *,
    told: Headers,
    asks_progress: bool = False,
) -> tuple[tuple[bytes, bytes], ...]:
    """The same headers, and those of a request in this dialect. ``told`` are the client's own that
    go on. What the headers have already, a provider's settings among it, stays."""
    before = dict(headers)
    added: dict[bytes, bytes] = {}
    if dialect == "messages":
        added[b"anthropic-version"] = ANTHROPIC_VERSION
        scheme, _, key = before.get(b"authorization", b"").partition(b" ")
        if scheme == b"Bearer":
            # Anthropic wants its key here, and others that speak its dialect take either.
            added[b"x-api-key"] = key
    elif dialect in ("chat", "completions") and asks_progress:
        # SwiftLM tells its prefill progress to who asks for it so; to others it is one header more.
        added[b"x-swiftlm-prefill-progress"] = b"true"
    return tuple({**added, **_joined(told), **before}.items())


def accepting(
    headers: tuple[tuple[bytes, bytes], ...], *, asks_stream: bool
) -> tuple[tuple[bytes, bytes], ...]:
    """The same headers for the other kind of reply. A provider's own ``accept`` stays."""
    before, after = (b"application/json", b"text/event-stream")
    if not asks_stream:
        before, after = after, before
    return tuple(
        (name, after if (name, value) == (b"accept", before) else value) for name, value in headers
    )


def _joined(headers: Headers) -> dict[bytes, bytes]:
    """One line for each name (RFC 9110, 5.3): ``anthropic-beta`` may come in several."""
    joined: dict[bytes, bytes] = {}
    for name, value in headers:
        joined[name] = joined[name] + b", " + value if name in joined else value
    return joined


def upstream_secrets(provider: Provider, key: str | None) -> tuple[str, ...]:
    """What ``upstream_headers`` sends and no error may repeat."""
    told = tuple(value.reveal() for _, value in provider.headers)
    return told if key is None else (*told, key)
