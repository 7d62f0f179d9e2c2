"""One request on its way to a provider, and the reply on its way back.

Contract: ``run`` returns when the reply is over, whichever way, and has told the observer one
record. A reply may come before the upload is whole, and is passed on at once; if it is a refusal,
the rest of the upload is not sent. The client's disconnect, a shutdown and the timeouts end it at
once, and with it the upstream's connection. At most a piece of a body is held at a time. Timeouts
are the provider's, by phase; the wait for a piece of the upload is the upload's own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

from strictwire.model.errors import WireError
from strictwire.model.observer import Outcome, ReplyRecord
from strictwire.model.protocols import UpstreamCall, UpstreamRequest
from strictwire.net.call import Call
from strictwire.net.client_side.asgi import Headers
from strictwire.net.client_side.push import ClientGone
from strictwire.net.error_replies import MAX_ERROR_BODY_BYTES, blot_secrets, upstream_refusal
from strictwire.net.passthrough.destination import Destination
from strictwire.net.passthrough.headers import to_client
from strictwire.net.passthrough.patience import Patience, Phase
from strictwire.net.passthrough.upload import Upload
from strictwire.net.service import Service
from strictwire.net.upstream import failures
from strictwire.net.upstream.content_decoder import ContentError, decoder_for
from strictwire.net.upstream_headers import upstream_secrets

log = logging.getLogger("strictwire.net")

# Not sent to anyone, only counted.
_CLIENT_GONE = 499


class Passage:
    """Is the events' receiver of both sides."""

    def __init__(
        self,
        service: Service,
        call: Call,
        destination: Destination,
        headers: Headers,
        body: Upload,
        length_bytes: int | None,
    ) -> None:
        self._service = service
        self._call = call
        self._to = destination
        self._headers = headers
        self._body = body
        self._length_bytes = length_bytes
        self._loop = asyncio.get_running_loop()
        self._begun_at = self._loop.time()
        self._patience = Patience(destination.provider.timeouts, self.fail)
        self._sending: asyncio.Task[None] | None = None
        self._upstream: UpstreamCall | None = None
        self._is_uploading = False
        self._is_answered = False
        self._status = 0  # as the client was told
        self._refusal: tuple[int, Headers, bytearray] | None = None
        self._sent_bytes = 0
        self._over = asyncio.Event()

    async def run(self) -> None:
        """Pass the request on and its reply back."""
        self._sending = self._loop.create_task(self._send())
        self._body.watch(self.on_gone)
        self._call.reply.attach(self, is_body_read=self._body.is_whole)
        try:
            await self._over.wait()
        finally:
            self._let_go()

    # ---- sending ----

    async def _send(self) -> None:
        upstream = self._service.upstream_of(self._to.provider.name)
        try:
            call = await upstream.send(self._request(), self)
        except WireError as error:
            self.fail(error)
            return
        except Exception:  # noqa: BLE001 - the top of this task; logged
            self._broke()
            return
        if self._over.is_set():
            call.cancel()  # ended by what came before ``send`` returned
            return
        self._upstream = call
        if self._call.reply.is_paused:
            call.pause()
        if not (self._is_uploading or self._is_answered):
            self._patience.wait(Phase.FIRST_BYTE)

    def _request(self) -> UpstreamRequest:
        method, url, headers = self._call.method, self._to.url, tuple(self._headers)
        if self._body.is_whole:
            body = self._to.head
            return UpstreamRequest(method, url, headers, body, undoes_coding=False)
        self._is_uploading = True
        return UpstreamRequest(
            method,
            url,
            headers,
            pieces=self._pieces(),
            length_bytes=self._length_bytes,
            undoes_coding=False,
        )

    async def _pieces(self) -> AsyncIterator[bytes]:
        """The upload. A piece is asked for when the upstream has taken the one before it."""
        while True:
            self._wait_for_upload(None)
            try:
                piece = await self._body.next_piece()
            except ClientGone:
                self.on_gone()
                return
            if piece is None:
                break
            self._wait_for_upload(Phase.UPLOAD)
            yield piece
        self._is_uploading = False
        # Until now the upload's own reading has told whether the client is there.
        self._call.reply.attach(self)
        self._wait_for_upload(Phase.REPLY if self._is_answered else Phase.FIRST_BYTE)

    def _wait_for_upload(self, phase: Phase | None) -> None:
        """None: only for the client, whose time the upload keeps. A refusal counts more."""
        if self._refusal is not None:
            return
        if phase is None:
            self._patience.rest()
        else:
            self._patience.wait(phase)

    # ---- the upstream's side ----

    def on_queued(self, place: int) -> None:
        pass  # what passes through has no progress to tell

    def on_head(self, status: int, headers: Headers) -> None:
        try:
            self._is_answered = True
            # A redirect is a refusal, too: the key must not follow it.
            if status >= 300:
                self._refusal = (status, headers, bytearray())
            else:
                self._status = status
                self._call.reply.start(status, to_client(headers) + self._call.reply_headers)
            if not self._is_uploading or self._refusal is not None:
                self._patience.wait(Phase.REPLY)
        except Exception:  # noqa: BLE001 - the top of this callback; logged
            self._broke()

    def on_body(self, data: bytes) -> None:
        try:
            if self._refusal is not None:
                body = self._refusal[2]
                body += data
                if len(body) > MAX_ERROR_BODY_BYTES:
                    self._refuse()
                return
            self._sent_bytes += len(data)
            if not self._is_uploading:
                self._patience.wait(Phase.REPLY)
            self._call.reply.write(data)
        except Exception:  # noqa: BLE001 - the top of this callback; logged
            self._broke()

    def on_end(self) -> None:
        try:
            if self._refusal is not None:
                self._refuse()
                return
            self._call.reply.end()
            self._end(None)
        except Exception:  # noqa: BLE001 - the top of this callback; logged
            self._broke()

    def on_error(self, error: WireError) -> None:
        self.fail(error)

    def _refuse(self) -> None:
        """An error reply, of which so much was read as an error needs."""
        assert self._refusal is not None
        status, headers, body = self._refusal
        try:
            decoder = decoder_for(b",".join(v for n, v in headers if n == b"content-encoding"))
            plain = bytes(body) if decoder is None else decoder.feed(bytes(body))
        except ContentError as error:
            self.fail(failures.protocol_error(str(error)))
            return
        secrets = upstream_secrets(self._to.provider, self._to.key)
        self.fail(upstream_refusal(status, headers, plain, secrets))

    # ---- the client's side ----

    def on_pause(self) -> None:
        if self._upstream is not None:
            self._upstream.pause()
        if self._is_answered:
            self._patience.wait(Phase.CLIENT)

    def on_resume(self) -> None:
        if self._upstream is not None:
            self._upstream.resume()
        if self._is_answered:
            self._patience.wait(Phase.REPLY)

    def on_gone(self) -> None:
        self._end(None, is_gone=True)

    # ---- the end ----

    def fail(self, error: WireError) -> None:
        """End with this error, at once."""
        if not self._over.is_set():
            self._end(error)

    def _broke(self) -> None:
        log.exception("internal error in request %s", self._call.request_id)
        self.fail(WireError("The gateway failed on this request.", code="internal_error"))

    def _end(self, problem: WireError | None, *, is_gone: bool = False) -> None:
        if self._over.is_set():
            return
        self._over.set()
        self._let_go()
        call, reply = self._call, self._call.reply
        status = self._status
        outcome: Outcome = "ok"
        if is_gone or reply.is_gone:
            outcome = "client_gone"
            status = status or _CLIENT_GONE
            problem = None
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
        self._tell(status, outcome, problem)

    def _tell(self, status: int, outcome: Outcome, problem: WireError | None) -> None:
        self._service.observer.replied(
            ReplyRecord(
                route=self._call.route,
                provider=self._to.provider.name,
                status=status,
                outcome=outcome,
                duration_s=self._loop.time() - self._begun_at,
                body_bytes=self._sent_bytes,
                error_code=(problem.code or problem.type) if problem is not None else None,
                request_id=self._call.request_id,
            )
        )

    def _let_go(self) -> None:
        """Nothing of this request goes on, on any side."""
        self._patience.end()
        self._body.stop()
        if self._upstream is not None:
            self._upstream.cancel()  # after a whole reply this does nothing
        sending = self._sending
        if sending is not None and sending is not asyncio.current_task():
            sending.cancel()
