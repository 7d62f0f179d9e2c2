"""The record of what the lab played, so that a test can prove what its upstream saw.

``outcome`` is "played" when the script was said to its end, "disconnected" when the client left
first (noticed at once, also in a silence), "stopped" when the server was.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

Outcome = Literal["playing", "played", "disconnected", "stopped"]

# Enough for the requests of one test or a look back by hand; older ones are forgotten.
MAX_ENTRIES = 1_000
# A longer body is not kept: the log is for reading, and it must not hold a load test's prompts.
MAX_KEPT_BODY_BYTES = 16 * 1024


@dataclass(slots=True, kw_only=True)
class Played:
    """One request that was answered by a script. ``ended_s`` is the event loop's clock; the
    digest is told only of bodies that were not held."""

    model: str
    script: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    method: str = "POST"
    path: str = ""
    body_bytes: int = 0
    body_sha256: str = ""
    frames_total: int
    frames_sent: int = 0
    outcome: Outcome = "playing"
    ended_s: float | None = None


class PlayLog:
    """Entries from the oldest on; ``ended`` counts all that ever ended, forgotten ones included."""

    def __init__(self) -> None:
        self._entries: deque[Played] = deque(maxlen=MAX_ENTRIES)
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self.ended = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Played]:
        return iter(tuple(self._entries))

    def __getitem__(self, position: int) -> Played:
        return self._entries[position]

    def begin(self, entry: Played) -> None:
        self._entries.append(entry)

    def end(self, entry: Played, outcome: Outcome) -> None:
        entry.outcome = outcome
        entry.ended_s = asyncio.get_running_loop().time()
        self.ended += 1
        for count, waiter in self._waiting:
            if count <= self.ended and not waiter.done():
                waiter.set_result(None)

    async def wait_ended(self, count: int) -> None:
        """Returns once ``count`` requests have ended since the start."""
        if self.ended >= count:
            return
        waiting = (count, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        try:
            await waiting[1]
        finally:
            self._waiting.remove(waiting)
