"""Serves in several processes that share the listening sockets.

Over uvicorn's supervisor. What differs: the workers run ``StrictServer``; they leave SIGINT to the
supervisor (a terminal sends it to all of them, and the supervisor's SIGTERM would be their second
signal); they end when the supervisor is gone, however it went; a worker that dies at once is not
restarted in a tight loop; and the supervisor's own second signal, or a worker that does not end
in its time, kills.
"""

from __future__ import annotations

import logging
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors.multiprocess import SIGNALS, Multiprocess, Process

from strictwire.net.client_side.asgi import AsgiApplication
from strictwire.net.client_side.listen import ServeError, bind_listeners
from strictwire.net.client_side.server import (
    DRAIN_GRACE_S,
    DRAIN_TIMEOUT_S,
    HEADER_TIMEOUT_S,
    KEEP_ALIVE_S,
    LAST_FLUSH_S,
    OnReady,
    StrictConfig,
    StrictServer,
)

logger = logging.getLogger("strictwire.net")

# A worker that dies sooner than this after its start waits for the rest of it.
RESTART_INTERVAL_S = 1.0
LAST_WORDS_S = 0.5
# Beyond the drain: closing the application and the interpreter.
EXIT_GRACE_S = DRAIN_GRACE_S + LAST_FLUSH_S + 5.0


class _WorkerServer(StrictServer):
    def handle_exit(self, sig: int, frame: Any) -> None:
        if sig != signal.SIGINT:
            super().handle_exit(sig, frame)


class _Worker(Process):
    """One process. ``target`` and ``always_pong`` run in it, all else in the supervisor."""

    config: StrictConfig

    def __init__(self, config: StrictConfig, sockets: list[socket.socket]) -> None:
        super().__init__(config, sockets)
        self.started_at_s = time.monotonic()

    def __getstate__(self) -> dict[str, Any]:
        # Were the supervisor's end of the pipe in the worker too, its end could not be noticed.
        return {k: v for k, v in self.__dict__.items() if k not in ("parent_conn", "process")}

    def start(self) -> None:
        super().start()
        # Likewise here: with the worker's end closed, a ping to a dead worker fails at once.
        self.child_conn.close()

    @property
    def server(self) -> StrictServer:
        if self._server is None:
            self._server = _WorkerServer(self.config)
        assert isinstance(self._server, StrictServer)
        return self._server

    def target(self, sockets: list[socket.socket] | None = None) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        server = self.server  # made before the thread that asks for it
        threading.Thread(target=self.always_pong, daemon=True).start()
        try:
            server.run(sockets)
        except Exception as error:
            if server.started:
                raise
            # The same would happen at every restart.
            where = "".join(traceback.format_tb(error.__traceback__))
            logger.error("a worker did not start: %s: %s\n%s", type(error).__name__, error, where)
            sys.exit(STARTUP_FAILURE)

    def always_pong(self) -> None:
        try:
            super().always_pong()
        except (EOFError, OSError):
            self.server.should_exit = True


class _Supervisor(Multiprocess):
    config: StrictConfig

    def __init__(
        self, config: StrictConfig, sockets: list[socket.socket], on_ready: OnReady | None
    ) -> None:
        super().__init__(config, sockets)
        self.has_failed = False
        self._on_ready = on_ready

    def _start_worker(self) -> _Worker:
        worker = _Worker(self.config, self.sockets)
        worker.start()
        return worker

    def init_processes(self) -> None:
        self.processes.extend(self._start_worker() for _ in range(self.processes_num))

    def handle_ttin(self) -> None:
        self.processes_num += 1
        self.processes.append(self._start_worker())

    def restart_all(self) -> None:
        for index, old in enumerate(self.processes):
            new = self._start_worker()
            if not new.wait_until_ready(self.config.timeout_worker_healthcheck, self.should_exit):
                new.kill()
                new.join()
                logger.error("a new worker did not get ready; the old ones are kept")
                return
            self.processes[index] = new
            old.terminate()
            self._join_in_time([old])

    def keep_subprocess_alive(self) -> None:
        for index, worker in enumerate(self.processes):
            if self.should_exit.is_set() or self.signal_queue:
                return
            assert isinstance(worker, _Worker)
            if worker.is_alive(timeout=self.config.timeout_worker_healthcheck):
                continue
            # It may be just about to exit; killed, it could not tell why.
            worker.process.join(LAST_WORDS_S)
            if worker.exitcode == STARTUP_FAILURE:
                self.has_failed = True
                self.should_exit.set()
                return
            if time.monotonic() - worker.started_at_s < RESTART_INTERVAL_S:
                continue
            worker.kill()
            worker.join()
            logger.error("a worker died (exit code %s); another takes its place", worker.exitcode)
            self.processes[index] = self._start_worker()
        self._tell_ready()

    def _tell_ready(self) -> None:
        if self._on_ready is not None and all(worker.is_ready() for worker in self.processes):
            self._on_ready([sock.getsockname() for sock in self.sockets])
            self._on_ready = None

    def join_all(self) -> None:
        self._join_in_time(self.processes)

    def _join_in_time(self, workers: Sequence[Process]) -> None:
        deadline_s = time.monotonic() + self.config.drain_timeout_s + EXIT_GRACE_S
        for worker in workers:
            worker.process.join(0)
            while worker.exitcode is None:
                if self._is_told_again() or time.monotonic() > deadline_s:
                    worker.kill()
                worker.process.join(0.05)

    def _is_told_again(self) -> bool:
        is_told = signal.SIGINT in self.signal_queue or signal.SIGTERM in self.signal_queue
        return is_told and self.should_exit.is_set()


def serve_many(
    factory: Callable[[], AsgiApplication],
    *,
    workers: int,
    host: str,
    port: int,
    sockets: Sequence[socket.socket] | None = None,
    drain_timeout_s: float = DRAIN_TIMEOUT_S,
    header_timeout_s: float = HEADER_TIMEOUT_S,
    keep_alive_s: int = KEEP_ALIVE_S,
    connection_limit: int | None = None,
    on_ready: OnReady | None = None,
) -> None:
    """Serve in ``workers`` processes until a signal says stop.

    ``factory`` makes the application in each of them (and may configure logging there), so it must
    be picklable: a function of a module, or a ``functools.partial`` of one. SIGHUP replaces the
    workers one by one, SIGTTIN and SIGTTOU change their number. ``on_ready`` is called here, once
    all accept connections. ``connection_limit`` is each worker's.
    """
    bound = list(sockets) if sockets is not None else bind_listeners(host, port)
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        config = StrictConfig(
            factory,
            is_factory=True,
            workers=workers,
            drain_timeout_s=drain_timeout_s,
            header_timeout_s=header_timeout_s,
            keep_alive_s=keep_alive_s,
            connection_limit=connection_limit,
        )
        supervisor = _Supervisor(config, bound, on_ready)
        supervisor.run()
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for sock in bound:
            sock.close()
    if supervisor.has_failed:
        raise ServeError("a worker did not start; the log says why")
