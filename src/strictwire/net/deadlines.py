"""All timers of one exchange: its phases' timeouts, keepalive, progress, and the linger.

Contract: the hot path only notes times; timers look at the notes when they
fire and arm themselves anew, so a piece of a reply costs no timer. ``end`` cancels all: no timer
outlives its request. A phase that ran out is an error that names the phase and its setting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
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


class Deadlines:
    __slots__ = (
        "_events",
        "_handles",
        "_is_over",
        "_is_paused",
        "_limits",
        "_loop",
        "heard_at",
        "wrote_at",
    )

    def __init__(
        self, loop: asyncio.AbstractEventLoop, limits: Limits, events: DeadlineEvents
    ) -> None:
        self._loop = loop
        self._limits = limits
        self._events = events
        self._handles: dict[str, asyncio.TimerHandle] = {}
        self.heard_at = 0.0
        self.wrote_at = 0.0
        self._is_paused = False
        self._is_over = False

    # ---- notes ----
    #
    # The hot path sets ``heard_at`` and ``wrote_at`` itself, to the loop's time.

    def heard(self) -> None:
        """The upstream began to answer: from now on its silence counts."""
        self._drop("first_byte")
        self.heard_at = self._loop.time()
        self._arm("idle", self._limits.idle_s, self._idle)

    def wrote(self) -> None:
        """Something went to the client."""
        self.wrote_at = self._loop.time()

    # ---- phases ----

    def begin(self) -> None:
        limits = self._limits
        self.wrote_at = self._loop.time()
        if limits.total_s:
            self._arm("total", limits.total_s, self._total)
        if limits.keepalive_s:
            self._arm("keepalive", limits.keepalive_s, self._keepalive)
        if limits.has_progress:
            self._arm("progress", PROGRESS_INTERVAL_S, self._progress)

    def sent(self) -> None:
        """The request is on its way; now the upstream has to answer."""
        self.heard_at = 0.0
        self._drop("idle")
        self._arm("first_byte", self._limits.first_byte_s, self._first_byte)

    def answered(self) -> None:
        """The first token came: nobody needs prefill progress any more."""
        self._drop("progress")

    def linger(self) -> None:
        """Only a tail is missing. What else comes meanwhile does not prolong the wait: a server
        may ping for ever."""
        if "linger" not in self._handles:
            self._arm("linger", self._limits.linger_s, self._events.on_linger_over)

    def paused(self) -> None:
        """The client does not read, so the upstream may not be heard: only the stall counts."""
        self._is_paused = True
        self._drop("linger")
        self._arm("stall", self._limits.write_stall_s, self._events.on_stalled)

    def resumed(self) -> None:
        self._is_paused = False
        self._drop("stall")
        self.heard_at = self._loop.time() if self.heard_at else 0.0

    def end(self) -> None:
        self._is_over = True
        for handle in self._handles.values():
            handle.cancel()
        self._handles.clear()

    # ---- timers ----

    def _arm(self, name: str, delay_s: float, callback: Callable[[], None]) -> None:
        if self._is_over:
            return  # the end came in the middle of a callback, which then goes on
        self._drop(name)
        self._handles[name] = self._loop.call_later(delay_s, self._fire, name, callback)

    def _fire(self, name: str, callback: Callable[[], None]) -> None:
        self._handles.pop(name, None)
        callback()

    def _drop(self, name: str) -> None:
        handle = self._handles.pop(name, None)
        if handle is not None:
            handle.cancel()

    def _idle(self) -> None:
        limit = self._limits.idle_s
        quiet_s = 0.0 if self._is_paused else self._loop.time() - self.heard_at
        if quiet_s >= limit:
            self._time_out("sent nothing", limit, "idle")
        else:
            self._arm("idle", limit - quiet_s, self._idle)

    def _first_byte(self) -> None:
        if self._is_paused:
            self._arm("first_byte", self._limits.first_byte_s, self._first_byte)
        else:
            self._time_out("did not begin to answer", self._limits.first_byte_s, "first_byte")

    def _total(self) -> None:
        self._time_out("did not finish its reply", self._limits.total_s, "total")

    def _time_out(self, what: str, limit_s: float, setting: str) -> None:
        self._events.on_timeout(
            UpstreamTimeout(
                f"The upstream {what} within {limit_s:g} s (setting: timeouts.{setting}).",
                code=f"upstream_{setting}_timeout",
            )
        )

    def _keepalive(self) -> None:
        limit = self._limits.keepalive_s
        quiet_s = self._loop.time() - self.wrote_at
        if quiet_s >= limit * 0.999:
            self._arm("keepalive", limit, self._keepalive)
            self._events.on_keepalive_due()
        else:
            self._arm("keepalive", limit - quiet_s, self._keepalive)

    def _progress(self) -> None:
        self._arm("progress", PROGRESS_INTERVAL_S, self._progress)
        self._events.on_progress_due()
