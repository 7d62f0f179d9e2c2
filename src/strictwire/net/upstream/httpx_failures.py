"""What httpx met, in our words. Its own texts are not passed on: they may hold a proxy's URL."""

from __future__ import annotations

import ssl

import httpx

from strictwire.model.errors import PeerError
from strictwire.net.upstream import failures


def named(error: httpx.HTTPError, address: str, connect_timeout_s: float, phase: str) -> PeerError:
    """The error for ``address`` (``host:port``); ``phase`` is a constant of ``failures``."""
    match error:
        case httpx.ConnectTimeout():
            return failures.connect_timed_out(address, connect_timeout_s)
        case httpx.ProxyError():
            return failures.unreachable(address, "its proxy refused")
        case httpx.ConnectError() if _is_about_tls(error):
            return failures.tls_failed(address, "perhaps through a proxy")
        case httpx.ConnectError():
            return failures.unreachable(address, "the connection failed, perhaps at a proxy")
        case httpx.RemoteProtocolError() if "peer closed" in str(error):
            return failures.closed(phase)
        case httpx.RemoteProtocolError() if "disconnected" in str(error):
            return failures.closed(phase)
        case httpx.NetworkError():
            return failures.reset(phase)
        case _:
            return failures.protocol_error("sent a reply that is not valid HTTP/1.1")


def _is_about_tls(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
