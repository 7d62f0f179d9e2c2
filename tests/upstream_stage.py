"""What the checks of upstreams are played on: a recorder of events, and what a maker provides."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Callable
from types import TracebackType
from typing import Literal, Protocol, Self

from strictwire.model.errors import WireError
from strictwire.model.protocols import Upstream, UpstreamRequest

POLL_S = 0.005
LARGE_BYTES = 256 * 1024

# ``short`` is 200, some body and the end; its body tells the request's mark. ``endless`` goes on
# until it is left, ``slow`` takes the request and is not through with it for longer than a check
# lasts, ``refusal`` is a status of 400 or more and a body.
Answer = Literal["short", "endless", "slow", "refusal", "large"]
# ``silent``: of a slow answer nothing is told at all. ``line``: requests over ``places`` wait for
# one. ``large``: it can answer with LARGE_BYTES or more. ``backpressure``: whoever does not read
# holds it up, and ``stuck`` is set then.
Ability = Literal["silent", "line", "large", "backpressure"]


class Recorder:
    """Keeps what it is told; ``over`` is set by the last event. Hooks act inside a callback."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.pieces: list[bytes] = []
        self.order: list[str] = []
        self.error: WireError | None = None
        self.over = asyncio.Event()
        self.news = asyncio.Event()
        self.hooks: dict[str, Callable[[], None]] = {}

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)

    @property
    def outcome(self) -> tuple[object, ...]:
        """All that must not depend on how the bytes were cut."""
        code = None if self.error is None else self.error.code
        return (self.status, self.headers, self.body, self.order[-1:], code)

    def on_queued(self, place: int) -> None:
        self._note(f"queued {place}")

    def on_head(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self.status, self.headers = status, headers
        self._note("head")

    def on_body(self, data: bytes) -> None:
        assert data
        self.pieces.append(data)
        self._note("body")

    def on_end(self) -> None:
        self._note("end")
        self.over.set()

    def on_error(self, error: WireError) -> None:
        self.error = error
        self._note("error")
        self.over.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self.news.clear()
            await self.news.wait()

    async def until_told(self, event: str, times: int = 1) -> None:
        await self.until(lambda: self.order.count(event) >= times)

    def _note(self, event: str) -> None:
        assert self.order[-1:] not in (["end"], ["error"]), f"{event} after {self.order[-1]}"
        self.order.append(event)
        self.news.set()
        if event in self.hooks:
            self.hooks[event]()


class Stage(Protocol):
    """One upstream and its far side, made new for each check."""

    can: frozenset[Ability]
    upstream: Upstream
    places: int  # how many requests go on at once, where there is a line
    stuck: asyncio.Event  # the far side cannot write on, where there is backpressure

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    def asking(
        self, answer: Answer, *, mark: int = 1, padding_bytes: int = 0
    ) -> UpstreamRequest: ...

    def mark_of(self, body: bytes) -> int:
        """The mark of the request that this ``short`` body answers."""
        ...

    async def at_work(self) -> int:
        """How many requests the far side has taken and not yet ended."""
        ...

    async def strike(self) -> None:
        """The far side breaks off all that it is at, and has done so when this returns."""
        ...


def open_descriptors() -> int:
    """How many descriptors this process holds, but for devices: uvloop keeps /dev/null open in
    reserve from the first server on."""
    return sum(_is_counted(int(number)) for number in os.listdir("/dev/fd"))


def _is_counted(descriptor: int) -> bool:
    try:
        return not stat.S_ISCHR(os.fstat(descriptor).st_mode)
    except OSError:  # the one that listed them
        return False
