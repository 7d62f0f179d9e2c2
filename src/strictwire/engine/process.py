"""One child process: started, awaited until it is ready, watched, ended.

Contract: ``start`` returns a process that loads; ``ready`` waits for it and raises
``LoadFailed`` with the reason; ``exited`` waits for its end, however it comes; ``end`` ends it and
leaves nothing. The child ends by itself when we are gone: what keeps it alive is a pipe of which
we hold one end (see ``child``). It is in a session of its own, so that Ctrl-C in a terminal reaches
us alone, and open replies are drained first.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import sys
from collections import deque
from dataclasses import asdict
from pathlib import Path

import strictwire
from strictwire.engine.child_options import NOT_LOADED, ChildOptions
from strictwire.engine.log_reason import level_of, load_reason

log = logging.getLogger("strictwire.engine")

# The log of a load that failed has some dozens of lines; the last ones have the reason.
KEPT_LINES = 200
# Longer lines hold a chat template or worse.
MAX_LINE = 500
# An end that was asked for takes milliseconds; a process that hangs in a driver is killed.
END_WAIT_S = 2.0

# What the settings call ``api_keys``, in the environment.
_KEYS_VARIABLE = "STRICTWIRE_API_KEYS"
_PACKAGES = Path(strictwire.__file__).resolve().parents[1]


class LoadFailed(Exception):  # noqa: N818 - named for what happened
    """The child could not begin to serve. Its text is the reason, in sentences."""


class EngineProcess:
    """A child process. Made by ``start``."""

    def __init__(self, process: asyncio.subprocess.Process, lifeline: int) -> None:
        self._process = process
        self._lifeline: int | None = lifeline
        self.lines: deque[str] = deque(maxlen=KEPT_LINES)  # the last of its log
        self._is_ready = False
        self._killing: asyncio.TimerHandle | None = None
        self._reading = asyncio.create_task(self._read_log())
        self._waiting = asyncio.create_task(process.wait())

    @classmethod
    async def start(cls, options: ChildOptions) -> EngineProcess:
        """Raises ``LoadFailed`` where no process can be started."""
        try:
            theirs, ours = os.pipe()
        except OSError as problem:
            raise LoadFailed(f"Its process could not be started: {problem}.") from problem
        try:
            # "-P": the folder that we stand in is no place for modules.
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", "strictwire.engine.child",
                stdin=theirs,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
                env=_environment(),
            )  # fmt: skip
        except OSError as problem:
            os.close(ours)
            raise LoadFailed(f"Its process could not be started: {problem}.") from problem
        except BaseException:
            os.close(ours)
            raise
        finally:
            os.close(theirs)
        # Some hundred bytes: they fit the pipe, and this does not block.
        with contextlib.suppress(BrokenPipeError):
            os.write(ours, json.dumps(asdict(options)).encode() + b"\n")
        return cls(process, ours)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def how(self) -> str | None:
        """How it ended: "signal 9" or "status 1"; None while it lives."""
        status = self._process.returncode
        if status is None:
            return None
        return f"signal {-status}" if status < 0 else f"status {status}"

    async def ready(self) -> bool:
        """Wait until it serves; whether its model was made for embeddings. Raises ``LoadFailed``;
        keeps no time."""
        assert self._process.stdout is not None
        try:
            line = await self._process.stdout.readline()
            told = json.loads(line) if line else {}
        except ValueError:
            raise LoadFailed("Something else than the engine wrote to its output.") from None
        if told.get("ready"):
            self._is_ready = True
            return bool(told["embeddings"])
        # It ends by itself, and then all of its log is there.
        await self.exited(END_WAIT_S)
        await self.end()
        reason = told.get("failed") or load_reason(self.lines)
        if not told and self._process.returncode != NOT_LOADED:
            reason = f"Its process ended ({self.how}) while it loaded. {reason}"
        raise LoadFailed(reason)

    async def exited(self, timeout_s: float | None = None) -> str | None:
        """How it ended, or None if it still lives after so long."""
        await asyncio.wait([self._waiting], timeout=timeout_s)
        return self.how

    def hang_up(self) -> None:
        """Let go of the lifeline: the child ends at once. One that is stopped, or stuck in a
        driver, does not hear that, and is killed."""
        if self._lifeline is not None:
            os.close(self._lifeline)
            self._lifeline = None
            self._killing = asyncio.get_running_loop().call_later(END_WAIT_S, self.kill)

    def kill(self) -> None:
        """End it without asking."""
        if self.how is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def end(self) -> None:
        """End it, and wait until nothing is left. Ending twice is ending once."""
        self.hang_up()
        await asyncio.wait([self._waiting, self._reading])
        if self._killing is not None:
            self._killing.cancel()

    async def _read_log(self) -> None:
        """Keep the last lines, and log what was said before the first request came: later lines
        may repeat a piece of one, so only those of the lowest level go on."""
        assert self._process.stderr is not None
        rest = b""
        while data := await self._process.stderr.read(65536):
            *lines, rest = (rest + data).split(b"\n")
            rest = rest[-MAX_LINE:]
            for line in lines:
                text = line[:MAX_LINE].decode("utf-8", "replace")
                self.lines.append(text)
                if not self._is_ready or level_of(text) == "I":
                    log.debug("process %d: %s", self.pid, text)


def _environment() -> dict[str, str]:
    """Ours, with the package findable wherever it was imported from, and without the gateway's
    own keys. A failed assertion of llama.cpp would start a debugger for a backtrace, which takes
    seconds and says nothing here."""
    theirs = {name: value for name, value in os.environ.items() if name != _KEYS_VARIABLE}
    paths = [str(_PACKAGES), *filter(None, [os.environ.get("PYTHONPATH")])]
    return theirs | {"PYTHONPATH": os.pathsep.join(paths), "GGML_NO_BACKTRACE": "1"}
