"""What a reply in Responses or Messages says, read plainly: what the lab's tests compare with.

Knows only strict replies, streamed or whole, and shares no code with what it judges.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from strictwire.lab.ask import Dialect
from strictwire.lab.scenarios import Expect

_CUT = {"max_output_tokens": "length", "content_filter": "content_filter"}
_STOPS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
Said = tuple[str, str, str, list[tuple[str, str, Any]], str]


@dataclass(frozen=True)
class Told:
    """``said`` is text, reasoning, refusal, calls (namespace, name, arguments or input) and the
    finish reason in chat's words; ``usage`` prompt and completion tokens."""

    said: Said
    seal: str
    usage: tuple[int, int]


def values_in(data: bytes | Iterable[bytes]) -> list[Any]:
    """The JSON objects of a stream, or of a whole reply."""
    body = data if isinstance(data, bytes) else b"".join(data)
    if body.startswith(b"{"):
        return [json.loads(body)]
    lines = [line.removeprefix("data: ") for line in body.decode().split("\n")]
    return [json.loads(line) for line in lines if line.startswith("{")]


def names_in(data: bytes | Iterable[bytes]) -> list[str]:
    body = data if isinstance(data, bytes) else b"".join(data)
    return [
        line.removeprefix("event: ")
        for line in body.decode().split("\n")
        if line.startswith("event: ")
    ]


def told_by(dialect: Dialect, data: bytes | Iterable[bytes]) -> Told:
    values = values_in(data)
    if dialect == "responses":
        whole = values[-1].get("response", values[-1])
        assert len(values) == 1 or pieces_of(values) == pieces_of_object(whole)
        return of_response(whole)
    return _of_message(values[0] if len(values) == 1 else _built(values))


def expected(dialect: Dialect, expect: Expect) -> Told:
    (choice,) = expect.choices
    calls = [
        (call.namespace, call.name, _arguments(call.arguments, call.kind)) for call in choice.calls
    ]
    finish = choice.finish_reason or ""
    said = choice.text, choice.reasoning, choice.refusal, calls, finish
    return Told(said, choice.seal, expect.usage or (0, 0))


def _arguments(text: str, kind: str) -> Any:
    return json.loads(text) if kind == "function" else text


# ---- Responses ----


def of_response(value: dict[str, Any]) -> Told:
    text = reasoning = refusal = seal = ""
    calls: list[tuple[str, str, Any]] = []
    for item in value["output"]:
        match item["type"]:
            case "message":
                text += _joined(item["content"], "output_text", "text")
                refusal += _joined(item["content"], "refusal", "refusal")
            case "reasoning":
                reasoning += _joined(item["summary"], "summary_text", "text")
                reasoning += _joined(item.get("content", []), "reasoning_text", "text")
                seal += item.get("encrypted_content") or ""
            case "function_call":
                told = json.loads(item["arguments"])
                calls.append((item.get("namespace", ""), item["name"], told))
            case "custom_tool_call":
                calls.append((item.get("namespace", ""), item["name"], item["input"]))
    finish = "tool_calls" if calls else "stop"
    if value["status"] == "incomplete":
        finish = _CUT[value["incomplete_details"]["reason"]]
    usage = value["usage"] or {"input_tokens": 0, "output_tokens": 0}
    counts = usage["input_tokens"], usage["output_tokens"]
    return Told((text, reasoning, refusal, calls, finish), seal, counts)


def pieces_of(values: list[dict[str, Any]]) -> str:
    """All that deltas told, in their order by items."""
    texts: dict[int, str] = {}
    for value in values:
        if value["type"].endswith(".delta"):
            place = value["output_index"]
            texts[place] = texts.get(place, "") + value["delta"]
    return "".join(texts[place] for place in sorted(texts))


def pieces_of_object(value: dict[str, Any]) -> str:
    said = ""
    for item in value["output"]:
        for part in (*item.get("summary", []), *item.get("content", [])):
            said += part.get("text", part.get("refusal", ""))
        said += item.get("arguments", item.get("input", ""))
    return said


# ---- Messages ----


def _of_message(value: dict[str, Any]) -> Told:
    blocks = value["content"]
    text = _joined(blocks, "text", "text")
    thinking = _joined(blocks, "thinking", "thinking")
    seal = _joined(blocks, "thinking", "signature") + _joined(blocks, "redacted_thinking", "data")
    calls = [("", one["name"], one["input"]) for one in blocks if one["type"] == "tool_use"]
    usage = value["usage"]
    cached = usage.get("cache_read_input_tokens", 0) + usage.get("cache_creation_input_tokens", 0)
    counts = usage["input_tokens"] + cached, usage["output_tokens"]
    return Told((text, thinking, "", calls, _STOPS[value["stop_reason"]]), seal, counts)


def _built(values: list[dict[str, Any]]) -> dict[str, Any]:
    """A message from its events."""
    message: dict[str, Any] = {}
    inputs: dict[int, str] = {}
    for value in values:
        match value["type"]:
            case "message_start":
                message = json.loads(json.dumps(value["message"]))
            case "content_block_start":
                assert value["index"] == len(message["content"])
                message["content"].append(dict(value["content_block"]))
            case "content_block_delta":
                _add(message["content"][value["index"]], value, inputs)
            case "content_block_stop" if value["index"] in inputs:
                block = message["content"][value["index"]]
                block["input"] = json.loads(inputs[value["index"]])
            case "message_delta":
                message.update(value["delta"])
                message["usage"] |= value["usage"]
    return message


def _add(block: dict[str, Any], value: dict[str, Any], inputs: dict[int, str]) -> None:
    delta = value["delta"]
    match delta["type"]:
        case "text_delta":
            block["text"] += delta["text"]
        case "thinking_delta":
            block["thinking"] += delta["thinking"]
        case "signature_delta":
            block["signature"] += delta["signature"]
        case "citations_delta":
            block.setdefault("citations", []).append(delta["citation"])
        case "input_json_delta":
            place = value["index"]
            inputs[place] = inputs.get(place, "") + delta["partial_json"]


def _joined(parts: list[dict[str, Any]], kind: str, name: str) -> str:
    return "".join(part[name] for part in parts if part["type"] == kind)
