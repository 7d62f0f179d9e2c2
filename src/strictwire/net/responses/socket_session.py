"""WebSocket mode: ``response.create`` messages in, the events of their responses out.

Contract: one session per connection. Its responses are made one after the other, in the order in
which they were asked for; ``stream_id`` is repeated in each event of a response that was asked for
with one, and changes nothing else. Errors of a request are ``error`` messages, and the session goes
on. A client that leaves takes the response that is being made with it. Nothing of a message's
content is logged. Source: OpenAI's guide "WebSocket mode" of the Responses API.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Any

import msgspec

from strictwire.dialects.json_body import parse_object
from strictwire.dialects.responses.usage import no_usage
from strictwire.model.errors import CallerError, WireError
from strictwire.net.call import Call
from strictwire.net.client_side.asgi import SHUTDOWN, Receive, Send
from strictwire.net.exchange import shutting_down
from strictwire.net.responses.creating import begin_elsewhere, keeper, response_object
from strictwire.net.responses.event_reply import EventReply
from strictwire.net.responses.owner import owner_of
from strictwire.net.responses.shelf import Place
from strictwire.net.responses.socket_memory import SocketMemory
from strictwire.net.responses.socket_wish import Wish, is_ignored, stream_id_in, wish_of
from strictwire.net.responses.turns import OVER, Turn, turn_of
from strictwire.net.service import Service

log = logging.getLogger("strictwire.net")

# A connection on which nothing happens costs little, but not nothing, and a client that is gone
# without a word answers no ping. People read and type between two turns.
IDLE_S = 3600.0
# Requests that wait for their turn. Agents ask for one at a time.
MAX_WAITING = 16
# A client that reads takes a close at once; no other is waited for.
CLOSE_S = 1.0
# As the transports do it: then the response's upstream is not read further.
HIGH_BYTES = 65_536
LOW_BYTES = 16_384

# The close codes of RFC 6455 (7.4.1): the client may come back; its message was no text; it asks
# without end and reads no answer.
_GOING_AWAY = 1001
_NO_TEXT = 1003
_POLICY = 1008


class SocketSession:
    """``call`` is the handshake. ``run`` returns when the connection is over."""

    def __init__(self, service: Service, call: Call, receive: Receive, send: Send) -> None:
        self._service = service
        self._call = call
        self._receive = receive
        self._send = send
        self._owner = owner_of(call.headers)
        self._memory = SocketMemory(service.shelf, service.settings.max_body_bytes)
        self._wishes: asyncio.Queue[str] = asyncio.Queue(MAX_WAITING)
        self._outgoing: deque[str] = deque()
        self._outgoing_bytes = 0
        self._has_outgoing = asyncio.Event()
        self._is_empty = asyncio.Event()
        self._is_empty.set()
        self._is_at_work = False
        self._is_stopping = False
        self._reply: EventReply | None = None

    async def run(self) -> None:
        await self._send({"type": "websocket.accept", "headers": self._call.reply_headers})
        tasks = [asyncio.create_task(one) for one in (self._listen(), self._work(), self._pump())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if self._reply is not None:
                self._reply.leave()
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        close_code = _result_of(tasks)
        if close_code is not None:
            await self._close(close_code)

    # ---- what the client says ----

    async def _listen(self) -> int | None:
        """Returns the code to close with, None where the client is gone already."""
        while True:
            try:
                async with asyncio.timeout(IDLE_S):
                    message = await self._receive()
            except TimeoutError:
                if self._is_at_work:
                    continue
                return _GOING_AWAY
            kind = message["type"]
            if kind == "websocket.disconnect":
                return None
            if kind == "websocket.receive":
                text = message.get("text")
                if text is None:
                    return _NO_TEXT
                if not self._heard(text):
                    if self._outgoing_bytes > HIGH_BYTES:
                        return _POLICY
                    await asyncio.sleep(0)  # or a flood of them would stop all others
            elif kind == SHUTDOWN:
                # What is under way may end.
                self._is_stopping = True
                if not self._is_at_work:
                    return _GOING_AWAY

    def _heard(self, text: str) -> bool:
        """Whether there was room for the request."""
        try:
            self._wishes.put_nowait(text)
            self._is_at_work = True
            return True
        except asyncio.QueueFull:
            problem = CallerError(
                f"More than {MAX_WAITING} requests wait on this connection. Wait for a response "
                "before you ask for another.",
                status=429,
                type="rate_limit_error",
                code="too_many_waiting_requests",
            )
            self._tell_error(problem, "")
            return False

    # ---- what is made ----

    async def _work(self) -> int:
        while True:
            text = await self._wishes.get()
            await self._serve(text.encode())
            await self._is_empty.wait()
            self._is_at_work = not self._wishes.empty()
            if self._is_stopping and not self._is_at_work:
                return _GOING_AWAY

    async def _serve(self, body: bytes) -> None:
        stream_id = ""
        try:
            fields = parse_object(body)
            stream_id = stream_id_in(fields)
            if is_ignored(fields):
                return
            if self._is_stopping or self._service.is_draining:
                raise shutting_down()
            await self._answer(wish_of(fields, stream_id))
        except WireError as problem:
            self._tell_error(problem, stream_id)
        except Exception:
            log.exception("internal error in a WebSocket request")
            broken = WireError("The gateway failed on this request.", code="internal_error")
            self._tell_error(broken, stream_id)

    async def _answer(self, wish: Wish) -> None:
        request = wish.request
        shelf = self._service.shelf
        turn = await turn_of(request, self._owner, self._memory)
        place = await shelf.place_for(store=request.store)
        if not wish.generates:
            self._warm_up(wish, turn, place)
            return
        teller = _Teller(self, wish.stream_id, turn)
        reply = self._reply = EventReply(teller)
        call = self._new_call(reply)
        begin_elsewhere(self._service, call, turn, reply, place)
        self._hold_back()
        # A gateway that stops waits for the last event too, not only for the end of the exchange.
        self._service.add(self)
        try:
            await reply.finished()
            self._reply = None
            await self._is_empty.wait()
        finally:
            self._service.discard(self)

    def _warm_up(self, wish: Wish, turn: Turn, place: Place) -> None:
        """A response without output, from which the next one can go on. No upstream is asked: there
        is none that would keep a prompt for later."""
        value = response_object(self._service, wish.request, "in_progress")
        result = {**value, "status": "completed", "usage": no_usage()}
        told = (("created", value), ("in_progress", value), ("completed", result))
        for number, (name, response) in enumerate(told):
            kind = f"response.{name}"
            event = {"type": kind, "sequence_number": number, "response": response}
            self.tell(msgspec.json.encode(event), wish.stream_id)
        self.remember(turn, result)
        keep = keeper(self._service, turn, place)
        if keep is not None:
            keep(result)

    def remember(self, turn: Turn, result: dict[str, Any]) -> None:
        """A response is over: the next may go on from it."""
        if result.get("status") in OVER:
            self._memory.remember(turn.history, turn.kept(result, self._service.new_id()))

    def _new_call(self, reply: EventReply) -> Call:
        made = self._call
        return Call(
            method="POST",
            path=made.path,
            headers=made.headers,
            receive=made.receive,
            reply=reply,
            request_id=f"req_{self._service.new_id()}",
            route=made.route,
            dialect=made.dialect,
        )

    def fail(self, error: WireError) -> None:
        """The exchange is told too, and ends the response."""

    # ---- what goes out ----

    def tell(self, event: bytes, stream_id: str) -> None:
        """One event, as a message."""
        if stream_id:
            event = event[:-1] + b',"stream_id":' + msgspec.json.encode(stream_id) + b"}"
        self._outgoing.append(event.decode())
        self._outgoing_bytes += len(event)
        self._has_outgoing.set()
        self._is_empty.clear()
        self._hold_back()

    def _tell_error(self, error: WireError, stream_id: str) -> None:
        told = {
            "message": error.message,
            "type": error.type,
            "param": error.param,
            "code": error.code,
        }
        self.tell_refused(error.status, told, stream_id)

    def tell_refused(self, status: int, error: dict[str, Any], stream_id: str) -> None:
        value = {"type": "error", "status": status, "error": error}
        self.tell(msgspec.json.encode(value), stream_id)

    def _hold_back(self) -> None:
        if self._reply is not None and self._outgoing_bytes > HIGH_BYTES:
            self._reply.pause()

    async def _pump(self) -> None:
        while True:
            await self._has_outgoing.wait()
            while self._outgoing:
                text = self._outgoing[0]
                try:
                    await self._send({"type": "websocket.send", "text": text})
                except OSError:  # how servers say that the client is gone
                    return
                self._outgoing.popleft()
                self._outgoing_bytes -= len(text.encode())
                if self._reply is not None and self._outgoing_bytes < LOW_BYTES:
                    self._reply.resume()
            self._has_outgoing.clear()
            self._is_empty.set()

    async def _close(self, code: int) -> None:
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._send({"type": "websocket.close", "code": code})
        except (OSError, TimeoutError):  # the client is gone, or takes nothing
            pass


class _Teller:
    """Passes the events of one response on to its session."""

    def __init__(self, session: SocketSession, stream_id: str, turn: Turn) -> None:
        self._session = session
        self._stream_id = stream_id
        self._turn = turn

    def on_event(self, name: str, data: bytes) -> None:
        if name in _LAST:
            result = msgspec.json.decode(data).get("response")
            if isinstance(result, dict):
                self._session.remember(self._turn, result)
        self._session.tell(data, self._stream_id)

    def on_pulse(self) -> None:
        """The server's pings do this."""

    def on_refused(self, status: int, body: bytes) -> None:
        self._session.tell_refused(status, msgspec.json.decode(body)["error"], self._stream_id)

    def on_over(self) -> None:
        """The session waits for the reply."""


_LAST = frozenset(("response.completed", "response.incomplete"))


def _result_of(tasks: list[asyncio.Task[Any]]) -> int | None:
    """The first task's word on how to close. A defect in one is logged by its name."""
    for task in tasks:
        if task.cancelled():
            continue
        problem = task.exception()
        if problem is not None:
            log.error("a WebSocket session failed", exc_info=problem)
            return 1011
        return task.result()  # type: ignore[no-any-return]
    return None
