"""A command-line client from npm, at one pinned version, in a cache outside the working tree.

The install uses the user's own npm settings; what is installed is run without them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

# The largest of them is some 180 MB.
INSTALL_TIMEOUT_S = 600


class UnavailableError(Exception):
    """The client cannot be had on this machine; the message says why."""


def cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "strictwire" / "clients"


def installed(package: str, version: str, command: str) -> Path:
    """The command's path, installed if need be. Raises ``UnavailableError``."""
    folder = cache_folder() / f"{package.replace('/', '-')}-{version}"
    path = folder / "node_modules" / ".bin" / command
    if not path.exists():
        _install(f"{package}@{version}", folder)
    if not path.exists():
        raise UnavailableError(f"{package}@{version} has no command {command}")
    return path


def _install(specifier: str, folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise UnavailableError("npm is not installed")
    folder.parent.mkdir(parents=True, exist_ok=True)
    print(f"installing {specifier} ...", flush=True)
    # Into a folder of its own first: an install that is broken off is never taken for a whole one.
    with tempfile.TemporaryDirectory(dir=folder.parent) as made:
        place = Path(made) / "install"
        place.mkdir()
        options = ("--no-audit", "--no-fund", "--loglevel=error", "--prefix", str(place))
        try:
            done = subprocess.run(
                [npm, "install", *options, specifier],
                check=False,
                capture_output=True,
                text=True,
                stdin=subprocess.DEVNULL,
                timeout=INSTALL_TIMEOUT_S,
            )
        except subprocess.TimeoutExpired:
            raise UnavailableError(f"npm did not install {specifier} in time") from None
        if done.returncode != 0:
            raise UnavailableError(f"npm could not install {specifier}: {_reason(done.stderr)}")
        shutil.rmtree(folder, ignore_errors=True)
        place.rename(folder)


def _reason(errors: str) -> str:
    """npm's last line that says something: its very last one only names a log file."""
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    telling = [line for line in lines if "complete log of this run" not in line]
    telling = [line for line in telling if line != "npm error"]
    return telling[-1] if telling else "no word why"
