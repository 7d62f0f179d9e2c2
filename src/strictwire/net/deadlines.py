"""All timers of one exchange: its phases' timeouts, keepalive, progress, and the linger.

Contract: the hot path only notes times; the timer looks at the notes when it fires, so a piece of
a reply costs no timer. ``end`` cancels it: no timer outlives its request. A phase that ran out is
an error that names the phase and its setting.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from strictwire.model.errors import UpstreamTimeout

# Progress is told at least this often while the client waits (docs/contract.md).
PROGRESS_INTERVAL_S = 2.0


@dataclass(frozen=True, slots=True)
class Limits:
    """In seconds. 0 turns ``total_s`` and ``keepalive_s`` off. ``has_progress``: asked for."""

    first_byte_s: float
    idle_s: float
    write_stall_s: float
    total_s: float
    keepalive_s: float
    linger_s: float
    has_progress: bool = False


class DeadlineEvents(Protocol):
    def on_timeout(self, error: UpstreamTimeout) -> None: ...

    def on_stalled(self) -> None: ...  # the client has not read for too long

    def on_linger_over(self) -> None: ...

    def on_keepalive_due(self) -> None: ...

    def on_progress_due(self) -> None: ...


class _Kind(IntEnum):
    FIRST_BYTE = 0
    IDLE = 1
    TOTAL = 2
    KEEPALIVE = 3
    PROGRESS = 4
    LINGER = 5
    STALL = 6


_NEVER = float("inf")


class Deadlines:
    """One timer for all: it is set to what is due first. With thousands of open streams a timer
    for each purpose would cost more memory than the relay."""

    __slots__ = (
        "_due",
        "_events",
        "_handle",
        "_is_over",
        "_is_paused",
        "_limits",
        "_loop",
        "_set_for",
        "heard_at",
        "wrote_at",
    )

    def __init__(
        self, loop: asyncio.AbstractEventLoop, limits: Limits, events: DeadlineEvents
    ) -> None:
        self._loop = loop
        self._limits = limits
        self._events = events
        self._due = [_NEVER] * len(_Kind)
        self._handle: asyncio.TimerHandle | None = None
        self._set_for = _NEVER
        self._is_paused = False
        self._is_over = False
        # The hot path sets these two itself, to the loop's time.
        self.heard_at = 0.0
        self.wrote_at = 0.0

    # ---- phases ----

    def begin(self) -> None:
        limits = self._limits
        self.wrote_at = self._loop.time()
        if limits.total_s:
            self._put(_Kind.TOTAL, limits.total_s)
        if limits.keepalive_s:
            self._put(_Kind.KEEPALIVE, limits.keepalive_s)
        if limits.has_progress:
            self._put(_Kind.PROGRESS, PROGRESS_INTERVAL_S)

    def sent(self) -> None:
        """The request is on its way; now the upstream has to answer."""
        self._drop(_Kind.IDLE)
        self._put(_Kind.FIRST_BYTE, self._limits.first_byte_s)

    def heard(self) -> None:
        """The upstream began to answer: from now on its silence counts."""
        self._drop(_Kind.FIRST_BYTE)
        self.heard_at = self._loop.time()
        self._put(_Kind.IDLE, self._limits.idle_s)

    def wrote(self) -> None:
        """Something went to the client."""
        self.wrote_at = self._loop.time()

    def answered(self) -> None:
        """The first token came: nobody needs prefill progress any more."""
        self._drop(_Kind.PROGRESS)

    def linger(self) -> None:
        """Only a tail is missing. What comes meanwhile does not prolong the wait: a server may
        ping for ever."""
        if self._due[_Kind.LINGER] == _NEVER:
            self._put(_Kind.LINGER, self._limits.linger_s)

    def paused(self) -> None:
        """The client does not read, so the upstream may not be heard: only the stall counts."""
        self._is_paused = True
        self._drop(_Kind.LINGER)
        self._put(_Kind.STALL, self._limits.write_stall_s)

    def resumed(self) -> None:
        self._is_paused = False
        self._drop(_Kind.STALL)
        self.heard_at = self._loop.time()

    def end(self) -> None:
        self._is_over = True
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    # ---- the timer ----

    def _put(self, kind: _Kind, delay_s: float) -> None:
        self._due[kind] = self._loop.time() + delay_s
        self._set_timer()

    def _drop(self, kind: _Kind) -> None:
        # A timer that is set too early finds nothing due, and is set anew.
        self._due[kind] = _NEVER

    def _set_timer(self) -> None:
        first = min(self._due)
        if self._is_over or first >= self._set_for:
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
        for kind in _Kind:
            if self._due[kind] <= now and not self._is_over:
                self._due[kind] = _NEVER
                self._come_due(kind)
        self._set_timer()

    def _come_due(self, kind: _Kind) -> None:
        events, limits = self._events, self._limits
        match kind:
            case _Kind.FIRST_BYTE:
                self._first_byte()
            case _Kind.IDLE:
                self._idle()
            case _Kind.TOTAL:
                self._time_out("did not finish its reply", limits.total_s, "total")
            case _Kind.KEEPALIVE:
                self._keepalive()
            case _Kind.PROGRESS:
                self._due[kind] = self._loop.time() + PROGRESS_INTERVAL_S
                events.on_progress_due()
            case _Kind.LINGER:
                events.on_linger_over()
            case _Kind.STALL:
                events.on_stalled()

    def _first_byte(self) -> None:
        if self._is_paused:
            self._due[_Kind.FIRST_BYTE] = self._loop.time() + self._limits.first_byte_s
        else:
            self._time_out("did not begin to answer", self._limits.first_byte_s, "first_byte")

    def _idle(self) -> None:
        now, limit = self._loop.time(), self._limits.idle_s
        due = (now if self._is_paused else self.heard_at) + limit
        if due > now + 0.001:
            self._due[_Kind.IDLE] = due
        else:
            self._time_out("sent nothing", limit, "idle")

    def _keepalive(self) -> None:
        now, limit = self._loop.time(), self._limits.keepalive_s
        due = self.wrote_at + limit
        if due > now + 0.001:
            self._due[_Kind.KEEPALIVE] = due
            return
        self._due[_Kind.KEEPALIVE] = now + limit
        self._events.on_keepalive_due()

    def _time_out(self, what: str, limit_s: float, setting: str) -> None:
        self._events.on_timeout(
            UpstreamTimeout(
                f"The upstream {what} within {limit_s:g} s (setting: timeouts.{setting}).",
                code=f"upstream_{setting}_timeout",
            )
        )
