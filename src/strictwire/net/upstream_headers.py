"""What goes with every request to a provider: its headers, and which key is among them."""

from __future__ import annotations

from strictwire import __version__
from strictwire.config import Provider
from strictwire.net.access import credential
from strictwire.net.call import Call
from strictwire.net.service import Service
from strictwire.routing.choice import Key

USER_AGENT = f"strictwire/{__version__}".encode()


def upstream_key(service: Service, call: Call, own: Key | None) -> str | None:
    """The key to send: the provider's own; or the client's, where no key of the gateway's is at
    stake, so that the client's is meant for the upstream."""
    if own is not None:
        return own.reveal()
    return None if service.settings.api_keys else credential(call.headers) or None


def upstream_headers(
    call: Call,
    provider: Provider,
    key: str | None,
    *,
    asks_stream: bool,
    asks_progress: bool = False,
) -> tuple[tuple[bytes, bytes], ...]:
    """What goes to the provider. Nothing of the client's but, at most, its key."""
    headers = {
        b"content-type": b"application/json",
        b"accept": b"text/event-stream" if asks_stream else b"application/json",
        b"user-agent": USER_AGENT,
        b"x-request-id": call.request_id.encode(),
    }
    if asks_progress:
        # SwiftLM tells its prefill progress to who asks for it so; to others it is one header more.
        headers[b"x-swiftlm-prefill-progress"] = b"true"
    if key is not None:
        headers[b"authorization"] = b"Bearer " + key.encode("latin-1")
    for name, value in provider.headers:
        headers[name.lower().encode()] = value.reveal().encode("latin-1")
    return tuple(headers.items())


def upstream_secrets(provider: Provider, key: str | None) -> tuple[str, ...]:
    """What ``upstream_headers`` sends and no error may repeat."""
    told = tuple(value.reveal() for _, value in provider.headers)
    return told if key is None else (*told, key)
