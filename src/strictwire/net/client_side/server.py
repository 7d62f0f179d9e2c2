"""Serves an application in this process, and stops in good order.

Contract: the first SIGTERM or SIGINT drains: nothing new is accepted, idle connections close, the
application's ``drain`` gives its open replies their time, then what is left ends. The second one
ends at once. Both return normally, so that the process exits with 0. A server that cannot start
raises ``ServeError``. Logging is the caller's: uvicorn's configuration and access log are off.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Sequence
from types import FrameType
from typing import Any

from uvicorn.config import Config
from uvicorn.lifespan.off import LifespanOff
from uvicorn.middleware.message_logger import MessageLoggerMiddleware
from uvicorn.server import Server

from strictwire.net.client_side.asgi import AsgiApplication
from strictwire.net.client_side.internals import check_internals
from strictwire.net.client_side.listen import ServeError, bind_listeners

logger = logging.getLogger("strictwire.net")

# Longer than the pools of known clients keep an idle connection (5 s to 60 s), so that it is the
# client that closes: a request that crosses our close on the wire is lost.
KEEP_ALIVE_S = 75
HEADER_TIMEOUT_S = 30.0
DRAIN_TIMEOUT_S = 30.0
# The application's drain has its own time; beyond it by this much, it is hung.
DRAIN_GRACE_S = 5.0
# What connections get after the drain, to hand over the last bytes.
LAST_FLUSH_S = 2
# How often a stopping server looks whether it is told to stop at once.
_POLL_S = 0.05

OnReady = Callable[[list[tuple[Any, ...]]], None]


class StrictConfig(Config):
    """uvicorn's configuration as this gateway needs it, with the times it lacks."""

    def __init__(
        self,
        app: AsgiApplication | Callable[[], AsgiApplication],
        *,
        is_factory: bool = False,
        workers: int = 1,
        drain_timeout_s: float = DRAIN_TIMEOUT_S,
        header_timeout_s: float = HEADER_TIMEOUT_S,
        keep_alive_s: int = KEEP_ALIVE_S,
        connection_limit: int | None = None,
    ) -> None:
        super().__init__(
            app,
            factory=is_factory,
            workers=workers,
            http=choose_http_protocol(check_internals()),
            ws="none",  # until the application is known; see ``load``
            # Events are small, and a compressor for each connection is not.
            ws_per_message_deflate=False,
            lifespan="auto",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=True,
            timeout_keep_alive=keep_alive_s,
            timeout_graceful_shutdown=LAST_FLUSH_S,
            limit_concurrency=connection_limit,
        )
        self.drain_timeout_s = drain_timeout_s
        self.header_timeout_s = header_timeout_s
        self.websocket_paths: frozenset[str] = frozenset()

    def load(self) -> None:
        super().load()
        # At its lowest log level uvicorn wraps the application to log every message, keys and all.
        if isinstance(self.loaded_app, MessageLoggerMiddleware):
            self.loaded_app = self.loaded_app.app
        paths = getattr(self.loaded_app, "websocket_paths", None)
        if paths:
            from strictwire.net.client_side.websocket import StrictWebSocket

            self.websocket_paths = paths
            self.ws_protocol_class = StrictWebSocket
            self.ws_max_size = self.loaded_app.websocket_max_bytes
        if hasattr(self.loaded_app, "startup") or hasattr(self.loaded_app, "close"):
            self.lifespan_class = LifespanOff


def choose_http_protocol(missing: str | None) -> Any:
    """The push protocol; with something ``missing`` h11, which frames HTTP/1.0 right."""
    if missing is not None:
        logger.warning("the fast path is off, replies go the slower way: %s", missing)
        return "h11"
    from strictwire.net.client_side.protocol import PushProtocol

    return PushProtocol


