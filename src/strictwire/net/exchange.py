"""One request and its reply: the client on one side, the upstream on the other, a relay between.

Contract: everything after ``begin`` happens in callbacks; no task wakes up for a piece of the
reply. What the upstream sends goes through the relay and to the client in the same call. An
exchange ends exactly once, and with it every timer that it started. The failure rules that it
follows are in ARCHITECTURE.md; their numbers stand beside the code.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from strictwire.model.errors import PeerError, UpstreamTimeout, WireError
from strictwire.model.observer import (
    Observer,
    OpenRequest,
    Outcome,
    ReplyRecord,
    RequestStatus,
)
from strictwire.model.protocols import ReplyRelay, Upstream, UpstreamCall
from strictwire.net.client_side.push import ClientReply
from strictwire.net.deadlines import Deadlines
from strictwire.net.error_replies import (
    blot_secrets,
    error_headers,
    format_error,
    upstream_refusal,
    word_for,
)
from strictwire.net.opening import OpenedKind, Opening
from strictwire.net.plan import NOT_MENDED, Asking, Headers, Plan
from strictwire.net.prompt_tokens import prompt_tokens

log = logging.getLogger("strictwire.net")

STREAM_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
]
# Refusals that were seen name one or two fields each, and a client sends a few that a server does
# not know. What goes on beyond that is no server that will answer.
MAX_RETRIES = 4
# Held once: each empty set of its own would be 216 bytes of every open stream.
_NOTHING: frozenset[str] = frozenset()


class Exchange:
    """Joins a ``ClientReply`` and an ``Upstream``. Is the events' receiver of both."""

    __slots__ = (
        "_asking",
        "_body_bytes",
        "_call",
        "_client",
        "_deadlines",
        "_first_token_s",
        "_is_over",
        "_loop",
        "_mended",
        "_now",
        "_observer",
        "_on_over",
        "_opening",
        "_passed",
        "_place",
        "_plan",
        "_relay",
        "_retries",
        "_sending",
        "_started_at",
        "_status",
        "_upstream",
        "_without",
    )

    def __init__(
        self,
        plan: Plan,
        asking: Asking,
        client: ClientReply,
        upstream: Upstream,
        observer: Observer,
        on_over: Callable[[Exchange], None],
    ) -> None:
        self._plan = plan
        self._asking: Asking | None = asking
        self._client = client
        self._upstream = upstream
        self._observer = observer
        self._on_over = on_over
        self._loop = asyncio.get_running_loop()
        self._now = self._loop.time
        self._started_at = self._now()
        self._deadlines = Deadlines(self._loop, plan.limits, self)
        self._relay: ReplyRelay | None = None
        self._call: UpstreamCall | None = None
        self._sending: asyncio.Task[None] | None = None
        self._opening: Opening | None = None  # from the upstream's head until there is a relay
        self._passed: Headers = []  # what of the upstream's head goes to the client
        self._place = 0  # in the upstream's line; 0 where there is none
        self._status = 0
        self._retries = 0
        self._without = _NOTHING  # what the retries left out
        self._mended = NOT_MENDED
        self._is_over = False
        self._body_bytes = 0
        self._first_token_s: float | None = None

    def elapsed_s(self) -> float:
        return self._now() - self._started_at

    # ---- for who asks what is going on ----

    @property
    def owner(self) -> str:
        return self._plan.owner

    @property
    def request_id(self) -> str:
        return self._plan.request_id

    def look(self) -> OpenRequest:
        """How it stands now. It costs only who looks."""
        plan, relay = self._plan, self._relay
        status = self._stands_at()
        return OpenRequest(
            id=plan.request_id,
            provider=plan.provider,
            model=plan.model,
            is_stream=plan.is_stream,
            created=plan.created,
            status=status,
            elapsed_s=self.elapsed_s(),
            place=self._place if status == "queued" else 0,
            progressed=relay.progressed if relay is not None else None,
        )

    def _stands_at(self) -> RequestStatus:
        relay = self._relay
        if relay is None:
            return "queued" if self._is_unanswered else "processing"
        if relay.is_meaningful:
            return "answering"
        told = relay.progressed
        return "done" if told is not None and told.fraction >= 1.0 else "processing"

    @property
    def _is_unanswered(self) -> bool:
        """The upstream has not begun to answer. A refusal is no beginning: it is asked again."""
        return self._status != 200

    # ---- begin ----

    def begin(self) -> None:
        """Start. Everything else comes by callbacks; ``ClientReply.finished`` tells the end."""
        if self._plan.is_stream:
            self._observer.stream_opened(self._plan.provider)
        self._deadlines.begin()
        self._send(_NOTHING)
        self._client.attach(self)

    def _send(self, refused: frozenset[str]) -> None:
        self._status = 0
        self._sending = self._loop.create_task(self._connect_and_send(refused))

    async def _connect_and_send(self, refused: frozenset[str]) -> None:
        assert self._asking is not None
        try:
            request = self._asking.make_request(refused)
            self._mended = self._asking.mended
            call = await self._upstream.send(request, self)
        except WireError as problem:
            self._sending = None
            self.fail(problem)
            return
        except Exception:  # noqa: BLE001 - the top of this callback; logged
            self._sending = None
            self._broke()
            return
        if self._is_over or self._sending is not asyncio.current_task(self._loop):
            # Ended, or refused and sent once more, by what came before ``send`` returned.
            call.cancel()
            return
        self._sending = None
        self._call = call
        if not self._status:
            self._deadlines.sent()
        if self._client.is_paused:
            call.pause()

    # ---- the upstream's side ----

    def on_queued(self, place: int) -> None:
        """The request waits in the upstream's line: who asked for progress is told at once."""
        self._place = place
        # A shutdown ends all at once: who is over may be told, in that moment, that it moved up.
        if place and self._plan.limits.has_progress and not self._is_over:
            self.on_progress_due()

    def on_head(self, status: int, headers: Headers) -> None:
        self._deadlines.heard()
        self._status = status
        self._opening = Opening(status, headers)

    def on_body(self, data: bytes) -> None:
        try:
            relay = self._relay
            if relay is None:
                self._open(data)
                return
            lane = relay.lane
            if lane is None or (out := lane.take_one(data)) is None:
                out = relay.feed(data)
            deadlines = self._deadlines
            deadlines.heard_at = now = self._now()
            if out:
                if self._first_token_s is None:
                    self._write_first(out, relay)
                self._body_bytes += len(out)
                self._client.write(out)
                deadlines.wrote_at = now
            if relay.wants_attention:
                self._look(relay)
        except Exception:  # noqa: BLE001 - the top of this callback; logged
            self._broke()

    def on_end(self) -> None:
        try:
            self._end_of_body()
        except Exception:  # noqa: BLE001 - the top of this callback; logged
            self._broke()

    def _end_of_body(self) -> None:
        if self._relay is None and self._opening is not None:
            self._opened(self._opening, self._opening.end())
        relay = self._relay
        if relay is None or self._is_over:
            return
        out = relay.finish()
        if out:
            self._write(out, relay)
        self._look(relay)

    def on_error(self, error: WireError) -> None:
        """The connection broke. After the reply's own end that is no failure (rule 3)."""
        try:
            if not self._is_over and not self._ended_well():
                self.fail(error)
        except Exception:  # noqa: BLE001 - the top of this callback; logged
            self._broke()

    def _ended_well(self) -> bool:
        """Whether the reply was whole when its upstream was lost; then it ends here."""
        relay = self._relay
        if relay is None:
            return False
        out = relay.finish()
        if relay.failure is not None:
            return False
        if out:
            self._write(out, relay)
        self._look(relay)
        return True

    def _open(self, data: bytes) -> None:
        """A piece of a reply of which it is not known yet what it is."""
        self._deadlines.heard_at = self._now()
        opening = self._opening
        assert opening is not None, "a body came before its head"
        kind = opening.feed(data)
        if kind is not None:
            self._opened(opening, kind)

    def _opened(self, opening: Opening, kind: OpenedKind) -> None:
        self._opening = None  # an open stream would hold its head
        body = opening.body
        if kind == "refusal":
            self._refused(opening)
        elif kind == "other" and body.strip():
            self._fail_opening(opening)
        else:
            self._relay = self._make_relay(is_object=kind == "object")
            self._pass_headers(opening)
            if body:
                self.on_body(body)

    def _refused(self, opening: Opening) -> None:
        """The upstream said no. If it named what can be mended, ask once more without it; many
        servers name one field at a time."""
        names = _NOTHING
        if self._retries < MAX_RETRIES and self._asking is not None:
            names = self._asking.refused(opening.status, opening.body) - self._without
        if names and not self._client.is_gone:
            self._retries += 1
            self._without |= names
            self._drop_call()
            self._send(self._without)
            return
        self._mended = NOT_MENDED  # it was of no use
        self._fail_opening(opening)

    def _fail_opening(self, opening: Opening) -> None:
        """End with what the upstream told in the place of an answer."""
        self._pass_headers(opening)
        secrets = self._plan.secrets
        self.fail(upstream_refusal(opening.status, opening.headers, opening.body, secrets))

    def _pass_headers(self, opening: Opening) -> None:
        """Pick what the client is to see of the upstream's head; errors have theirs too."""
        if self._asking is not None and not self._client.is_started:
            self._passed = self._asking.passed(opening.headers)

    def _look(self, relay: ReplyRelay) -> None:
        """The relay is done, failed, or only waits for a tail."""
        failure = relay.failure
        if failure is not None:
            self.fail(failure)
        elif relay.is_done:
            self._client.end()
            self._over("ok", 200)
        elif relay.is_lingering:
            self._deadlines.linger()

    # ---- the client's side ----

    def _write(self, out: bytes, relay: ReplyRelay) -> None:
        if self._first_token_s is None:
            self._write_first(out, relay)
        self._body_bytes += len(out)
        self._client.write(out)
        self._deadlines.wrote()

    def _write_first(self, out: bytes, relay: ReplyRelay) -> None:
        """What is due once, before the reply's first bytes; progress may have come before."""
        if relay.is_meaningful:
            self._first_token_s = self.elapsed_s()
            self._deadlines.answered()
            # Not by the status: servers tell errors under 200 too.
            if self._without and self._asking is not None:
                self._asking.learn(self._without)
            self._asking = None
        if not self._client.is_started:
            self._commit(out)

    def _commit(self, out: bytes) -> None:
        """From here on the status is 200. A whole object says its length."""
        if self._plan.is_stream:
            self._client.start(200, STREAM_HEADERS + self._told_headers())
            return
        headers = [(b"content-type", b"application/json"), *self._told_headers()]
        if self._relay is not None and self._relay.is_done:
            headers.append((b"content-length", b"%d" % len(out)))
            if not self._relay.knows_usage:
                headers.append((b"x-strictwire-usage", b"unknown"))
        self._client.start(200, headers)

    def _told_headers(self) -> Headers:
        """What goes with every reply, what the upstream tells, and what it was not asked."""
        told = [*self._plan.headers, *self._passed, *self._mended.headers]
        self._passed = []  # an open stream would hold them
        return told

    def on_pause(self) -> None:
        self._deadlines.paused()
        if self._call is not None:
            self._call.pause()

    def on_resume(self) -> None:
        self._deadlines.resumed()
        if self._call is not None:
            self._call.resume()
        if self._relay is not None and self._relay.is_lingering:
            self._deadlines.linger()

    def on_gone(self) -> None:
        """Nobody listens any more: the upstream is cancelled at once (rule 5)."""
        self._over("client_gone", self._status_told())

    # ---- what time brings (called by Deadlines) ----

    def on_timeout(self, error: UpstreamTimeout) -> None:
        """Like any other end of the upstream: a failure, unless its terminal came (rule 3)."""
        self.on_error(error)

    def on_stalled(self) -> None:
        self._client.cut()
        stalled = WireError("The client read too slowly.", code="client_write_stall_timeout")
        self._over("client_gone", self._status_told(), stalled)

    def on_linger_over(self) -> None:
        """The tail did not come in time: the reply is whole without it (rule 3)."""
        try:
            if self._relay is not None and self._relay.is_lingering:
                self._ended_well()
        except Exception:  # noqa: BLE001 - the top of this callback; logged
            self._broke()

    def on_keepalive_due(self) -> None:
        """Nothing was said for a while: say that we are there."""
        try:
            out = self._the_relay().keepalive
        except Exception:  # noqa: BLE001 - the top of this callback; logged
            self._broke()
            return
        self._write_between(out)

    def on_progress_due(self) -> None:
        try:
            # Asked once more it stands at the line's end, and a place that was told never grows.
            place = 0 if self._retries else self._place
            relay = self._the_relay()
            out = relay.tick_progress(is_queued=self._is_unanswered, place=place)
        except Exception:  # noqa: BLE001 - the top of this callback; logged
            self._broke()
            return
        if out:
            self._write_between(out)

    def _write_between(self, out: bytes) -> None:
        """Bytes that are no part of the reply. They commit the status (rule 1)."""
        if self._is_over or self._client.is_paused:
            return
        if not self._client.is_started:
            self._commit(out)
        self._client.write(out)
        self._deadlines.wrote()

    def _the_relay(self) -> ReplyRelay:
        """The relay, or one for what must be said before the upstream's kind of reply is known."""
        return self._relay or self._make_relay(is_object=not self._plan.is_stream)

    def _make_relay(self, *, is_object: bool) -> ReplyRelay:
        assert self._asking is not None
        return self._asking.make_relay(is_object=is_object, begun_at_s=self._started_at)

    # ---- the end ----

    def fail(self, error: WireError) -> None:
        """A status before the commit, in-band after it, and never a clean end (rule 2)."""
        if self._is_over:
            return
        blot_secrets(error, self._plan.secrets)
        if isinstance(error, PeerError):
            word_for(error, self._plan.dialect)
        client = self._client
        if not client.is_started:
            self._refuse(error)
            return
        relay = self._relay = self._the_relay()
        client.write(relay.fail(error))
        if relay.cuts_after_error:
            client.cut()
        else:
            client.end(close=True)
        self._over("error", 200, error)

    def _refuse(self, error: WireError) -> None:
        """An error as the whole reply, with its own status."""
        client, plan = self._client, self._plan
        body = format_error(error, plan.dialect, plan.request_id)
        client.start(error.status, error_headers(error, body) + self._told_headers())
        client.write(body)
        client.end()
        self._over("error", error.status, error)

    def _broke(self) -> None:
        """A defect of ours must not leave the client waiting. Content is never logged."""
        log.exception("internal error in request %s", self._plan.request_id)
        self.fail(
            WireError("The gateway failed on this reply; its log says why.", code="internal_error")
        )

    def _status_told(self) -> int:
        return 200 if self._client.is_started else 499

    def _drop_call(self) -> None:
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _over(self, outcome: Outcome, status: int, error: WireError | None = None) -> None:
        if self._is_over:
            return
        self._is_over = True
        self._deadlines.end()
        if self._sending is not None and self._sending is not asyncio.current_task(self._loop):
            self._sending.cancel()
        if self._call is not None:
            if outcome == "ok":
                self._call.release()
            else:
                self._call.cancel()
            self._call = None
        plan, relay = self._plan, self._relay
        self._asking = None
        if plan.on_result is not None and relay is not None and relay.result is not None:
            plan.on_result(relay.result)
        if plan.is_stream:
            self._observer.stream_closed(plan.provider)
        cached_tokens, read_tokens = prompt_tokens(relay)
        self._observer.replied(
            ReplyRecord(
                route=plan.route,
                provider=plan.provider,
                status=status,
                outcome=outcome,
                is_stream=plan.is_stream,
                duration_s=self.elapsed_s(),
                first_token_s=self._first_token_s,
                frames=relay.frames if relay is not None else 0,
                body_bytes=self._body_bytes,
                cached_tokens=cached_tokens,
                read_tokens=read_tokens,
                repairs=self._mended.repairs.union(relay.repairs if relay is not None else ()),
                error_code=(error.code or error.type) if error is not None else None,
                request_id=plan.request_id,
            )
        )
        self._on_over(self)


def shutting_down() -> WireError:
    return WireError(
        "The gateway is shutting down and the reply was not finished in time. Ask again.",
        status=503,
        code="shutting_down",
    )
