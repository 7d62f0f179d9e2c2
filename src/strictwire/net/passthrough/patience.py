"""How long a passage waits, and for whom: one timer for its phase and its total.

Contract: ``wait`` notes what is waited for from now on; that costs no timer, since the running one
looks at the note when it fires. ``rest`` waits for nobody. ``end`` cancels: no timer outlives its
request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import Enum

from strictwire.config import Timeouts
from strictwire.model.errors import UpstreamTimeout, WireError

_NEVER = float("inf")


class Phase(Enum):
    """What did not happen in time, and the setting that says what that is."""

    UPLOAD = ("The upstream took nothing of the request body", "idle")
    FIRST_BYTE = ("The upstream did not begin to answer", "first_byte")
    REPLY = ("The upstream sent nothing", "idle")
    CLIENT = ("The client read nothing", "write_stall")
    TOTAL = ("The upstream did not finish its reply", "total")


class Patience:
    """``on_late`` is told once, in words that name the phase and its setting."""

    def __init__(self, limits: Timeouts, on_late: Callable[[WireError], None]) -> None:
        self._limits = limits
        self._on_late = on_late
        self._loop = asyncio.get_running_loop()
        self._phase = Phase.FIRST_BYTE
        self._due = _NEVER
        self._total_due = self._loop.time() + limits.total if limits.total else _NEVER
        self._handle: asyncio.TimerHandle | None = None
        self._set_for = _NEVER
        self._set_timer()

    def wait(self, phase: Phase) -> None:
        self._phase = phase
        self._due = self._loop.time() + self._limit_s(phase)
        self._set_timer()

    def rest(self) -> None:
        self._due = _NEVER

    def end(self) -> None:
        self._due = self._total_due = _NEVER
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _limit_s(self, phase: Phase) -> float:
        limit_s: float = getattr(self._limits, phase.value[1])
        return limit_s

    def _set_timer(self) -> None:
        first = min(self._due, self._total_due)
        if first >= self._set_for:
            return
        if self._handle is not None:
            self._handle.cancel()
        self._set_for = first
        self._handle = self._loop.call_at(first, self._fire)

    def _fire(self) -> None:
        self._handle = None
        self._set_for = _NEVER
        # Loops round their timers to a millisecond.
        now = self._loop.time() + 0.001
        if self._total_due <= now:
            self._tell(Phase.TOTAL)
        elif self._due <= now:
            self._tell(self._phase)
        else:
            self._set_timer()

    def _tell(self, phase: Phase) -> None:
        what, setting = phase.value
        message = f"{what} within {self._limit_s(phase):g} s (setting: timeouts.{setting})."
        self.end()
        if phase is Phase.CLIENT:
            self._on_late(WireError(message, code=f"client_{setting}_timeout"))
        else:
            self._on_late(UpstreamTimeout(message, code=f"upstream_{setting}_timeout"))
