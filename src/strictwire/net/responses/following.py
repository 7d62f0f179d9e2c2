"""One client that follows a background response: what is there already, then what comes.

Contract: ``Follower`` writes the frames of a ``Tape`` to a ``ClientReply``, from any of them on, in
order and once each, as fast as the client takes them. It ends the reply after the last. A client
that leaves changes nothing for the response; one that stops reading is cut off after its time.
"""

from __future__ import annotations

import asyncio

from strictwire.net.client_side.asgi import Headers
from strictwire.net.client_side.push import ClientReply
from strictwire.net.exchange import STREAM_HEADERS

_PULSE = b": keep-alive\n\n"
_DONE = b"data: [DONE]\n\n"
# At most so many frames are joined for one write, or a long response would be there twice.
_FRAMES_AT_ONCE = 256


class Tape:
    """The frames of one response's stream, by their sequence numbers, which begin at 0."""

    def __init__(self, frames: list[bytes] | None = None, *, is_over: bool = False) -> None:
        self.frames = frames or []
        self.size_bytes = sum(map(len, self.frames))
        self.is_over = is_over
        self._followers: set[Follower] = set()

    @classmethod
    def of(cls, events: bytes) -> Tape:
        """That of a response that is over, as it was kept."""
        frames = [one + b"\n\n" for one in events.split(b"\n\n") if one]
        return cls(frames, is_over=True)

    def add(self, frame: bytes) -> None:
        self.frames.append(frame)
        self.size_bytes += len(frame)
        self._tell()

    def end(self) -> None:
        self.is_over = True
        self._tell()

    def pulse(self) -> None:
        for follower in tuple(self._followers):
            follower.pulse()

    def follow(self, follower: Follower) -> None:
        self._followers.add(follower)

    def leave(self, follower: Follower) -> None:
        self._followers.discard(follower)

    def _tell(self) -> None:
        for follower in tuple(self._followers):
            follower.go_on()


class Follower:
    """Begins with the frame ``position``. ``stall_s`` is how long a client may not read."""

    def __init__(
        self, tape: Tape, reply: ClientReply, position: int, *, stall_s: float, has_done: bool
    ) -> None:
        self._tape = tape
        self._reply = reply
        self._position = position
        self._stall_s = stall_s
        self._has_done = has_done
        self._stalled: asyncio.TimerHandle | None = None

    def begin(self, headers: Headers) -> None:
        self._tape.follow(self)
        self._reply.start(200, STREAM_HEADERS + headers)
        self._reply.attach(self)
        self.go_on()

    def go_on(self) -> None:
        """Write what is there and the client takes."""
        frames = self._tape.frames
        while self._position < len(frames) and self._may_write:
            some = frames[self._position : self._position + _FRAMES_AT_ONCE]
            self._position += len(some)
            self._reply.write(b"".join(some))
        if self._tape.is_over and self._position >= len(frames) and self._may_write:
            self._reply.write(_DONE if self._has_done else b"")
            self._over()
            self._reply.end()

    def pulse(self) -> None:
        if self._may_write:
            self._reply.write(_PULSE)

    @property
    def _may_write(self) -> bool:
        reply = self._reply
        return not (reply.is_paused or reply.is_gone or reply.is_complete)

    # ---- ClientEvents ----

    def on_pause(self) -> None:
        self._stop_waiting()
        self._stalled = asyncio.get_running_loop().call_later(self._stall_s, self._cut)

    def on_resume(self) -> None:
        self._stop_waiting()
        self.go_on()

    def on_gone(self) -> None:
        self._over()

    def _cut(self) -> None:
        self._over()
        self._reply.cut()

    def _over(self) -> None:
        self._stop_waiting()
        self._tape.leave(self)

    def _stop_waiting(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
