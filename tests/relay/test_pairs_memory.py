"""What an open stream holds where Responses or Messages are on one side, or on both.

Messages and chat repeat nothing, so nothing may grow. A response repeats its texts at the end, so
they are kept, and counted against ``max_reply_bytes``: nothing else may grow, nor more than that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from fuzz.held import held_bytes
from fuzz.pairs import PAIRS
from fuzz.targets import MOST_FOR_A_COUNTED_BYTE, counted_bytes

from relay.playing import PROMISE
from strictwire.dialects.messages.block_order import MAX_CALLS
from strictwire.model.request import Dialect
from strictwire.relay import Relay, make_relay

# The parts of one item of a response are bounded too, a little beyond.
FEW, MANY = 200, 4000
# Counters that grow by digits, and dictionaries that grow once by their own steps.
ALLOWANCE_BYTES = 2048

Json = dict[str, Any]


def frame(kind: str, **told: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), msgspec.json.encode({"type": kind, **told}))


def chat_text(number: int) -> bytes:
    delta = {"content": f"{number} "} if number else {"role": "assistant"}
    choice = {"index": 0, "delta": delta, "finish_reason": None}
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return b"data: %b\n\n" % msgspec.json.encode(chunk | {"choices": [choice]})


def message_delta(**delta: Any) -> bytes:
    return frame("content_block_delta", index=0, delta=delta)


def message_text(number: int) -> bytes:
    return message_delta(type="text_delta", text=f"{number} ")


def message_thought(number: int) -> bytes:
    return message_delta(type="thinking_delta", thinking=f"{number} ")


def message_input(number: int) -> bytes:
    if number == 0:
        block = {"type": "tool_use", "id": "c", "name": "f", "input": {}}
        start = frame("content_block_start", index=0, content_block=block)
        return start + message_delta(type="input_json_delta", partial_json='{"a":"')
    return message_delta(type="input_json_delta", partial_json=f"{number} ")


def message_blocks(number: int) -> bytes:
    start = frame("content_block_start", index=number, content_block={"type": "text", "text": "a"})
    return start + frame("content_block_stop", index=number)


def response_text(number: int) -> bytes:
    place = {"item_id": "x", "output_index": 0, "content_index": 0, "logprobs": []}
    more = {"sequence_number": number, "delta": f"{number} "}
    return frame("response.output_text.delta", **place, **more)


def response_noise(number: int) -> bytes:
    """Events that tell nothing of an item."""
    return frame("keepalive", sequence_number=number) + frame("response.in_progress", response={})


MAKERS: dict[str, tuple[Dialect, Callable[[int], bytes]]] = {
    "chat text": ("chat", chat_text),
    "text": ("messages", message_text),
    "thinking": ("messages", message_thought),
    "input": ("messages", message_input),
    "blocks": ("messages", message_blocks),
    "pings": ("messages", lambda number: frame("ping")),
    "Responses text": ("responses", response_text),
    "Responses noise": ("responses", response_noise),
}
CASES = [
    pytest.param(client, upstream, make, id=f"{name} for {client}")
    for name, (upstream, make) in MAKERS.items()
    for client, served in PAIRS
    if served == upstream and {client, served} - {"chat", "completions"}
]


def opened(client: Dialect, upstream: Dialect) -> Relay:
    return make_relay(replace(PROMISE, dialect=client, upstream=upstream), is_object=False)


@pytest.mark.parametrize(("client", "upstream", "make"), CASES)
def test_what_is_held_grows_with_nothing_but_counted_texts(
    client: Dialect, upstream: Dialect, make: Callable[[int], bytes]
) -> None:
    relay = opened(client, upstream)
    for number in range(FEW):
        relay.feed(make(number))
    held, counted = held_bytes(relay), counted_bytes(relay)
    for number in range(FEW, MANY, 50):
        relay.feed(b"".join(map(make, range(number, number + 50))))
    assert relay.failure is None
    more = counted_bytes(relay) - counted
    if "responses" not in (client, upstream):
        assert more == 0
    assert held_bytes(relay) - held <= ALLOWANCE_BYTES + MOST_FOR_A_COUNTED_BYTE * more


def test_calls_of_a_message_are_bounded() -> None:
    """Each call's id is remembered, so that no two have the same."""
    relay = opened("chat", "messages")
    for number in range(MAX_CALLS + 1):
        block = {"type": "tool_use", "id": f"c{number}", "name": "f", "input": {"a": 1}}
        relay.feed(frame("content_block_start", index=number, content_block=block))
        relay.feed(frame("content_block_stop", index=number))
    assert relay.failure is not None
    assert relay.failure.code == "upstream_reply_too_large"
