"""The reader of Ollama's objects against its table, and what its life makes sure of."""

from __future__ import annotations

from typing import Any

import pytest

from strictwire.dialects.ollama import OllamaLife, OllamaReader, chunks_of_reply
from strictwire.model.chunks import Chunk
from strictwire.model.errors import WireError
from strictwire.model.events import (
    Begun,
    Ended,
    Event,
    Extra,
    Failed,
    Finished,
    ReasoningDelta,
    TextDelta,
    ToolCallBegun,
    ToolCallDelta,
    UsageTold,
)
from strictwire.model.request import Promise

PROMISE = Promise(id="own", created=1, model="asked")
BEGUN = Begun("", 1_735_689_600, "m")
STOP, END = Finished(0, "stop"), Ended()


def told(message: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    head: dict[str, Any] = {"model": "m", "created_at": "2025-01-01T00:00:00.123456789Z"}
    if message is not None:
        head["message"] = {"role": "assistant", "content": "", **message}
    return {**head, "done": False, **more}


def last(message: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return told(message or {}, **{"done": True, "done_reason": "stop", **more})


def call(name: str = "f", arguments: Any = None, **more: Any) -> dict[str, Any]:
    return {"function": {"name": name, "arguments": {} if arguments is None else arguments}, **more}


def read(*values: dict[str, Any]) -> list[Event]:
    life, reader = OllamaLife(PROMISE), OllamaReader()
    chunks = [one for value in values for one in life.feed(Chunk(value))]
    chunks += life.end(has_terminal=False)
    return [*(event for chunk in chunks for event in reader.feed(chunk)), *reader.finish()]


def probability(token: str, *rivals: str, **more: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"token": token, "logprob": -0.5, **more}
    return {**told, "top_logprobs": [{"token": one, "logprob": -1} for one in rivals]}


LOGPROBS = Extra(
    choice={
        "logprobs": {
            "content": [
                {
                    "token": "é",
                    "logprob": -0.5,
                    "bytes": [195, 169],
                    "top_logprobs": [{"token": "x", "logprob": -1, "bytes": [120]}],
                }
            ],
            "refusal": None,
        }
    }
)
CASES: dict[str, tuple[list[dict[str, Any]], list[Event]]] = {
    "text": (
        [told({"content": "a"}), told({"content": "b"}), last()],
        [BEGUN, TextDelta(0, "a"), TextDelta(0, "b"), STOP, END],
    ),
    "thinking, then text": (
        [told({"thinking": "hm"}), told({"content": "a"}), last()],
        [BEGUN, ReasoningDelta(0, "hm"), TextDelta(0, "a"), STOP, END],
    ),
    "both in one object": (
        [last({"thinking": "hm", "content": "a"})],
        [BEGUN, ReasoningDelta(0, "hm"), TextDelta(0, "a"), STOP, END],
    ),
    "no text at all": ([last()], [BEGUN, STOP, END]),
    "a last object without a message": (
        [told({"content": "a"}), {"done": True}],
        [BEGUN, TextDelta(0, "a"), STOP, END],
    ),
    "length": ([last(done_reason="length")], [BEGUN, Finished(0, "length"), END]),
    "load": ([last(done_reason="load")], [BEGUN, STOP, END]),
    "no reason": ([told({}, done=True)], [BEGUN, STOP, END]),
    "a strange reason": ([last(done_reason=["x"])], [BEGUN, STOP, END]),
    "usage": (
        [last(prompt_eval_count=3, eval_count=4)],
        [
            BEGUN,
            STOP,
            UsageTold({"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}),
            END,
        ],
    ),
    "no count of the prompt": ([last(eval_count=4)], [BEGUN, STOP, END]),
    "a count that is none": (
        [last(prompt_eval_count=True, eval_count=4)],
        [BEGUN, STOP, END],
    ),
    "a count below nothing": (
        [last(prompt_eval_count=3, eval_count=-1)],
        [BEGUN, STOP, END],
    ),
    "a call": (
        [told({"tool_calls": [call("f", {"a": [1]}, id="call_x")]}), last()],
        [
            BEGUN,
            ToolCallBegun(0, 0, "call_x", "f"),
            ToolCallDelta(0, 0, '{"a":[1]}'),
            Finished(0, "tool_calls"),
            END,
        ],
    ),
    "calls without ids, in two objects": (
        [told({"tool_calls": [call("f")]}), told({"tool_calls": [call("g")]}), last()],
        [
            BEGUN,
            ToolCallBegun(0, 0, "call_own_0", "f"),
            ToolCallDelta(0, 0, "{}"),
            ToolCallBegun(0, 1, "call_own_1", "g"),
            ToolCallDelta(0, 1, "{}"),
            Finished(0, "tool_calls"),
            END,
        ],
    ),
    "two calls of one id": (
        [told({"tool_calls": [call(id="x"), call(id="x")]})],
        [
            BEGUN,
            ToolCallBegun(0, 0, "x", "f"),
            ToolCallDelta(0, 0, "{}"),
            ToolCallBegun(0, 1, "call_own_1", "f"),
            ToolCallDelta(0, 1, "{}"),
        ],
    ),
    "arguments as text": (
        [told({"tool_calls": [call("f", '{"a": 1}', id="x")]})],
        [BEGUN, ToolCallBegun(0, 0, "x", "f"), ToolCallDelta(0, 0, '{"a": 1}')],
    ),
    "a call that is cut short by the length": (
        [told({"tool_calls": [call(id="x")]}), last(done_reason="length")],
        [
            BEGUN,
            ToolCallBegun(0, 0, "x", "f"),
            ToolCallDelta(0, 0, "{}"),
            Finished(0, "length"),
            END,
        ],
    ),
    "calls that are none": (
        [told({"tool_calls": ["x", None, {"function": 5, "id": "y"}]})],
        [BEGUN, ToolCallBegun(0, 0, "y", ""), ToolCallDelta(0, 0, "{}")],
    ),
    "log probabilities": (
        [told({"content": "é"}, logprobs=[probability("é", "x")]), last()],
        [BEGUN, TextDelta(0, "é", extra=LOGPROBS), STOP, END],
    ),
    "log probabilities beside no text": (
        [told({}, logprobs=[probability("é", "x", bytes=[195, 169])])],
        [BEGUN],
    ),
    "log probabilities that are none": (
        [told({"content": "a"}, logprobs={"token": "a"})],
        [BEGUN, TextDelta(0, "a")],
    ),
    "a time without a zone": (
        [{"model": "m", "created_at": "2025-01-01T00:00:00", "message": {"content": "a"}}],
        [Begun("", None, "m"), TextDelta(0, "a")],
    ),
    "no envelope": ([{"message": {"content": "a"}}], [Begun(), TextDelta(0, "a")]),
    "a model and a time that are none": (
        [{"model": 5, "created_at": 5, "done": False}],
        [Begun()],
    ),
    "values of the wrong type": (
        [told({"content": 5, "thinking": ["x"], "tool_calls": {}, "images": None})],
        [BEGUN],
    ),
    "an object of another kind": ([{"status": "loading model"}], []),
    "nothing after the last": ([last(), told({"content": "a"}), last()], [BEGUN, STOP, END]),
}


@pytest.mark.parametrize(("values", "events"), CASES.values(), ids=CASES.keys())
def test_the_table(values: list[dict[str, Any]], events: list[Event]) -> None:
    assert read(*values) == events


def test_a_whole_reply_is_its_own_last_object() -> None:
    value = last({"content": "a"})
    assert chunks_of_reply(value) == [Chunk(value)]


# (the object, message, status or None for the usual one)
ERRORS: list[tuple[dict[str, Any], str, int | None]] = [
    ({"error": "it broke"}, "it broke", None),
    ({"error": "busy", "status": 503}, "busy", 503),
    ({"error": "no", "StatusCode": 429, "Status": "429 Too Many Requests"}, "no", 429),
    ({"error": "odd", "status": 200}, "odd", None),
    ({"error": {"message": "in OpenAI's shape", "code": "x"}}, "in OpenAI's shape", None),
    ({"error": ["a", 1]}, '["a",1]', None),
]


@pytest.mark.parametrize(("value", "message", "status"), ERRORS)
def test_errors(value: dict[str, Any], message: str, status: int | None) -> None:
    begun, event = read(told({}), value)
    assert begun == BEGUN
    assert isinstance(event, Failed)
    assert (event.error.message, event.error.status) == (message, status or 502)


def test_a_trial_of_a_life_changes_nothing() -> None:
    life = OllamaLife(PROMISE)
    before = life.state()
    twin = life.trial()
    assert list(twin.feed(Chunk(last({"tool_calls": [call()]}))))
    assert (twin.state() == before, life.state()) == (False, before)
    assert list(life.feed(Chunk(told({}))))


def test_a_life_that_failed_is_over() -> None:
    life = OllamaLife(PROMISE)
    assert [chunk.value for chunk in life.fail(WireError("it broke"))] == [{"error": "it broke"}]
    assert list(life.feed(Chunk(last()))) == []
    assert list(life.end(has_terminal=True)) == []
