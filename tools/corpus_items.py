"""What a strict client must get of a recorded response or message: read plainly, for the corpus.

Contract: the same shape as for chat: one choice with text, reasoning, tool calls and a finish
reason in chat's words, and the counts of prompt and completion tokens. It knows only what the
recorded servers do, and nothing of strictwire: the corpus judges the relay.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

Value = dict[str, Any]
_TRUNCATED: Value = {"error": {"status": 502, "is_early": False}}
_FINISHES = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


def of_response(value: Value) -> Value:
    told = _nothing()
    for item in value["output"]:
        match item["type"]:
            case "message":
                told["text"] += _joined(item["content"], "output_text")
            case "reasoning":
                told["reasoning"] += _joined(item.get("summary") or [], "summary_text")
                told["reasoning"] += _joined(item.get("content") or [], "reasoning_text")
            case "function_call":
                told["tool_calls"].append({key: item[key] for key in ("name", "arguments")})
    told["finish_reason"] = "tool_calls" if told["tool_calls"] else "stop"
    if value["status"] == "incomplete":
        told["finish_reason"] = "length"
    usage = value.get("usage")
    counted = [usage["input_tokens"], usage["output_tokens"]] if usage else None
    return {"choices": [told], "usage": counted}


def of_response_stream(body: bytes) -> Value:
    """These servers list every item in their last event."""
    last = [value for value in _values(body) if value["type"] == "response.completed"]
    return of_response(last[-1]["response"]) if last else _TRUNCATED


def of_message(value: Value) -> Value:
    told = _nothing()
    for block in value["content"]:
        match block["type"]:
            case "text":
                told["text"] += block["text"]
            case "thinking":
                told["reasoning"] += block["thinking"]
            case "tool_use":
                arguments = json.dumps(block["input"], ensure_ascii=False)
                told["tool_calls"].append({"name": block["name"], "arguments": arguments})
    told["finish_reason"] = _FINISHES[value["stop_reason"]]
    return {"choices": [told], "usage": _counts(value["usage"])}


def of_message_stream(body: bytes) -> Value:
    told, usage = _nothing(), {}
    for value in _values(body):
        match value["type"]:
            case "message_start":
                usage |= value["message"]["usage"]
            case "content_block_start" if value["content_block"]["type"] == "tool_use":
                call = {"name": value["content_block"]["name"], "arguments": ""}
                told["tool_calls"].append(call)
            case "content_block_delta":
                _add(told, value["delta"])
            case "message_delta":
                usage |= value["usage"]
                told["finish_reason"] = _FINISHES[value["delta"]["stop_reason"]]
    if told["finish_reason"] is None:
        return _TRUNCATED
    return {"choices": [told], "usage": _counts(usage)}


def _add(told: Value, delta: Value) -> None:
    match delta["type"]:
        case "text_delta":
            told["text"] += delta["text"]
        case "thinking_delta":
            told["reasoning"] += delta["thinking"]
        case "input_json_delta":
            told["tool_calls"][-1]["arguments"] += delta["partial_json"]


def _nothing() -> Value:
    return {"text": "", "reasoning": "", "tool_calls": [], "finish_reason": None}


def _joined(parts: list[Value], kind: str) -> str:
    return "".join(part["text"] for part in parts if part["type"] == kind)


def _counts(usage: Value) -> list[int]:
    """Cached tokens stand beside the others here, and belong to the prompt."""
    cached = usage.get("cache_read_input_tokens", 0) + usage.get("cache_creation_input_tokens", 0)
    return [usage["input_tokens"] + cached, usage["output_tokens"]]


def _values(body: bytes) -> Iterator[Value]:
    for line in body.decode().split("\n"):
        if line.startswith("data: {"):
            yield json.loads(line.removeprefix("data: "))
