"""Frames: what the wire formats decode to, before anyone looks for a model in them."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Frame:
    """One dispatched server-sent event.

    ``data`` is valid UTF-8 with its lines joined by LF. ``event`` is empty for the default type
    ("message"). ``raw`` is the block as it came, blank line included, where it lay whole and
    contiguous inside one ``feed``; it is a hint for the splice and takes no part in equality.
    """

    data: bytes
    event: str = ""
    last_event_id: str = ""
    raw: bytes = field(default=b"", compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment line of a stream, without its colon: keepalives, and some servers' progress."""

    text: bytes


@dataclass(frozen=True, slots=True)
class Malformed:
    """A frame whose data could not be parsed, and why. A rule mends it, or it is an error."""

    raw: bytes
    reason: str
