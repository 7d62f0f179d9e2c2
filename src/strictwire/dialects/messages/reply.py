"""One whole message to the events that would have streamed it.

Contract: what is broken in the object stays broken in the chunks (no usage, a call without an id),
so that the same rules repair both and count only what was really wrong. What is legal in an object
and only there (text and input inside a block) is laid out as a stream has it. Nothing is dropped.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec

from strictwire.dialects.messages.names import DELTAS, TAKE_INPUT, TOLD_BY_DELTAS
from strictwire.model.chunks import Chunk

_END = ("stop_reason", "stop_sequence")

_encode = msgspec.json.encode


def chunks_of_reply(value: dict[str, Any]) -> list[Chunk]:
    """The chunks of a whole reply, in the order of the wire."""
    if not isinstance(value.get("content"), list):
        # An error under a 200, or somebody else's object: the rules know both by their fields.
        return [Chunk(value)]
    return [Chunk(told, event=told["type"]) for told in _values(value)]


def _values(value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    head = value | {"content": []} | dict.fromkeys(_END)
    yield {"type": "message_start", "message": head}
    for index, block in enumerate(value["content"]):
        if isinstance(block, dict):
            yield from _block_values(index, block)
    delta = {name: value[name] for name in _END if name in value}
    end: dict[str, Any] = {"type": "message_delta", "delta": delta}
    usage = value.get("usage")
    if isinstance(usage, dict):
        # The start has all of it, so that nothing which only a start tells is lost.
        end["usage"] = {"output_tokens": usage.get("output_tokens")}
    yield end
    yield {"type": "message_stop"}


def _block_values(index: int, block: dict[str, Any]) -> Iterator[dict[str, Any]]:
    empty: dict[str, Any] = {}
    deltas: list[dict[str, Any]] = []
    kind = block.get("type")
    if isinstance(kind, str) and kind in TOLD_BY_DELTAS:
        names = TOLD_BY_DELTAS[kind]
        empty = {name: "" for name in names if isinstance(block.get(name), str)}
        deltas = [
            {"type": delta, name: block[name]}
            for delta, (_, name) in DELTAS.items()
            if name in names and block.get(name) and isinstance(block[name], str)
        ]
        if block.get("citations") and isinstance(block["citations"], list):
            empty["citations"] = []
            deltas += [{"type": "citations_delta", "citation": one} for one in block["citations"]]
    elif isinstance(kind, str) and kind in TAKE_INPUT and isinstance(block.get("input"), dict):
        empty = {"input": {}}
        deltas = [{"type": "input_json_delta", "partial_json": _json_text(block["input"])}]
    yield {"type": "content_block_start", "index": index, "content_block": block | empty}
    for delta in deltas:
        yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}


def _json_text(value: Any) -> str:
    try:
        return _encode(value).decode()
    except UnicodeEncodeError:  # half a character, which plain JSON can tell by its escape
        return json.dumps(value)
