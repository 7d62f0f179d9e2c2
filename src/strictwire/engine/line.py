"""The line in front of an engine's places: first come, first served, and no more than it may hold.

Contract: plain state, no I/O, no clock. A ticket wants one place or several at once. The head of
the line waits until it has all of its places and holds back who stands behind it, however few
those want: else a wide request might wait for ever. ``join`` and ``leave`` tell whose standing has
changed; what is done about it is the caller's.
"""

from __future__ import annotations

from collections import deque


class LineFull(Exception):  # noqa: N818 - an answer, not a mistake
    """As many are waiting as may."""


class Ticket:
    """One who came. ``place`` is 0 once it has its places, else where it stands, 1 at the head."""

    __slots__ = ("place", "wants")

    def __init__(self, wants: int) -> None:
        self.wants = wants
        self.place = 0


class Line:
    """``places`` that are given out, and a line of at most ``bound`` tickets before them."""

    __slots__ = ("_bound", "_holding", "_places", "_waiting")

    def __init__(self, places: int, bound: int) -> None:
        self._places = places
        self._bound = bound
        self._holding: set[Ticket] = set()
        self._waiting: deque[Ticket] = deque()

    @property
    def places(self) -> int:
        return self._places

    @property
    def busy(self) -> int:
        """Places that are taken."""
        return sum(ticket.wants for ticket in self._holding)

    @property
    def waiting(self) -> int:
        """Tickets that stand in line."""
        return len(self._waiting)

    def join(self, wants: int) -> Ticket:
        """Take places now, or stand at the line's end. ``wants`` is 1 to ``places``; raises
        ``ValueError`` beyond that and ``LineFull`` where the line is as long as it may be."""
        if not 1 <= wants <= self._places:
            raise ValueError(f"{wants} of {self._places} places")
        ticket = Ticket(wants)
        if not self._waiting and self.busy + wants <= self._places:
            self._holding.add(ticket)
            return ticket
        if len(self._waiting) >= self._bound:
            raise LineFull
        self._waiting.append(ticket)
        ticket.place = len(self._waiting)
        return ticket

    def leave(self, ticket: Ticket) -> list[Ticket]:
        """Give back the places, or step out of the line. Leaving twice is leaving once. Returns
        the tickets whose ``place`` is another now, from the head on."""
        if ticket in self._holding:
            self._holding.remove(ticket)
        elif ticket in self._waiting:
            self._waiting.remove(ticket)
        else:
            return []
        moved: list[Ticket] = []
        busy = self.busy
        while self._waiting and busy + self._waiting[0].wants <= self._places:
            admitted = self._waiting.popleft()
            busy += admitted.wants
            admitted.place = 0
            self._holding.add(admitted)
            moved.append(admitted)
        for place, waiting in enumerate(self._waiting, start=1):
            if waiting.place != place:
                waiting.place = place
                moved.append(waiting)
        return moved
