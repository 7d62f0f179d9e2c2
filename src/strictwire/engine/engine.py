"""``Engine``: a model of our own, an upstream like any other.

Contract: that of ``model.protocols.Upstream``. ``send`` waits for a place (first come, first
served) and for a child that serves; it raises a ``WireError`` where either does not come, and all
else comes through ``on_error``. Requests that ask the model take ``places``; ``GET`` requests take
none, and what was told of the model is repeated while the model is not there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from urllib.parse import urlsplit

from strictwire.engine import failures
from strictwire.engine.line import Line, LineFull, Ticket
from strictwire.engine.placed import PlacedCall
from strictwire.engine.plan import EngineFacts, EnginePlan, EngineStatus
from strictwire.engine.process import EngineProcess
from strictwire.engine.supervisor import Patience, Running, StartChild, Supervisor
from strictwire.model.errors import MisuseError, WireError
from strictwire.model.protocols import Upstream, UpstreamCall, UpstreamEvents, UpstreamRequest

log = logging.getLogger("strictwire.engine")

# What the child answers without its model, or with its tokenizer alone.
PLACELESS_PATHS = (
    "/tokenize", "/detokenize", "/apply-template", "/count_tokens", "/props", "/slots",
)  # fmt: skip
# A connection breaks a moment before the system says that its process is gone.
EXIT_NOTICE_S = 0.5
# A child that nobody can connect to is a dead one; the next may be dead as well.
MAX_SENDS = 2


class _Waiter:
    """One who stands in line."""

    __slots__ = ("admitted", "events", "ticket", "told")

    def __init__(self, ticket: Ticket, events: UpstreamEvents) -> None:
        self.ticket = ticket
        self.events = events
        self.admitted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.told = -1

    def look(self) -> None:
        """The ticket may stand elsewhere now."""
        place = self.ticket.place
        if not place:
            if not self.admitted.done():
                self.admitted.set_result(None)
        elif place != self.told:
            self.told = place
            self.events.on_queued(place)


class Engine:
    """One model in one child process. ``connect`` makes an upstream to a unix socket's path;
    ``start_child`` starts the process. Belongs to one event loop."""

    def __init__(
        self,
        plan: EnginePlan,
        connect: Callable[[str], Upstream],
        patience: Patience = Patience(),  # noqa: B008 - frozen
        start_child: StartChild = EngineProcess.start,
    ) -> None:
        self._plan = plan
        self._supervisor = Supervisor(
            plan, connect, patience, start_child, lambda: self._active > 0
        )
        self._line = Line(plan.parallel, plan.queue)
        self._waiters: dict[Ticket, _Waiter] = {}
        self._active = 0  # requests in ``send`` or under way
        self._idle_timer: asyncio.TimerHandle | None = None
        self._losses: set[asyncio.Task[None]] = set()
        self._is_closed = False

    # ---- begin and end ----

    async def start(self) -> EngineFacts:
        """Load the model. Raises ``EngineFailed`` with the reason, and leaves nothing behind."""
        await self._supervisor.start()
        assert self.facts is not None
        self._rest()
        return self.facts

    async def close(self) -> None:
        """End the child. Replies under way and requests in line are told so. Closing twice is
        closing once."""
        self._is_closed = True
        self._stop_resting()
        for waiter in self._waiters.values():
            if not waiter.admitted.done():
                waiter.admitted.set_exception(failures.shut_down(self._plan.name))
        await self._supervisor.close()
        if self._losses:
            await asyncio.wait(tuple(self._losses))

    # ---- looks ----

    @property
    def facts(self) -> EngineFacts | None:
        """What the model is; None until it was loaded for the first time."""
        card = self._supervisor.card
        return None if card is None else card.facts

    def status(self) -> EngineStatus:
        """What goes on now."""
        running = self._supervisor.running
        return EngineStatus(
            name=self._plan.name,
            state=self._supervisor.state,
            places=self._line.places,
            busy=self._line.busy,
            waiting=self._line.waiting,
            restarts=self._supervisor.restarts,
            process=None if running is None else running.process.pid,
        )

    # ---- requests ----

    async def send(self, request: UpstreamRequest, events: UpstreamEvents) -> UpstreamCall:
        """See the module's text. Raises ``CallerError`` for more places than there are, and for
        what the model was not made for."""
        if self._is_closed:
            raise MisuseError("a request was sent to an engine that is closed")
        card = self._supervisor.card
        if card is not None and (missing := card.lacks(request)):
            raise failures.unable(self._plan.name, missing)
        if card is not None and self._supervisor.running is None:
            reply = card.reply_to(request)
            if reply is not None:
                reply.tell(events)
                return _Told()
        placed = PlacedCall(self, None, events)
        self._active += 1
        self._stop_resting()
        try:
            if _takes_place(request):
                placed.ticket = await self._wait_for_place(request.places, events)
            await self._begin(request, placed)
        except BaseException:
            placed.finish()
            raise
        return placed

    async def _wait_for_place(self, wants: int, events: UpstreamEvents) -> Ticket:
        name = self._plan.name
        if wants > self._line.places:
            raise failures.too_many_places(name, wants, self._line.places)
        try:
            ticket = self._line.join(max(1, wants))
        except LineFull:
            raise failures.queue_full(name, self._line.waiting) from None
        if not ticket.place:
            return ticket
        waiter = self._waiters[ticket] = _Waiter(ticket, events)
        try:
            waiter.look()
            await waiter.admitted
            events.on_queued(0)
        except BaseException:
            self._leave(ticket)
            raise
        finally:
            del self._waiters[ticket]
        return ticket

    async def _begin(self, request: UpstreamRequest, placed: PlacedCall) -> None:
        """Send it to the child that serves; to the next, where this one cannot be reached: then
        nothing of the request has been heard."""
        for attempt in range(1, MAX_SENDS + 1):
            running = await self._ready()
            placed.process = running.process
            call = await running.upstream.send(request, placed)
            error = placed.take_error()
            is_unheard = error is not None and error.code == "upstream_unreachable"
            if not is_unheard or request.pieces is not None or attempt == MAX_SENDS:
                break
            self._supervisor.suspect(running)
            await running.process.exited()
        placed.begin(call)
        if error is not None:
            placed.on_error(error)

    async def _ready(self) -> Running:
        """A child that serves, and of which no reply just broke: it may be dying, and still
        take a request."""
        while True:
            running = await self._supervisor.ready()
            if not self._losses:
                return running
            await asyncio.wait(tuple(self._losses))

    # ---- what requests tell ----

    def over(self, placed: PlacedCall) -> None:
        """A request ended, however: its place is free."""
        if placed.ticket is not None:
            self._leave(placed.ticket)
        self._active -= 1
        if not self._active:
            self._rest()

    def lost(self, placed: PlacedCall, error: WireError) -> None:
        """The connection of a reply broke."""
        assert placed.process is not None
        if self._is_closed:
            placed.fail(failures.shut_down(self._plan.name))
            return
        looking = self._look_into(placed, error, placed.process)
        task = asyncio.get_running_loop().create_task(looking)
        self._losses.add(task)
        task.add_done_callback(self._losses.discard)

    async def _look_into(
        self, placed: PlacedCall, error: WireError, process: EngineProcess
    ) -> None:
        """Say whether it was the child's end, which the system tells a moment later. Only then is
        the place free: the next in line must not go to a child that is dying."""
        how = await process.exited(EXIT_NOTICE_S)
        placed.fail(error if how is None else failures.died(self._plan.name, how))

    # ---- steps ----

    def _leave(self, ticket: Ticket) -> None:
        for moved in self._line.leave(ticket):
            waiter = self._waiters.get(moved)
            if waiter is None:
                continue
            try:
                waiter.look()
            except Exception:
                log.exception("engine %s: a request in line could not be told", self._plan.name)

    def _rest(self) -> None:
        """Nobody asks: unload the model if that lasts."""
        if self._plan.idle_unload_s > 0 and not self._is_closed:
            loop = asyncio.get_running_loop()
            self._idle_timer = loop.call_later(self._plan.idle_unload_s, self._unload)

    def _unload(self) -> None:
        if self._supervisor.running is not None:
            self._supervisor.unload()
        else:
            self._rest()  # it is being started again: look once more when it serves

    def _stop_resting(self) -> None:
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None


class _Told:
    """The handle on a reply that was told at once."""

    __slots__ = ()

    def pause(self) -> None:
        pass

    def resume(self) -> None:
        pass

    def release(self) -> None:
        pass

    def cancel(self) -> None:
        pass


def _takes_place(request: UpstreamRequest) -> bool:
    if request.method != "POST":
        return False
    return not urlsplit(request.url).path.rstrip("/").endswith(PLACELESS_PATHS)
