"""Failures: never a success, never followed by a finish, and never an exception."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from chat_streams import DONE, ROLE, STOP, chunk, frame, said, streams, text_frame
from hypothesis import given
from hypothesis import strategies as st

from relay.judge import judge_object, judge_stream
from relay.playing import PROMISE, WHOLE, play
from strictwire.lab.scenarios import SCENARIOS
from strictwire.lab.scenarios.scenario import PLAIN_ASK
from strictwire.model.errors import PeerError
from strictwire.relay import make_relay
from strictwire.wire.sse import MAX_BLOCK_BYTES

A, B = text_frame("a"), text_frame("b")
CALL = frame(
    chunk([said({"tool_calls": [{"index": 0, "id": "c", "type": "function",
                                 "function": {"name": "f", "arguments": "{"}}]})])
)  # fmt: skip
ERROR = frame({"error": {"message": "out of memory", "type": "server_error", "code": "oom"}})

# What the upstream sends before its body ends in good order; the error's code.
FAILURES: dict[str, tuple[bytes, str | None]] = {
    "nothing": (b"", "upstream_empty_reply"),
    "only comments": (b": hi\n\n" * 3, "upstream_empty_reply"),
    "only [DONE]": (DONE, "upstream_empty_reply"),
    "only usage and [DONE]": (
        frame(chunk([], usage={"prompt_tokens": 1})) + DONE, "upstream_empty_reply",
    ),
    "only a role": (ROLE, "upstream_truncated"),
    "text": (ROLE + A, "upstream_truncated"),
    "text and half a frame": (ROLE + A + STOP[:40], "upstream_truncated"),
    "text and a finish without its last bracket": (ROLE + A + STOP[:-3], "upstream_truncated"),
    "a call begun": (ROLE + CALL, "upstream_truncated"),
    "text after a reason": (ROLE + A + STOP + B, "upstream_truncated"),
    "one of two choices finished": (
        ROLE + A + text_frame("b", 1) + STOP, "upstream_truncated",
    ),
    "an error first": (ERROR, "oom"),
    "an error after text": (ROLE + A + ERROR, "oom"),
    "an error, then a finish": (ROLE + A + ERROR + STOP + DONE, "oom"),
    "an error after a finish": (ROLE + A + STOP + ERROR + DONE, "oom"),
    "an error in a named event": (ROLE + A + b"event: error\n" + ERROR, "oom"),
    "an error as text": (ROLE + A + frame({"error": "no"}), None),
    "an error's detail": (ROLE + A + frame({"detail": "no"}), None),
    "finish_reason error": (ROLE + A + frame(chunk([said({}, finish="error")])) + DONE, None),
    "no JSON": (ROLE + A + b"data: {oops\n\n" + STOP + DONE, "upstream_malformed"),
    "an object and half of one in one block": (
        ROLE + A + A[:-1] + b"data: {\n\n" + STOP + DONE, "upstream_malformed",
    ),
    "too deep": (
        ROLE + A + b'data: {"a":' + b"[" * 100_000 + b"\n\n" + STOP + DONE, "upstream_malformed",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("upstream", "code"), FAILURES.values(), ids=FAILURES)
def test_a_failure_is_told_in_band_and_ends_the_stream(upstream: bytes, code: str | None) -> None:
    played = play(upstream, is_object=False)
    assert played.failure is not None
    assert played.failure.code == code
    assert isinstance(played.failure, PeerError)
    if played.is_early:
        # Nothing was sent, so that the failure can be a real status.
        assert played.out == b""
        assert A not in upstream
        return
    told = judge_stream(played.out)
    assert told.faults == []
    assert told.error == {
        "message": played.failure.message,
        "type": played.failure.type,
        "param": None,
        "code": code,
    }
    assert all(choice.finish is None for choice in told.choices.values())
    # What came before the failure reached the client.
    assert played.out.startswith(ROLE + (A if A in upstream else b""))


@pytest.mark.parametrize(("upstream", "code"), FAILURES.values(), ids=FAILURES)
def test_a_failure_is_never_an_object(upstream: bytes, code: str | None) -> None:
    played = play(upstream, WHOLE, is_object=False)
    assert played.out == b""
    assert played.failure is not None
    assert played.failure.code == code


def test_after_an_error_the_connection_may_be_cut_instead() -> None:
    played = play(ROLE + A + ERROR, replace(PROMISE, after_error="cut"))
    assert DONE not in played.out
    assert played.out.endswith(b"}\n\n")


def test_an_error_from_outside_is_told_too() -> None:
    """As a timeout or a lost connection is."""
    relay = make_relay(PROMISE, is_object=False)
    out = relay.feed(ROLE + A) + relay.fail(PeerError("lost", code="upstream_lost"))
    told = judge_stream(out)
    assert told.faults == []
    assert told.error is not None
    assert told.error["code"] == "upstream_lost"


OBJECTS: dict[str, tuple[bytes, str | None]] = {
    "an error under 200": (b'{"error":{"message":"no","code":"oom"}}', "oom"),
    "an error as text": (b'{"error":"no"}', None),
    "finish_reason error": (
        b'{"choices":[{"index":0,"message":{"content":"a"},"finish_reason":"error"}]}', None,
    ),
    "base_resp": (b'{"base_resp":{"status_code":1004,"status_msg":"no"}}', "1004"),
    "half of one": (b'{"choices":[{"index":0,"mess', "upstream_malformed"),
    "an array": (b"[]", "upstream_malformed"),
    "HTML": (b"<html></html>", "upstream_malformed"),
    "nothing": (b"", "upstream_malformed"),
    "too deep": (b'{"a":' + b"[" * 100_000, "upstream_malformed"),
    "another object": (b'{"object":"list","data":[]}', "upstream_empty_reply"),
    "no choice": (b'{"choices":[]}', "upstream_empty_reply"),
}  # fmt: skip


@pytest.mark.parametrize(("body", "code"), OBJECTS.values(), ids=OBJECTS)
def test_a_bad_object_is_an_early_failure(body: bytes, code: str | None) -> None:
    for promise in (PROMISE, WHOLE):
        played = play(body, promise, is_object=True)
        assert played.failure is not None
        assert played.failure.code == code
        # Text that came with a finish reason of "error" goes out first, where it can.
        assert played.is_early or (promise is PROMISE and b'"content":"a"' in body)


@pytest.mark.properties
@given(data=st.data())
def test_a_stream_that_breaks_off_never_ends_well(data: st.DataObject) -> None:
    """Cut anywhere before its finish reasons are all there, it is an error, streamed or whole."""
    stream = ROLE + b"".join(map(text_frame, data.draw(st.lists(st.text(), min_size=1))))
    cut = stream[: data.draw(st.integers(0, len(stream)))]
    for promise in (PROMISE, WHOLE):
        played = play(cut, promise, is_object=False)
        assert played.failure is not None
        assert STOP not in played.out
        assert not played.is_done


@pytest.mark.properties
@given(stream=streams(), place=st.integers(0, 10_000))
def test_an_error_anywhere_is_the_last_word(stream: bytes, place: int) -> None:
    blocks = stream.split(b"\n\n")
    blocks.insert(place % (len(blocks) + 1), ERROR.removesuffix(b"\n\n"))
    played = play(b"\n\n".join(blocks) + b"\n\n", is_object=False)
    if played.failure is not None and played.out:
        assert judge_stream(played.out).error is not None
        assert b'"finish_reason":"' not in played.out


# ---- bounds ----


def test_an_endless_event_is_a_failure() -> None:
    relay = make_relay(PROMISE, is_object=False)
    relay.feed(ROLE + A + b"data: ")
    piece = b"x" * (1 << 20)
    for _ in range(MAX_BLOCK_BYTES // len(piece) + 1):
        relay.feed(piece)
    assert relay.failure is not None
    assert relay.failure.code == "upstream_frame_too_large"
    assert (relay.feed(A), relay.finish()) == (b"", b"")


@pytest.mark.parametrize("is_object", [True, False])
def test_an_object_over_the_bound_is_a_failure(is_object: bool) -> None:
    relay = make_relay(replace(WHOLE, max_reply_bytes=10_000), is_object=is_object)
    relay.feed(ROLE)
    for _ in range(1000):
        relay.feed(text_frame("a" * 100))
    assert relay.failure is not None
    assert relay.failure.code == "upstream_reply_too_large"
    assert relay.wants_attention
    assert relay.finish() == b""


# ---- nothing a peer sends raises ----

SEEDS = [
    SCENARIOS[name].reply(PLAIN_ASK).frames
    for name in (
        "healthy-parallel-tools", "healthy-logprobs", "healthy-function-call", "healthy-n2",
        "vllm-like", "content-parts", "tool-arguments-object", "usage-every-chunk",
        "progress-frames", "error-finish", "json-for-stream-tools", "json-for-stream-logprobs",
    )
]  # fmt: skip
VALUES: list[Any] = [
    None, True, False, 0, -1, 1.5, 1e300, 2**70, "", "x", "stop", "error", "\ud800", [], {}, [None],
    [[]], [1], ["a"], [{}], {"a": 1}, {"index": 0}, {"text": 5}, {"content": [1]}, {"name": 5},
    {"index": 0, "delta": {}, "finish_reason": "stop"}, {"status_code": []}, {"message": 5},
]  # fmt: skip


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from paths(value[key], (*path, key))


def put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    changed = copy.copy(value)
    changed[path[0]] = put(value[path[0]], path[1:], new)
    return changed


@st.composite
def spoiled(draw: st.DrawFn) -> list[bytes]:
    """A reply in which up to two places hold something of a wrong type, or an odd field."""
    frames = list(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 2))):
        number = draw(st.integers(0, len(frames) - 1))
        prefix = b"data: " if frames[number].startswith(b"data: ") else b""
        if DONE in frames[number]:
            continue
        value = json.loads(frames[number].removeprefix(prefix))
        path = draw(st.sampled_from(list(paths(value))))
        new = draw(st.sampled_from(VALUES))
        if isinstance(value, dict) and draw(st.integers(0, 5)) == 0:
            value[draw(st.sampled_from(["error", "base_resp", "detail", "usage", "choices"]))] = new
        else:
            value = put(value, path, new)
        frames[number] = prefix + json.dumps(value).encode() + (b"\n\n" if prefix else b"")
    return frames


@pytest.mark.properties
@given(frames=spoiled(), includes_usage=st.booleans(), is_stream=st.booleans())
def test_a_wrong_type_anywhere_raises_nothing(
    frames: list[bytes], includes_usage: bool, is_stream: bool
) -> None:
    promise = replace(PROMISE, includes_usage=includes_usage, is_stream=is_stream)
    played = play(frames, promise)
    if not played.out:
        return
    told = (
        judge_stream(played.out, includes_usage=includes_usage)
        if is_stream
        else judge_object(played.out)
    )
    # A beginning that was spoiled cannot be made up; all else is strict.
    unknowable = ("function_call", "called", "name", "call ")
    assert [fault for fault in told.faults if not any(w in fault for w in unknowable)] == []


@pytest.mark.properties
@given(
    st.lists(
        st.binary(max_size=40)
        | st.sampled_from([b"data: ", b"\n\n", b"\r\n\r\n", A, ROLE, STOP, DONE, b"{", b"[", b":"]),
        max_size=20,
    ),
    st.booleans(),
    st.booleans(),
)
def test_any_bytes_raise_nothing(pieces: list[bytes], is_stream: bool, is_object: bool) -> None:
    played = play(pieces, replace(PROMISE, is_stream=is_stream), is_object=is_object)
    if played.out and is_stream:
        assert judge_stream(played.out).is_ended
