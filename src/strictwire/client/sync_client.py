"""``Client``: the exchange's steps over httpx, in the caller's thread."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Unpack

import httpx

from strictwire.client.answer import Answer, AnswerGatherer
from strictwire.client.asked import Asked, checked_dialect, question_of
from strictwire.client.errors import ClientError
from strictwire.client.events import Event
from strictwire.client.exchange import Learned, Settings, Talk, converse
from strictwire.client.options import ClientOptions, real_surroundings, settings_of
from strictwire.client.steps import HangUp, Head, Lost, Outcome, Quiet, Receive, Send, Sleep, Step
from strictwire.client.transport import (
    head_of,
    httpx_timeout,
    lost_before_head,
    lost_in_body,
    wait_for_body,
)


class Client:
    """Asks one server, at ``base_url`` (with ``/v1``, if its paths have it).

    ``with Client("http://127.0.0.1:8080/v1") as client: ...`` Threads may share one; a stream
    belongs to one thread. The options are those of ``ClientOptions``.
    """

    def __init__(self, base_url: str, **options: Unpack[ClientOptions]) -> None:
        self._settings = settings_of(base_url, options)
        self._dialect = options.get("dialect", "chat")
        checked_dialect(self._dialect)
        self._learned = Learned()
        self._around = real_surroundings()
        # Nothing is taken from the environment: a proxy there, or a .netrc, would get the key.
        self._http = httpx.Client(
            timeout=httpx_timeout(self._settings.timeouts),
            proxy=options.get("proxy"),
            verify=options.get("tls", True),
            trust_env=False,
            follow_redirects=False,
            # As many streams as the caller's threads open; none waits for another to end.
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=20),
        )

    def __repr__(self) -> str:
        return f"Client({self._settings.address.origin!r})"

    def stream(self, *, model: str, **asked: Unpack[Asked]) -> Stream:
        """The events of one answer, as they come. Nothing is sent before the first is asked for.
        Who leaves early closes the stream, or uses it with ``with``: then its server stops too.
        Raises ClientError while it is read, TypeError and ValueError at once."""
        question = question_of(model, asked, is_stream=True, dialect=self._dialect)
        talk = converse(question, self._settings, self._around, self._learned)
        return Stream(_events(talk, _Line(self._http, self._settings)))

    def ask(self, *, model: str, stream: bool = True, **asked: Unpack[Asked]) -> Answer:
        """One whole answer. It is asked for as a stream, so that silence is noticed and servers
        that only behave when streaming do; ``stream=False`` asks for one object."""
        question = question_of(model, asked, is_stream=stream, dialect=self._dialect)
        talk = converse(question, self._settings, self._around, self._learned)
        return Stream(_events(talk, _Line(self._http, self._settings))).answer()

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Stream(Iterator[Event]):
    """The events of one answer. An error ends it, and it never begins again."""

    def __init__(self, events: Iterator[Event]) -> None:
        self._events = events

    def __next__(self) -> Event:
        return next(self._events)

    def answer(self) -> Answer:
        """The rest of the events, gathered. What came of it goes along with an error."""
        gathered = AnswerGatherer()
        try:
            for event in self:
                gathered.feed(event)
        except ClientError as error:
            error.partial = gathered.answer()
            raise
        return gathered.answer()

    def close(self) -> None:
        """Leave; the server is hung up on."""
        close = getattr(self._events, "close", None)
        if close is not None:
            close()

    def __enter__(self) -> Stream:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _events(talk: Talk, line: _Line) -> Iterator[Event]:
    """A generator, so that a caller who just drops it hangs up as well."""
    outcome: Outcome = None
    try:
        while True:
            try:
                said = talk.send(outcome)
            except StopIteration:
                return
            if isinstance(said, Step):
                outcome = line.take(said)
            else:
                outcome = None
                yield said
    finally:
        talk.close()
        line.hang_up()


class _Line:
    """The I/O of one question: one HTTP exchange after the other."""

    def __init__(self, http: httpx.Client, settings: Settings) -> None:
        self._http = http
        self._timeouts = settings.timeouts
        self._origin = settings.address.origin
        self._response: httpx.Response | None = None
        self._pieces: Iterator[bytes] = iter(())
        self._is_quiet = False

    def take(self, step: Step) -> Outcome:
        match step:
            case Send():
                return self._send(step)
            case Receive(within_s):
                return self._receive(within_s)
            case HangUp():
                self.hang_up()
            case Sleep(seconds):
                time.sleep(seconds)
        return None

    def hang_up(self) -> None:
        response, self._response = self._response, None
        if response is not None:
            response.close()

    def _send(self, step: Send) -> Head | Lost:
        self.hang_up()
        request = self._http.build_request(
            "POST", step.url, headers=dict(step.headers), content=step.body
        )
        try:
            response = self._http.send(request, stream=True)
        except httpx.HTTPError as error:
            return Lost(lost_before_head(error, self._origin, self._timeouts))
        wait_for_body(request, self._timeouts)
        self._response = response
        self._pieces = response.iter_bytes()
        self._is_quiet = False
        return head_of(response)

    def _receive(self, within_s: float | None) -> bytes | Lost | Quiet:
        if within_s is None:
            return self._next_piece()
        # A blocked read of httpcore takes no new deadline. So it is woken: the socket is shut.
        alarm = threading.Timer(within_s, self._shut)
        alarm.daemon = True
        alarm.start()
        try:
            piece = self._next_piece()
        finally:
            alarm.cancel()
        return piece if (isinstance(piece, bytes) and piece) or not self._is_quiet else Quiet()

    def _next_piece(self) -> bytes | Lost:
        try:
            return next(self._pieces, b"")
        except httpx.HTTPError as error:
            return Lost(lost_in_body(error, self._timeouts))

    def _shut(self) -> None:
        self._is_quiet = True
        stream = self._response.extensions.get("network_stream") if self._response else None
        connected = stream.get_extra_info("socket") if stream is not None else None
        if isinstance(connected, socket.socket):
            try:
                # The plain socket's own, since that of a TLS one forgets its session while the
                # other thread still reads with it.
                socket.socket.shutdown(connected, socket.SHUT_RDWR)
            except OSError:
                pass  # its peer was faster
