"""Binds the listening sockets, before any event loop or worker process exists.

What goes wrong here is told in one line that a person can act on, never as a traceback.
"""

from __future__ import annotations

import errno
import os
import socket

from strictwire.model.errors import StrictwireError

_REASONS = {
    errno.EADDRINUSE: "the port is already in use; another one is chosen with --port",
    errno.EACCES: "no permission to use this port (below 1024 it takes privileges)",
    errno.EPERM: "no permission to use this port",
    errno.EADDRNOTAVAIL: "this machine has no such address",
}
# An address family that the machine lacks, of a name that has addresses of several.
_SKIPPED = frozenset((errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT))


class ServeError(StrictwireError):
    """The server could not start; the message is one line for the person who started it."""


def bind_listeners(host: str, port: int) -> list[socket.socket]:
    """One bound socket for each address of ``host``; port 0 takes any free one.

    Raises ``ServeError``. The sockets are not listening yet.
    """
    bound: list[socket.socket] = []
    failure: OSError | None = None
    for family, address in _addresses(host, port):
        try:
            sock = _bind(family, address)
        except OSError as error:
            failure = error
            if error.errno in _SKIPPED:
                continue
            break
        bound.append(sock)
        if port == 0:
            return bound  # a second address would get another port
    if failure is not None and (not bound or failure.errno not in _SKIPPED):
        for sock in bound:
            sock.close()
        raise _cannot_listen(host, port, _reason(failure)) from None
    return bound


def _addresses(host: str, port: int) -> list[tuple[int, tuple[object, ...]]]:
    if not 0 <= port <= 65_535:
        raise _cannot_listen(host, port, "a port is a number from 0 to 65535")
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (socket.gaierror, UnicodeError):
        raise _cannot_listen(host, port, "the host name cannot be resolved") from None
    return list(dict.fromkeys((family, address) for family, _, _, _, address in found))


def _bind(family: int, address: tuple[object, ...]) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            # Otherwise a restart fails for as long as old connections are in TIME_WAIT.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
    except OSError:
        sock.close()
        raise
    sock.setblocking(False)
    return sock


def _reason(error: OSError) -> str:
    known = _REASONS.get(error.errno or 0)
    return known or (error.strerror or "the system refused").lower()


def cannot_listen(host: str, port: int, error: OSError) -> ServeError:
    """A refusal of the system in this module's words, for a server that binds by itself."""
    return _cannot_listen(host, port, _reason(error))


def _cannot_listen(host: str, port: int, reason: str) -> ServeError:
    shown = f"[{host}]" if ":" in host else host
    return ServeError(f"cannot listen on {shown}:{port}: {reason}")
