"""The judges themselves: what they are there to find, they find."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import httpx
import pytest
from asking import asked_of
from expectations import Asked, Error, Seen, SeenChoice, differences
from wire_judge import SCHEMA, STREAM_HEADERS, judge_reply, schema_faults

from strictwire.lab.ask import Ask
from strictwire.lab.scenarios import SCENARIOS, Scenario

CHUNK = {
    "id": "chatcmpl-1",
    "object": "chat.completion.chunk",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": None}],
}


@pytest.mark.skipif(
    not SCHEMA.exists(),
    reason=f"no {SCHEMA.name} beside the checkout: replies are not judged by OpenAI's schema",
)
@pytest.mark.parametrize(
    ("change", "has_faults"),
    [
        ({}, False),
        ({"id": "another", "created": 2}, False),
        ({"choices": [{"index": 0, "delta": {}}]}, True),
        ({"choices": [{"index": 0, "delta": {"content": 1}, "finish_reason": None}]}, True),
        ({"choices": [{"index": 0, "delta": {}, "finish_reason": ""}]}, True),
        ({"model": None}, True),
        ({"usage": {"prompt_tokens": 1}}, True),
    ],
)
def test_the_schema_finds_what_is_wrong(change: dict[str, object], has_faults: bool) -> None:
    payload = json.dumps(CHUNK | change, separators=(",", ":")).encode()
    assert bool(schema_faults("CreateChatCompletionStreamResponse", payload)) == has_faults


RIGHT = Seen((SeenChoice(text="Hi", finish_reason="stop"),), (1, 2))


@pytest.mark.parametrize(
    "seen",
    [
        Seen((SeenChoice(text="H", finish_reason="stop"),), (1, 2)),
        Seen((SeenChoice(text="Hi", finish_reason="length"),), (1, 2)),
        Seen((SeenChoice(text="Hi", finish_reason="stop", reasoning="x"),), (1, 2)),
        Seen(RIGHT.choices, None),
        Seen(RIGHT.choices * 2, (1, 2)),
        Seen((), (1, 2)),
        Seen(RIGHT.choices, (1, 2), Error(None)),
    ],
)
def test_a_difference_is_told(seen: Seen) -> None:
    assert differences(RIGHT, RIGHT) == []
    assert differences(RIGHT, seen)


def test_a_failure_must_say_what_came_before_it() -> None:
    failed = Seen((SeenChoice(text="Hi"),), error=Error(None, "out_of_memory"))
    assert differences(failed, failed) == []
    assert differences(failed, Seen(error=Error(None, "out_of_memory")))
    assert differences(failed, Seen(failed.choices, error=Error(None, "other")))
    assert differences(failed, Seen(failed.choices, error=Error(502, "out_of_memory")))
    assert differences(failed, RIGHT)


# What the judge finds only because it was told what the request and the settings say.
KNOWING: dict[str, tuple[str, Asked, dict[str, Any], str]] = {
    "one choice was asked for": (
        "choice-counting",
        Asked(is_stream=True, includes_usage=True),
        {},
        "chat.choice-counting",
    ),
    "nobody asked for progress": (
        "progress-event",
        Asked(is_stream=True, includes_usage=True),
        {},
        "sse.progress-event",
    ),
    "usage was not asked for": ("healthy-text", Asked(is_stream=True), {}, "reply.usage-unasked"),
    "the request's tool": (
        "leaked-call",
        asked_of(SCENARIOS["leaked-call"], is_stream=True),
        {"modes": {"chat.leaked-call": "on"}},
        "chat.leaked-call",
    ),
    "a mode": (
        "think-tags",
        Asked(is_stream=True, includes_usage=True),
        {"modes": {"chat.think-tags": "split"}},
        "chat.think-tags",
    ),
    "no extra fields": (
        "extra-fields-dropped",
        Asked(is_stream=True, includes_usage=True),
        {"extra_fields": "drop"},
        "chat.extra-fields",
    ),
}


@pytest.mark.parametrize(("name", "asked", "settings", "rule"), KNOWING.values(), ids=KNOWING)
def test_the_judge_knows_what_was_asked_for(
    name: str, asked: Asked, settings: dict[str, Any], rule: str
) -> None:
    row = SCENARIOS[name]
    _, faults = judge_reply(as_sent(row, asked), asked, settings)
    assert any(f" {rule}: " in fault for fault in faults)


def as_sent(row: Scenario, asked: Asked) -> httpx.Response:
    """The scenario's stream as no gateway ever touched it, usage told."""
    body = json.dumps({"model": row.name, **asked.body}).encode()
    sent = row.reply(replace(Ask.parse(body), includes_usage=True))
    headers = STREAM_HEADERS | {"x-request-id": "req_1"}
    return httpx.Response(200, headers=headers, content=b"".join(sent.frames))
