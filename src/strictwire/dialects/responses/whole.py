"""Events of any dialect to one response object.

Contract: see the streaming writer, which does the work: the object is the one that the stream would
have ended with. Usage that the upstream never told is zeros, and ``knows_usage`` is False.
"""

from __future__ import annotations

from typing import Any

from strictwire.dialects.responses.native import with_usage
from strictwire.dialects.responses.writer import ResponsesWriter
from strictwire.model.events import Ended, Event, UsageTold
from strictwire.model.request import Promise


class ResponsesWholeWriter:
    """Gathers one reply. ``size_bytes`` estimates what it holds, for the caller's bound."""

    __slots__ = ("_response", "_writer", "knows_usage")

    def __init__(self, promise: Promise) -> None:
        self._writer = ResponsesWriter(promise)
        self._response: dict[str, Any] = {}
        self.knows_usage = False

    @property
    def size_bytes(self) -> int:
        life = self._writer.life
        return life.size_bytes if life is not None else 0

    def feed(self, event: Event) -> None:
        if isinstance(event, Ended):
            self._end()
            return
        self.knows_usage = self.knows_usage or isinstance(event, UsageTold)
        self._writer.feed(event)

    def finish(self) -> dict[str, Any]:
        if not self._response:
            self._end()
        return with_usage(self._response)

    def _end(self) -> None:
        told = self._writer.feed(Ended())
        if told:
            self._response = told[-1]["response"]
