"""An engine in random plays: who comes, leaves, dies and is started again, in any order.

No process and no clock: the child is a scripted one, and time goes on only where nothing else can.
What must hold at every moment is asserted where it would break; ``compare`` holds the engine
against what each client was told, and every play ends with everybody served and nothing left.
"""

from __future__ import annotations

import asyncio
import json
import selectors
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from strictwire.engine import Engine, EnginePlan
from strictwire.engine.child_options import ChildOptions
from strictwire.engine.process import LoadFailed
from strictwire.engine.supervisor import Patience
from strictwire.model.errors import MisuseError, PeerError, WireError
from strictwire.model.protocols import UpstreamEvents, UpstreamRequest

STEPS = 40
# Some seconds' worth, where the usual number is too few for so many rules.
PLAYS = 120
QUEUE = 4
IDLE_UNLOAD_S = 20.0
# More turns of the loop than any chain of wake-ups takes.
MANY_TURNS = 40
# Longer than any wait of an engine whose child can be started: pauses and patience.
LONG_S = 100.0
MODELS = {"data": [{"meta": {"n_ctx_train": 64, "n_params": 1, "size": 1}}]}
PROPS = {
    "default_generation_settings": {"n_ctx": 64},
    "modalities": {},
    "chat_template": "{{ messages }}",
}
TURNS = st.sampled_from([0, 0, 1, 2, 4, MANY_TURNS, MANY_TURNS])


class StillSelector(selectors.DefaultSelector):
    """Does not wait: the time that would pass is over at once."""

    now_s = 1000.0

    def select(self, timeout: float | None = None) -> Any:
        assert timeout is not None, "all wait for each other"
        self.now_s += max(0.0, timeout)
        return super().select(0)


class StillLoop(asyncio.SelectorEventLoop):
    """Its clock moves to the next timer when nothing else is left to do."""

    def __init__(self) -> None:
        self._still = StillSelector()
        super().__init__(self._still)

    def time(self) -> float:
        return self._still.now_s


class Child:
    """A process and the way to it: what an engine knows of both."""

    def __init__(self, world: World, pid: int) -> None:
        self.world = world
        self.pid = pid
        self.how: str | None = None
        self.is_dead = False  # what ``how`` tells a moment later
        self.is_closed = False
        self.calls: list[ChildCall] = []
        self._exit = asyncio.Event()

    # ---- what an EngineProcess does ----

    async def ready(self) -> bool:
        outcome = self.world.next_load
        await asyncio.sleep(self.world.load_s)
        if outcome == "fails" or self.is_dead:
            self.die("status 3", 0.0)
            await self._exit.wait()
            raise LoadFailed("It is no model.")
        return False

    async def exited(self, timeout_s: float | None = None) -> str | None:
        try:
            async with asyncio.timeout(timeout_s):
                await self._exit.wait()
        except TimeoutError:
            pass
        return self.how

    def hang_up(self) -> None:
        self.die("status 0", 0.01)

    async def end(self) -> None:
        self.hang_up()
        await self._exit.wait()

    def die(self, how: str, notice_s: float) -> None:
        """Its connections break now, and the system says so after ``notice_s``."""
        if not self.is_dead:
            self.is_dead = True
            asyncio.get_running_loop().call_later(notice_s, self._tell, how)
            self.break_all("upstream_closed")

    def _tell(self, how: str) -> None:
        self.how = how
        self._exit.set()

    # ---- what its upstream does ----

    async def send(self, request: UpstreamRequest, events: UpstreamEvents) -> ChildCall:
        if self.is_closed:
            raise MisuseError("closed")
        await asyncio.sleep(0)
        call = ChildCall(self, request, events)
        if self.is_dead or self.is_closed:
            code = "upstream_unreachable" if self.is_dead else "shutting_down"
            events.on_error(PeerError("Gone.", code=code))
        elif request.method == "GET":
            told = PROPS if request.url.endswith("/props") else MODELS
            events.on_head(200, [])
            events.on_body(json.dumps(told).encode())
            events.on_end()
        else:
            self.calls.append(call)
            assert sum(call.request.places for call in self.calls) <= self.world.places
        return call

    async def close(self) -> None:
        self.is_closed = True
        self.break_all("shutting_down")

    def break_all(self, code: str) -> None:
        while self.calls:
            self.calls.pop(0).events.on_error(PeerError("Broken.", code=code))


