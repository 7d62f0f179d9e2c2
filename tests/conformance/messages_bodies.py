"""A healthy message to spoil: thinking, text, two tools, told in full."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any

from conformance.bodies import Json, encode

USAGE = {"input_tokens": 9, "cache_read_input_tokens": 0, "output_tokens": 4}
HEAD: Json = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [],
    "stop_reason": None, "stop_sequence": None, "usage": USAGE | {"output_tokens": 0},
}  # fmt: skip
BLOCKS: list[Json] = [
    {"type": "thinking", "thinking": "Hm", "signature": "c2Vh"},
    {"type": "text", "text": "Hi there"},
    {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}},
    {"type": "tool_use", "id": "toolu_2", "name": "g", "input": {}},
]


def start(place: int, **block: Any) -> Json:
    return {"type": "content_block_start", "index": place, "content_block": block}


def delta(place: int, kind: str, **said: Any) -> Json:
    return {"type": "content_block_delta", "index": place, "delta": {"type": kind, **said}}


def stop(place: int) -> Json:
    return {"type": "content_block_stop", "index": place}


def end(reason: Any = "tool_use", **more: Any) -> Json:
    told = {"stop_reason": reason, "stop_sequence": None}
    return {"type": "message_delta", "delta": told, "usage": USAGE, **more}


def told() -> list[Json]:
    """The events of the whole life, fresh to be spoiled."""
    return copy.deepcopy(
        [
            {"type": "message_start", "message": HEAD},
            {"type": "ping"},
            start(0, type="thinking", thinking="", signature=""),
            delta(0, "thinking_delta", thinking="Hm"),
            delta(0, "signature_delta", signature="c2Vh"),
            stop(0),
            start(1, type="text", text=""),
            delta(1, "text_delta", text="Hi"),
            {"type": "ping"},
            delta(1, "text_delta", text=" there"),
            stop(1),
            start(2, type="tool_use", id="toolu_1", name="f", input={}),
            delta(2, "input_json_delta", partial_json=""),
            delta(2, "input_json_delta", partial_json='{"a"'),
            delta(2, "input_json_delta", partial_json=":1}"),
            stop(2),
            start(3, type="tool_use", id="toolu_2", name="g", input={}),
            delta(3, "input_json_delta", partial_json="{}"),
            stop(3),
            end(),
            {"type": "message_stop"},
        ]
    )


def frames(events: Iterable[Json]) -> bytes:
    return b"".join(
        f"event: {one['type']}\n".encode() + b"data: " + encode(one) + b"\n\n" for one in events
    )


def spoiled(change: Callable[[list[Json]], object]) -> bytes:
    """The healthy stream after a change in place of its events."""
    events = told()
    change(events)
    return frames(events)


def without(kind: str, place: int | None = None) -> Callable[[list[Json]], object]:
    def change(events: list[Json]) -> None:
        events[:] = [
            one
            for one in events
            if one["type"] != kind or (place is not None and one["index"] != place)
        ]

    return change


HEALTHY = frames(told())
WHOLE: Json = {**HEAD, "content": BLOCKS, "stop_reason": "tool_use", "usage": USAGE}
