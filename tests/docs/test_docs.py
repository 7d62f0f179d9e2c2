"""The pages against the tables they speak of: complete, fresh and without dead ends."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from pages import ROOT, anchors, blocks, links, name_of, pages

from strictwire.config import Endpoints, Model, Provider, Settings, Timeouts, load
from strictwire.config.settings import StoredResponses
from strictwire.config.table import rows
from strictwire.lab.scenarios import ALL_SCENARIOS
from strictwire.repairs import MODES, RULES
from strictwire.repairs.quirks import QUIRKS

KNOWN_QUIRKS = 96
ENVIRON = dict.fromkeys(("TEAM_KEY", "PAID_KEY", "MODEL_KEY_1", "MODEL_KEY_2"), "sk-dummy")
PAGES = pages()
PAGE_NAMES = [name_of(page) for page in PAGES]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


# ---- the generated pages ----


def test_every_rule_is_listed_and_has_its_page() -> None:
    page = read("docs/rules.md")
    for rule in RULES:
        assert page.count(f"| [`{rule.name}`](rules/{rule.name}.md) |") == 1, rule.name
        assert f"# `{rule.name}`\n" in read(f"docs/rules/{rule.name}.md")
    assert len(list((ROOT / "docs" / "rules").glob("*.md"))) == len(RULES)


def test_every_setting_has_its_section() -> None:
    page = read("docs/settings.md")
    for table in (Settings, Timeouts, StoredResponses, Endpoints, Provider, Model):
        for row in rows(table):
            assert f"### `{row.name}`\n" in page, row.name


def test_every_scenario_has_its_row() -> None:
    page = read("docs/lab.md")
    for name in ALL_SCENARIOS:
        assert page.count(f"| `{name}` |") == 1, name


def test_every_scenario_names_rules_that_exist() -> None:
    known = {rule.name for rule in RULES}
    for name, scenario in ALL_SCENARIOS.items():
        assert set(scenario.rules) <= known, name


# ---- links ----


@pytest.mark.parametrize("page", PAGES, ids=PAGE_NAMES)
def test_relative_links_resolve(page: Path) -> None:
    for target in links(page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        place = (page.parent / name).resolve() if name else page
        assert place.exists(), target
        assert place.is_relative_to(ROOT), target
        if anchor:
            assert anchor in anchors(place.read_text(encoding="utf-8")), target


def test_every_page_is_on_the_map() -> None:
    listed = links(read("docs/index.md"))
    reached = {(ROOT / "docs" / target).resolve() for target in listed}
    for page in (ROOT / "docs").glob("*.md"):
        assert page in reached or page.name == "index.md", page.name


def test_every_decision_is_listed_and_complete() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = links(read("docs/decisions/README.md"))
    decisions = sorted(path.name for path in folder.glob("[0-9]*.md"))
    assert listed == decisions
    for number, name in enumerate(decisions, start=1):
        text = (folder / name).read_text(encoding="utf-8")
        assert text.startswith(f"# {number:04}: ")
        for part in ("**Context.**", "**Choice.**", "**What we gave up.**"):
            assert part in text, name


# ---- quirks ----


def quirk_rows() -> dict[int, list[str]]:
    """The table at the top of the quirks page: number to its other cells."""
    found = re.findall(
        r"^\| \[(\d+)\]\(#quirk-\d+\) \|(.*)\|$", read("docs/quirks.md"), re.MULTILINE
    )
    assert len(dict(found)) == len(found)
    return {int(number): [cell.strip() for cell in rest.split(" |")] for number, rest in found}


def test_no_quirk_is_missing() -> None:
    """A number that is never told of, or that nothing meets, is a hole in the promise."""
    assert list(quirk_rows()) == list(QUIRKS) == list(range(1, KNOWN_QUIRKS + 1))
    for number, (met_by, scenarios, told_on) in quirk_rows().items():
        assert met_by, number
        assert told_on, number
        rules = [rule.name for rule in RULES if number in rule.quirks]
        assert all(f"`{name}`" in met_by for name in rules), number
        assert scenarios or not rules, number
        assert rules or QUIRKS[number].page, number


def test_every_quirk_is_met_now() -> None:
    assert not [number for number, quirk in QUIRKS.items() if "not served" in quirk.how]


# ---- the contract ----


def test_the_contract_lists_every_error_code_of_ours() -> None:
    page = read("docs/contract.md")
    source = ROOT / "src" / "strictwire"
    rooms = ("net", "dialects", "relay", "routing", "engine")
    text = "".join(
        path.read_text(encoding="utf-8") for room in rooms for path in (source / room).rglob("*.py")
    )
    codes = set(re.findall(r'code="([a-z_]+)"', text))
    assert {"upstream_truncated", "missing_api_key", "engine_died"} <= codes
    for code in sorted(codes):
        assert f"`{code}`" in page, code


# ---- dependencies ----


def test_every_dependency_has_its_reason() -> None:
    reasons = read("docs/decisions/0002-dependencies.md")
    project = re.search(r"^dependencies = \[\n(.*?)^\]", read("pyproject.toml"), re.S | re.M)
    assert project is not None
    names = re.findall(r'^ +"([A-Za-z0-9_.-]+)', project[1], re.M)
    for file in ("requirements/dev.in", "requirements/run.in"):
        names += re.findall(r"^([a-z][a-z0-9_.-]*)", read(file), re.M)
    assert {"uvicorn", "hypothesis", "hatchling"} <= set(names)
    for name in names:
        assert re.search(rf"\b{re.escape(name)}\b", reasons, re.IGNORECASE), name


# ---- changelog ----


def test_fragments_are_named_as_the_changelog_says() -> None:
    for path in (ROOT / "changelog.d").iterdir():
        is_fragment = re.fullmatch(r"\d{4}\.(added|changed|fixed|removed)\.md", path.name)
        assert is_fragment or path.name == "README.md", path.name


# ---- examples that are not run ----


def test_the_readme_names_the_two_commands() -> None:
    shell = [block.text for block in blocks(ROOT / "README.md") if block.language == "sh"]
    assert shell[0].startswith("make serve")
    assert "make test" in shell[0]


@pytest.mark.parametrize("page", PAGES, ids=PAGE_NAMES)
def test_examples_of_settings_are_good_files(page: Path) -> None:
    for block in blocks(page):
        if block.language == "yaml" and "providers:" in block.text:
            load(block.text, source=block.page, environ=ENVIRON, known_rules=MODES)


def test_the_files_of_examples_are_good() -> None:
    files = sorted((ROOT / "examples").glob("*.yaml"))
    assert files
    for file in files:
        text = file.read_text(encoding="utf-8")
        load(text, source=file.name, environ=ENVIRON, known_rules=MODES)


@pytest.mark.parametrize("page", PAGES, ids=PAGE_NAMES)
def test_examples_of_json_can_be_read(page: Path) -> None:
    for block in blocks(page):
        if block.language == "json":
            json.loads(block.text)


def test_recipes_and_flags_in_the_pages_exist() -> None:
    recipes = set(re.findall(r"^([a-z]+):", read("Makefile"), re.M))
    flags = set(re.findall(r"--[a-z-]+", read("docs/cli.md")))
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for recipe in re.findall(r"`make ([a-z]+)", text):
            assert recipe in recipes, (name_of(page), recipe)
        for line in re.findall(r"strictwire (?:serve|lab serve)\b[^`\n]*", text):
            for flag in re.findall(r"--[a-z-]+", line):
                assert flag in flags, (name_of(page), flag)
