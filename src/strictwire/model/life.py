"""The life of a reply in a dialect whose events build on each other: begun, opened, closed, ended.

Contract: Responses and Messages promise that nothing is told of an item before it was announced,
that what was announced is closed, and that a last event ends it all. A ``Life`` makes that true of
whatever comes: loose chunks in, the promised ones out. What was in order comes out as the same
object. ``mended`` names the rows of the rule table for what was not.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from strictwire.model.chunks import Chunk
from strictwire.model.errors import WireError


class Life(Protocol):
    """One reply's life. Raises ``PeerError`` from ``feed`` where what must be held is too large."""

    @property
    def mended(self) -> frozenset[str]: ...

    @property
    def is_lingering(self) -> bool: ...  # only the terminal may still come

    @property
    def is_full(self) -> bool: ...  # no more text may be spliced past it; ``feed`` would refuse

    @property
    def next_number(self) -> int | None:
        """The sequence number of the next chunk; None in a dialect without numbers, whose lives
        also keep no text of what goes past."""
        ...

    @property
    def told_number(self) -> int | None:
        """The sequence number that the chunk which comes next should have, by those before it."""
        ...

    @property
    def size_bytes(self) -> int: ...  # about what it holds

    def feed(self, chunk: Chunk) -> Iterable[Chunk]: ...

    def end(self, *, has_terminal: bool) -> Iterable[Chunk]:
        """The upstream's part is over: what is missing for a good end, if this is one."""
        ...

    def fail(self, error: WireError) -> Iterable[Chunk]:
        """How this life ends with an error, if anything of it was told or not."""
        ...

    def spliced(self, text: str) -> None:
        """A delta of the part that is open went past: count it, and keep its text if need be."""
        ...

    def state(self) -> str:
        """All that decides how the next chunk is treated, but the numbers and texts that every
        delta changes."""
        ...

    def trial(self) -> Life:
        """A copy to try a chunk with; nothing here changes by it."""
        ...
