"""The table of checks: every rule of the wire has its row, and every row its words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from strictwire.conformance import CHECKS, Asked
from strictwire.conformance.finding import Findings
from strictwire.model.errors import MisuseError
from strictwire.model.request import Promise
from strictwire.repairs import RULES

# Rules of what lint does not judge: requests, embeddings, what one dialect cannot say for another.
BEYOND = ("request.", "embeddings.", "reply.untellable")
DOCS = Path(__file__).resolve().parents[2] / "docs"
QUIRKS = DOCS / "quirks.md"
WIRE_RULES = [rule for rule in RULES if not rule.name.startswith(BEYOND)]


def test_every_rule_of_the_wire_has_a_check() -> None:
    assert {rule.name for rule in WIRE_RULES} <= CHECKS.keys()


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_a_row_says_all_that_a_finding_tells(check: object) -> None:
    row = CHECKS[check.id]  # type: ignore[attr-defined]
    assert re.fullmatch(r"[a-z]+\.[a-z0-9-]+", row.id)
    assert row.title
    assert not row.title.endswith(".")
    assert row.severity in ("error", "warning")
    assert len(set(row.breaks)) == len(row.breaks)
    known = {int(number) for number in re.findall(r"\(#quirk-(\d+)\)", QUIRKS.read_text("utf-8"))}
    assert set(row.quirks) <= known
    page, _, anchor = row.page.partition("#")
    assert (DOCS / page).is_file()
    assert not anchor or f"### `{row.id}`\n" in (DOCS / page).read_text("utf-8")


def test_a_check_that_a_rule_mends_has_the_rule_s_quirks() -> None:
    for rule in WIRE_RULES:
        assert CHECKS[rule.name].has_rule
        assert CHECKS[rule.name].quirks == rule.quirks


def test_a_finding_of_no_check_is_our_own_mistake() -> None:
    with pytest.raises(MisuseError):
        Findings().add("chat.no-such-check", 0)


def test_a_promise_says_what_was_asked_for() -> None:
    promise = Promise(
        id="a", created=1, model="m", includes_usage=True, choices=2, progress="chunk"
    )
    asked = Asked.by(promise)
    for name in Asked.__dataclass_fields__:
        if name != "allows_keepalive":
            assert getattr(asked, name) == getattr(promise, name), name
