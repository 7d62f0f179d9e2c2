"""The official SDK as a client of Messages: loops over events, the stream helper, whole replies.

Strict validation is on. What an event loop must hold together is checked on the way: one block at
a time, dense indexes, nothing after the last event.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import anthropic
from anthropic import Anthropic, AsyncAnthropic
from anthropic.types import Message
from expectations import Asked, Error, Seen, SeenChoice
from sdk_ways import KEY, TIMEOUT_S

Way = Callable[[Anthropic, AsyncAnthropic, str, Asked], Awaitable[Seen]]
_REASONS = {
    "end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length",
    "tool_use": "tool_calls", "refusal": "content_filter",
}  # fmt: skip


def clients(base_url: str) -> tuple[Anthropic, AsyncAnthropic]:
    more: dict[str, Any] = {
        "base_url": base_url.removesuffix("/v1"), "api_key": KEY, "max_retries": 0,
        "timeout": TIMEOUT_S, "_strict_response_validation": True,
    }  # fmt: skip
    return Anthropic(**more), AsyncAnthropic(**more)


class _Told:
    """Events gathered the way a plain loop gathers them."""

    def __init__(self) -> None:
        self._open: int | None = None
        self._blocks: list[dict[str, Any]] = []
        self._message: dict[str, Any] | None = None
        self._is_over = False

    def add(self, event: Any) -> None:
        assert not self._is_over, f"{event.type} after the last event"
        told = event.to_dict()
        match told["type"]:
            case "message_start":
                assert self._message is None, "two beginnings"
                self._message = told["message"]
                assert self._message["content"] == []
            case "content_block_start":
                assert self._open is None, "two blocks at once"
                assert told["index"] == len(self._blocks), "an index is not the next"
                self._open = told["index"]
                self._blocks.append(dict(told["content_block"]))
            case "content_block_delta":
                assert told["index"] == self._open, "a delta of no open block"
                _add_delta(self._blocks[-1], told["delta"])
            case "content_block_stop":
                assert told["index"] == self._open
                self._open = None
            case "message_delta":
                assert self._message is not None
                self._message |= told["delta"]
                counts = {name: n for name, n in told["usage"].items() if n is not None}
                self._message["usage"] |= counts
            case "message_stop":
                assert self._open is None, "a block is open at the end"
                self._is_over = True

    def seen(self, error: Error | None = None) -> Seen:
        assert error is not None or self._is_over, "the stream ended without its last event"
        message = self._message or {"usage": {}, "stop_reason": None}
        return _seen(self._blocks, message, error)


def _add_delta(block: dict[str, Any], delta: dict[str, Any]) -> None:
    match delta["type"]:
        case "text_delta":
            block["text"] += delta["text"]
        case "thinking_delta":
            block["thinking"] += delta["thinking"]
        case "input_json_delta":
            block["pieces"] = block.get("pieces", "") + delta["partial_json"]
        case "signature_delta":
            block["signature"] = delta["signature"]


def _seen(blocks: list[dict[str, Any]], message: dict[str, Any], error: Error | None) -> Seen:
    def joined(kind: str, name: str) -> str:
        return "".join(block[name] for block in blocks if block["type"] == kind)

    calls = [block for block in blocks if block["type"] == "tool_use"]
    ids = [call["id"] for call in calls]
    assert all(ids), "a call without an id"
    assert len(set(ids)) == len(ids), "two calls with one id"
    for call in calls:
        assert error is not None or "pieces" in call or "input" in call
    uses = () if error else tuple((call["name"], _input(call)) for call in calls)
    reason = message["stop_reason"]
    usage = message["usage"]
    counts = [usage.get(name) or 0 for name in _PROMPT_COUNTS]
    return Seen(
        (
            SeenChoice(
                text=joined("text", "text"),
                reasoning=joined("thinking", "thinking"),
                calls=uses,
                finish_reason=_REASONS[reason] if reason else None,
            ),
        ),
        (sum(counts), usage.get("output_tokens") or 0),
        error,
    )


_PROMPT_COUNTS = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


def _input(call: dict[str, Any]) -> Any:
    return json.loads(call["pieces"]) if "pieces" in call else call["input"]


def _whole(message: Message) -> Seen:
    told = message.to_dict()
    blocks: Any = told["content"]
    return _seen(list(blocks), told, None)


def _error_of(error: anthropic.APIStatusError) -> Error:
    """An error inside a stream is raised under the stream's own status."""
    if error.status_code == 200:
        return Error(None)
    return Error(error.status_code, retry_after=error.response.headers.get("retry-after"))


async def sync_loop(sync: Anthropic, later: AsyncAnthropic, model: str, asked: Asked) -> Seen:
    told = _Told()
    try:
        for event in sync.messages.create(model=model, **asked.body):
            told.add(event)
    except anthropic.APIStatusError as error:
        return told.seen(_error_of(error))
    return told.seen()


async def async_loop(sync: Anthropic, later: AsyncAnthropic, model: str, asked: Asked) -> Seen:
    told = _Told()
    try:
        async for event in await later.messages.create(model=model, **asked.body):
            told.add(event)
    except anthropic.APIStatusError as error:
        return told.seen(_error_of(error))
    return told.seen()


async def sync_helper(sync: Anthropic, later: AsyncAnthropic, model: str, asked: Asked) -> Seen:
    body = {name: value for name, value in asked.body.items() if name != "stream"}
    told = _Told()
    try:
        with sync.messages.stream(model=model, **body) as stream:
            for event in stream:
                if event.type in _RAW:
                    told.add(event)
            assert _whole(stream.get_final_message()).choices == told.seen().choices
    except anthropic.APIStatusError as error:
        return told.seen(_error_of(error))
    return told.seen()


# The helper makes events of its own between those of the wire.
_RAW = (
    "message_start", "content_block_start", "content_block_delta", "content_block_stop",
    "message_delta", "message_stop",
)  # fmt: skip


async def sync_whole(sync: Anthropic, later: AsyncAnthropic, model: str, asked: Asked) -> Seen:
    try:
        return _whole(sync.messages.create(model=model, **asked.body))
    except anthropic.APIStatusError as error:
        return Seen(error=_error_of(error))


STREAMED: dict[str, Way] = {
    "sync loop": sync_loop, "async loop": async_loop, "sync helper": sync_helper,
}  # fmt: skip
WHOLE: dict[str, Way] = {"sync": sync_whole}
