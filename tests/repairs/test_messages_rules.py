"""The chunk rules of Messages, and the rows of what its life mends."""

from __future__ import annotations

from typing import Any

import pytest

from strictwire.dialects.messages import MessagesLife, error_object
from strictwire.dialects.messages.errors import error_told
from strictwire.model.chunks import Chunk
from strictwire.model.request import Promise
from strictwire.repairs import RULES
from strictwire.repairs.messages import LIFE_ROWS, MESSAGES_RULES
from strictwire.repairs.messages.error_shape import MessagesErrorShape
from strictwire.repairs.messages.event_type import MessagesEventType
from strictwire.repairs.rule import ChunkRule

PROMISE = Promise(id="own", created=7, model="asked", dialect="messages")


def mend(rule: type[ChunkRule], value: dict[str, Any], event: str = "") -> tuple[Any, bool]:
    """What becomes of a chunk, and whether the rule fired. Mended twice it is as mended once."""
    one = rule(PROMISE)
    chunk = Chunk(value, raw=b"{}", event=event)
    told = list(one.feed(chunk))
    if not told:
        return None, one.fired
    (out,) = told
    assert (out is chunk) == (out.value == value)
    kind = out.value.get("type")
    again = rule(PROMISE)
    named = Chunk(out.value, event=kind if isinstance(kind, str) else event)
    assert list(again.feed(named)) == [named]
    assert not again.fired
    return out.value, one.fired


DELTA = {"index": 0, "delta": {"type": "text_delta", "text": "a"}}


@pytest.mark.parametrize(
    ("value", "event", "kind", "fires"),
    [
        ({"type": "ping"}, "ping", "ping", False),
        ({"type": "ping"}, "", "ping", True),
        ({"type": "ping"}, "message_stop", "ping", True),
        ({}, "message_stop", "message_stop", True),
        ({"type": None}, "ping", "ping", True),
        ({"message": {}}, "", "message_start", True),
        ({"message": {}}, "somebody", "message_start", True),
        ({"index": 0, "content_block": {}}, "", "content_block_start", True),
        (DELTA, "", "content_block_delta", True),
        ({"delta": {"stop_reason": "end_turn"}}, "", "message_delta", True),
        ({"delta": {}, "usage": {}}, "", "message_delta", True),
        ({"index": 0}, "", "content_block_stop", True),
    ],
)
def test_an_event_gets_its_type(value: dict[str, Any], event: str, kind: str, fires: bool) -> None:
    assert mend(MessagesEventType, value, event) == (value | {"type": kind}, fires)


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"text": "a"}, "text_delta"),
        ({"thinking": "a"}, "thinking_delta"),
        ({"signature": "a"}, "signature_delta"),
        ({"partial_json": "a"}, "input_json_delta"),
        ({"citation": {}}, "citations_delta"),
    ],
)
def test_a_delta_gets_its_type(fields: dict[str, Any], kind: str) -> None:
    value = {"type": "content_block_delta", "index": 0, "delta": fields}
    told, fired = mend(MessagesEventType, value, "content_block_delta")
    assert (told["delta"], fired) == (fields | {"type": kind}, True)


def test_somebody_elses_object_is_dropped_and_progress_passes() -> None:
    others: list[dict[str, Any]] = [{"choices": []}, {"type": "mcp_tool_result"}, {"type": 5}]
    for value in others:
        assert mend(MessagesEventType, value) == (None, True)
    report = {"prompt_progress": {"total": 1, "cache": 0, "processed": 1}}
    assert mend(MessagesEventType, report) == (report, False)


STRICT = {"type": "error", "error": {"type": "overloaded_error", "message": "no"}}


@pytest.mark.parametrize(
    ("value", "event", "kind", "status"),
    [
        ({"error": {"type": "overloaded_error", "message": "no"}}, "", "overloaded_error", 529),
        ({"error": "no"}, "", "api_error", 502),
        ({"type": "error", "error": "no"}, "error", "api_error", 502),
        ({"type": "error", "message": "no"}, "error", "api_error", 502),
        ({"message": "no"}, "error", "api_error", 502),
        ({"detail": "no"}, "", "api_error", 502),
        ({"error": {"message": "no", "code": 429}}, "", "rate_limit_error", 429),
        ({"error": {"message": "no", "type": "server_error", "code": 500}}, "", "api_error", 500),
        (
            {"type": "rate_limit_error", "message": "no"},
            "error",
            "rate_limit_error",
            429,
        ),
    ],
)
def test_an_error_gets_anthropics_shape(
    value: dict[str, Any], event: str, kind: str, status: int
) -> None:
    told, fired = mend(MessagesErrorShape, value, event)
    assert (told["type"], fired) == ("error", True)
    error = error_told(told["error"])
    assert error.status == status
    assert error_object(error)["error"] == {"type": kind, "message": "no"}


def test_a_reason_that_says_error_is_one() -> None:
    value = {"type": "message_delta", "delta": {"stop_reason": "error"}, "usage": {}}
    told, fired = mend(MessagesErrorShape, value, "message_delta")
    assert (told["type"], fired) == ("error", True)
    assert "'error'" in told["error"]["message"]


@pytest.mark.parametrize(
    "value",
    [
        STRICT,
        {"type": "ping"},
        {"type": "message_start", "message": {"error": None}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {}},
        {"prompt_progress": {}},
        {"type": "ping", "error": None},
    ],
)
def test_what_is_no_error_or_a_strict_one_passes(value: dict[str, Any]) -> None:
    assert mend(MessagesErrorShape, value, value.get("type", "")) == (value, False)


def test_every_rule_is_in_the_table() -> None:
    names = {rule.name for rule in MESSAGES_RULES if rule.name.startswith("messages.")}
    assert names | {row.name for row in LIFE_ROWS} == {
        rule.name for rule in RULES if rule.name.startswith("messages.")
    }


def test_the_life_says_only_names_of_rows() -> None:
    """A stream that breaks nearly everything that a stream can break."""
    values: list[dict[str, Any]] = [
        {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "a"}},
        {"type": "message_start", "message": {"usage": {}}},
        {"type": "content_block_start", "index": 5, "content_block": {"type": "tool_use"}},
        {"type": "content_block_delta", "index": 8, "delta": {"type": "text_delta", "text": "a"}},
        {"type": "message_delta", "delta": {"stop_reason": "eos"}, "usage": None},
        {"type": "message_delta", "delta": {}},
    ]
    life = MessagesLife(PROMISE)
    for value in values:
        list(life.feed(Chunk(value)))
    list(life.end(has_terminal=False))
    named = {row.name for row in LIFE_ROWS}
    assert life.mended == named
