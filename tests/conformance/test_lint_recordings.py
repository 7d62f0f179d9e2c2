"""What real servers sent on Responses and Messages, and what is found in it: all that the gateway
mends, and nothing that was in order."""

from __future__ import annotations

from pathlib import Path

import pytest

from strictwire.conformance import Asked, dialect_of, report_of
from strictwire.model.request import Dialect

CORPUS = Path(__file__).resolve().parents[2] / "corpus"

_NUMBERS = {"responses.sequence", "responses.output-index", "responses.response-fields"}
_LLAMACPP = _NUMBERS | {"responses.part-missing", "responses.item-fields"}
_TRANSFORMERS = {
    "responses.event-unnamed",
    "responses.response-fields",
    "responses.item-fields",
}
# What is found in each recording, by its dialect and its name without the number.
RECORDED: dict[tuple[Dialect, str], set[str]] = {
    ("responses", "llamacpp-responses-stream"): _LLAMACPP,
    ("responses", "llamacpp-responses-stream-tool"): (_NUMBERS | {"responses.done-missing"}),
    ("responses", "llamacpp-long-responses-progress"): _LLAMACPP | {"responses.progress-frame"},
    ("responses", "llamacpp-responses-nonstream"): {"responses.response-fields"},
    ("responses", "transformers-responses-stream"): _TRANSFORMERS,
    ("responses", "transformers-responses-stream-tool"): _TRANSFORMERS,
    ("responses", "transformers-responses-nonstream"): _TRANSFORMERS,
    ("messages", "llamacpp-messages-stream"): set(),
    ("messages", "llamacpp-messages-stream-tool"): {"messages.tool-input"},
    ("messages", "llamacpp-long-messages-progress"): set(),
    ("messages", "llamacpp-messages-nonstream"): set(),
}


@pytest.mark.parametrize(("dialect", "name"), RECORDED)
def test_a_recording(dialect: Dialect, name: str) -> None:
    path = next((CORPUS / dialect).glob(f"[0-9]*[0-9]-{name}.http"))
    data = path.read_bytes()
    assert dialect_of(data) == dialect
    report = report_of(data, Asked(dialect=dialect))
    assert {finding.rule for finding in report.findings} == RECORDED[dialect, name]


def test_every_recording_that_answers_is_here() -> None:
    dialects: tuple[Dialect, ...] = ("responses", "messages")
    for dialect in dialects:
        for path in (CORPUS / dialect).glob("*.http"):
            if report_of(path.read_bytes(), Asked(dialect=dialect)).status == 200:
                assert (dialect, path.stem.partition("-")[2]) in RECORDED
