"""A client's side of a reply without a client: each event goes to a receiver instead.

Contract: ``EventReply`` is a ``ClientReply``. An exchange writes a Responses stream to it as it
would to a socket, and the ``EventReceiver`` gets each event's JSON, or the whole error where the
exchange had not begun to answer. Comments and frames that are no events of the dialect go to
``on_pulse``: they say that somebody is there, and nothing else.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Protocol

import msgspec

from strictwire.model.errors import MisuseError, PeerError
from strictwire.model.frames import Frame
from strictwire.net.client_side.asgi import Headers
from strictwire.net.client_side.push import ClientEvents
from strictwire.wire.sse import SseDecoder

_EVENT_PREFIX = "response."


class EventReceiver(Protocol):
    def on_event(self, name: str, data: bytes) -> None: ...  # one event, its JSON in one line

    def on_pulse(self) -> None: ...  # the upstream has nothing to tell yet

    def on_refused(self, status: int, body: bytes) -> None: ...  # an error in place of a stream

    def on_over(self) -> None: ...  # nothing comes any more; once


class EventReply:
    """``leave`` is how the owner of the receiver goes away: the exchange ends, and its upstream
    is cancelled. ``pause`` and ``resume`` hold it back."""

    def __init__(self, receiver: EventReceiver) -> None:
        self._receiver = receiver
        self._events: ClientEvents | None = None
        # What is read are our own frames: the relay bounds a reply, whose last event repeats it.
        self._decoder = SseDecoder(max_block_bytes=sys.maxsize)
        self._body: list[bytes] = []
        self._status = 0
        self._over = asyncio.Event()
        self.headers: Headers = []
        self.is_started = False
        self.is_paused = False
        self.is_gone = False
        self.is_complete = False

    # ---- ClientReply ----

    def attach(self, events: ClientEvents, *, is_body_read: bool = True) -> None:
        if self.is_gone:
            events.on_gone()
        elif not self.is_complete:
            self._events = events
            if self.is_paused:
                events.on_pause()

    def start(self, status: int, headers: Headers) -> None:
        if self._over.is_set():
            return
        if self.is_started:
            raise MisuseError("a reply was started twice")
        self.is_started = True
        self._status = status
        self.headers = headers

    def write(self, data: bytes) -> None:
        if self._over.is_set() or not data:
            return
        if self._status != 200:
            self._body.append(data)
            return
        for decoded in self._decoder.feed(data):
            if isinstance(decoded, Frame) and decoded.event.startswith(_EVENT_PREFIX):
                self._receiver.on_event(decoded.event, decoded.data)
            elif not isinstance(decoded, Frame):
                self._receiver.on_pulse()

    def end(self, *, close: bool = False) -> None:
        if self._over.is_set():
            return
        self.is_complete = True
        if self._status != 200:
            self._receiver.on_refused(self._status, b"".join(self._body))
        self._finish()

    def cut(self) -> None:
        if not self._over.is_set():
            self.is_complete = True
            self._finish()

    async def finished(self) -> None:
        await self._over.wait()

    # ---- the receiver's owner ----

    def pause(self) -> None:
        if not (self.is_paused or self._over.is_set()):
            self.is_paused = True
            if self._events is not None:
                self._events.on_pause()

    def resume(self) -> None:
        if self.is_paused and not self._over.is_set():
            self.is_paused = False
            if self._events is not None:
                self._events.on_resume()

    def leave(self) -> None:
        if self._over.is_set():
            return
        self.is_gone = True
        events = self._events
        self._finish()
        if events is not None:
            events.on_gone()

    def _finish(self) -> None:
        self._events = None
        self._over.set()
        self._receiver.on_over()


def told_error(status: int, body: bytes) -> PeerError:
    """The error that a client would have got as the whole reply."""
    told = msgspec.json.decode(body)["error"]
    return PeerError(
        str(told["message"]),
        status=status,
        type=told["type"],
        param=told["param"],
        code=told["code"],
    )
