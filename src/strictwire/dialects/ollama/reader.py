"""The objects of an Ollama reply to the model's events.

Contract: ``feed`` takes what an ``OllamaLife`` yields and repairs nothing. Ends with ``Finished``,
``UsageTold`` where both counts are known, and ``Ended``. There is no reason "tool_calls" in this
dialect: "stop" after a call means it. A prompt whose count is missing was found in the cache, so
its length is unknown, and usage with it. Log probabilities are told of text alone. The durations
are not passed on.
Source: Ollama's API documentation, "Generate a chat completion".
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from strictwire.dialects.chunk_fields import error_told
from strictwire.model.chunks import Chunk
from strictwire.model.errors import PeerError
from strictwire.model.events import (
    NO_EXTRA,
    Begun,
    Ended,
    Event,
    Extra,
    Failed,
    Finished,
    FinishReason,
    ReasoningDelta,
    TextDelta,
    ToolCallBegun,
    ToolCallDelta,
    UsageTold,
)

# "load" and "unload" end a reply to a request without a question: there is nothing more to say.
_REASONS: dict[str, FinishReason] = {"length": "length"}
# As newer servers, and Ollama's cloud, tell the status of an error beside its words.
_STATUSES = ("status", "StatusCode")


class OllamaReader:
    """Reads one reply. State: whether the envelope was told, and how many calls there were."""

    __slots__ = ("_calls", "_has_begun")

    def __init__(self) -> None:
        self._has_begun = False
        self._calls = 0

    def feed(self, chunk: Chunk) -> Iterator[Event]:
        value = chunk.value
        if value.get("error"):
            yield Failed(_error(value), source=chunk)
            return
        if not self._has_begun and ("message" in value or "done" in value):
            self._has_begun = True
            model = value.get("model")
            told = model if isinstance(model, str) else ""
            yield Begun("", _seconds(value.get("created_at")), told, source=chunk)
        message = value.get("message")
        if isinstance(message, dict):
            yield from self._message(message, _logprobs(value), chunk)
        if value.get("done") is True:
            yield from self._done(value, chunk)

    def finish(self) -> Iterator[Event]:
        return iter(())

    def _message(self, message: dict[str, Any], extra: Extra, chunk: Chunk) -> Iterator[Event]:
        thinking, content = message.get("thinking"), message.get("content")
        if isinstance(thinking, str) and thinking:
            yield ReasoningDelta(0, thinking, source=chunk)
        if isinstance(content, str) and content:
            yield TextDelta(0, content, extra=extra, source=chunk)
        calls = message.get("tool_calls")
        for call in calls if isinstance(calls, list) else ():
            yield from self._call(call, chunk)

    def _call(self, call: dict[str, Any], chunk: Chunk) -> Iterator[Event]:
        function = call.get("function")
        function = function if isinstance(function, dict) else {}
        name, number = function.get("name"), self._calls
        self._calls += 1
        told = name if isinstance(name, str) else ""
        yield ToolCallBegun(0, number, call["id"], told, source=chunk)
        yield ToolCallDelta(0, number, _arguments(function.get("arguments")), source=chunk)

    def _done(self, value: dict[str, Any], chunk: Chunk) -> Iterator[Event]:
        told = value.get("done_reason")
        reason = _REASONS.get(told) if isinstance(told, str) else None
        yield Finished(0, reason or ("tool_calls" if self._calls else "stop"), source=chunk)
        usage = _usage(value)
        if usage is not None:
            yield UsageTold(usage, source=chunk)
        yield Ended()


def _error(value: dict[str, Any]) -> PeerError:
    error = value["error"]
    if isinstance(error, dict):
        return error_told(error)
    told = (value.get(name) for name in _STATUSES)
    status = next((one for one in told if type(one) is int and 400 <= one < 600), None)
    words = error if isinstance(error, str) else msgspec.json.encode(error).decode()
    return PeerError(words, status=status)


def _seconds(told: Any) -> int | None:
    """RFC 3339, with nanoseconds, as seconds since the epoch."""
    if not isinstance(told, str):
        return None
    try:
        when = datetime.fromisoformat(told)
    except ValueError:
        return None
    # Without a zone it is the time of a clock that nobody here can see.
    return int(when.timestamp()) if when.tzinfo is not None else None


def _logprobs(value: dict[str, Any]) -> Extra:
    """In chat's shape, which differs only in where it stands and in what must be there."""
    told = value.get("logprobs")
    tokens = told if isinstance(told, list) else []
    content = [_token(token) for token in tokens if isinstance(token, dict)]
    if not content:
        return NO_EXTRA
    return Extra(choice={"logprobs": {"content": content, "refusal": None}})


def _token(token: dict[str, Any]) -> dict[str, Any]:
    rivals = token.get("top_logprobs")
    rivals = rivals if isinstance(rivals, list) else []
    return _one(token) | {"top_logprobs": [_one(one) for one in rivals if isinstance(one, dict)]}


def _one(token: dict[str, Any]) -> dict[str, Any]:
    text = token.get("token")
    text = text if isinstance(text, str) else ""
    told, logprob = token.get("bytes"), token.get("logprob")
    return {
        "token": text,
        "logprob": logprob if isinstance(logprob, int | float) else 0.0,
        "bytes": told if isinstance(told, list) else list(text.encode()),
    }


def _arguments(told: Any) -> str:
    """An object as its JSON text; what a server tells as text already stays as it is."""
    if isinstance(told, str):
        return told
    return "{}" if told is None else msgspec.json.encode(told).decode()


def _usage(value: dict[str, Any]) -> dict[str, Any] | None:
    prompt, completion = value.get("prompt_eval_count"), value.get("eval_count")
    if type(prompt) is not int or type(completion) is not int or min(prompt, completion) < 0:
        return None
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
