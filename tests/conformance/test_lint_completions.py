"""The completions dialect, streamed: the same rules with text, and its own."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.bodies import USAGE, rules, stream

ENVELOPE = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "m"}


def chunk(*choices: Any, **more: Any) -> dict[str, Any]:
    return {**ENVELOPE, "choices": list(choices), **more}


def said(text: Any, finish: Any = None, **more: Any) -> dict[str, Any]:
    return {"index": 0, "text": text, "logprobs": None, **more, "finish_reason": finish}


TEXT = chunk(said("Hi"))
STOP = chunk(said("", "stop"))
CHAT = {**ENVELOPE, "id": "chatcmpl-1", "object": "chat.completion.chunk"}

STREAMS: dict[str, tuple[list[Any], list[str]]] = {
    "healthy": ([TEXT, STOP], []),
    "with usage": ([TEXT, STOP, chunk(usage=USAGE)], []),
    "an empty text": ([TEXT, chunk(said("")), STOP], ["completions.empty-text"]),
    "no choice": ([TEXT, chunk(), STOP], ["completions.empty-text"]),
    "text null": (
        [TEXT, chunk(said(None)), STOP], ["completions.text-missing", "completions.empty-text"],
    ),
    "the reason on text": ([chunk(said("Hi", "stop"))], ["completions.finish-alone"]),
    "chat's id": (
        [one | {"id": "chatcmpl-1"} for one in (TEXT, STOP)], ["completions.envelope"],
    ),
    "chat's shape": (
        [CHAT | {"choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": None}]},
         CHAT | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}],
        ["completions.chat-shape"],
    ),
    "chat's logprobs": (
        [chunk(said("Hi") | {"logprobs": {"content": []}}), STOP], ["completions.logprobs-shape"],
    ),
    "no logprobs": (
        [chunk({"index": 0, "text": "Hi", "finish_reason": None}), STOP],
        ["completions.logprobs-missing"],
    ),
    "usage on the end": ([TEXT, STOP | {"usage": USAGE}], ["chat.usage-placement"]),
    "calls without any": (
        [TEXT, chunk(said("", "tool_calls"))], ["reply.tool-finish-without-calls"],
    ),
    "an empty reason": ([chunk(said("Hi", "")), STOP], ["chat.finish-empty"]),
}  # fmt: skip


@pytest.mark.parametrize(("values", "expected"), STREAMS.values(), ids=STREAMS)
def test_a_stream(values: list[Any], expected: list[str]) -> None:
    assert rules(stream(*values), dialect="completions", is_stream=True) == expected
