"""What the exchange asks of whoever does its I/O, and what it is answered. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from strictwire.client.errors import ClientError


@dataclass(frozen=True, slots=True)
class Send:
    """One HTTP request (a POST), answered with a ``Head`` or ``Lost``."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Receive:
    """The next bytes of the body, answered with bytes (empty at its end), ``Lost``, or ``Quiet``
    where none came within ``within_s``. Without that, a silence is as long as the timeouts say."""

    within_s: float | None = None


@dataclass(frozen=True, slots=True)
class HangUp:
    """The reply is over for us, whatever its server still has to say."""


@dataclass(frozen=True, slots=True)
class Sleep:
    seconds: float


Step = Send | Receive | HangUp | Sleep


@dataclass(frozen=True, slots=True)
class Head:
    """Header names are in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Lost:
    """The transport failed."""

    error: ClientError


@dataclass(frozen=True, slots=True)
class Quiet:
    """Nothing came in time; the connection is not usable any more."""


Outcome = Head | bytes | Lost | Quiet | None
