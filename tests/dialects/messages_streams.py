"""Messages streams to play: a healthy one, and what a strict client makes of what comes out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import RawMessageStreamEvent
from pydantic import TypeAdapter

from strictwire.dialects.messages import MessagesLife
from strictwire.model.chunks import Chunk
from strictwire.model.request import Promise

Value = dict[str, Any]

PROMISE = Promise(id="own", created=7, model="asked", dialect="messages")
_EVENTS: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)

PING: Value = {"type": "ping"}
STOP: Value = {"type": "message_stop"}


def start(usage: Value | None = None, **more: Any) -> Value:
    message: Value = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage or {"input_tokens": 12, "output_tokens": 1},
    }
    return {"type": "message_start", "message": message | more}


def begun(index: int, **block: Any) -> Value:
    return {"type": "content_block_start", "index": index, "content_block": block}


def text_begun(index: int) -> Value:
    return begun(index, type="text", text="")


def thinking_begun(index: int) -> Value:
    return begun(index, type="thinking", thinking="", signature="")


def call_begun(index: int, name: str = "f", identity: str = "toolu_1") -> Value:
    return begun(index, type="tool_use", id=identity, name=name, input={})


def delta(index: int, kind: str, **fields: Any) -> Value:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **fields}}


def text(index: int, told: str) -> Value:
    return delta(index, "text_delta", text=told)


def thought(index: int, told: str) -> Value:
    return delta(index, "thinking_delta", thinking=told)


def signed(index: int, told: str) -> Value:
    return delta(index, "signature_delta", signature=told)


def piece(index: int, told: str) -> Value:
    return delta(index, "input_json_delta", partial_json=told)


def stopped(index: int) -> Value:
    return {"type": "content_block_stop", "index": index}


def ended(reason: Any = "end_turn", usage: Any = None, **more: Any) -> Value:
    end = {"stop_reason": reason, "stop_sequence": None} | more
    return {"type": "message_delta", "delta": end, "usage": usage or {"output_tokens": 9}}


HEALTHY: tuple[Value, ...] = (
    start(),
    PING,
    thinking_begun(0),
    thought(0, "Let me"),
    thought(0, " see"),
    signed(0, "c2VhbA=="),
    stopped(0),
    text_begun(1),
    text(1, "It is "),
    text(1, "warm."),
    stopped(1),
    call_begun(2, "weather"),
    piece(2, '{"city": '),
    piece(2, '"Paris"}'),
    stopped(2),
    ended("tool_use"),
    STOP,
)


class Lived:
    """What a life made of a stream: its values, and the names of what it mended."""

    def __init__(self, values: list[Value], mended: frozenset[str], life: MessagesLife) -> None:
        self.values = values
        self.mended = mended
        self.life = life


def live(values: Iterable[Value], promise: Promise = PROMISE, *, done: bool | None = None) -> Lived:
    """Play a stream. ``done``: the body ended, with [DONE] or without; None: not yet."""
    life = MessagesLife(promise)
    out = [strict for value in values for strict in life.feed(Chunk(value))]
    if done is not None:
        out += life.end(has_terminal=done)
    return Lived([chunk.value for chunk in out], life.mended, life)


def assert_strict(values: Sequence[Value]) -> None:
    """Every event is one that the official SDK's types take, and in the order of the contract."""
    for value in values:
        if value["type"] != "ping":
            _EVENTS.validate_python(value)
    kinds = [value["type"] for value in values]
    assert kinds[:2] == ["message_start", "ping"]
    assert kinds[-2:] == ["message_delta", "message_stop"]
    for kind in ("message_start", "message_delta", "message_stop"):
        assert kinds.count(kind) == 1
    is_open, index = False, -1
    for value in values[2:-2]:
        kind = value["type"]
        if kind == "content_block_start":
            assert not is_open
            is_open, index = True, index + 1
        elif kind != "ping":
            assert is_open
            is_open = kind != "content_block_stop"
        if kind != "ping":
            assert value["index"] == index
    assert not is_open


def accumulated(values: Iterable[Value]) -> Value:
    """The message that the official SDK's stream helper makes of a stream."""
    snapshot: Any = None
    buffers: dict[int, bytes] = {}
    for value in values:
        if value["type"] != "ping":
            event = _EVENTS.validate_python(value)
            snapshot = accumulate_event(event=event, current_snapshot=snapshot, json_bufs=buffers)
    told: Value = snapshot.to_dict(mode="json")
    return told


def plain(message: Value) -> list[Value]:
    """The content of a message without the fields that nobody told."""
    return [
        {name: block[name] for name in block if block[name] is not None}
        for block in message["content"]
    ]
