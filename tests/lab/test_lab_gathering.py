"""The proxy's own reading of response streams: each text once, however the stream is broken."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lab_dialects import expected, of_response

from strictwire.lab import event_lines
from strictwire.lab.event_lines import EventLines, EventTooLongError
from strictwire.lab.gathering import Gathering
from strictwire.lab.scenarios import RESPONSES_SCENARIOS, Scenario
from strictwire.lab.scenarios.responses.strict import response_object

PLAYED = [
    row
    for row in RESPONSES_SCENARIOS.values()
    if row.expect.error is None and row.reply(row.ask_in("responses")).is_event_stream
]


def gathered(data: bytes, step: int = 0) -> Gathering:
    lines, told = EventLines(), Gathering()
    for start in range(0, len(data), step or len(data)):
        for event in lines.feed(data[start : start + (step or len(data))]):
            told.feed(event)
    for event in lines.finish():
        told.feed(event)
    return told


@pytest.mark.parametrize("row", PLAYED, ids=lambda row: row.name)
def test_every_broken_stream_tells_its_answer_once(row: Scenario) -> None:
    ask = row.ask_in("responses")
    told = gathered(b"".join(row.reply(ask).frames))
    right = expected("responses", row.expect_for(ask)).said
    whole = {"output": told.items, "status": "completed", "usage": None}
    assert of_response(whole).said[:4] == right[:4]
    assert (told.text, told.reasoning) == (right[0] + right[2], right[1])
    strict = response_object(row.tell(ask), ask)["output"]
    assert sorted(item["type"] for item in told.items) == sorted(one["type"] for one in strict)


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_how_the_bytes_are_cut_does_not_matter(step: int) -> None:
    data = b"".join(RESPONSES_SCENARIOS["responses-llamacpp"].reply(PLAYED[0].ask).frames)
    crlf = data.replace(b"\n", b"\r\n")
    assert gathered(data, step).items == gathered(data).items == gathered(crlf, step).items


@given(st.binary())
def test_noise_is_no_event(noise: bytes) -> None:
    assert all(isinstance(event, dict) for event in EventLines().feed(noise))


JSONS = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)
NAMES = st.sampled_from(
    ("type", "item", "item_id", "output_index", "delta", "text", "response", "output", "error")
)
KINDS = st.sampled_from(
    (
        "response.output_text.delta",
        "response.output_text.done",
        "response.output_item.added",
        "response.output_item.done",
        "response.completed",
        "error",
    )
)


@given(st.lists(st.tuples(KINDS, st.dictionaries(NAMES, JSONS)), max_size=6))
def test_no_event_crashes_it(events: list[tuple[str, dict[str, Any]]]) -> None:
    told = Gathering()
    for kind, fields in events:
        told.feed({"type": kind, **fields})
    assert isinstance(told.items, list)
    assert told.text is not None
    assert told.inferred_terminal(is_done=True)["type"] in ("response.completed", "response.failed")


def test_an_event_has_a_bound() -> None:
    block = b"data: " + b"x" * (event_lines.MAX_EVENT_BYTES // 2)
    lines = EventLines()
    lines.feed(block)
    with pytest.raises(EventTooLongError):
        lines.feed(block)


def test_a_stream_without_a_terminal_has_failed() -> None:
    told = gathered(b'data: {"type":"response.output_text.delta","delta":"Hel"}\n\n')
    terminal = told.inferred_terminal(is_done=False)
    assert terminal["response"]["error"]["message"] == "stream closed before response.completed"
    assert told.text == "Hel"
