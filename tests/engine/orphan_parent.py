"""A parent that is killed: starts an engine, tells its child's process id, and sleeps.

Run by ``test_engine_orphans``. With ``loading`` it tells the id while the model is still loading.
"""

from __future__ import annotations

import asyncio
import os
import sys

from child_stand import connect, make_plan

from strictwire.engine import Engine
from strictwire.engine.folders import make_folder
from strictwire.engine.process import EngineProcess
from strictwire.engine.supervisor import Patience, Supervisor


async def serve() -> None:
    engine = Engine(make_plan(context=512), connect)
    await engine.start()
    print(engine.status().process, flush=True)
    await asyncio.sleep(60)


async def load() -> None:
    """Most of a second of loading in which llama.cpp holds the interpreter's lock."""
    plan = make_plan(parallel=100, context=32768)
    supervisor = Supervisor(plan, connect, Patience(), EngineProcess.start, lambda: False)
    process = await EngineProcess.start(supervisor.options(make_folder() / "1.sock"))
    while not any("loading model" in line for line in process.lines):
        await asyncio.sleep(0.001)
    print(process.pid, flush=True)
    os.read(0, 1)


asyncio.run(load() if sys.argv[1:] == ["loading"] else serve())
