"""What httpx met, in the client's words. Its own texts are not passed on: they may hold an address
with a password."""

from __future__ import annotations

import ssl

import httpx

from strictwire.client.errors import (
    ClientError,
    ClientTimeoutError,
    MalformedReplyError,
    StreamClosed,
    UnreachableError,
)
from strictwire.client.patience import Timeouts
from strictwire.client.steps import Head


def httpx_timeout(timeouts: Timeouts) -> httpx.Timeout:
    """Until the head came; see ``wait_for_body``."""
    return httpx.Timeout(timeouts.first_byte_s, connect=timeouts.connect_s, pool=None)


def wait_for_body(request: httpx.Request, timeouts: Timeouts) -> None:
    """From here on a read may last ``idle_s``. httpcore looks at a request's timeouts once before
    the head and once before the body, in the dictionary that httpx handed it."""
    request.extensions["timeout"]["read"] = timeouts.idle_s


def head_of(response: httpx.Response) -> Head:
    return Head(response.status_code, {k.lower(): v for k, v in response.headers.items()})


def lost_before_head(error: httpx.HTTPError, origin: str, timeouts: Timeouts) -> ClientError:
    """No reply began."""
    match error:
        case httpx.ConnectTimeout() | httpx.PoolTimeout():
            return ClientTimeoutError(
                f"No connection to {origin} within {timeouts.connect_s:g} s (Timeouts.connect_s).",
                "connect",
            )
        case httpx.WriteTimeout():
            return ClientTimeoutError(
                f"{origin} did not take the request within {timeouts.first_byte_s:g} s "
                "(Timeouts.first_byte_s).",
                "write",
            )
        case httpx.TimeoutException():
            return ClientTimeoutError(
                f"{origin} sent nothing for {timeouts.first_byte_s:g} s (Timeouts.first_byte_s).",
                "first_byte",
            )
        case httpx.ConnectError() if _is_about_tls(error):
            return UnreachableError(
                f"{origin} and this client do not agree on TLS, or its certificate is not valid.",
                is_retryable=False,
            )
        case httpx.ProxyError():
            return UnreachableError(f"The proxy before {origin} refused.")
        case httpx.ConnectError():
            return UnreachableError(f"No connection to {origin}: is the server running there?")
        case httpx.NetworkError() | httpx.RemoteProtocolError():
            return UnreachableError(f"{origin} closed the connection before it answered.")
        case _:
            return MalformedReplyError(f"{origin} does not speak valid HTTP/1.1.")


def lost_in_body(error: httpx.HTTPError, timeouts: Timeouts) -> ClientError:
    """The reply had begun."""
    match error:
        case httpx.TimeoutException():
            return ClientTimeoutError(
                f"The reply fell silent for {timeouts.idle_s:g} s (Timeouts.idle_s).", "idle"
            )
        case httpx.DecodingError():
            return MalformedReplyError("The reply is compressed, and cannot be decompressed.")
        case _:
            return StreamClosed(
                "The connection broke: the reply was closed before completion.", status=200
            )


def _is_about_tls(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
