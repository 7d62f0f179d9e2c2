"""A child process with a log: started, waited for, and stopped in any case."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

# transformers imports torch first, which takes 10 s where the disk is cold.
START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 10.0
_LOOK_EVERY_S = 0.1
# Nothing of it may reach out: a server that would fetch a model is to say so instead.
_NO_NETWORK = "http://127.0.0.1:9"


class StartError(Exception):
    """It ended before it served, or did not serve in time; the message has its last words."""


@contextmanager
def running(
    command: Sequence[str], place: Path, variables: Mapping[str, str], *, is_up: Callable[[], bool]
) -> Iterator[subprocess.Popen[bytes]]:
    """The process, once ``is_up`` says so. ``place`` is its working directory and has its log.
    Raises ``StartError``."""
    log = place / f"{Path(command[0]).name}-{time.monotonic_ns()}.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command,
            cwd=place,
            env=_environment(place) | dict(variables),
            # Those of ours that watch it end when it does, also where this process is killed.
            stdin=subprocess.PIPE,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait(process, log, is_up)
        yield process
    finally:
        _stop(process)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2.0, trust_env=False).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _wait(process: subprocess.Popen[bytes], log: Path, is_up: Callable[[], bool]) -> None:
    end_s = time.monotonic() + START_TIMEOUT_S
    while not is_up():
        if process.poll() is not None:
            raise StartError(f"it ended with {process.returncode}: {_last_words(log)}")
        if time.monotonic() > end_s:
            raise StartError(f"it did not serve in {START_TIMEOUT_S:.0f} s: {_last_words(log)}")
        time.sleep(_LOOK_EVERY_S)


def _last_words(log: Path) -> str:
    lines = log.read_text("utf-8", "replace").strip().splitlines()
    return lines[-1][:300] if lines else "it said nothing"


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(STOP_TIMEOUT_S)
        except ProcessLookupError:
            process.wait()
        except subprocess.TimeoutExpired:
            continue
        return


def _environment(home: Path) -> dict[str, str]:
    return {
        "HOME": str(home),
        "PATH": os.environ.get("PATH", os.defpath),
        "HTTP_PROXY": _NO_NETWORK,
        "HTTPS_PROXY": _NO_NETWORK,
        "NO_PROXY": "127.0.0.1,localhost",
    }
