"""Keeps one child running: starts it, starts it again when it dies, unloads it, ends it.

Contract: ``start`` loads the model once and raises ``EngineFailed`` if that fails. From then on
one task watches: a child that dies is started again after a pause that doubles, and so is one that
cannot be started. ``ready`` waits for a child that serves, up to a bound. It knows no requests.

States: loading -> ready -> restarting -> ready …; restarting -> failed when starting failed some
times in a row (it is still tried again); ready -> unloaded -> loading; any -> closed.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from strictwire.engine import failures
from strictwire.engine.child_options import ChildOptions
from strictwire.engine.folders import make_folder
from strictwire.engine.model_card import ModelCard, look
from strictwire.engine.plan import EnginePlan, EngineState
from strictwire.engine.platform import missing_here
from strictwire.engine.process import EngineProcess, LoadFailed
from strictwire.engine.pulse import until_stuck
from strictwire.model.errors import WireError
from strictwire.model.protocols import Upstream

log = logging.getLogger("strictwire.engine")

# The longest pause is reached long before; a number that doubles for days has no end.
MAX_DOUBLINGS = 30

# Raises ``LoadFailed`` where no process can be started.
StartChild = Callable[[ChildOptions], Awaitable[EngineProcess]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long an engine waits for what. Seconds."""

    # Hundreds of gigabytes from a slow disk.
    load_s: float = 1800.0
    # A request meanwhile: as long as people look at a screen on which nothing happens.
    request_s: float = 30.0
    # Between two signs of life of a child that has work: as long as a reply may be silent.
    silent_s: float = 300.0
    # Before a dead child is started again; doubles with each death in a row.
    first_pause_s: float = 0.1
    longest_pause_s: float = 30.0
    # Who served so long did not die of its start.
    settled_s: float = 10.0
    # So many starts that fail in a row are no accident; requests are told so without a wait.
    failures: int = 3


@dataclass(frozen=True, slots=True)
class Running:
    """A child that serves, and the way to it."""

    process: EngineProcess
    upstream: Upstream
    card: ModelCard
    socket: Path

    async def end(self) -> None:
        """End the child, and tell whoever still waits for a reply of it."""
        await self.upstream.close()
        await self.process.end()
        self.socket.unlink(missing_ok=True)


