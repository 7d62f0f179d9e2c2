"""Providers of kind ``engine`` into engines that run.

Contract: ``start`` returns once every model is loaded, or raises ``ServeError`` with the reason of
the first that was not, and then none is left running. All load at the same time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from pathlib import Path

from strictwire.config import Provider, Settings
from strictwire.engine import Engine, EngineFailed
from strictwire.engine.plan import DEMO_MODEL, EnginePlan
from strictwire.engine.supervisor import Patience
from strictwire.model.protocols import Upstream
from strictwire.net.client_side.listen import ServeError
from strictwire.net.upstream import HttpUpstream, UnixConnector


def make_engine(provider: Provider, settings: Settings) -> Engine:
    """The engine of one provider, not started."""

    def connect(path: str) -> Upstream:
        return HttpUpstream(
            connector=UnixConnector(path),
            connect_timeout_s=provider.timeouts.connect,
            grace_s=settings.linger_s,
            # An idle connection holds one of the child's threads, and closes after five seconds
            # just as somebody may be using it; a new one costs next to nothing.
            max_idle=0,
        )

    return Engine(plan_of(provider), connect, Patience(silent_s=provider.timeouts.idle))


def plan_of(provider: Provider) -> EnginePlan:
    """What an engine is to run. A file is looked for from the working directory on."""
    path = DEMO_MODEL if provider.model is None else Path(provider.model).expanduser()
    return EnginePlan(
        name=provider.name,
        model_path=path,
        model_name=provider.model_name,
        parallel=provider.parallel,
        context=provider.context,
        gpu_layers=provider.gpu_layers,
        prefill_batch=provider.prefill_batch,
        kv_bits=provider.kv_bits,
        idle_unload_s=provider.idle_unload,
        queue=provider.queue,
    )


async def start(engines: Collection[tuple[Provider, Engine]]) -> None:
    """Load every model. Cancelled or failed, it ends them all."""
    try:
        async with asyncio.TaskGroup() as loading:
            for provider, engine in engines:
                loading.create_task(_load(provider, engine))
    except BaseException as error:
        await asyncio.gather(*(engine.close() for _, engine in engines), return_exceptions=True)
        problems = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
        for problem in problems:
            if isinstance(problem, ServeError):
                raise problem from None
        raise


async def _load(provider: Provider, engine: Engine) -> None:
    try:
        await engine.start()
    except EngineFailed as error:
        # Its message is for clients too, who are told no paths of this machine.
        path = "" if provider.model is None else f" ({provider.model})"
        raise ServeError(f"{error.message}{path}") from None
