"""corpus/scripted: the files are those of the scenarios, and the evidence of rules is there."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from strictwire.repairs import RULES

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    path = ROOT / "tools" / "corpus_scripted.py"
    spec = importlib.util.spec_from_file_location("corpus_scripted", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_files_are_fresh(tool: ModuleType) -> None:
    assert tool.stale() == []


def test_evidence_in_files_exists() -> None:
    for rule in RULES:
        if rule.evidence.startswith("corpus/"):
            assert (ROOT / rule.evidence).is_file(), rule.name


def test_what_is_missing_changed_or_left_over_is_stale(tool: ModuleType, tmp_path: Path) -> None:
    tool.write(tmp_path)
    assert tool.stale(tmp_path) == []
    names = sorted(path.name for path in tmp_path.iterdir())
    (tmp_path / names[0]).write_bytes(b"data: other\n\n")
    (tmp_path / names[1]).unlink()
    (tmp_path / "zz-old.sse").write_bytes(b"")
    assert tool.stale(tmp_path) == [names[0], names[1], "zz-old.sse"]
    tool.write(tmp_path)
    assert tool.stale(tmp_path) == []
