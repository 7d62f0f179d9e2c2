"""How a connection comes to be: TCP and TLS to an origin, or a unix socket; and what its failures
are called.

``Connector`` is the seam below the pool: tests put a fake there. A connector keeps no time (the
pool does) and never retries.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from strictwire.net.upstream import failures
from strictwire.net.upstream.address import Origin

P = TypeVar("P", bound=asyncio.Protocol)


class Connector(Protocol):
    """Makes connections. Raises ``PeerError`` for what goes wrong; cancelling leaves nothing."""

    async def connect(self, origin: Origin, factory: Callable[[], P]) -> P: ...


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """Whom to trust. ``ca_file`` is trusted instead of the system's authorities."""

    ca_file: str | None = None
    is_insecure: bool = False  # no check at all, not even of the host name


class SocketConnector:
    """Connects over TCP, and TLS for https. A bad ``ca_file`` is an ``OSError`` right away."""

    __slots__ = ("_tls", "_tls_context")

    def __init__(self, tls: TlsSettings) -> None:
        self._tls = tls
        # The system's authorities take 10 ms to load: only when https is really spoken. A file
        # that somebody named is loaded now, so that a wrong name shows at the start.
        self._tls_context = make_tls_context(tls) if tls.ca_file is not None else None

    async def connect(self, origin: Origin, factory: Callable[[], P]) -> P:
        loop = asyncio.get_running_loop()
        try:
            _, protocol = await loop.create_connection(
                factory,
                origin.host,
                origin.port,
                ssl=self._context() if origin.is_tls else None,
                server_hostname=origin.host if origin.is_tls else None,
            )
        except ssl.SSLCertVerificationError as error:
            raise failures.tls_failed(origin.address, error.verify_message) from error
        except ssl.SSLError as error:
            raise failures.tls_failed(origin.address, error.reason or "not TLS") from error
        except TimeoutError as error:  # the kernel's own bound; ours is not seen here
            raise failures.connect_timed_out(origin.address, None) from error
        except (ConnectionResetError, ConnectionAbortedError) as error:
            if origin.is_tls:
                raise failures.tls_failed(origin.address, "closed in the handshake") from error
            raise failures.unreachable(origin.address, "connection reset") from error
        except socket.gaierror as error:
            raise failures.unreachable(origin.address, "the name is not known") from error
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else "none of its addresses answers"
            raise failures.unreachable(origin.address, reason) from error
        return protocol

    def _context(self) -> ssl.SSLContext:
        if self._tls_context is None:
            self._tls_context = make_tls_context(self._tls)
        return self._tls_context


class UnixConnector:
    """Connects to a unix socket, whatever the origin: a server of this machine, ours."""

    __slots__ = ("_path",)

    def __init__(self, path: str) -> None:
        self._path = path

    async def connect(self, origin: Origin, factory: Callable[[], P]) -> P:
        loop = asyncio.get_running_loop()
        try:
            _, protocol = await loop.create_unix_connection(factory, self._path)
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else "it does not answer"
            raise failures.unreachable(origin.address, reason) from error
        return protocol


def make_tls_context(tls: TlsSettings) -> ssl.SSLContext:
    """A client context that offers HTTP/1.1 only. Raises ``OSError`` for a bad ``ca_file``."""
    context = ssl.create_default_context(cafile=tls.ca_file)
    context.set_alpn_protocols(["http/1.1"])
    if tls.is_insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
