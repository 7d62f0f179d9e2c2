"""``AsyncClient``: the exchange's steps over httpx, on asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
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


class AsyncClient:
    """Asks one server, at ``base_url`` (with ``/v1``, if its paths have it).

    ``async with AsyncClient("http://127.0.0.1:8080/v1") as client: ...`` Any number of streams may
    run at once. The options are those of ``ClientOptions``.
    """

    def __init__(self, base_url: str, **options: Unpack[ClientOptions]) -> None:
        self._settings = settings_of(base_url, options)
        self._dialect = options.get("dialect", "chat")
        checked_dialect(self._dialect)
        self._learned = Learned()
        self._around = real_surroundings()
        # Nothing is taken from the environment: a proxy there, or a .netrc, would get the key.
        self._http = httpx.AsyncClient(
            timeout=httpx_timeout(self._settings.timeouts),
            proxy=options.get("proxy"),
            verify=options.get("tls", True),
            trust_env=False,
            follow_redirects=False,
            # As many streams as the caller opens; none waits for another to end.
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=20),
        )

    def __repr__(self) -> str:
        return f"AsyncClient({self._settings.address.origin!r})"

    def stream(self, *, model: str, **asked: Unpack[Asked]) -> AsyncStream:
        """The events of one answer, as they come. Nothing is sent before the first is asked for.
        Who leaves early closes the stream, or uses it with ``async with``: then its server stops
        too. Raises ClientError while it is read, TypeError and ValueError at once."""
        question = question_of(model, asked, is_stream=True, dialect=self._dialect)
        talk = converse(question, self._settings, self._around, self._learned)
        return AsyncStream(_events(talk, _Line(self._http, self._settings)))

    async def ask(self, *, model: str, stream: bool = True, **asked: Unpack[Asked]) -> Answer:
        """One whole answer. It is asked for as a stream, so that silence is noticed and servers
        that only behave when streaming do; ``stream=False`` asks for one object."""
        question = question_of(model, asked, is_stream=stream, dialect=self._dialect)
        talk = converse(question, self._settings, self._around, self._learned)
        async with AsyncStream(_events(talk, _Line(self._http, self._settings))) as told:
            return await told.answer()

    async def close(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


class AsyncStream(AsyncIterator[Event]):
    """The events of one answer. An error ends it, and it never begins again."""

    def __init__(self, events: AsyncGenerator[Event, None]) -> None:
        self._events = events

    async def __anext__(self) -> Event:
        return await anext(self._events)

    async def answer(self) -> Answer:
        """The rest of the events, gathered. What came of it goes along with an error."""
        gathered = AnswerGatherer()
        try:
            async for event in self:
                gathered.feed(event)
        except ClientError as error:
            error.partial = gathered.answer()
            raise
        return gathered.answer()

    async def close(self) -> None:
        """Leave; the server is hung up on."""
        await self._events.aclose()

    async def __aenter__(self) -> AsyncStream:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


async def _events(talk: Talk, line: _Line) -> AsyncGenerator[Event, None]:
    outcome: Outcome = None
    try:
        while True:
            try:
                said = talk.send(outcome)
            except StopIteration:
                return
            if isinstance(said, Step):
                outcome = await line.take(said)
            else:
                outcome = None
                yield said
    finally:
        talk.close()
        await line.hang_up()


class _Line:
    """The I/O of one question: one HTTP exchange after the other."""

    def __init__(self, http: httpx.AsyncClient, settings: Settings) -> None:
        self._http = http
        self._timeouts = settings.timeouts
        self._origin = settings.address.origin
        self._response: httpx.Response | None = None
        self._pieces: AsyncIterator[bytes] | None = None

    async def take(self, step: Step) -> Outcome:
        match step:
            case Send():
                return await self._send(step)
            case Receive(within_s):
                return await self._receive(within_s)
            case HangUp():
                await self.hang_up()
            case Sleep(seconds):
                await asyncio.sleep(seconds)
        return None

    async def hang_up(self) -> None:
        response, self._response = self._response, None
        if response is not None:
            await response.aclose()

    async def _send(self, step: Send) -> Head | Lost:
        await self.hang_up()
        request = self._http.build_request(
            "POST", step.url, headers=dict(step.headers), content=step.body
        )
        try:
            response = await self._http.send(request, stream=True)
        except httpx.HTTPError as error:
            return Lost(lost_before_head(error, self._origin, self._timeouts))
        wait_for_body(request, self._timeouts)
        self._response = response
        self._pieces = response.aiter_bytes()
        return head_of(response)

    async def _receive(self, within_s: float | None) -> bytes | Lost | Quiet:
        assert self._pieces is not None
        try:
            # A read that is cancelled closes its connection, so nothing is asked of it any more.
            async with asyncio.timeout(within_s):
                return await anext(self._pieces, b"")
        except TimeoutError:
            return Quiet()
        except httpx.HTTPError as error:
            return Lost(lost_in_body(error, self._timeouts))
