"""What can go wrong with an upstream, in words: one function per ``code``, each makes an error.

Contract: a message names the phase and, where a person can act, the next step. None holds a
header value, a byte of the reply or a proxy's address: they are shown to clients and logged.
"""

from __future__ import annotations

from strictwire.model.errors import PeerError, UpstreamTimeout

BEFORE_REPLY = "before the first byte of its reply"
IN_HEADER = "inside the header of its reply"
IN_BODY = "inside the body of its reply"


def unreachable(address: str, reason: str) -> PeerError:
    """Nobody answers at ``host:port``: refused, no route, no such name."""
    return PeerError(
        f"The upstream {address} cannot be reached ({reason}). "
        "Check that it runs, and the host and port of its base_url.",
        code="upstream_unreachable",
    )


def tls_failed(address: str, reason: str) -> PeerError:
    """A connection was made, a TLS session was not."""
    return PeerError(
        f"No TLS session with the upstream {address} ({reason}). "
        "Check that it speaks https, and its certificate or the setting ca_file.",
        code="upstream_tls",
    )


def connect_timed_out(address: str, timeout_s: float | None) -> UpstreamTimeout:
    """No connection in time; ``None`` where the system's own bound came first."""
    bound = "" if timeout_s is None else f" within {timeout_s:g} s (setting: timeouts.connect)"
    return UpstreamTimeout(
        f"Connecting to the upstream {address} did not succeed{bound}.",
        code="upstream_connect_timeout",
    )


def closed(phase: str) -> PeerError:
    """The peer closed too early; ``phase`` is one of this module's constants."""
    return PeerError(f"The upstream closed the connection {phase}.", code="upstream_closed")


def reset(phase: str) -> PeerError:
    """The connection broke, other than by an orderly end."""
    return PeerError(f"The connection to the upstream broke {phase}.", code="upstream_closed")


def shut_down() -> PeerError:
    """We closed all upstream connections while a reply was under way."""
    return PeerError(
        "The connection to the upstream was closed because the gateway shuts down.",
        code="upstream_closed",
    )


def protocol_error(what: str) -> PeerError:
    """The reply is not HTTP as it should be; ``what`` follows "the upstream"."""
    return PeerError(f"The upstream {what}.", code="upstream_protocol")
