"""A stage for scripted dialogues: a client, an upstream and a clock, all moved by the test.

``Stage.order`` records who did what, in order. What must never happen is an assertion at the place
where it happens: a write after the end, a timer that fires for an exchange that is over. ``over``
checks what must hold once an exchange has ended, however it ended.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from strictwire.model.errors import MisuseError, PeerError, WireError
from strictwire.model.observer import ReplyRecord
from strictwire.model.protocols import ReplyRelay, UpstreamEvents, UpstreamRequest
from strictwire.model.request import Promise
from strictwire.net.client_side.push import ClientEvents
from strictwire.net.deadlines import Limits
from strictwire.net.exchange import Exchange
from strictwire.net.plan import NOT_MENDED, Mended, Plan
from strictwire.relay import make_relay
from strictwire.routing import ADDED_FIELDS, refused_fields

SSE = [(b"content-type", b"text/event-stream")]
JSON = [(b"content-type", b"application/json")]
DONE = b"data: [DONE]\n\n"


class ManualTimer:
    """What ``call_later`` returns."""

    def __init__(self, when_s: float, callback: Callable[..., None], args: tuple[Any, ...]) -> None:
        self.when_s = when_s
        self._callback = callback
        self._args = args
        self.is_pending = True

    def cancel(self) -> None:
        self.is_pending = False

    def cancelled(self) -> bool:
        return not self.is_pending

    def fire(self) -> None:
        self.is_pending = False
        self._callback(*self._args)


class ManualLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock stands still until the test moves it."""

    def __init__(self) -> None:
        super().__init__()
        self._now_s = 1000.0
        self._timers: list[ManualTimer] = []

    def time(self) -> float:
        return self._now_s

    def call_later(self, delay: float, callback: Any, *args: Any, context: Any = None) -> Any:
        timer = ManualTimer(self._now_s + delay, callback, args)
        self._timers.append(timer)
        return timer

    def call_at(self, when: float, callback: Any, *args: Any, context: Any = None) -> Any:
        return self.call_later(when - self._now_s, callback, *args)

    @property
    def pending(self) -> list[ManualTimer]:
        self._timers = [timer for timer in self._timers if timer.is_pending]
        return self._timers

    def advance(self, seconds: float) -> None:
        """Move the clock; what falls due on the way fires in its order."""
        until_s = self._now_s + seconds
        while due := [timer for timer in self.pending if timer.when_s <= until_s + 1e-9]:
            first = min(due, key=lambda timer: timer.when_s)
            self._now_s = max(self._now_s, first.when_s)
            first.fire()
        self._now_s = until_s


def clock() -> ManualLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, ManualLoop)
    return loop


async def turn() -> None:
    """Let tasks run as far as they can without time."""
    for _ in range(5):
        await asyncio.sleep(0)


