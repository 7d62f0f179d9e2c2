"""One request on its way to a provider, and the reply on its way back.

Contract: ``run`` returns when the reply is over, whichever way, and has told the observer one
record. The work is one task that reads, waits and writes; the client's disconnect, a shutdown and
the timeouts end it at once, and with it the upstream's connection. At most a piece of a body is
held at a time. Timeouts are the provider's, by phase; the wait for a piece of the upload is the
upload's own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import httpx

from strictwire.model.errors import UpstreamTimeout, WireError
from strictwire.model.observer import Outcome, ReplyRecord
from strictwire.net.call import Call
from strictwire.net.client_side.asgi import Headers
from strictwire.net.client_side.push import ClientGone
from strictwire.net.error_replies import MAX_ERROR_BODY_BYTES, blot_secrets, upstream_refusal
from strictwire.net.passthrough.destination import Destination
from strictwire.net.passthrough.headers import to_client
from strictwire.net.passthrough.upload import Upload
from strictwire.net.service import Service
from strictwire.net.upstream import failures
from strictwire.net.upstream.address import parse_address
from strictwire.net.upstream.content_decoder import ContentError, decoder_for
from strictwire.net.upstream.httpx_failures import named
from strictwire.net.upstream_headers import upstream_secrets

log = logging.getLogger("strictwire.net")

# Not sent to anyone, only counted.
_CLIENT_GONE = 499


class Passage:
    """Is the events' receiver of the client's side."""

    def __init__(
        self,
        service: Service,
        call: Call,
        destination: Destination,
        headers: Headers,
        body: Upload,
    ) -> None:
        self._service = service
        self._call = call
        self._to = destination
        self._headers = headers
        self._body = body
        self._loop = asyncio.get_running_loop()
        self._begun_at = self._loop.time()
        self._timer = asyncio.timeout(None)
        self._late = ("", 0.0, "")  # what the running phase would have failed to do
        self._phase = failures.BEFORE_REPLY
        self._may_write = asyncio.Event()
        self._may_write.set()
        self._work: asyncio.Task[None] | None = None
        self._ended_by: WireError | None = None
        self._is_gone = False
        self._sent_bytes = 0

    async def run(self) -> None:
        """Pass the request on and its reply back."""
        self._work = self._loop.create_task(self._bounded())
        self._body.watch(self.on_gone)
        try:
            await asyncio.wait((self._work,))
        finally:
            self._work.cancel()
            self._body.stop()
        self._end(self._problem(self._work))

    # ---- what ends it ----

    def fail(self, error: WireError) -> None:
        """End with this error, at once."""
        self._ended_by = self._ended_by or error
        if self._work is not None:
            self._work.cancel()

    def on_gone(self) -> None:
        self._is_gone = True
        if self._work is not None:
            self._work.cancel()

    def on_pause(self) -> None:
        self._may_write.clear()

    def on_resume(self) -> None:
        self._may_write.set()

    def _problem(self, work: asyncio.Task[None]) -> WireError | None:
        if work.cancelled():
            return self._ended_by
        error = work.exception()
        if error is None:
            return None
        if isinstance(error, ClientGone):
            self._is_gone = True
            return None
        provider = self._to.provider
        match error:
            case WireError():
                return error
            case TimeoutError():
                what, limit_s, setting = self._late
                return UpstreamTimeout(
                    f"{what} within {limit_s:g} s (setting: timeouts.{setting}).",
                    code=f"upstream_{setting}_timeout",
                )
            case httpx.HTTPError():
                address = parse_address(provider.base_url).origin.address
                return named(error, address, provider.timeouts.connect, self._phase)
            case ContentError():
                return failures.protocol_error(str(error))
        log.error("internal error in request %s", self._call.request_id, exc_info=error)
        return WireError("The gateway failed on this request.", code="internal_error")

    def _end(self, problem: WireError | None) -> None:
        call, reply = self._call, self._call.reply
        status = self._status
        if self._is_gone or reply.is_gone:
            outcome: Outcome = "client_gone"
            status = status or _CLIENT_GONE
            reply.cut()
        elif problem is not None:
            outcome = "error"
            blot_secrets(problem, upstream_secrets(self._to.provider, self._to.key))
            if reply.is_started:
                reply.cut()
            else:
                status = problem.status
                call.refuse(problem)
                call.status = 0  # counted here
        else:
            outcome = "ok"
        self._service.observer.replied(
            ReplyRecord(
                route=call.route,
                provider=self._to.provider.name,
                status=status,
                outcome=outcome,
                duration_s=self._loop.time() - self._begun_at,
                body_bytes=self._sent_bytes,
                error_code=(problem.code or problem.type) if problem is not None else None,
                request_id=call.request_id,
            )
        )

    # ---- the work ----

    _status = 0

    async def _bounded(self) -> None:
        total_s = self._to.provider.timeouts.total or None
        try:
            async with asyncio.timeout(total_s) as total:
                async with self._timer:
                    await self._pass()
        except TimeoutError:
            if total.expired():
                self._late = ("The upstream did not finish its reply", total_s or 0, "total")
            raise

    async def _pass(self) -> None:
        provider = self._to.provider
        client = self._service.streaming.client_of(provider, provider.timeouts.connect)
        request = self._request()
        response = await client.send(request, stream=True)
        try:
            self._phase = failures.IN_BODY
            self._body.stop()
            self._call.reply.attach(self)
            headers = [(name.lower(), value) for name, value in response.headers.raw]
            if response.status_code >= 300:
                raise await self._refusal(response, headers)
            await self._reply(response, headers)
        finally:
            await response.aclose()

    def _request(self) -> httpx.Request:
        timeouts = self._to.provider.timeouts
        has_body = any(name == b"content-length" for name, _ in self._headers)
        if not has_body and self._body.is_whole:
            self._wait("The upstream did not begin to answer", timeouts.first_byte, "first_byte")
            content = None
        else:
            content = self._pieces()
        return httpx.Request(
            self._call.method,
            self._to.url,
            headers=self._headers,
            content=content,
            extensions={"timeout": {"connect": timeouts.connect}},
        )

    async def _pieces(self) -> AsyncIterator[bytes]:
        """The upload. A piece is asked for when the upstream has taken the one before it."""
        timeouts = self._to.provider.timeouts
        while True:
            self._timer.reschedule(None)  # the upload keeps the time that the client takes
            piece = await self._body.next_piece()
            if piece is None:
                break
            self._wait("The upstream took nothing of the request body", timeouts.idle, "idle")
            yield piece
        self._wait("The upstream did not begin to answer", timeouts.first_byte, "first_byte")

    async def _reply(self, response: httpx.Response, headers: Headers) -> None:
        reply, timeouts = self._call.reply, self._to.provider.timeouts
        self._status = response.status_code
        reply.start(self._status, to_client(headers) + self._call.reply_headers)
        self._wait("The upstream sent nothing", timeouts.idle, "idle")
        async for piece in response.aiter_raw():
            reply.write(piece)
            self._sent_bytes += len(piece)
            if not self._may_write.is_set():
                self._wait("The client read nothing", timeouts.write_stall, "write_stall")
                await self._may_write.wait()
            self._wait("The upstream sent nothing", timeouts.idle, "idle")
        reply.end()

    async def _refusal(self, response: httpx.Response, headers: Headers) -> WireError:
        """An error reply, of which so much is read as an error needs. A redirect is one, too: the
        key must not follow it."""
        self._wait("The upstream sent nothing", self._to.provider.timeouts.idle, "idle")
        decoder = decoder_for(b",".join(v for n, v in headers if n == b"content-encoding"))
        body = bytearray()
        async for piece in response.aiter_raw():
            body += piece if decoder is None else decoder.feed(piece)
            if len(body) > MAX_ERROR_BODY_BYTES:
                break
        secrets = upstream_secrets(self._to.provider, self._to.key)
        return upstream_refusal(response.status_code, headers, bytes(body), secrets)

    def _wait(self, what: str, limit_s: float, setting: str) -> None:
        """From now on ``what`` is an error once ``limit_s`` have passed."""
        self._late = (what, limit_s, setting)
        self._timer.reschedule(self._loop.time() + limit_s)
