"""One question, from the request to the last event: what to do next, as plain steps.

Contract: ``converse`` is a generator. It yields events for the caller, and steps for whoever does
the I/O, which it wants answered; it raises a ``ClientError`` where the answer cannot be had. The
same generator serves the sync and the async client, so both behave alike. Clock and chance are
parameters; nothing here waits or does I/O.

It asks again only while nothing of an answer was told, so no text ever comes twice.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace

from strictwire.client.errors import ClientError, ClientTimeoutError
from strictwire.client.events import Event
from strictwire.client.patience import Retries, Timeouts
from strictwire.client.question import Address, ClientDialect, Manner, Question, Written, write
from strictwire.client.refusals import MAX_ERROR_BODY_BYTES, Refused, failure_told, refusal
from strictwire.client.reply import ReplyReader
from strictwire.client.steps import HangUp, Head, Lost, Outcome, Quiet, Receive, Sleep, Step
from strictwire.model.errors import MisuseError
from strictwire.model.request import Promise
from strictwire.routing import lacks_endpoint, refused_fields, refuses_way

Talk = Generator[Event | Step, Outcome, None]

# A reply that was read to its end frees its connection for the next request, if the end of its body
# comes with it or right after. For a server that keeps it open nobody waits longer.
_DRAIN_S = 0.1
# After its terminal a server has nothing to say but the end; who talks on is hung up on.
_MAX_DRAINED_PIECES = 8
# A refusal is some words, and they come with its head; its status says most of it anyway.
_REFUSAL_S = 10.0
# Ways to ask that a server may refuse in turn: usage, streams, a dialect. Each is given up once.
_MAX_MANNERS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What one client does for every question. ``promise`` holds what is the same for the reading
    of every reply: its bound, and the modes of the repair rules."""

    address: Address
    promise: Promise
    timeouts: Timeouts = field(default_factory=Timeouts)
    retries: Retries = field(default_factory=Retries)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Time and chance: ``clock_s`` runs evenly, ``now_s`` counts since the epoch, ``chance`` is
    from 0 to 1. ``new_id`` is for what the server gives no id: calls of two turns must differ."""

    clock_s: Callable[[], float]
    now_s: Callable[[], float]
    chance: Callable[[], float]
    new_id: Callable[[], str]


@dataclass(slots=True)
class Learned:
    """What a client has found out about its server, so that it asks the right way at once."""

    refuses_usage: bool = False
    missing: frozenset[ClientDialect] = frozenset()

    def first_manner(self, question: Question) -> Manner:
        dialect = question.dialect
        if dialect is None:
            dialect = "chat" if "responses" in self.missing else "responses"
        return Manner(dialect, question.is_stream, asks_usage=not self.refuses_usage)


def converse(
    question: Question, settings: Settings, around: Surroundings, learned: Learned
) -> Talk:
    """Ask, read, and ask again where that is allowed."""
    manner = learned.first_manner(question)
    tries = manners = 1
    while True:
        promise = replace(settings.promise, id=around.new_id())
        written = write(question, manner, settings.address, promise)
        attempt = _Attempt(question, manner, settings, around)
        yield from attempt.run(written)
        if attempt.failure is None:
            return
        other = _other_manner(question, manner, attempt.refused, learned)
        if other is not None and manners < _MAX_MANNERS:
            manner = other
            manners += 1
            continue
        wait_s = settings.retries.wait_s(attempt.failure, tries, around.chance())
        if wait_s is None or attempt.is_meaningful:
            raise attempt.failure
        tries += 1
        yield Sleep(wait_s)


def _other_manner(
    question: Question, manner: Manner, refused: Refused | None, learned: Learned
) -> Manner | None:
    """How to ask a server that refused not the question but the way it was asked."""
    if refused is None:
        return None
    status, body = refused.status, refused.body
    if manner.asks_usage and refused_fields(status, body, added=("stream_options",)):
        learned.refuses_usage = True
        return replace(manner, asks_usage=False)
    if refuses_way(status, body, asked_stream=manner.is_stream):
        is_turned = manner.is_stream != question.is_stream
        return None if is_turned else replace(manner, is_stream=not manner.is_stream)
    is_guess = question.dialect is None and manner.dialect != "chat"
    if is_guess and lacks_endpoint(status, body, question.model):
        learned.missing |= {manner.dialect}
        return replace(manner, dialect="chat")
    return None


class _Attempt:
    """One HTTP request and its reply. After ``run``, ``failure`` says how it ended, None for well;
    ``refused`` is a reply that was no success."""

    def __init__(
        self, question: Question, manner: Manner, settings: Settings, around: Surroundings
    ) -> None:
        self._hears_progress = question.hears_progress
        self._key = settings.address.key
        self._timeouts = settings.timeouts
        self._around = around
        self._told_s = 0.0
        self.failure: ClientError | None = None
        self.refused: Refused | None = None
        self.is_meaningful = False

    def run(self, written: Written) -> Talk:
        head = yield written.send
        if isinstance(head, Lost):
            self.failure = head.error
            return
        if not isinstance(head, Head):
            raise MisuseError("a request was answered with something that is no head")
        if 200 <= head.status < 300:
            yield from self._read(ReplyReader(written.promise, hears_progress=self._hears_progress))
        else:
            yield from self._read_refusal(head)
        yield HangUp()

    # ---- a reply ----

    def _read(self, reader: ReplyReader) -> Talk:
        self._told_s = self._around.clock_s()
        while not reader.is_over and self.failure is None:
            piece = yield Receive(self._within_s(reader))
            events = self._taken(reader, piece)
            self.is_meaningful = reader.is_meaningful
            yield from events
            now_s = self._around.clock_s()
            if events:
                self._told_s = now_s
            elif not reader.is_over and now_s - self._told_s >= self._timeouts.event_s:
                self.failure = self.failure or self._no_event()
        if reader.is_whole:
            yield from self._drained()
        elif self.failure is None:
            self.failure = self._failure_of(reader)

    def _taken(self, reader: ReplyReader, piece: Outcome) -> list[Event]:
        match piece:
            case b"":
                return reader.finish()
            case bytes():
                return reader.feed(piece)
            case Quiet():
                return self._given_up(reader, self._no_event())
            case Lost(error):
                return self._given_up(reader, error)
        raise MisuseError("a body was answered with something that is no piece of it")

    def _given_up(self, reader: ReplyReader, error: ClientError) -> list[Event]:
        """The connection broke, or was silent too long. What was said before may be the whole reply
        all the same; if it is not, ``error`` says more than what is missing."""
        events = reader.finish()
        if not reader.is_whole and not reader.is_told:
            self.failure = error
        return events

    def _within_s(self, reader: ReplyReader) -> float | None:
        """A wait that is shorter than any silence may be, where one is due."""
        if reader.is_lingering:
            return self._timeouts.linger_s
        left_s = self._told_s + self._timeouts.event_s - self._around.clock_s()
        return max(left_s, 0.0) if left_s < self._timeouts.idle_s else None

    def _no_event(self) -> ClientTimeoutError:
        return ClientTimeoutError(
            f"Nothing but keepalives came for {self._timeouts.event_s:g} s (Timeouts.event_s).",
            "event",
        )

    def _failure_of(self, reader: ReplyReader) -> ClientError:
        if reader.wire_error is None:
            assert reader.failure is not None
            return reader.failure
        return failure_told(
            reader.wire_error,
            is_told=reader.is_told,
            key=self._key,
            now_s=self._around.now_s(),
        )

    def _drained(self) -> Talk:
        """Read on to the end of the body, if that is at hand."""
        for _ in range(_MAX_DRAINED_PIECES):
            piece = yield Receive(_DRAIN_S)
            if not isinstance(piece, bytes) or not piece:
                return

    # ---- a refusal ----

    def _read_refusal(self, head: Head) -> Talk:
        body = b""
        until_s = self._around.clock_s() + _REFUSAL_S
        while len(body) < MAX_ERROR_BODY_BYTES:
            left_s = until_s - self._around.clock_s()
            piece = (yield Receive(left_s)) if left_s > 0 else None
            if not isinstance(piece, bytes) or not piece:
                break
            body += piece
        self.refused = Refused(head.status, head.headers, body)
        self.failure = refusal(self.refused, key=self._key, now_s=self._around.now_s())
