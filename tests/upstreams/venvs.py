"""A server's Python packages at pinned versions, in a virtual environment outside the working tree.

The install uses the user's own pip settings. What is pinned stands in ``requirements/NAME.txt``; an
environment is made anew when that file changes.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

_REQUIREMENTS = Path(__file__).resolve().parent / "requirements"
# torch alone is 200 MB to fetch and 1 GB to unpack.
INSTALL_TIMEOUT_S = 900
_PIP = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:")


class UnavailableError(Exception):
    """The server cannot be had on this machine; the message says why."""


def cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "strictwire" / "upstreams"


def environment(name: str) -> Path:
    """The environment's ``bin``, installed if need be. Raises ``UnavailableError``."""
    requirements = _REQUIREMENTS / f"{name}.txt"
    mark = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:8]
    folder = cache_folder() / f"{name}-{mark}"
    # Told last, so that an install that is broken off is never taken for a whole one.
    done = folder / "installed"
    if not done.exists():
        shutil.rmtree(folder, ignore_errors=True)
        _install(name, requirements, folder)
        done.touch()
    return folder / "bin"


def _install(name: str, requirements: Path, folder: Path) -> None:
    print(f"installing {name} ...", flush=True)
    _run(name, [sys.executable, "-m", "venv", str(folder)])
    _run(name, [str(folder / "bin" / "python"), *_PIP, "-r", str(requirements)])


def _run(name: str, command: list[str]) -> None:
    try:
        done = subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=INSTALL_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        raise UnavailableError(f"{name} was not installed in time") from None
    if done.returncode != 0:
        told = [line.strip() for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise UnavailableError(
            f"pip could not install it: {told[0] if told else done.stderr[-200:]}"
        )
