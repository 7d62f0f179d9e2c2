"""The judges themselves: what they are there to find, they find."""

from __future__ import annotations

import json

import pytest
from expectations import Error, Seen, SeenChoice, differences
from wire_judge import SCHEMA, schema_faults

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
