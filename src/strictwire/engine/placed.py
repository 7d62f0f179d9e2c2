"""One request in an engine: the receiver of the child's reply, and the caller's handle on it.

Contract: pieces of the reply go straight to the caller's ``on_body``; nothing here is called for
one. The request is over once: ended, failed, released or cancelled, and the engine is told then, so
that its place is free. A connection that breaks is first looked into (``Owner.lost``): what is told
of it depends on whether the child still lives.
"""

from __future__ import annotations

from typing import Protocol

from strictwire.engine.line import Ticket
from strictwire.engine.process import EngineProcess
from strictwire.model.errors import WireError
from strictwire.model.protocols import UpstreamCall, UpstreamEvents


class Owner(Protocol):
    """What a request tells its engine."""

    def over(self, placed: PlacedCall) -> None: ...  # its place is free; once

    def lost(self, placed: PlacedCall, error: WireError) -> None: ...  # its connection broke: it

    # keeps its place until the owner lets it fail


class PlacedCall:
    """An ``UpstreamCall``, and the ``UpstreamEvents`` of the call below. ``ticket`` is None for a
    request that takes no place."""

    __slots__ = (
        "_call",
        "_error",
        "_events",
        "_is_over",
        "_is_sending",
        "_owner",
        "on_body",
        "process",
        "ticket",
    )

    def __init__(self, owner: Owner, ticket: Ticket | None, events: UpstreamEvents) -> None:
        self._owner = owner
        self._events: UpstreamEvents | None = events  # None: nothing may be told any more
        self._call: UpstreamCall | None = None
        self.on_body = events.on_body
        self.ticket = ticket
        self.process: EngineProcess | None = None  # the child that it was sent to
        self._is_sending = True  # what goes wrong now is kept for ``Engine.send``
        self._is_over = False
        self._error: WireError | None = None

    # ---- the engine's side ----

    def begin(self, call: UpstreamCall) -> None:
        """The request is on its way."""
        self._call = call
        self._is_sending = False

    def take_error(self) -> WireError | None:
        """What went wrong while it was sent."""
        error, self._error = self._error, None
        return error

    def finish(self) -> None:
        """The place is free."""
        if not self._is_over:
            self._is_over = True
            self._owner.over(self)

    def fail(self, error: WireError) -> None:
        """The place is free, and the last event, if anybody still wants it."""
        self.finish()
        events, self._events = self._events, None
        if events is not None:
            events.on_error(error)

    # ---- what the child's connection tells ----

    def on_queued(self, place: int) -> None:
        pass  # a child keeps no line

    def on_head(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        if self._events is not None:
            self._events.on_head(status, headers)

    def on_end(self) -> None:
        events, self._events = self._events, None
        self.finish()
        if events is not None:
            events.on_end()

    def on_error(self, error: WireError) -> None:
        if self._is_sending:
            self._error = error
        else:
            self._owner.lost(self, error)

    # ---- what the caller asks ----

    def pause(self) -> None:
        if self._call is not None:
            self._call.pause()

    def resume(self) -> None:
        if self._call is not None:
            self._call.resume()

    def release(self) -> None:
        self._events = None
        if self._call is not None:
            self._call.release()
        self.finish()

    def cancel(self) -> None:
        self._events = None
        if self._call is not None:
            self._call.cancel()
        self.finish()
