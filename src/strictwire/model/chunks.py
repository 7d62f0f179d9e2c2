"""Chunks: frames whose JSON was parsed, before a reader gives them meaning."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Chunk:
    """One parsed JSON object of a reply.

    ``value`` is never changed in place: a rule that repairs makes a new chunk, which has no
    ``raw``. A chunk that still has its ``raw`` is therefore exactly what the upstream sent.
    """

    value: dict[str, Any]
    raw: bytes = field(default=b"", compare=False, repr=False)
    event: str = ""

    def repaired(self, value: dict[str, Any]) -> Chunk:
        """The same chunk with another value; it no longer passes byte for byte."""
        return Chunk(value=value, event=self.event)

    def held(self) -> HeldChunk:
        """The same chunk, once its choice has told a finish reason while a rule held it."""
        return HeldChunk(self.value, self.raw, self.event)


@dataclass(frozen=True, slots=True)
class HeldChunk(Chunk):
    """A chunk that came before a finish reason of its choice and goes out after it, since a rule
    held it. So it is no content after the finish, which would show that the reason came early."""

    def repaired(self, value: dict[str, Any]) -> Chunk:
        return HeldChunk(value=value, event=self.event)