class StrictServer(Server):
    """uvicorn's server with a drain."""

    config: StrictConfig

    def __init__(self, config: StrictConfig, on_ready: OnReady | None = None) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self._is_signalled = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        if not await self._has_begun():
            return  # nothing listens yet, so nothing is to be shut down
        await super().startup(sockets)
        if self._on_ready is not None:
            self._on_ready([sock.getsockname() for sock in sockets or []])

    async def _has_begun(self) -> bool:
        """Whether the application is up. It may load a model for minutes: a signal ends that."""
        task = asyncio.ensure_future(self._call("startup"))
        try:
            while not (task.done() or self.should_exit):
                await asyncio.wait({task}, timeout=_POLL_S)
        finally:
            task.cancel()
        await asyncio.wait({task})
        if task.cancelled():
            return False
        task.result()  # what it raised is for who started us
        return True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await self._drain()
        if self.force_exit:
            self._abort_all()
        await super().shutdown(sockets)
        self._abort_all()
        await self._call("close")

    async def _drain(self) -> None:
        timeout_s = self.config.drain_timeout_s
        drain: Callable[[float], Awaitable[None]] | None
        drain = getattr(self.config.loaded_app, "drain", None)
        task: asyncio.Future[None]
        task = asyncio.ensure_future(self._replies_end() if drain is None else drain(timeout_s))
        deadline_s = asyncio.get_running_loop().time() + timeout_s
        if drain is not None:
            deadline_s += DRAIN_GRACE_S
        is_told = False
        while not (task.done() or self.force_exit):
            if asyncio.get_running_loop().time() > deadline_s:
                logger.warning("the drain took longer than its %g s", timeout_s)
                break
            await asyncio.wait({task}, timeout=_POLL_S)
            if not (task.done() or is_told):
                is_told = True
                logger.info(
                    "stopping: open replies have %g s to end; a second signal ends them now",
                    timeout_s,
                )
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("the drain failed: %s", type(error).__name__)

    async def _replies_end(self) -> None:
        """For applications that have no drain of their own."""
        tasks = self.server_state.tasks
        if tasks:  # no new ones: every connection was told to close
            await asyncio.wait(tasks)

    def _abort_all(self) -> None:
        for task in list(self.server_state.tasks):
            task.cancel()
        for connection in list(self.server_state.connections):
            transport: asyncio.Transport | None = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()

    async def _call(self, hook: str) -> None:
        method: Callable[[], Awaitable[None]] | None
        method = getattr(self.config.loaded_app, hook, None)
        if method is not None:
            await method()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # Unlike uvicorn's, these signals are not raised again at the end: stopping when told
        # to is success.
        # ``should_exit`` may have another cause, so it does not count as a first signal.
        if self._is_signalled:
            self.force_exit = True
        self._is_signalled = True
        self.should_exit = True


def serve_one(
    app: AsgiApplication,
    *,
    host: str,
    port: int,
    sockets: Sequence[socket.socket] | None = None,
    drain_timeout_s: float = DRAIN_TIMEOUT_S,
    header_timeout_s: float = HEADER_TIMEOUT_S,
    keep_alive_s: int = KEEP_ALIVE_S,
    connection_limit: int | None = None,
    on_ready: OnReady | None = None,
) -> None:
    """Serve in this process until a signal says stop; on uvloop where it is installed.

    ``sockets`` are bound ones, to be used instead of ``host`` and ``port``, and are closed in the
    end. ``on_ready`` is told the addresses once connections are accepted.
    """
    bound = list(sockets) if sockets is not None else bind_listeners(host, port)
    try:
        config = StrictConfig(
            app,
            drain_timeout_s=drain_timeout_s,
            header_timeout_s=header_timeout_s,
            keep_alive_s=keep_alive_s,
            connection_limit=connection_limit,
        )
        StrictServer(config, on_ready).run(bound)
    except SystemExit:  # uvicorn's word for a lifespan that failed; it has logged why
        raise ServeError("the application did not start; the log says why") from None
    finally:
        for sock in bound:
            sock.close()
