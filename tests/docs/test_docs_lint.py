"""The commands on the rules' pages: each finds, in the bytes that it names, what its rule mends."""

from __future__ import annotations

import re
import shlex

import pytest
from pages import ROOT
from typer.testing import CliRunner

from strictwire.cli.app import app
from strictwire.repairs import RULES

COMMAND = re.compile(r"^\.venv/bin/strictwire (lint .+)$", re.MULTILINE)


def commands() -> dict[str, str]:
    """The rule's name to what its page says to type."""
    told = {rule.name: ROOT / "docs" / "rules" / f"{rule.name}.md" for rule in RULES}
    found = {name: COMMAND.search(path.read_text("utf-8")) for name, path in told.items()}
    return {name: match[1] for name, match in found.items() if match is not None}


@pytest.mark.parametrize(("rule", "command"), commands().items(), ids=commands())
def test_a_rule_s_page_shows_its_quirk(
    rule: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    result = CliRunner().invoke(app, shlex.split(command), prog_name="strictwire")
    assert result.exit_code == 1, result.output
    assert f" {rule}: " in result.output


def test_each_file_of_the_scripted_corpus_is_on_a_page() -> None:
    named = {command.rpartition(" ")[2] for command in commands().values()}
    files = {str(path.relative_to(ROOT)) for path in (ROOT / "corpus" / "scripted").glob("*.sse")}
    assert named == files
