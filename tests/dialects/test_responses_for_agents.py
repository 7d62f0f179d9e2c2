"""What coding agents demand of Responses beyond the schema: found with the real ones, kept here."""

from __future__ import annotations

from typing import Any

import pytest

from dialects.responses_streams import PROMISE, RESPONSE, Event, chunk, healthy
from strictwire.dialects.responses import (
    ResponsesLife,
    ResponsesNativeReader,
    ResponsesNativeWholeWriter,
    ResponsesNativeWriter,
    ResponsesWriter,
)
from strictwire.dialects.responses.usage import no_usage
from strictwire.model.events import Begun, Ended, Finished, TextDelta

CALL: dict[str, Any] = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
CUSTOM: dict[str, Any] = {"type": "custom_tool_call", "call_id": "c", "name": "f", "input": "x"}


def passed_on(*events: Event) -> list[Event]:
    """What a client that speaks Responses too gets of them."""
    life = ResponsesLife(PROMISE)
    reader, writer = ResponsesNativeReader(), ResponsesNativeWriter(PROMISE, life)
    strict = [out for one in events for out in life.feed(chunk(one))]
    told = [event for one in strict for event in reader.feed(one)]
    return [value for event in told for value in writer.feed(event)]


def ending(kind: str, **fields: Any) -> list[Event]:
    events = healthy()
    response = {**events[-1]["response"], **fields}
    return [*events[:-1], {**events[-1], "type": f"response.{kind}", "response": response}]


@pytest.mark.parametrize("kind", ["completed", "incomplete"])
def test_an_end_without_usage_tells_zeros(kind: str) -> None:
    """OpenCode takes null for no end, and asks again for ever."""
    told = passed_on(*ending(kind, status=kind, usage=None))
    assert told[-1]["type"] == f"response.{kind}"
    assert told[-1]["response"]["usage"] == no_usage()


def test_a_failure_may_go_without_usage() -> None:
    error = {"code": "server_error", "message": "no"}
    told = passed_on(*ending("failed", status="failed", error=error, usage=None))
    assert told[-1]["response"]["usage"] is None


def test_an_answer_from_elsewhere_without_usage_ends_with_zeros() -> None:
    writer = ResponsesWriter(PROMISE)
    events = (Begun("resp_1", 5, "m"), TextDelta(0, "a"), Finished(0, "stop"), Ended())
    told = [value for event in events for value in writer.feed(event)]
    assert told[-1]["response"]["usage"] == no_usage()


def test_one_object_still_knows_that_nobody_told() -> None:
    life = ResponsesLife(PROMISE)
    writer = ResponsesNativeWholeWriter(PROMISE, life)
    reader = ResponsesNativeReader()
    for one in ending("completed", usage=None):
        for strict in life.feed(chunk(one)):
            for event in reader.feed(strict):
                writer.feed(event)
    assert not writer.knows_usage
    assert writer.finish()["usage"] == no_usage()


@pytest.mark.parametrize("item", [CALL, CUSTOM], ids=["function", "custom"])
def test_a_call_has_a_status_from_the_first_to_the_last(item: dict[str, Any]) -> None:
    """The AI SDK runs no tool of a finished call that does not say so."""
    text = "arguments" if "arguments" in item else "input"
    created = {"type": "response.created", "sequence_number": 0, "response": RESPONSE}
    added = {**item, "id": "i", text: ""}
    done = {**item, "id": "i"}
    told = passed_on(
        created,
        {"type": "response.output_item.added", "output_index": 0, "item": added},
        {"type": "response.output_item.done", "output_index": 0, "item": done},
    )
    items = {one["type"]: one["item"]["status"] for one in told if "item" in one}
    assert items == {
        "response.output_item.added": "in_progress",
        "response.output_item.done": "completed",
    }
