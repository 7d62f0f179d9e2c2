"""An open stream holds a bounded amount, however long it runs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from chat_streams import ROLE, chunk, frame, said, text_frame
from fuzz.held import held_bytes

from relay.playing import PROMISE
from strictwire.model.events import Event
from strictwire.relay import make_relay

# So many that one byte kept of each frame would be seen.
FEW, MANY = 200, 4_000
# Counters that grow by digits, and dictionaries that grow once by their own steps.
ALLOWANCE_BYTES = 2048


def tool_piece(number: int) -> bytes:
    text = '{"a":"' if number == 0 else "x"
    piece = {"index": 0, "function": {"arguments": text}}
    if number == 0:
        piece |= {"id": "c", "type": "function"}
        piece["function"] = {"name": "f", "arguments": text}
    return frame(chunk([said({"tool_calls": [piece]})]))


# How the frame at each number looks, in streams that go the fast lane and the long way.
MAKERS: dict[str, Callable[[int], bytes]] = {
    "text": lambda number: text_frame(f"{number} "),
    "escapes": lambda number: text_frame(f'"{number}\n'),
    "an id for each chunk": lambda number: text_frame("a", id=f"x{number}"),
    "usage on each chunk": lambda number: text_frame(
        "a", usage={"prompt_tokens": 1, "completion_tokens": number}
    ),
    "stop on each chunk": lambda number: frame(
        chunk([said({"content": str(number)}, finish="stop")])
    ),
    "the role on each chunk": lambda number: frame(
        chunk([said({"role": "assistant", "content": str(number)})])
    ),
    "two choices": lambda number: text_frame(str(number), number % 2),
    "empty deltas": lambda number: text_frame(""),
    "comments": lambda number: b": %d\n\n" % number,
    "foreign frames": lambda number: frame({"type": "status", "n": number}),
    "logprobs": lambda number: frame(
        chunk([said({"content": "a"}, logprobs={"content": [{"token": str(number)}]})])
    ),
    "logprobs without text": lambda number: frame(
        chunk([said({"content": ""}, logprobs={"content": [{"token": str(number)}]})])
    ),
    "fields without choices": lambda number: frame(chunk([], **{f"x{number}": number})),
    "arguments": tool_piece,
    "extra fields": lambda number: text_frame("a", **{f"x{number}": number}),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_what_is_held_does_not_grow_with_the_stream(make: Callable[[int], bytes]) -> None:
    relay = make_relay(PROMISE, is_object=False)
    relay.feed(ROLE + text_frame("w"))
    for number in range(FEW):
        relay.feed(make(number))
    before = held_bytes(relay)
    # Several frames a piece, which is quicker; how a stream is cut is another test's matter.
    for number in range(FEW, MANY, 50):
        relay.feed(b"".join(map(make, range(number, number + 50))))
    assert held_bytes(relay) <= before + ALLOWANCE_BYTES
    assert relay.failure is None


def test_the_count_would_see_a_leak() -> None:
    relay = make_relay(PROMISE, is_object=False)
    before = held_bytes(relay)
    kept: list[Event | bytes] = [b"x" * 10_000]
    relay._sink._held.extend(kept)  # type: ignore[union-attr, arg-type]
    assert held_bytes(relay) > before + 10_000


def test_an_open_stream_is_small() -> None:
    """Most of the 20 kB that an open stream may cost belongs to its two connections."""
    relay = make_relay(PROMISE, is_object=False)
    for number in range(FEW):
        relay.feed(ROLE if number == 0 else text_frame(str(number)))
    assert held_bytes(relay) < 16 * 1024