class ChildCall:
    """A request that a child works on, while it is in ``child.calls``."""

    def __init__(self, child: Child, request: UpstreamRequest, events: UpstreamEvents) -> None:
        self.child = child
        self.request = request
        self.events = events
        self.is_begun = False

    @property
    def is_open(self) -> bool:
        return self in self.child.calls

    def step(self) -> None:
        """Some more of the reply."""
        if self.is_begun:
            self.events.on_body(b"x")
        else:
            self.is_begun = True
            self.events.on_head(200, [])

    def end(self) -> None:
        if not self.is_begun:
            self.step()
        self.cancel()
        self.events.on_end()

    def break_off(self) -> None:
        self.cancel()
        self.events.on_error(PeerError("Broken.", code="upstream_closed"))

    def pause(self) -> None:
        pass

    def resume(self) -> None:
        pass

    def release(self) -> None:
        self.cancel()

    def cancel(self) -> None:
        if self.is_open:
            self.child.calls.remove(self)


class World:
    """All children that were ever started, and how the next will load."""

    def __init__(self, places: int) -> None:
        self.places = places
        self.children: list[Child] = []
        self.next_load = "succeeds"
        self.load_s = 0.1
        self.sockets: dict[str, Child] = {}

    def engine(self, idle_s: float) -> Engine:
        plan = EnginePlan(
            name="played",
            model_path=Path("model.gguf"),
            model_name="model",
            parallel=self.places,
            queue=QUEUE,
            idle_unload_s=idle_s,
        )
        return Engine(plan, self.connect, Patience(), self.start)

    async def start(self, options: ChildOptions) -> Child:
        assert all(child.how is not None for child in self.children), "two at a time"
        child = Child(self, len(self.children) + 1)
        self.children.append(child)
        self.sockets[options.socket] = child
        return child

    def connect(self, path: str) -> Child:
        return self.sockets[path]

    @property
    def child(self) -> Child:
        return self.children[-1]


