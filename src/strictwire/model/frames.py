"""Frames: what the wire formats decode to, before anyone looks for a model in them."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Frame:
    """One dispatched server-sent event.

    ``data`` has its lines joined by LF; it is valid UTF-8 unless the decoder was asked to keep
    what is not. ``event`` is empty for the default type ("message"). ``raw`` is the block as it
    came, blank line included, where it lay whole and contiguous inside one ``feed``; it is a hint
    for the splice and takes no part in equality. ``is_unended``: the body ended inside the block,
    so the standard would not dispatch it; unless a rule takes it, nobody reads it.
    """

    data: bytes
    event: str = ""
    last_event_id: str = ""
    raw: bytes = field(default=b"", compare=False, repr=False)
    is_unended: bool = False


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment line of a stream, without its colon: keepalives, and some servers' progress."""

    text: bytes


@dataclass(frozen=True, slots=True)
class Malformed:
    """What is no frame, or a frame whose data could not be parsed, and why. A rule mends it, or
    it is an error; a line that no rule mends is ignored, as the standard says."""

    raw: bytes
    reason: str


# What a decoder yields.
Decoded = Frame | Comment | Malformed
