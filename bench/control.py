"""Commands to the bench's two worker processes: one JSON line in, one JSON line out.

The bench itself is one thread that asks and waits; the workers (upstream and load) are asyncio
processes that answer one command at a time. A worker ends when its standard input ends, so none
outlives the bench, however that ends.
"""

from __future__ import annotations

import asyncio
import json
import select
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import uvloop

_ROOT = Path(__file__).resolve().parent.parent
# Longer than any single step of the bench; reached only when something hangs.
_ANSWER_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 5.0

Handler = Callable[..., Awaitable[dict[str, Any]]]


class BenchError(Exception):
    """Something could not be measured; the message says what and why."""


class WorkerError(Exception):
    """A worker process is gone or hangs: nothing more can be measured."""


class Worker:
    """One worker process, from the asking side."""

    def __init__(self, module: str) -> None:
        self._module = module
        self._process = subprocess.Popen(
            [sys.executable, "-m", module],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            process_group=0,  # Ctrl-C is for the bench alone; it then ends the worker
        )

    def ask(self, command: str, **fields: Any) -> dict[str, Any]:
        """The worker's answer; raises ``BenchError`` for an error that it tells."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            stdin.write(json.dumps({"command": command, "fields": fields}).encode() + b"\n")
            stdin.flush()
        except BrokenPipeError:
            raise WorkerError(f"{self._module} is gone") from None
        # One line per command: the file object's buffer never holds one that select cannot see.
        if not select.select([stdout], [], [], _ANSWER_TIMEOUT_S)[0]:
            raise WorkerError(f"{self._module} did not answer {command!r}")
        line = stdout.readline()
        if not line:
            raise WorkerError(f"{self._module} ended during {command!r}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise BenchError(answer["error"])
        return answer

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if self._process.stdin is not None:
                self._process.stdin.close()
        except BrokenPipeError:
            pass  # it died before; its own words are on standard error
        try:
            self._process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


def serve(make_handlers: Callable[[], Awaitable[Mapping[str, Handler]]]) -> None:
    """Run a worker process: answer commands from standard input until it ends."""
    uvloop.run(_answer_commands(make_handlers))


async def _answer_commands(make_handlers: Callable[[], Awaitable[Mapping[str, Handler]]]) -> None:
    handlers = await make_handlers()
    commands = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    while line := await commands.readline():
        asked = json.loads(line)
        try:
            answer = await handlers[asked["command"]](**asked["fields"])
        except (BenchError, OSError, TimeoutError) as problem:
            answer = {"error": f"{asked['command']}: {problem or type(problem).__name__}"}
        print(json.dumps(answer), flush=True)
