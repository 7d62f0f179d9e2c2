"""What a hostile upstream packs into one piece must not keep the event loop: every stream of the
process waits meanwhile. What is allowed is measured on the same machine in the same run: thirty
times what an ordinary piece of that size takes the long way. Quadratic work takes hundreds."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from chat_streams import DONE, ROLE, STOP, chunk, frame, said, text_frame

from relay.judge import judge_stream
from relay.playing import PROMISE, play
from strictwire.model.chunks import Chunk
from strictwire.relay import make_relay
from strictwire.relay.sinks import MAX_HELD_BYTES
from strictwire.repairs.chat.choices import MAX_CHOICES_TOLD
from strictwire.repairs.chat.deltas import MAX_HELD_CHOICES, MAX_HELD_TOKENS, EmptyDelta
from strictwire.repairs.chat.tool_index import MAX_CALLS, MAX_CALLS_OF_REPLY

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


def test_an_index_that_counts_something_else_is_the_one_choice_that_was_asked_for() -> None:
    frames = [text_frame("a", MAX_CHOICES_TOLD + number) for number in range(3)]
    played = play([*frames, STOP, DONE], replace(PROMISE, choices=1))
    told = judge_stream(played.out, choices=1)
    assert (told.faults, told.choices[0].text) == ([], "aaa")


def test_too_many_calls_in_many_choices_end_the_reply() -> None:
    """Each choice may call as many tools as one alone, but not all of them together."""
    of_each = MAX_CALLS_OF_REPLY // 16
    relay = make_relay(PROMISE, is_object=False)
    for index in range(17):
        pieces = [
            {"index": number, "id": f"c{index}-{number}", "function": {"name": "f"}}
            for number in range(of_each)
        ]
        relay.feed(frame(chunk([said({"tool_calls": pieces}, index)])))
    assert relay.failure is not None
    assert relay.failure.code == "upstream_malformed"


def test_what_comes_before_the_first_text_is_held_up_to_a_bound() -> None:
    """Fields beside the reply mean nothing yet, so an error after a few is still a status."""
    vendor = frame(chunk([said({"vendor": "x" * 100})]))
    relay = make_relay(PROMISE, is_object=False)
    relay.feed(ROLE + vendor)
    assert not relay.is_meaningful
    out = b""
    for _ in range(MAX_HELD_BYTES // len(vendor) + 1):
        out += relay.feed(vendor)
    assert relay.is_meaningful
    assert out.startswith(ROLE)
    assert relay.feed(vendor) == vendor


def test_probabilities_whose_text_never_comes_are_held_for_some_choices_only() -> None:
    token = {"token": "a", "logprob": -1.0, "bytes": None, "top_logprobs": []}
    rule = EmptyDelta(PROMISE)
    for index in range(MAX_HELD_CHOICES + 5):
        logprobs = {"content": [token], "refusal": None}
        choice = said({"content": ""}, index, logprobs=logprobs)
        for _ in range(MAX_HELD_TOKENS + 5):
            assert list(rule.feed(Chunk(chunk([choice])))) == []
    assert len(rule.logprobs) == MAX_HELD_CHOICES
    assert max(map(len, rule.logprobs.values())) == MAX_HELD_TOKENS


@pytest.mark.parametrize("where", ["top", "choice", "delta", "call"])
def test_fields_beside_a_reply_count_for_the_size_of_an_object(where: str) -> None:
    relay = make_relay(replace(PROMISE, is_stream=False, max_reply_bytes=50_000), is_object=False)
    piece = {"index": 0, "id": "c", "function": {"name": "f", "arguments": ""}}
    relay.feed(ROLE + frame(chunk([said({"tool_calls": [piece]})])))
    relay.feed(frame(chunk([said({"tool_calls": [{"index": 0, "function": {"arguments": "1"}}]})])))
    for number in range(600):
        more = {f"vendor{number}": "x" * 100}
        call = {"index": 0, "function": {"arguments": ""}, **more}
        relay.feed(
            {
                "top": frame(chunk([said({"content": "a"})], **more)),
                "choice": frame(chunk([said({}, **more)])),
                "delta": frame(chunk([said(more)])),
                "call": frame(chunk([said({"tool_calls": [call]})])),
            }[where]
        )
    assert relay.failure is not None
    assert relay.failure.code == "upstream_reply_too_large"
