"""Folders of sockets: private, with short paths, and removed by the next where one was left."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from strictwire.engine.folders import LEFT_AFTER_S, MAX_FOLDER_BYTES, make_folder

DEAD = 2**22 + 1  # beyond what Linux numbers processes with


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir="/tmp") as path:
        monkeypatch.setattr(tempfile, "tempdir", path)
        yield Path(path)


def leave(place: Path, process: int, age_s: float = 2 * LEFT_AFTER_S) -> Path:
    """A folder with a socket on which nobody listens."""
    folder = place / f"strictwire-engine-{process}-abc"
    folder.mkdir()
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(folder / "1.sock"))
    grow_old(folder, age_s)
    return folder


def grow_old(folder: Path, age_s: float) -> None:
    then = folder.stat().st_mtime - age_s
    os.utime(folder, (then, then))


def test_a_folder_is_private_and_fresh(place: Path) -> None:
    one, other = make_folder(), make_folder()
    assert one != other
    assert one.parent == place
    assert one.stat().st_mode & 0o777 == 0o700


def test_a_path_is_short_wherever_temporary_files_are(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    deep = tmp_path / ("x" * 100)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    folder = make_folder()
    try:
        assert len(os.fsencode(folder)) <= MAX_FOLDER_BYTES
    finally:
        folder.rmdir()


def test_what_a_killed_parent_left_is_removed(place: Path) -> None:
    left = leave(place, DEAD)
    make_folder()
    assert not left.exists()


def test_what_may_be_in_use_stays(place: Path) -> None:
    stays = [
        leave(place, os.getpid()),
        leave(place, DEAD, age_s=0),
    ]
    strange = place / "strictwire-engine-x-abc"
    strange.mkdir()
    grow_old(strange, 2 * LEFT_AFTER_S)
    make_folder()
    assert all(folder.exists() for folder in [*stays, strange])


def test_somebody_listens_whose_process_is_not_seen_here(place: Path) -> None:
    folder = place / f"strictwire-engine-{DEAD}-abc"
    folder.mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "1.sock"))
        server.listen(1)
        grow_old(folder, 2 * LEFT_AFTER_S)
        make_folder()
        assert folder.exists()
    grow_old(folder, 2 * LEFT_AFTER_S)
    make_folder()
    assert not folder.exists()
