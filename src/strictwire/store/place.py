"""Where the database is, if the settings do not say: the user's folder for state."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

FILE_NAME = "strictwire.db"


def database_path(setting: str | None, environ: Mapping[str, str]) -> Path:
    """``setting`` is a path, ``~`` included, or None. Source of the default: XDG Base Directory
    Specification, ``XDG_STATE_HOME``; a relative one is not valid there."""
    if setting is not None:
        return Path(setting).expanduser()
    state = Path(environ.get("XDG_STATE_HOME", ""))
    if not state.is_absolute():
        state = Path.home() / ".local" / "state"
    return state / "strictwire" / FILE_NAME