class ScriptedClient:
    """A ``ClientReply``. ``leave``, ``stop_reading`` and ``read_on`` are the client's doings."""

    def __init__(self, order: list[str]) -> None:
        self.order = order
        self.events: ClientEvents | None = None
        self.status = 0
        self.headers: dict[str, str] = {}
        self.pieces: list[bytes] = []
        self.is_started = self.is_paused = self.is_gone = self.is_complete = False
        self.ending = ""
        self.on_write: Callable[[], None] = lambda: None
        self._over = asyncio.Event()

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)

    @property
    def objects(self) -> list[Any]:
        """The JSON of each ``data:`` line."""
        lines = [line for line in self.body.split(b"\n") if line.startswith(b"data: {")]
        return [json.loads(line[6:]) for line in lines]

    @property
    def error(self) -> dict[str, Any]:
        """The error, as a status or in-band."""
        if self.headers.get("content-type") == "application/json":
            told: dict[str, Any] = json.loads(self.body)["error"]
            return told
        (told,) = [value["error"] for value in self.objects if "error" in value]
        return told

    # ---- ClientReply ----

    def attach(self, events: ClientEvents) -> None:
        if self.is_gone:
            events.on_gone()
            return
        self.events = events
        if self.is_paused:
            events.on_pause()

    def start(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self._check("start")
        assert not self.is_started, "started twice"
        self.is_started = True
        self.status = status
        self.headers = {name.decode(): value.decode() for name, value in headers}
        self.order.append(f"start {status}")

    def write(self, data: bytes) -> None:
        if not data:
            return
        self._check("write")
        assert self.is_started, "written before the start"
        self.pieces.append(data)
        self.order.append("write")
        self.on_write()

    def end(self, *, close: bool = False) -> None:
        if self.is_gone:
            return
        self._check("end")
        self._finish("end close" if close else "end")

    def cut(self) -> None:
        if self.is_gone:
            return
        self._check("cut")
        self._finish("cut")

    async def finished(self) -> None:
        await self._over.wait()

    # ---- what the client does ----

    def leave(self) -> None:
        self.order.append("gone")
        self.is_gone = True
        events, self.events = self.events, None
        self._over.set()
        if events is not None:
            events.on_gone()

    def stop_reading(self) -> None:
        self.is_paused = True
        if self.events is not None:
            self.events.on_pause()

    def read_on(self) -> None:
        self.is_paused = False
        if self.events is not None:
            self.events.on_resume()

    def _check(self, what: str) -> None:
        assert not self.is_complete, f"{what} after the end"
        assert not self.is_gone, f"{what} to a client that has gone"

    def _finish(self, ending: str) -> None:
        self.is_complete = True
        self.ending = ending
        self.events = None
        self.order.append(ending)
        self._over.set()


class ScriptedCall:
    """An ``UpstreamCall``: notes what it is told. What the upstream says to a paused one waits."""

    def __init__(self, order: list[str]) -> None:
        self.order = order
        self.is_paused = False
        self.is_silenced = False
        self._held: list[Callable[[], None]] = []

    def pause(self) -> None:
        self.is_paused = True
        self.order.append("upstream pause")

    def resume(self) -> None:
        self.is_paused = False
        self.order.append("upstream resume")
        while self._held and not self.is_paused:
            self._held[0]()
            del self._held[:1]  # it may have cancelled the call, and with it all the others

    def tell(self, event: Callable[[], None]) -> None:
        if self.is_paused or self._held:
            self._held.append(event)
        else:
            event()

    def release(self) -> None:
        self._silence("upstream release")

    def cancel(self) -> None:
        self._silence("upstream cancel")

    def _silence(self, word: str) -> None:
        if not self.is_silenced:
            self.is_silenced = True
            self._held.clear()
            self.order.append(word)


class ScriptedUpstream:
    """An ``Upstream``. Its replies are told to the newest request's events by the test.

    ``is_connecting`` holds ``send`` back until ``connected``; ``early`` acts inside ``send``.
    """

    def __init__(self, order: list[str]) -> None:
        self.order = order
        self.requests: list[UpstreamRequest] = []
        self.events: list[UpstreamEvents] = []
        self.calls: list[ScriptedCall] = []
        self.is_connecting = False
        self.early: Callable[[UpstreamEvents], None] | None = None
        self.connected = asyncio.Event()
        self._is_closed = False

    async def send(self, request: UpstreamRequest, events: UpstreamEvents) -> ScriptedCall:
        if self._is_closed:
            raise MisuseError("a request was sent through an upstream that is closed")
        self.requests.append(request)
        self.order.append("connect" if self.is_connecting else "send")
        if self.is_connecting:
            try:
                await self.connected.wait()
            except asyncio.CancelledError:
                self.order.append("connect cancelled")
                raise
            self.order.append("send")
        call = ScriptedCall(self.order)
        self.calls.append(call)
        self.events.append(events)
        if self.early is not None:
            self.early(events)
        return call

    async def close(self) -> None:
        self._is_closed = True
        self.order.append("upstream closed")
        for at, call in enumerate(self.calls):
            if not call.is_silenced:
                self.fails(PeerError("The upstream was closed.", code="upstream_closed"), at=at)

    # ---- what the upstream does; ``at`` picks a request ----

    def head(self, status: int = 200, headers: Any = SSE, *, at: int = -1) -> None:
        self._may_speak(at)
        events = self.events[at]
        self.calls[at].tell(lambda: events.on_head(status, list(headers)))

    def says(self, data: bytes, *, at: int = -1) -> None:
        self._may_speak(at)
        events = self.events[at]
        self.calls[at].tell(lambda: events.on_body(data))

    def ends(self, *, at: int = -1) -> None:
        self._may_speak(at)
        call, events = self.calls[at], self.events[at]

        def end() -> None:
            call.is_silenced = True
            events.on_end()

        call.tell(end)

    def fails(self, error: WireError, *, at: int = -1) -> None:
        """At once, even while it is paused: a connection that breaks is seen."""
        self._may_speak(at)
        self.calls[at].is_silenced = True
        self.events[at].on_error(error)

    def _may_speak(self, at: int) -> None:
        assert not self.calls[at].is_silenced, "nothing is told after cancel or release"


class Witness:
    """An ``Observer``."""

    def __init__(self, order: list[str]) -> None:
        self.order = order
        self.records: list[ReplyRecord] = []
        self.open_streams = 0

    def stream_opened(self, provider: str) -> None:
        self.open_streams += 1

    def stream_closed(self, provider: str) -> None:
        self.open_streams -= 1

    def replied(self, record: ReplyRecord) -> None:
        self.records.append(record)
        self.order.append(f"record {record.outcome}")


LIMITS = {
    "first_byte_s": 60.0,
    "idle_s": 30.0,
    "write_stall_s": 20.0,
    "total_s": 0.0,
    "keepalive_s": 0.0,
    "linger_s": 1.0,
}


class Stage:
    """One exchange and all around it. Keywords are the promise's fields and the limits'."""

    def __init__(self, **options: Any) -> None:
        limits = {name: options.pop(name, default) for name, default in LIMITS.items()}
        self.secrets: tuple[str, ...] = options.pop("secrets", ())
        self.order: list[str] = []
        self.client = ScriptedClient(self.order)
        self.upstream = ScriptedUpstream(self.order)
        self.witness = Witness(self.order)
        self.left: list[Exchange] = []
        self.results: list[dict[str, Any]] = []
        self.broken_relay: ReplyRelay | None = None
        promise: dict[str, Any] = {"id": "1", "created": 1, "model": "m", **options}
        self.promise = Promise(**promise)
        self.limits = Limits(**limits, has_progress=self.promise.progress is not None)
        plan = Plan(
            route="/chat/completions",
            provider="up",
            request_id="req_1",
            is_stream=self.promise.is_stream,
            limits=self.limits,
            headers=[(b"x-request-id", b"req_1")],
            secrets=self.secrets,
            dialect=self.promise.dialect,
            on_result=self.results.append,
        )
        self.learned: frozenset[str] = frozenset()
        self.mended = NOT_MENDED
        self.exchange = Exchange(
            plan, self, self.client, self.upstream, self.witness, self.left.append
        )

    # ---- Asking ----

    def make_request(self, refused: frozenset[str]) -> UpstreamRequest:
        body = json.dumps({"dropped": sorted(refused)}).encode()
        self.mended = Mended(tuple(sorted(refused)), frozenset(("request.x",) if refused else ()))
        return UpstreamRequest("POST", "http://up/v1/chat/completions", (), body)

    def make_relay(self, *, is_object: bool, begun_at_s: float) -> ReplyRelay:
        if self.broken_relay is not None:
            return self.broken_relay
        elapsed = lambda: clock().time() - begun_at_s  # noqa: E731
        return make_relay(self.promise, is_object=is_object, elapsed=elapsed)

    def passed(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        return [one for one in headers if one[0].startswith(b"x-ratelimit-")]

    def refused(self, status: int, body: bytes) -> frozenset[str]:
        return frozenset(refused_fields(status, body, added=ADDED_FIELDS))

    def learn(self, names: frozenset[str]) -> None:
        self.learned |= names

    # ---- the play ----

    async def begin(self) -> Stage:
        """Up to where the request is on its way (or waits for a connection)."""
        self.exchange.begin()
        await turn()
        return self

    async def begin_streaming(self) -> Stage:
        """Up to the first token at the client."""
        await self.begin()
        self.upstream.head()
        self.upstream.says(said("Hi", role="assistant"))
        assert b"Hi" in self.client.body
        return self

    def since(self, mark: int) -> list[str]:
        return self.order[mark:]

    def over(self, outcome: str, *, code: str | None = None) -> ReplyRecord:
        """What holds after every end: told once, no timer left, nothing more to come."""
        assert self.left == [self.exchange]
        assert self.witness.open_streams == 0
        (record,) = self.witness.records
        assert (record.outcome, record.error_code) == (outcome, code)
        assert clock().pending == [], "a timer outlives its request"
        assert all(call.is_silenced for call in self.upstream.calls), "the upstream goes on"
        before = list(self.order)
        clock().advance(10_000)
        assert self.order == before, "something happened after the end"
        return record


def chunk(
    delta: dict[str, Any] | None = None,
    *,
    finish: str | None = None,
    index: int = 0,
    **more: Any,
) -> bytes:
    """One frame of a chat stream, as an honest upstream sends it."""
    choice = {"index": index, "delta": delta or {}, "finish_reason": finish}
    value = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [choice],
        **more,
    }
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def said(text: str, **more: Any) -> bytes:
    return chunk({**more, "content": text})


def told_usage() -> bytes:
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    return chunk(choices=[], usage=usage)


def prompt_progress(processed: int, total: int = 100) -> bytes:
    """llama.cpp's own words for a batch."""
    told = {"total": total, "cache": 0, "processed": processed, "time_ms": 1}
    return chunk({"role": "assistant", "content": None}, prompt_progress=told)


def whole_reply(text: str = "Hi") -> bytes:
    message = {"role": "assistant", "content": text}
    return json.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": "m",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
        }
    ).encode()