class Client:
    """Who asks once. What it may not be told is an assertion where it is told."""

    def __init__(self, engine: Engine, request: UpstreamRequest) -> None:
        self.wants = request.places
        self.places: list[int] = []
        self.call: Any = None
        self.end = ""  # "ended", "error", "raised", "left"
        self._has_head = False
        self.task = asyncio.get_running_loop().create_task(self._send(engine, request))

    async def _send(self, engine: Engine, request: UpstreamRequest) -> None:
        try:
            self.call = await engine.send(request, self)
        except (WireError, MisuseError):
            self._over("raised")
            assert not self._has_head
        except asyncio.CancelledError:
            assert self.end == "left"

    @property
    def is_waiting(self) -> bool:
        return not self.end and self.places[-1:] > [0]

    @property
    def is_in(self) -> bool:
        """It has its places."""
        return not self.end and not self.is_waiting

    def leave(self) -> None:
        if self.end:  # in the turn before
            return
        self._over("left")
        if self.call is None:
            self.task.cancel()
        else:
            self.call.cancel()

    def release(self) -> None:
        if not self.end:
            self._over("left")
            self.call.release()

    def on_queued(self, place: int) -> None:
        assert not self.end
        assert self.call is None
        assert not self._has_head
        assert place < min(self.places, default=QUEUE + 1), "it never grows"
        self.places.append(place)

    def on_head(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        assert self.is_in
        assert not self._has_head
        self._has_head = True

    def on_body(self, data: bytes) -> None:
        assert self.is_in
        assert self._has_head

    def on_end(self) -> None:
        assert self._has_head
        self._over("ended")

    def on_error(self, error: WireError) -> None:
        assert error.code in ("engine_died", "upstream_closed", "engine_closed")
        self._over("error")

    def _over(self, how: str) -> None:
        assert not self.end, f"told twice: {self.end}, {how}"
        self.end = how


class Play(RuleBasedStateMachine):
    """Every rule acts, and lets the loop make a few turns or none: so that the next finds things
    in the middle."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = StillLoop()
        self.problems: list[Any] = []
        self.loop.set_exception_handler(lambda _, problem: self.problems.append(problem))
        self.clients: list[Client] = []  # by arrival
        self.closing: asyncio.Task[None] | None = None
        self.engine: Engine

    @initialize(places=st.integers(1, 3), idle_s=st.sampled_from([0.0, IDLE_UNLOAD_S]))
    def begin(self, places: int, idle_s: float) -> None:
        self.world = World(places)
        self.idle_s = idle_s
        self.engine = self.world.engine(idle_s)
        self.run(self.engine.start())

    def run(self, work: Coroutine[Any, Any, Any]) -> None:
        self.loop.run_until_complete(work)
        assert not self.problems

    async def act(self, turns: int, what: Any) -> None:
        what()
        for _ in range(turns):
            await asyncio.sleep(0)

    def do(self, turns: int, what: Any) -> None:
        self.run(self.act(turns, what))
        if turns == MANY_TURNS:
            self.compare()

    # ---- clients ----

    @precondition(lambda self: self.closing is None)
    @rule(wants=st.lists(st.sampled_from([1, 1, 1, 2, 3]), min_size=1, max_size=4), turns=TURNS)
    def arrive(self, wants: list[int], turns: int) -> None:
        """Some at once, each with its wants; more than there are is refused."""
        for places in wants:
            request = UpstreamRequest("POST", "http://engine/v1/chat/completions", places=places)
            self.do(0, lambda request=request: self.clients.append(Client(self.engine, request)))
        self.do(turns, lambda: None)

    @precondition(lambda self: self.closing is None and self.clients)
    @rule(path=st.sampled_from(["/v1/models", "/slots"]), turns=TURNS)
    def look(self, path: str, turns: int) -> None:
        request = UpstreamRequest("GET", "http://engine" + path, places=0)
        self.do(turns, lambda: self.clients.append(Client(self.engine, request)))

    @precondition(lambda self: self.open())
    @rule(data=st.data(), turns=TURNS)
    def leave(self, data: st.DataObject, turns: int) -> None:
        self.do(turns, data.draw(st.sampled_from(self.open())).leave)

    @precondition(lambda self: any(client.call for client in self.open()))
    @rule(data=st.data(), turns=TURNS)
    def release(self, data: st.DataObject, turns: int) -> None:
        called = [client for client in self.open() if client.call is not None]
        self.do(turns, data.draw(st.sampled_from(called)).release)

    def open(self) -> list[Client]:
        return [client for client in self.clients if not client.end]

    # ---- the child ----

    @precondition(lambda self: self.world.child.calls)
    @rule(
        data=st.data(),
        does=st.sampled_from(["step", "end", "end", "break_off"]),
        turns=TURNS,
    )
    def answer(self, data: st.DataObject, does: str, turns: int) -> None:
        call = data.draw(st.sampled_from(self.world.child.calls))
        self.do(turns, lambda: call.is_open and getattr(call, does)())

    @rule(notice_s=st.sampled_from([0.0, 0.05, 0.3]), turns=TURNS)
    def die(self, notice_s: float, turns: int) -> None:
        self.do(turns, lambda: self.world.child.die("signal 9", notice_s))

    @rule(outcome=st.sampled_from(["succeeds", "fails"]), load_s=st.sampled_from([0.0, 0.1, 40.0]))
    def next_load(self, outcome: str, load_s: float) -> None:
        self.world.next_load, self.world.load_s = outcome, load_s

    # ---- time ----

    @precondition(lambda self: self.clients)
    @rule(seconds=st.sampled_from([0.01, 0.1, 0.5, 3.0, IDLE_UNLOAD_S, LONG_S]))
    def wait(self, seconds: float) -> None:
        self.run(asyncio.sleep(seconds))

    def compare(self) -> None:
        """Whoever could go on without time has gone on: the engine and what the clients heard."""
        status = self.engine.status()
        asking = [client for client in self.open() if client.wants]
        inside = [client for client in asking if client.is_in]
        waiting = [client for client in asking if client.is_waiting]
        assert status.busy == sum(client.wants for client in inside)
        assert status.waiting == len(waiting)
        assert [client.places[-1] for client in waiting] == list(range(1, len(waiting) + 1))
        assert asking == inside + waiting, "first come, first served"
        assert not waiting or status.busy + waiting[0].wants > status.places
        if status.state == "ready" and not self.world.child.is_dead and not self.engine._losses:
            assert all(client.call is not None for client in inside)
            assert len(self.world.child.calls) == len(inside)
        if self.closing is not None and self.closing.done():
            assert not self.open()

    def rest(self) -> None:
        """All who are in come to their end, and so do those who wait; then nobody asks."""
        self.world.next_load, self.world.load_s = "succeeds", 0.1
        for _ in range(len(self.clients) + 1):
            self.run(asyncio.sleep(LONG_S / 2))
            for call in tuple(self.world.child.calls):
                self.do(1, lambda call=call: call.is_open and call.end())
        self.do(MANY_TURNS, lambda: None)
        assert not self.open()
        self.run(asyncio.sleep(LONG_S))
        if self.closing is None:
            assert self.engine.status().state == ("unloaded" if self.idle_s else "ready")

    @precondition(lambda self: self.closing is None and len(self.clients) > 5)
    @rule(turns=TURNS)
    def close(self, turns: int) -> None:
        self.closing = self.loop.create_task(self.engine.close())
        self.do(turns, lambda: None)

    @invariant()
    def no_more_than_there_is(self) -> None:
        if hasattr(self, "engine"):
            status = self.engine.status()
            assert status.busy <= status.places
            assert status.waiting <= QUEUE

    def teardown(self) -> None:
        try:
            if hasattr(self, "engine"):
                self.leave_nothing()
        finally:
            self.loop.close()

    def leave_nothing(self) -> None:
        self.rest()
        self.run(self.engine.close())
        self.do(MANY_TURNS, lambda: None)
        assert not self.open()
        status = self.engine.status()
        assert (status.busy, status.waiting, status.state) == (0, 0, "closed")
        assert not asyncio.all_tasks(self.loop)
        assert all(child.how is not None for child in self.world.children)
        assert not any(Path(path).parent.exists() for path in self.world.sockets)
        for client in self.clients:
            if not client.task.cancelled():
                assert client.task.exception() is None


@pytest.mark.properties
def test_any_play() -> None:
    examples = max(PLAYS, settings.default.max_examples)
    limits = settings(max_examples=examples, stateful_step_count=STEPS)
    run_state_machine_as_test(Play, settings=limits)


def test_a_child_that_ended_as_it_was_to_be_unloaded_is_unloaded_later() -> None:
    """Its status is known a turn before its supervisor hears of it."""

    async def play() -> None:
        world = World(places=1)
        engine = world.engine(IDLE_UNLOAD_S)
        await engine.start()
        dying = world.child
        dying.how = "signal 9"
        await asyncio.sleep(IDLE_UNLOAD_S + 1.0)
        dying.die("signal 9", 0.0)
        await asyncio.sleep(LONG_S)
        assert len(world.children) == 2
        assert engine.status().state == "unloaded"
        await engine.close()

    with asyncio.Runner(loop_factory=StillLoop) as runner:
        runner.run(play())
