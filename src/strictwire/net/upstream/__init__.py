"""Upstream connections: one request out, its reply pushed into ``UpstreamEvents``.

``HttpUpstream`` is the fast way, HTTP/1.1 over pooled connections; ``fetch`` gathers one small
reply for cold paths. ``ProxiedUpstream`` lives in ``strictwire.net.upstream.proxied`` and is not
named here: importing it loads httpx, which only a provider with a ``proxy`` needs.
"""

from strictwire.net.upstream.address import Origin
from strictwire.net.upstream.connecting import (
    Connector,
    SocketConnector,
    TlsSettings,
    UnixConnector,
)
from strictwire.net.upstream.fetching import Fetched, fetch
from strictwire.net.upstream.pool import HttpUpstream

__all__ = [
    "Connector",
    "Fetched",
    "HttpUpstream",
    "Origin",
    "SocketConnector",
    "TlsSettings",
    "UnixConnector",
    "fetch",
]
