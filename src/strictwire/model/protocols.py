"""The seams between rooms: what ``net`` asks of a relay, of an upstream and of an observer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from strictwire.model.errors import WireError
from strictwire.model.events import Progressed


class Lane(Protocol):
    """A relay's fast lane."""

    def take_one(self, data: bytes) -> bytes | None:
        """The output for a piece that is one frame of a known kind, else None. It changes
        nothing that the relay would tell."""
        ...


class ReplyRelay(Protocol):
    """One reply, driven by bytes. Nothing here blocks, waits or keeps time.

    ``feed`` and ``finish`` return what goes to the client now, maybe nothing. They never raise
    for what a peer sent: ``failure`` is set instead, and the caller decides between a status and
    ``fail``. ``feed`` after ``is_done`` or a failure returns nothing.
    """

    @property
    def lane(self) -> Lane | None: ...  # while there is one, it may be asked before ``feed``

    @property
    def wants_attention(self) -> bool: ...  # done, failed or lingering: one look per piece

    @property
    def is_meaningful(self) -> bool: ...  # the upstream has begun to answer

    @property
    def is_done(self) -> bool: ...  # the reply is complete, its terminal was returned

    @property
    def is_lingering(self) -> bool: ...  # all choices finished; only the tail may still come

    @property
    def repairs(self) -> set[str]: ...  # names of the rules that repaired something

    @property
    def frames(self) -> int: ...  # frames returned so far

    @property
    def knows_usage(self) -> bool: ...  # False: an object says zeros because nobody told

    @property
    def failure(self) -> WireError | None: ...

    @property
    def keepalive(self) -> bytes: ...  # what says that we are there, where nothing else is said

    @property
    def cuts_after_error(self) -> bool: ...  # after ``fail`` the connection is closed in the middle

    @property
    def result(self) -> dict[str, Any] | None: ...  # the whole reply, where its dialect tells it

    @property
    def progressed(self) -> Progressed | None: ...  # how far the prompt was read when last told

    @property
    def usage(self) -> dict[str, Any] | None: ...  # as told so far, in chat's names

    def feed(self, data: bytes) -> bytes: ...

    def finish(self) -> bytes: ...  # the upstream's body has ended

    def fail(self, error: WireError) -> bytes: ...  # the error, in-band, after the commit

    def tick_progress(self, *, is_queued: bool, place: int = 0) -> bytes:
        """Time went on; b"" if progress was not asked for. ``is_queued``: the upstream has not
        begun to answer. ``place`` in its line, 1 for the next, 0 where nobody knows."""
        ...


@dataclass(frozen=True, slots=True)
class UpstreamRequest:
    """One HTTP request for an upstream. ``headers`` are complete but for host and length.

    ``pieces`` is a body that is still on its way, in the place of ``body``: ``length_bytes`` long,
    or of a length that nobody knows. A piece is asked for when the upstream has taken those before
    it, and a reply may come before the last. A ``WireError`` that it raises ends the request, and
    is told like any other. ``undoes_coding`` False: a compressed reply is told as it comes.
    ``places`` is how many answers are asked for at once: what an upstream with a line of its own
    must have free to begin.
    """

    method: str
    url: str
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = field(default=b"", repr=False)
    pieces: AsyncIterator[bytes] | None = field(default=None, repr=False)
    length_bytes: int | None = None
    undoes_coding: bool = True
    places: int = 1


class UpstreamEvents(Protocol):
    """Who receives one upstream reply. Called from the connection's ``data_received``, in order:
    ``on_head`` once, ``on_body`` any number of times, then ``on_end`` or ``on_error`` once.
    ``on_error`` may also come first. None is called after ``UpstreamCall.cancel``, or after the
    task that is in ``send`` was cancelled.

    ``on_queued`` comes from inside ``send`` of an upstream that keeps a line: at once if the
    request must wait, and whenever its place changes (1 is the next); 0 says that it waits no
    more."""

    def on_queued(self, place: int) -> None: ...

    def on_head(self, status: int, headers: list[tuple[bytes, bytes]]) -> None: ...

    def on_body(self, data: bytes) -> None: ...

    def on_end(self) -> None: ...

    def on_error(self, error: WireError) -> None: ...


class UpstreamCall(Protocol):
    """A request under way. ``release`` says that the caller has all it needs: the connection is
    kept if the body ends within a grace time, else closed. ``cancel`` closes it at once."""

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def release(self) -> None: ...

    def cancel(self) -> None: ...


class Upstream(Protocol):
    """Somewhere to send requests: the HTTP pool, or the embedded engine. ``send`` may wait (for a
    connection, for a place); cancelling it leaves nothing behind. A ``WireError`` that it raises
    stands for ``on_error``. ``close`` tells those that are under way or wait. One suite of tests
    holds for all of them: ``check_upstream`` in tests/upstream_suite.py."""

    async def send(self, request: UpstreamRequest, events: UpstreamEvents) -> UpstreamCall: ...

    async def close(self) -> None: ...
