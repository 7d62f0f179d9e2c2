"""The arrows between the rooms, enforced: who may import whom, and what pure rooms never import.

Source: "Layers" in ARCHITECTURE.md. Arrows point left only, and rooms of one column do not know
each other; the composition root joins them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src" / "strictwire"

# From left to right; a room may import from the columns left of its own.
COLUMNS: tuple[frozenset[str], ...] = (
    frozenset({"model"}),
    frozenset({"wire", "dialects", "repairs", "config", "routing"}),
    frozenset({"relay"}),
    frozenset({"net", "engine", "store"}),
    frozenset({"admin", "telemetry", "conformance", "lab", "client"}),
    frozenset({"cli", "tui", "web"}),
)
COLUMN_OF = {room: number for number, rooms in enumerate(COLUMNS) for room in rooms}

PURE = frozenset(
    {"model", "wire", "dialects", "repairs", "config", "routing", "relay", "conformance"}
)
# What pure rooms never import: I/O, clocks, chance, logging, the environment, other threads.
IMPURE = frozenset(
    {"asyncio", "concurrent", "contextvars", "http", "httptools", "httpx", "io", "logging",
     "multiprocessing", "os", "queue", "random", "secrets", "selectors", "shutil", "signal",
     "socket", "socketserver", "sched", "ssl", "subprocess", "tempfile", "threading", "time",
     "urllib.request", "uuid", "uvicorn", "uvloop"}
)  # fmt: skip
FACES = frozenset({"cli", "tui", "web"})
SOCKETS = frozenset(
    {"socket", "socketserver", "ssl", "selectors", "http", "httptools", "httpx", "urllib.request"}
)

# The few exceptions, each with its reason. Module -> what it may import all the same.
ALLOWED: dict[str, frozenset[str]] = {}


def module_of(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in sorted(SOURCE.rglob("*.py"))}


def imports_of(module: str) -> Iterator[tuple[str, int]]:
    """Every imported module with its line, also inside functions and under TYPE_CHECKING."""
    path = MODULES[module]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield name.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: import by the full name"
            yield node.module or "", node.lineno
            for name in node.names:
                yield f"{node.module}.{name.name}", node.lineno


def room_of(module: str) -> str:
    """The room, empty for the package's own top."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[0] == "strictwire" else ""


def is_one_of(name: str, names: frozenset[str]) -> bool:
    return any(name == one or name.startswith(f"{one}.") for one in names)


IN_ROOMS = [module for module in MODULES if room_of(module) in COLUMN_OF]


def test_every_module_is_in_a_room() -> None:
    homeless = set(MODULES) - set(IN_ROOMS)
    assert homeless <= {"strictwire", "strictwire.__main__"}


@pytest.mark.parametrize("module", IN_ROOMS)
def test_arrows_point_left(module: str) -> None:
    room = room_of(module)
    for name, line in imports_of(module):
        other = room_of(name)
        if name.split(".")[0] != "strictwire" or other in ("", room):
            continue
        if name in ALLOWED.get(module, ()) or name == "strictwire.__version__":
            continue
        assert COLUMN_OF[other] < COLUMN_OF[room], f"{module}:{line} imports {name}"


@pytest.mark.parametrize("module", [one for one in IN_ROOMS if room_of(one) in PURE])
def test_pure_rooms_do_no_io_and_keep_no_time(module: str) -> None:
    for name, line in imports_of(module):
        if name not in ALLOWED.get(module, ()):
            assert not is_one_of(name, IMPURE), f"{module}:{line} imports {name}"


@pytest.mark.parametrize("module", [one for one in IN_ROOMS if room_of(one) in PURE])
def test_pure_rooms_open_no_files(module: str) -> None:
    """``open`` and ``print`` need no import, and Path does I/O by its methods."""
    io_methods = {"read_text", "read_bytes", "write_text", "write_bytes", "unlink", "mkdir"}
    for node in ast.walk(ast.parse(MODULES[module].read_text("utf-8"))):
        if isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Name):
                assert called.id not in {"open", "print", "input"}, f"{module}:{node.lineno}"
            elif isinstance(called, ast.Attribute) and called.attr in io_methods:
                assert called.attr in ALLOWED.get(module, ()), f"{module}:{node.lineno}"


@pytest.mark.parametrize("module", [one for one in IN_ROOMS if room_of(one) in FACES])
def test_faces_import_no_sockets(module: str) -> None:
    for name, line in imports_of(module):
        assert not is_one_of(name, SOCKETS), f"{module}:{line} imports {name}"


def test_no_room_is_a_drawer() -> None:
    """A file is named for what lives in it."""
    drawers = {"utils", "util", "helpers", "common", "base", "manager", "misc"}
    assert not {path.stem for path in MODULES.values()} & drawers


def test_the_lab_shares_no_code_with_what_it_tests() -> None:
    tested = {"wire", "dialects", "repairs", "relay"}
    for module in IN_ROOMS:
        if room_of(module) == "lab":
            assert not {room_of(name) for name, _ in imports_of(module)} & tested, module


def test_the_judge_of_the_wire_shares_no_code_with_what_it_judges() -> None:
    """It may know the rules' names and titles, and no more of them."""
    for module in IN_ROOMS:
        if room_of(module) == "conformance":
            names = {name for name, _ in imports_of(module) if name.startswith("strictwire.")}
            assert not {room_of(name) for name in names} & {"wire", "dialects", "relay"}, module
            told = {name for name in names if room_of(name) == "repairs"}
            assert told <= {"strictwire.repairs", "strictwire.repairs.RULES"}, module


def test_the_walk_sees_imports_wherever_they_stand() -> None:
    """Else the tests above would pass on nothing."""
    names = {name for name, _ in imports_of("strictwire.relay.splice")}
    assert {"strictwire.model.events", "strictwire.relay.sinks", "re"} <= names
