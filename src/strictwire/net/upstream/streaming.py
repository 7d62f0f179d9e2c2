"""httpx clients for requests whose bodies are streamed, one per provider, made when first used.

Contract: the provider's proxy and TLS settings hold; proxies of the environment do not, and no
redirect is followed. Only connecting has a timeout here: who streams keeps the other phases. httpx
is loaded with the first client, since most gateways never need one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from strictwire.model.errors import MisuseError
from strictwire.net.upstream.connecting import TlsSettings, make_tls_context
from strictwire.net.upstream.pool import DEFAULT_IDLE_S

if TYPE_CHECKING:
    import httpx

# Uploads and downloads are few and long; a kept connection saves them little.
MAX_IDLE = 8


class Reached(Protocol):
    """What is needed of a provider to reach it."""

    @property
    def name(self) -> str: ...

    @property
    def proxy(self) -> str | None: ...

    @property
    def ca_file(self) -> str | None: ...

    @property
    def insecure_tls(self) -> bool: ...


class StreamingClients:
    """The clients of one process. Belongs to one event loop."""

    def __init__(self) -> None:
        self._clients: dict[str, httpx.AsyncClient] = {}
        self._is_closed = False

    def client_of(self, provider: Reached, connect_timeout_s: float) -> httpx.AsyncClient:
        """The provider's client. A proxy that cannot be used is a ``MisuseError``."""
        if self._is_closed:
            raise MisuseError("a request was sent through clients that are closed")
        client = self._clients.get(provider.name)
        if client is None:
            client = self._clients[provider.name] = _make_client(provider, connect_timeout_s)
        return client

    async def close(self) -> None:
        self._is_closed = True
        clients, self._clients = self._clients, {}
        for client in clients.values():
            await client.aclose()


def _make_client(provider: Reached, connect_timeout_s: float) -> httpx.AsyncClient:
    import httpx

    tls = TlsSettings(ca_file=provider.ca_file, is_insecure=provider.insecure_tls)
    try:
        return httpx.AsyncClient(
            proxy=provider.proxy,
            trust_env=False,
            follow_redirects=False,
            verify=make_tls_context(tls),
            timeout=httpx.Timeout(None, connect=connect_timeout_s),
            limits=httpx.Limits(
                max_connections=None,
                max_keepalive_connections=MAX_IDLE,
                keepalive_expiry=DEFAULT_IDLE_S,
            ),
        )
    except (ImportError, ValueError, httpx.InvalidURL):
        # No cause is chained: its text may hold the proxy's URL.
        raise MisuseError("the proxy setting of a provider cannot be used") from None
