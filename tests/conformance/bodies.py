"""Healthy bodies to spoil, one place at a time, and a short way to write what lint finds."""

from __future__ import annotations

import json
from typing import Any

from strictwire.conformance import Asked, lint

DONE = b"data: [DONE]\n\n"
ENVELOPE = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}

Json = dict[str, Any]


def encode(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def frame(value: Any) -> bytes:
    return b"data: " + encode(value) + b"\n\n"


def choice(delta: Any, finish: Any = None, index: Any = 0, **more: Any) -> Json:
    return {"index": index, "delta": delta, **more, "finish_reason": finish}


def chunk(*choices: Any, **more: Any) -> Json:
    return {**ENVELOPE, "choices": list(choices), **more}


ROLE = chunk(choice({"role": "assistant"}))
TEXT = chunk(choice({"content": "Hi"}))
STOP = chunk(choice({}, "stop"))
CALL = {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}}
ARGUMENTS = {"index": 0, "function": {"arguments": '{"a":1}'}}
CALLS_STOP = chunk(choice({}, "tool_calls"))


def stream(*values: Any, done: bytes = DONE) -> bytes:
    return b"".join(map(frame, values)) + done


def calls(*pieces: Any, finish: Any = CALLS_STOP) -> bytes:
    """A stream whose deltas are these tool pieces, one a chunk."""
    told = [chunk(choice({"tool_calls": [piece]})) for piece in pieces]
    return stream(ROLE, *told, finish)


HEALTHY = stream(ROLE, TEXT, STOP)


def message(**more: Any) -> Json:
    return {"role": "assistant", "content": "Hi", "refusal": None, **more}


def whole(said: Any = None, finish: Any = "stop", **more: Any) -> Json:
    told = {"index": 0, "message": said or message(), "logprobs": None, "finish_reason": finish}
    return {
        **ENVELOPE,
        "object": "chat.completion",
        "choices": [told],
        "usage": USAGE,
        **more,
    }


def found(data: bytes, **asked: Any) -> list[tuple[int, str]]:
    return [(one.offset, one.rule) for one in lint(data, Asked(**asked))]


def rules(data: bytes, **asked: Any) -> list[str]:
    """The names of what was found, each once, in the order of the bytes."""
    return list(dict.fromkeys(rule for _, rule in found(data, **asked)))
