"""Where a request goes: a URL in, an origin and a request target out.

Contract: ``parse_address`` is pure. A URL that cannot be meant (no host, another scheme, blanks,
credentials in it) is a ``MisuseError`` whose message does not repeat the URL: it may hold a key.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import SplitResult, quote, urlsplit

from strictwire.model.errors import MisuseError

_DEFAULT_PORTS = {"http": 80, "https": 443}

# What may stand in a request target as it is; all else is percent-encoded (RFC 3986, 3.3, 3.4).
_TARGET_SAFE = "/%:@!$&'()*+,;=~-._?[]"

# Providers times paths. Past it, parsing is merely done again.
_CACHED_ADDRESSES = 512


@dataclass(frozen=True, slots=True)
class Origin:
    """What a connection is made to, and what a pool is kept for. IPv6 hosts bear no brackets."""

    scheme: str
    host: str
    port: int

    @property
    def is_tls(self) -> bool:
        return self.scheme == "https"

    @property
    def address(self) -> str:
        """``host:port`` for messages."""
        return f"{self._bracketed_host}:{self.port}"

    @property
    def authority(self) -> bytes:
        """The ``Host`` header: no default port, no IPv6 zone (RFC 6874, 1)."""
        host = self._bracketed_host
        if self.port != _DEFAULT_PORTS[self.scheme]:
            host = f"{host}:{self.port}"
        return host.encode("ascii")

    @property
    def _bracketed_host(self) -> str:
        if ":" not in self.host:
            return self.host
        return f"[{self.host.partition('%')[0]}]"


@dataclass(frozen=True, slots=True)
class Address:
    """One URL, taken apart: the origin, and the path with its query as the request line has it."""

    origin: Origin
    target: bytes


@lru_cache(maxsize=_CACHED_ADDRESSES)
def parse_address(url: str) -> Address:
    """Take a URL apart, or raise ``MisuseError``. The fragment is dropped."""
    if any(character <= " " or character == "\x7f" for character in url):
        raise MisuseError("an upstream URL holds a blank or a control character")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise MisuseError("an upstream URL has a host or a port that cannot be read") from None
    if parts.scheme not in _DEFAULT_PORTS:
        raise MisuseError("an upstream URL must begin with http:// or https://")
    if not parts.hostname:
        raise MisuseError("an upstream URL has no host")
    if "@" in parts.netloc:
        raise MisuseError("an upstream URL holds credentials: they belong in a header")
    if port is None:
        port = _DEFAULT_PORTS[parts.scheme]
    return Address(Origin(parts.scheme, _ascii_host(parts.hostname), port), _target(parts))


def _ascii_host(host: str) -> str:
    if host.isascii():
        return host.replace("%25", "%")  # an IPv6 zone, as RFC 6874 writes it in a URL
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        raise MisuseError("an upstream URL has a host name that cannot be encoded") from None


def _target(parts: SplitResult) -> bytes:
    target = quote(parts.path or "/", safe=_TARGET_SAFE)
    if parts.query:
        target = f"{target}?{quote(parts.query, safe=_TARGET_SAFE)}"
    return target.encode("ascii")
