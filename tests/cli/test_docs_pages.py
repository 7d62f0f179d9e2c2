"""The generated pages: fresh, the same each time, and true."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from strictwire.cli.app import app, main
from strictwire.config import Endpoints, Model, Provider, Settings, Timeouts, load
from strictwire.config.table import rows

ROOT = Path(__file__).resolve().parents[2]


def run_docs(*arguments: str, hash_seed: str = "0") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "tools" / "docs.py"), *arguments],
        capture_output=True,
        text=True,
        timeout=25,
        env={"PATH": "", "PYTHONHASHSEED": hash_seed},
        check=False,
    )


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_the_pages_are_fresh(hash_seed: str) -> None:
    result = run_docs("--check", hash_seed=hash_seed)
    assert (result.returncode, result.stderr) == (0, "")


def test_other_arguments_are_refused() -> None:
    assert run_docs("--chek").returncode == 2


def test_every_setting_has_its_words_in_the_page() -> None:
    page = (ROOT / "docs" / "settings.md").read_text()
    for cls in (Settings, Timeouts, Endpoints, Provider, Model):
        for row in rows(cls):
            assert f"### `{row.name}`\n\n{row.doc}" in page


def test_the_examples_of_the_page_are_good_files() -> None:
    from strictwire.repairs import MODES

    page = (ROOT / "docs" / "settings.md").read_text()
    examples = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert len(examples) == 2
    for example in examples:
        load(example, source="example", environ={"TEAM_KEY": "sk-dummy"}, known_rules=MODES)


def test_the_entry_point_is_the_app() -> None:
    assert callable(main)
    assert app.info.name == "strictwire"