class Supervisor:
    """The child of one engine. Belongs to one event loop."""

    def __init__(
        self,
        plan: EnginePlan,
        connect: Callable[[str], Upstream],
        patience: Patience,
        start_child: StartChild,
        is_busy: Callable[[], bool],
    ) -> None:
        self._plan = plan
        self._connect = connect
        self._start_child = start_child
        self._is_busy = is_busy
        self._patience = patience
        self._folder: Path | None = None
        self._generation = 0  # each child has a socket of its own: no connection outlives one
        self._child: Running | None = None  # until nothing is left of it
        self._is_serving = False
        self._is_unloading = False
        self._starting: asyncio.Task[Running] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._wanted = asyncio.Event()
        self._changed = asyncio.Event()
        self._reason = ""  # of the last start that failed
        self._deaths = 0  # in a row, starts that failed included
        self._served_at = 0.0
        self._retry_at = 0.0
        self._down_since = 0.0
        self.state: EngineState = "loading"
        self.restarts = 0
        self.card: ModelCard | None = None

    @property
    def running(self) -> Running | None:
        """The child that serves now."""
        child = self._child
        return (
            child if child is not None and self._is_serving and child.process.how is None else None
        )

    # ---- begin and end ----

    async def start(self) -> None:
        """Load the model. Raises ``EngineFailed``, and leaves nothing behind then."""
        # Said before anything is tried.
        if missing := missing_here():
            raise failures.EngineFailed(self._plan.name, missing)
        self._starting = asyncio.create_task(self._load())
        try:
            running = await self._starting
        except BaseException as problem:
            self._remove_folder()
            if isinstance(problem, LoadFailed):
                raise failures.EngineFailed(self._plan.name, str(problem)) from problem
            if self.state == "closed":
                raise failures.shut_down(self._plan.name) from None
            raise
        self._serve(running)
        self._watching = asyncio.create_task(self._watch())

    async def close(self) -> None:
        """End the child; returns when nothing of it is left."""
        self._be("closed")
        for task in (self._starting, self._watching):
            if task is not None:
                task.cancel()
                await asyncio.wait([task])
        self._is_serving = False
        if self._child is not None:
            await self._child.end()
        self._remove_folder()

    # ---- what requests ask ----

    async def ready(self) -> Running:
        """The child that serves, waiting for it as long as a request may. Raises a ``WireError``
        with ``retry-after`` where it does not come; wakes one that was unloaded."""
        loop = asyncio.get_running_loop()
        came_at = loop.time()
        if self.state == "unloaded":
            self._down_since = came_at
            self._be("loading")
        self._wanted.set()
        while (running := self.running) is None:
            if self.state == "closed":
                raise failures.shut_down(self._plan.name)
            if self.state == "failed":
                wait_s = self._retry_at - loop.time()
                raise failures.EngineFailed(self._plan.name, self._reason, retry_after_s=wait_s)
            # Not by its own arrival alone: it may have stood in line for long, and rightly so.
            deadline = max(came_at, self._down_since) + self._patience.request_s
            try:
                async with asyncio.timeout_at(deadline):
                    await self._changed.wait()
            except TimeoutError:
                raise failures.loading(self._plan.name, self._patience.request_s) from None
        return running

    def suspect(self, running: Running) -> None:
        """Nobody can connect to this child: whether it lives or not, it is ended."""
        running.process.hang_up()

    def unload(self) -> None:
        """Let the child go until somebody wants it again."""
        running = self.running
        if running is not None:
            self._is_serving = False
            self._is_unloading = True
            self._wanted.clear()
            self._be("unloaded")
            log.info("engine %s: unloaded, nobody asked for a while", self._plan.name)
            running.process.hang_up()

    # ---- the task ----

    async def _watch(self) -> None:
        try:
            while True:
                child = self._child
                assert child is not None
                how = await self._outlive(child)
                self._is_serving = False
                await child.end()
                self._child = None
                if self._is_unloading:
                    self._is_unloading = False
                    await self._wanted.wait()
                else:
                    await self._mourn(how)
                self._serve(await self._load_at_last())
        except Exception:  # the top of this task; logged
            # Else requests would wait for what nobody brings.
            log.exception("engine %s: its supervisor broke", self._plan.name)
            self._reason = "Its supervisor broke; the log has the details."
            self._be("failed")

    async def _outlive(self, child: Running) -> str | None:
        """Wait for its end, however it comes; one that does not get on is ended."""
        feeling = asyncio.create_task(self._feel(child))
        try:
            return await child.process.exited()
        finally:
            feeling.cancel()
            await asyncio.wait([feeling])

    async def _feel(self, child: Running) -> None:
        silent_s = self._patience.silent_s
        await until_stuck(child.upstream, self._is_busy, silent_s)
        log.warning(
            "engine %s: its process did nothing for %g s and is ended", self._plan.name, silent_s
        )
        child.process.kill()

    async def _mourn(self, how: str | None) -> None:
        """A child that served has died: pause before the next."""
        loop = asyncio.get_running_loop()
        if loop.time() - self._served_at >= self._patience.settled_s:
            self._deaths = 0
        self._down_since = loop.time()
        self.restarts += 1
        self._be("restarting")
        log.warning("engine %s: its process ended (%s); starting it again", self._plan.name, how)
        await self._pause()

    async def _load_at_last(self) -> Running:
        """Try until it succeeds."""
        while True:
            try:
                running = await self._load()
            except LoadFailed as problem:
                self._reason = str(problem)
                log.warning("engine %s: %s", self._plan.name, problem)
                is_lost = self._deaths + 1 >= self._patience.failures
                self._be("failed" if is_lost else "restarting")
                await self._pause()
            else:
                return running

    async def _pause(self) -> None:
        patience = self._patience
        pause_s = min(patience.first_pause_s * 2.0**self._deaths, patience.longest_pause_s)
        self._deaths = min(self._deaths + 1, MAX_DOUBLINGS)
        self._retry_at = asyncio.get_running_loop().time() + pause_s
        await asyncio.sleep(pause_s)

    async def _load(self) -> Running:
        """One child, from its start until it serves. Raises ``LoadFailed``; leaves nothing then."""
        begun_at = asyncio.get_running_loop().time()
        if self._folder is None or not self._folder.exists():  # a sweep of old files took it
            try:
                self._folder = make_folder()
            except OSError as problem:
                raise LoadFailed(f"There is no place for its socket: {problem}.") from problem
        self._generation += 1
        socket = self._folder / f"{self._generation}.sock"
        process = await self._start_child(self.options(socket))
        upstream: Upstream | None = None
        try:
            async with asyncio.timeout(self._patience.load_s):
                is_embedder = await process.ready()
            upstream = self._connect(str(socket))
            card = await look(upstream, is_embedder=is_embedder)
        except BaseException as problem:
            if upstream is not None:
                await upstream.close()
            await process.end()
            if isinstance(problem, TimeoutError):
                raise LoadFailed(f"It did not load within {self._patience.load_s:g} s.") from None
            if isinstance(problem, WireError):
                raise LoadFailed(f"It loaded, and does not answer. {problem.message}") from problem
            raise
        log.info(
            "engine %s: loaded %s in %.1f s, %d places of %d tokens each",
            self._plan.name,
            self._plan.model_name,
            asyncio.get_running_loop().time() - begun_at,
            self._plan.parallel,
            card.facts.context,
        )
        return Running(process, upstream, card, socket)

    # ---- steps ----

    def _serve(self, running: Running) -> None:
        self._child = running
        self._is_serving = True
        self.card = running.card
        self._served_at = asyncio.get_running_loop().time()
        self._be("ready")

    def _be(self, state: EngineState) -> None:
        """Go on to a state, and wake who waits for one."""
        self.state = state
        self._changed.set()
        self._changed = asyncio.Event()

    def options(self, socket: Path) -> ChildOptions:
        """What a child of this engine is told."""
        plan = self._plan
        return ChildOptions(
            parent=os.getpid(),
            socket=str(socket),
            model_path=str(plan.model_path),
            model_name=plan.model_name,
            parallel=plan.parallel,
            context=plan.context,
            gpu_layers=plan.gpu_layers,
            prefill_batch=plan.prefill_batch,
            kv_bits=plan.kv_bits,
        )

    def _remove_folder(self) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
