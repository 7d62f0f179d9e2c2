"""Streams of the Responses and Messages dialects, as their own servers would tell them.

Pure. The frames are the official ones: numbered events with ids and indexes, and blocks that are
begun and ended. The texts are those of the chat streams.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

_RESPONSE: dict[str, Any] = {
    "id": "resp_bench0123456789abcdefghijklm",
    "object": "response",
    "created_at": 1700000000,
    "status": "in_progress",
    "error": None,
    "incomplete_details": None,
    "instructions": None,
    "max_output_tokens": None,
    "model": "bench-model",
    "output": [],
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "reasoning": {"effort": None, "summary": None},
    "store": False,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_p": 1.0,
    "truncation": "disabled",
    "usage": None,
    "user": None,
    "metadata": {},
}
_ITEM = "msg_bench0123456789abcdefghijklm"
_PLACE = {"item_id": _ITEM, "output_index": 0, "content_index": 0}
# Numbers 0 to 3 are those of the prelude.
FIRST_DELTA_NUMBER = 4


def _frame(event: dict[str, Any]) -> bytes:
    text = json.dumps(event, separators=(",", ":"), ensure_ascii=False)
    return f"event: {event['type']}\ndata: {text}\n\n".encode()


def _message(status: str, text: str | None) -> dict[str, Any]:
    content = [] if text is None else [_part(text)]
    return {
        "id": _ITEM,
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": content,
    }


def _part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def responses_prelude() -> list[bytes]:
    item = {"output_index": 0, "item": _message("in_progress", None)}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": _RESPONSE},
        {"type": "response.in_progress", "response": _RESPONSE},
        {"type": "response.output_item.added", **item},
        {"type": "response.content_part.added", **_PLACE, "part": _part("")},
    ]
    return [_frame({**event, "sequence_number": n}) for n, event in enumerate(events)]


def responses_delta(token: str) -> bytes:
    """With a place for its number. ``token`` is as it stands in JSON."""
    head = '"type":"response.output_text.delta","sequence_number":%d,"item_id":"' + _ITEM
    place = '","output_index":0,"content_index":0,"delta":"'
    text = f'event: response.output_text.delta\ndata: {{{head}{place}{token}","logprobs":[]}}\n\n'
    return text.encode()


def responses_ending(tokens: Sequence[str]) -> list[bytes]:
    """For a reply of these tokens, each as it stands in JSON."""
    text = "".join(json.loads(f'"{token}"') for token in tokens)
    item = _message("completed", text)
    usage = {
        "input_tokens": 1,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": len(tokens),
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 1 + len(tokens),
    }
    whole = {**_RESPONSE, "status": "completed", "output": [item], "usage": usage}
    events: list[dict[str, Any]] = [
        {"type": "response.output_text.done", **_PLACE, "text": text, "logprobs": []},
        {"type": "response.content_part.done", **_PLACE, "part": _part(text)},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": whole},
    ]
    first = FIRST_DELTA_NUMBER + len(tokens)
    return [_frame({**event, "sequence_number": n}) for n, event in enumerate(events, first)]


def messages_prelude() -> list[bytes]:
    message = {
        "id": "msg_bench0123456789abcdefghijklm",
        "type": "message",
        "role": "assistant",
        "model": "bench-model",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }
    block = {"type": "text", "text": ""}
    return [
        _frame({"type": "message_start", "message": message}),
        _frame({"type": "ping"}),
        _frame({"type": "content_block_start", "index": 0, "content_block": block}),
    ]


def messages_delta(token: str) -> bytes:
    delta = f'"index":0,"delta":{{"type":"text_delta","text":"{token}"}}'
    text = f'event: content_block_delta\ndata: {{"type":"content_block_delta",{delta}}}\n\n'
    return text.encode()


def messages_ending() -> list[bytes]:
    delta = {"stop_reason": "end_turn", "stop_sequence": None}
    return [
        _frame({"type": "content_block_stop", "index": 0}),
        _frame({"type": "message_delta", "delta": delta, "usage": {"output_tokens": 9}}),
        _frame({"type": "message_stop"}),
    ]
