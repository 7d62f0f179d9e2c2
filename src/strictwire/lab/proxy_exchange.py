"""One reply of an upstream through the lab's proxy: watched and passed on, or told in short.

Contract: ``Exchange.run`` asks the upstream and sends its reply to the client. A reply that breaks
off is broken off here too, by an answer without its end. Raises ``CallerError`` (502) where the
upstream cannot be reached.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

import httpx

from strictwire.lab.event_lines import EventLines, EventTooLongError
from strictwire.lab.gathering import Gathering
from strictwire.lab.script import SSE_TYPE, Json, to_json
from strictwire.model.errors import CallerError

CONNECT_TIMEOUT_S = 10.0
# A model may think for long before its first word, and it is not for a tool like this to judge.
READ_TIMEOUT_S = 600.0
# How much of the gathered text a line shows.
MAX_SHOWN_CHARACTERS = 2_000
# A reply that is one object is looked at up to here.
MAX_WATCHED_BYTES = 16 * 1024 * 1024
# What belongs to one connection, or is said anew here.
OWN_HEADERS = frozenset(
    (
        "accept-encoding",
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]


class Lines:
    """What is told of one request; the same event again and again is one line and a count."""

    def __init__(self, name: str, tell: Callable[[str], None]) -> None:
        self._name = name
        self._tell = tell
        self._last = ""
        self._repeats = 0

    def say(self, text: str) -> None:
        self._flush()
        self._tell(f"{self._name} {text}")

    def event(self, kind: str) -> None:
        if kind == self._last:
            self._repeats += 1
            return
        self.say(kind)
        self._last = kind

    def _flush(self) -> None:
        if self._repeats:
            self._tell(f"{self._name} {self._last}, {self._repeats} more")
        self._last, self._repeats = "", 0


class Exchange:
    """One request to the upstream, and its reply to the client."""

    def __init__(self, url: str, lines: Lines, send: Send, *, is_final_only: bool) -> None:
        self._url = url
        self._is_final_only = is_final_only
        self._lines = lines
        self._send = send
        self._events = EventLines()
        self._gathering = Gathering()
        self._whole = bytearray()
        self._is_object: bool | None = None
        self._told_events = 0

    async def run(self, headers: list[tuple[str, str]], body: bytes) -> None:
        timeout = httpx.Timeout(READ_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
        # The environment's proxies are not for a tool that is pointed at one address.
        async with httpx.AsyncClient(timeout=timeout, trust_env=False) as client:
            try:
                request = client.build_request("POST", self._url, headers=headers, content=body)
                reply = await client.send(request, stream=True)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                self._lines.say(f"the upstream cannot be reached: {type(error).__name__}")
                raise CallerError(
                    "the upstream cannot be reached",
                    status=502,
                    type="upstream_error",
                    code="upstream_unreachable",
                ) from None
            try:
                await self._relay(reply)
            finally:
                await reply.aclose()

    async def _relay(self, reply: httpx.Response) -> None:
        if not reply.is_success:
            self._lines.say(f"status {reply.status_code}, passed through")
            await self._pass(reply, watched=False)
        elif self._is_final_only:
            await self._send_final(reply)
        else:
            is_broken = await self._pass(reply, watched=True)
            self._tell_end(is_broken=is_broken)

    async def _pass(self, reply: httpx.Response, *, watched: bool) -> bool:
        """The reply as it comes; returns whether it broke off, and then so does ours."""
        await self._send(
            {
                "type": "http.response.start",
                "status": reply.status_code,
                "headers": [
                    (name.lower().encode("latin-1"), value.encode("latin-1"))
                    for name, value in reply.headers.multi_items()
                    if name.lower() not in OWN_HEADERS | {"content-encoding"}
                ],
            }
        )
        is_broken = True
        async for data in _pieces(reply):
            if data is None:
                is_broken = False
                break
            if watched:
                self._watch(data)
            await self._send({"type": "http.response.body", "body": data, "more_body": True})
        if not is_broken:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        return is_broken

    def _watch(self, data: bytes) -> None:
        """What it is, its first byte says: servers label streams as JSON."""
        if self._is_object is None:
            self._is_object = data.lstrip()[:1] == b"{" if data.strip() else None
        if self._is_object:
            self._whole += data[: MAX_WATCHED_BYTES - len(self._whole)]
            return
        try:
            events = self._events.feed(data)
        except EventTooLongError:
            self._lines.say("an event is too long to be looked at")
            self._events = EventLines()
            return
        self._note(events)

    def _note(self, events: list[Json]) -> None:
        for event in events:
            kind = event.get("type")
            self._lines.event(kind if isinstance(kind, str) else "an event without a type")
            self._gathering.feed(event)

    def _finish_watching(self) -> None:
        self._note(self._events.finish())
        if self._whole:
            self._note_object(bytes(self._whole))

    def _note_object(self, body: bytes) -> None:
        try:
            value = json.loads(body)
        except (ValueError, RecursionError):
            self._lines.say("the reply is neither a stream nor a JSON object")
            return
        if isinstance(value, dict):
            self._lines.say("one object, although a stream was asked for")
            self._gathering.feed_object(value)

    def _tell_end(self, *, is_broken: bool) -> None:
        self._finish_watching()
        gathered = self._gathering
        for name, text in (("text", gathered.text), ("reasoning", gathered.reasoning)):
            if text:
                shown = text[:MAX_SHOWN_CHARACTERS]
                self._lines.say(f"{name}, {len(text)} characters: {shown!r}")
        how = "broken off" if is_broken else "closed"
        terminal = gathered.terminal
        self._lines.say(f"{how}, {terminal['type'] if terminal else 'without a terminal event'}")

    # ---- only what is final ----

    async def _send_final(self, reply: httpx.Response) -> None:
        """The head goes out with the first bytes, so that the client does not wait in silence."""
        headers = [(b"content-type", SSE_TYPE.encode()), (b"cache-control", b"no-cache")]
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        is_broken, is_begun = True, False
        async for data in _pieces(reply):
            if data is None:
                is_broken = False
                break
            self._watch(data)
            if self._gathering.created is not None and not is_begun:
                is_begun = True
                await self._send_event("response.created", response=self._gathering.created)
            if self._gathering.terminal is not None or self._events.is_done:
                is_broken = False
                break
        self._tell_end(is_broken=is_broken)
        await self._send_ending(is_begun=is_begun)

    async def _send_ending(self, *, is_begun: bool) -> None:
        gathered = self._gathering
        terminal = gathered.terminal or gathered.inferred_terminal(is_done=self._events.is_done)
        response = terminal["response"]
        if not is_begun:
            begun = {**response, "status": "in_progress", "output": [], "usage": None}
            await self._send_event("response.created", response={**begun, "error": None})
        for index, item in enumerate(gathered.items):
            await self._send_event("response.output_item.done", output_index=index, item=item)
        await self._send_event(terminal["type"], response=response)
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_event(self, kind: str, **fields: Any) -> None:
        event = {"type": kind, "sequence_number": self._told_events, **fields}
        self._told_events += 1
        data = f"event: {kind}\n".encode() + b"data: " + to_json(event) + b"\n\n"
        await self._send({"type": "http.response.body", "body": data, "more_body": True})


async def _pieces(reply: httpx.Response) -> AsyncIterator[bytes | None]:
    """The body's pieces, and None at its end; nothing more where it broke off."""
    try:
        async for data in reply.aiter_bytes():
            yield data
    except httpx.HTTPError:
        return
    yield None
