"""One command-line client, run once: a fresh home, a scrubbed environment, an end in any case.

Only loopback is reachable: every proxy variable points to a closed port, and loopback is exempt.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_NO_NETWORK = "http://127.0.0.1:9"


@dataclass(frozen=True)
class Place:
    """``home`` is the client's home, ``work`` the folder in which it runs; both are its own."""

    home: Path
    work: Path

    def write(self, path: str, text: str) -> None:
        """A settings file below the home."""
        file = self.home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")


@dataclass(frozen=True)
class Done:
    """``exit_code`` None: it did not end in time and was stopped."""

    exit_code: int | None
    lines: tuple[str, ...]
    stderr: str
    duration_s: float

    @property
    def last_words(self) -> str:
        """The last line of its error output, where it ended badly."""
        told = self.stderr.strip()
        return told.splitlines()[-1][:200] if told and self.exit_code not in (0, None) else ""


@contextmanager
def fresh_place(name: str) -> Iterator[Place]:
    with tempfile.TemporaryDirectory(prefix=f"strictwire-{name}-") as made:
        place = Place(Path(made) / "home", Path(made) / "work")
        place.home.mkdir()
        place.work.mkdir()
        yield place


def run(
    command: Sequence[str], place: Place, variables: Mapping[str, str], *, timeout_s: float
) -> Done:
    """Run it to its end, or for so long."""
    begun_s = time.monotonic()
    process = subprocess.Popen(
        command,
        cwd=place.work,
        env=_environment(place.home) | dict(variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A group of its own: the command is a wrapper, and its children must go with it.
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=timeout_s)
        exit_code: int | None = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        exit_code = None
    # By LF alone: U+2028 in an answer ends a line for ``splitlines``, and for no JSON.
    return Done(exit_code, tuple(out.split("\n")), err, time.monotonic() - begun_s)


def _environment(home: Path) -> dict[str, str]:
    return {
        "HOME": str(home),
        "PATH": os.environ.get("PATH", os.defpath),
        "HTTP_PROXY": _NO_NETWORK,
        "HTTPS_PROXY": _NO_NETWORK,
        "NO_PROXY": "127.0.0.1,localhost",
    }
