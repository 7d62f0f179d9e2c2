"""The table of quirks tells the truth: a rule that is said to mend a quirk is seen to mend it, in a
scenario of that quirk or in a recording of the server that has it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from relay.playing import PROMISE, play
from strictwire.lab.replay import Recording
from strictwire.lab.scenarios import ALL_SCENARIOS
from strictwire.model.request import Dialect
from strictwire.repairs import RULES

CORPUS = Path(__file__).resolve().parents[2] / "corpus"
# Quirks that are one server's habits, and how its recordings are called.
RECORDED = {87: "llamacpp", 88: "mlx-lm", 89: "transformers"}
DIALECTS: tuple[Dialect, ...] = ("chat", "completions", "responses", "messages")
# Lab and relay know these by other tables (tests/lab/test_lab_embeddings.py, routing).
BEYOND = ("embeddings.", "request.")
PAIRS = [
    (rule.name, quirk)
    for rule in RULES
    if not rule.name.startswith(BEYOND)
    for quirk in rule.quirks
]


def shown() -> set[tuple[str, int]]:
    """Every rule that fires, with each quirk for which it does."""
    pairs = {
        (rule, quirk)
        for row in ALL_SCENARIOS.values()
        for dialect in row.dialects
        for is_stream in (True, False)
        for rule in row.rules_of(dialect, is_stream=is_stream)
        for quirk in row.quirks
    }
    for dialect in DIALECTS:
        for quirk, server in RECORDED.items():
            for path in (CORPUS / dialect).glob(f"*-{server}-*.http"):
                promise = replace(PROMISE, dialect=dialect)
                recording = Recording.parse(path.read_bytes())
                if recording.reply.status == 200:
                    pairs |= {(rule, quirk) for rule in play(recording.body, promise).repairs}
    return pairs


SHOWN = shown()


@pytest.mark.parametrize(("rule", "quirk"), PAIRS, ids=[f"{rule}-{n}" for rule, n in PAIRS])
def test_a_rule_is_seen_to_mend_its_quirk(rule: str, quirk: int) -> None:
    assert (rule, quirk) in SHOWN
