"""The chunk rules of Responses: what an event is, and the shape of an error."""

from __future__ import annotations

from typing import Any

import pytest

from strictwire.model.chunks import Chunk
from strictwire.model.request import Promise
from strictwire.repairs import RULES
from strictwire.repairs.responses import LIFE_ROWS, RESPONSES_RULES
from strictwire.repairs.responses.error_shape import ResponsesErrorShape
from strictwire.repairs.responses.event_type import ResponsesEventType

PROMISE = Promise(id="own", created=7, model="asked", dialect="responses")
DELTA = {"item_id": "msg_1", "delta": "a"}
REFUSAL = DELTA | {"type": "response.refusal.delta"}


def through(rule: Any, value: dict[str, Any], event: str = "") -> list[dict[str, Any]]:
    return [one.value for one in rule.feed(Chunk(value, b"{}", event))]


@pytest.mark.parametrize(
    ("value", "event", "mended"),
    [
        (DELTA, "response.output_text.delta", DELTA | {"type": "response.output_text.delta"}),
        (DELTA | {"type": None}, "response.refusal.delta", REFUSAL),
        (DELTA | {"type": ""}, "response.refusal.delta", REFUSAL),
        (
            DELTA | {"type": "response.reasoning.delta"},
            "response.reasoning.delta",
            DELTA | {"type": "response.reasoning_text.delta"},
        ),
        (DELTA, "response.reasoning.delta", DELTA | {"type": "response.reasoning_text.delta"}),
        (
            {"response": {"status": "failed"}},
            "",
            {"type": "response.failed", "response": {"status": "failed"}},
        ),
        (
            {"object": "response", "status": "completed", "output": []},
            "message",
            {
                "type": "response.completed",
                "response": {"object": "response", "status": "completed", "output": []},
            },
        ),
    ],
)  # fmt: skip
def test_each_event_says_what_it_is(value: dict[str, Any], event: str, mended: Any) -> None:
    rule = ResponsesEventType(PROMISE)
    assert through(rule, value, event) == [mended]
    assert rule.fired


@pytest.mark.parametrize("value", [{}, {"choices": []}, {"a": 1, "delta": "x"}])
def test_what_is_no_event_is_dropped(value: dict[str, Any]) -> None:
    rule = ResponsesEventType(PROMISE)
    assert through(rule, value) == []
    assert rule.fired


@pytest.mark.parametrize(
    "value",
    [
        DELTA | {"type": "response.output_text.delta"},
        {"type": "codex.rate_limits", "limits": {}},
        {"prompt_progress": {"total": 1}},
    ],
)
def test_what_says_its_type_passes(value: dict[str, Any]) -> None:
    for rule in (ResponsesEventType(PROMISE), ResponsesErrorShape(PROMISE)):
        one = Chunk(value, b"{}", "response.output_text.delta")
        assert list(rule.feed(one)) == [one]
        assert not rule.fired


@pytest.mark.parametrize("kind", ["keepalive", "ping", "mcp_tool_result"])
def test_an_event_of_no_dialect_is_dropped(kind: str) -> None:
    rule = ResponsesEventType(PROMISE)
    assert list(rule.feed(Chunk({"type": kind}, b"{}"))) == []
    assert rule.fired


ERROR = {"type": "error", "code": "c", "message": "m", "param": None, "sequence_number": 3}


@pytest.mark.parametrize(
    ("value", "event", "told"),
    [
        ({"error": {"message": "m", "code": "c"}}, "", {"code": "c", "message": "m"}),
        ({"error": "m"}, "", {"code": None, "message": "m"}),
        ({"error": {"message": "m", "code": 503}}, "", {"code": "503", "status": 503}),
        ({"error": {"message": "m", "type": "t"}}, "error", {"kind": "t", "message": "m"}),
        ({"type": "error", "error": {"code": "c", "message": "m"}}, "error", {"code": "c"}),
        ({"type": "error", "code": 429, "message": "m"}, "error", {"status": 429}),
        ({"message": "m", "code": "c"}, "error", {"code": "c", "message": "m"}),
        ({"detail": "m"}, "", {"code": None, "message": "m"}),
        ({"type": "error"}, "error", {"code": None}),
    ],
)
def test_an_error_is_flat(value: dict[str, Any], event: str, told: dict[str, Any]) -> None:
    rule = ResponsesErrorShape(PROMISE)
    (mended,) = through(rule, value, event)
    assert rule.fired
    assert mended["type"] == "error"
    assert mended.keys() >= {"code", "message", "param", "sequence_number"}
    assert told.items() <= mended.items()
    again = ResponsesErrorShape(PROMISE)
    assert through(again, mended, event) == [mended]
    assert not again.fired


@pytest.mark.parametrize(
    "value",
    [
        ERROR,
        ERROR | {"code": None},
        {"type": "response.failed", "response": {"error": {"message": "m"}}},
        {"object": "response", "status": "failed", "error": {"message": "m"}},
    ],
)
def test_an_error_in_its_place_passes(value: dict[str, Any]) -> None:
    rule = ResponsesErrorShape(PROMISE)
    assert through(rule, value) == [value]
    assert not rule.fired


def test_all_rows_are_in_the_table() -> None:
    names = [rule.name for rule in RULES]
    own = [rule.name for rule in RESPONSES_RULES if rule.name.startswith("responses.")]
    for name in [*own, *(row.name for row in LIFE_ROWS)]:
        assert names.count(name) == 1
