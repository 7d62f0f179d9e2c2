"""What a hostile upstream packs into one piece must not keep the event loop: every stream of the
process waits meanwhile. What is allowed is measured on the same machine in the same run: thirty
times what an ordinary piece of that size takes the long way. Quadratic work takes hundreds."""

from __future__ import annotations

import time

import pytest
from chat_streams import chunk, frame, said, text_frame

from relay.playing import PROMISE, play
from strictwire.relay import make_relay
from strictwire.relay.ending import MAX_CHOICES_TOLD
from strictwire.repairs.chat.tool_index import MAX_CALLS

PIECE_BYTES = 256 * 1024  # one read of a socket
TIMES_ALLOWED = 30
WARM = b"".join(text_frame(f"w{number}") for number in range(3))


def seconds_for(piece: bytes) -> float:
    relay = make_relay(PROMISE, is_object=False)
    relay.feed(WARM)
    begun_s = time.process_time()
    relay.feed(piece)
    return time.process_time() - begun_s


@pytest.fixture(scope="module")
def allowed_s() -> float:
    arguments = {"tool_calls": [{"index": 0, "function": {"arguments": "word"}}]}
    ordinary = frame(chunk([said(arguments)]))
    return TIMES_ALLOWED * seconds_for(ordinary * (PIECE_BYTES // len(ordinary)))


@pytest.mark.parametrize(
    "block",
    [b":\r\n\r\n", b"\r\n", b'data:{"choices":[]}\r\n\r\n', b":\n\n"],
    ids=["comments", "blank-lines", "empty-chunks", "lf"],
)
def test_a_piece_full_of_tiny_blocks_is_read_in_linear_time(block: bytes, allowed_s: float) -> None:
    assert seconds_for(block * (PIECE_BYTES // len(block))) < allowed_s


def test_a_frame_full_of_its_own_text_is_not_tried_at_every_place(allowed_s: float) -> None:
    full = frame(chunk([said({"content": "a"})]) | {"x": ["a"] * 3000})
    assert len(full) < 16 * 1024
    assert seconds_for(full * 10) < allowed_s


def test_a_state_that_grows_in_silence_ends_the_learning() -> None:
    relay = make_relay(PROMISE, is_object=False)
    relay.feed(WARM)
    for number in range(20):
        relay.feed(frame(chunk([]) | {"usage": {"prompt_tokens": number, "completion_tokens": 1}}))
    assert relay._splicer is not None
    assert not relay._splicer.may_learn


def test_a_large_state_has_no_fingerprint() -> None:
    relay = make_relay(PROMISE, is_object=False)
    for number in range(MAX_CALLS):
        function = {"name": f"tool_{number}", "arguments": "{}"}
        piece = {"index": number, "id": f"call-{number}", "function": function}
        relay.feed(frame(chunk([said({"tool_calls": [piece]})])))
    assert relay.failure is None
    assert relay._stages.fingerprint() == b""
    relay.feed(WARM * 10)
    assert relay.lane is None


def test_too_many_calls_end_the_reply() -> None:
    pieces = [
        {"index": number, "id": f"c{number}", "function": {"name": "f"}}
        for number in range(MAX_CALLS + 1)
    ]
    played = play(WARM + frame(chunk([said({"tool_calls": pieces})])) + WARM)
    assert played.failure is not None
    assert played.failure.code == "upstream_malformed"
    assert not played.is_done


def test_too_many_choices_end_the_reply() -> None:
    choices = [said({"content": "a"}) | {"index": n} for n in range(MAX_CHOICES_TOLD + 1)]
    played = play(frame(chunk(choices)) + WARM)
    assert played.failure is not None
    assert played.failure.code == "upstream_malformed"
    assert not played.is_done


def test_a_name_that_goes_on_and_on_is_refused() -> None:
    pieces = [{"tool_calls": [{"index": 0, "function": {"name": f"n{n:03d}"}}]} for n in range(300)]
    played = play([frame(chunk([said(piece)])) for piece in pieces])
    assert played.failure is not None
    assert played.failure.code == "upstream_malformed"
