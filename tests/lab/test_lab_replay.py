"""Recordings: the corpus is whole, scrubbed and fresh, and plays back byte for byte."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from lab_wire import ask, chat_request

from strictwire.lab.playback import BODIES
from strictwire.lab.replay import RECORDING_PREFIX, Recording, checked_recordings, recordings_in
from strictwire.lab.script import Ending
from strictwire.lab.server import LabServer
from strictwire.model.errors import CallerError, MisuseError

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT / "corpus" / "chat"
FOLDERS = tuple(ROOT / "corpus" / name for name in ("chat", "completions", "responses", "messages"))


def index_of(folder: Path) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads((folder / "index.json").read_text("utf-8"))[
        "recordings"
    ]
    return entries


INDEX = index_of(CORPUS)
FILES = recordings_in(CORPUS)
EACH_FOLDER = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)

# What would tell of the machine or the day of a recording.
TRACES = re.compile(rb"(?i)\ndate:|-fc-v|x86_64|glibc|/(?:home|root|tmp)/|\b20\d\d GMT")


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The tool finds what lies beside it, as where it is run."""
    monkeypatch.syspath_prepend(ROOT / "tools")
    spec = importlib.util.spec_from_file_location("corpus", ROOT / "tools" / "corpus.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@EACH_FOLDER
def test_the_index_names_every_file(folder: Path) -> None:
    index, files = index_of(folder), recordings_in(folder)
    assert [entry["file"] for entry in index] == [path.name for path in files.values()]
    assert [entry["number"] for entry in index] == list(range(1, len(index) + 1))


@EACH_FOLDER
def test_the_index_is_fresh(folder: Path, tool: ModuleType) -> None:
    for entry in index_of(folder):
        described = tool.describe((folder / entry["file"]).read_bytes())
        assert described == {key: entry[key] for key in described}, entry["file"]


@EACH_FOLDER
def test_nothing_tells_of_the_machine(folder: Path) -> None:
    for path in (*recordings_in(folder).values(), folder / "index.json"):
        assert not TRACES.search(path.read_bytes()), path.name


@EACH_FOLDER
def test_scrubbing_twice_is_scrubbing_once(folder: Path, tool: ModuleType) -> None:
    for path in recordings_in(folder).values():
        assert tool.scrub(path.read_bytes()) == path.read_bytes()


@pytest.mark.parametrize("options", ["", *(f"body={body}" for body in BODIES), "cut=5"])
async def test_every_recording_plays(options: str) -> None:
    async with LabServer(recordings=FILES) as server:
        for entry in INDEX:
            path = CORPUS / entry["file"]
            model = f"{RECORDING_PREFIX}{path.stem}@{options}"
            heard = await ask(server, chat_request(model))
            assert heard.status == entry["status"]
            assert heard.body == Recording.parse(path.read_bytes()).body, path.name
            assert heard.is_complete


async def test_recordings_are_listed_as_models() -> None:
    async with LabServer(recordings=FILES) as server:
        heard = await ask(server, b"GET /models HTTP/1.1\r\nConnection: close\r\n\r\n")
        names = [model["id"] for model in json.loads(heard.body)["data"]]
    assert f"{RECORDING_PREFIX}{next(iter(FILES))}" in names


def test_chunks_stay_where_they_were() -> None:
    head = b"HTTP/1.1 200 OK\r\nX-Kept: yes\r\nTransfer-Encoding: chunked\r\n\r\n"
    raw = head + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    reply = Recording.parse(raw).reply
    assert reply.pieces == (b"abc", b"de")
    assert reply.headers == (("x-kept", "yes"),)
    assert (reply.ending, reply.body) == (Ending.CLEAN, "chunked")


def test_a_recording_that_broke_off_breaks_off_again() -> None:
    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n9\r\nde"
    reply = Recording.parse(raw).reply
    assert (reply.pieces, reply.ending) == ((b"abc", b"de"), Ending.CUT)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"HTTP/1.1 200 OK",
        b"SSH-2.0 no\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    ],
)
def test_what_is_no_recording_is_refused(raw: bytes) -> None:
    with pytest.raises(MisuseError):
        Recording.parse(raw)


async def test_a_folder_of_folders_plays_under_its_paths(tmp_path: Path) -> None:
    (tmp_path / "chat").mkdir()
    (tmp_path / "chat" / "one.http").write_bytes(b"HTTP/1.1 200 OK\r\n\r\nhello")
    (tmp_path / "notes.txt").write_bytes(b"no recording")
    found = checked_recordings(tmp_path)
    assert list(found) == ["chat/one"]
    async with LabServer(recordings=found) as server:
        assert (await ask(server, chat_request("recording:chat/one"))).body == b"hello"


def test_a_folder_without_recordings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match="no folder"):
        checked_recordings(tmp_path / "none")
    with pytest.raises(CallerError, match="holds no recordings"):
        checked_recordings(tmp_path)
    (tmp_path / "bad.http").write_bytes(b"SSH-2.0\r\n\r\n")
    with pytest.raises(CallerError, match=r"bad\.http: the file is not"):
        checked_recordings(tmp_path)
