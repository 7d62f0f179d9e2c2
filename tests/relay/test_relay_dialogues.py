"""Whole dialogues: the upstream's bytes in, the client's bytes out, from and to a stream or object.

Frames are written out to the byte where the byte is the promise.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from chat_streams import DONE, ROLE, STOP, chunk, frame, said, text_frame

from relay.judge import judge_object, judge_stream
from relay.playing import PROMISE, WHOLE, play
from strictwire.relay import make_relay

USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
WITH_USAGE = replace(PROMISE, includes_usage=True)
USAGE_FRAME = frame(chunk([], usage=USAGE))


def finish(reason: str = "stop", index: int = 0) -> bytes:
    return frame(chunk([said({}, index, reason)]))


def with_null(data: bytes) -> bytes:
    """The same chunks as a client sees them that asked for usage."""
    return data.replace(b"}]}\n\n", b'}],"usage":null}\n\n')


def message(**fields: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": None, "refusal": None, **fields}


def whole(*choices: dict[str, Any], **more: Any) -> bytes:
    value = {
        "id": "chatcmpl-x",
        "object": "chat.completion",
        "created": 5,
        "model": "m",
        "choices": list(choices),
        "usage": USAGE,
        **more,
    }
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def one(index: int = 0, reason: str = "stop", **fields: Any) -> dict[str, Any]:
    told = {"index": index, "message": message(**fields), "logprobs": None}
    return told | {"finish_reason": reason}


A, B = text_frame("a"), text_frame("b")

# The upstream's stream, the client's stream, the client asked for usage.
STREAMS: dict[str, tuple[bytes, bytes, bool]] = {
    "healthy": (ROLE + A + STOP + DONE, ROLE + A + STOP + DONE, False),
    "healthy with usage": (
        with_null(ROLE + A + STOP) + USAGE_FRAME + DONE,
        with_null(ROLE + A + STOP) + USAGE_FRAME + DONE,
        True,
    ),
    "usage that nobody asked for": (
        with_null(ROLE + A + STOP) + USAGE_FRAME + DONE,
        ROLE + A + STOP + DONE,
        False,
    ),
    "usage that was asked for and never told": (
        ROLE + A + STOP + DONE,
        with_null(ROLE + A + STOP) + DONE,
        True,
    ),
    "usage inside the finish": (
        ROLE + A + frame(chunk([said({}, finish="stop")], usage=USAGE)) + DONE,
        with_null(ROLE + A + STOP) + USAGE_FRAME + DONE,
        True,
    ),
    "the tail is missing": (ROLE + A + STOP, ROLE + A + STOP + DONE, False),
    "[DONE] and no reason": (ROLE + A + DONE, ROLE + A + STOP + DONE, False),
    "no role": (A + STOP + DONE, ROLE + A + STOP + DONE, False),
    "a late role": (A + ROLE + B + STOP + DONE, ROLE + A + B + STOP + DONE, False),
    "the role with the text": (
        frame(chunk([said({"role": "assistant", "content": "a"})])) + STOP + DONE,
        ROLE + A + STOP + DONE,
        False,
    ),
    "text on the finish": (
        ROLE + A + frame(chunk([said({"content": "b"}, finish="length")])) + DONE,
        ROLE + A + B + finish("length") + DONE,
        False,
    ),
    "stop, then more": (ROLE + A + STOP + B + STOP + DONE, ROLE + A + B + STOP + DONE, False),
    "frames after [DONE]": (
        ROLE + A + STOP + DONE + B + DONE,
        ROLE + A + STOP + DONE,
        False,
    ),
    "strangers": (
        b": hi\n\ndata: ping\n\n" + ROLE + b"data: null\n\n" + A + b"event: x\ndata: {}\n\n" + STOP
        + b"data: DONE\n\n",
        ROLE + A + STOP + DONE,
        False,
    ),
    "other line ends, no spaces, a byte order mark": (
        b"\xef\xbb\xbf"
        + (ROLE + A + STOP + DONE).replace(b"data: ", b"data:").replace(b"\n", b"\r\n"),
        ROLE + A + STOP + DONE,
        False,
    ),
    "two choices in one chunk": (
        frame(chunk([said({"role": "assistant"}), said({"role": "assistant"}, 1)]))
        + frame(chunk([said({"content": "a"}), said({"content": "b"}, 1)]))
        + DONE,
        ROLE + frame(chunk([said({"role": "assistant"}, 1)])) + A + text_frame("b", 1)
        + STOP + finish("stop", 1) + DONE,
        False,
    ),
    "half a character": (
        ROLE + A.replace(b'"a"', b'"a\\ud83e"') + STOP + DONE,
        ROLE + text_frame("a") + text_frame("\ufffd") + STOP + DONE,
        False,
    ),
    "a raw tab in a string": (
        ROLE + A.replace(b'"a"', b'"a\tb"') + STOP + DONE,
        ROLE + text_frame("a\tb") + STOP + DONE,
        False,
    ),
    "NaN": (
        ROLE + frame(chunk([said({"content": "a"}, score=0)])).replace(b":0}", b":NaN}") + STOP
        + DONE,
        ROLE + frame(chunk([{"index": 0, "delta": {"content": "a"}, "score": None,
                             "finish_reason": None}])) + STOP + DONE,
        False,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("upstream", "client", "asks"), STREAMS.values(), ids=STREAMS)
def test_stream_to_stream(upstream: bytes, client: bytes, asks: bool) -> None:
    played = play(upstream, WITH_USAGE if asks else PROMISE, is_object=False)
    assert played.out == client
    assert played.failure is None
    assert judge_stream(client, includes_usage=asks).faults == []


@pytest.mark.parametrize(("upstream", "client", "asks"), STREAMS.values(), ids=STREAMS)
def test_stream_to_whole(upstream: bytes, client: bytes, asks: bool) -> None:
    """The object says what the stream said."""
    streamed = judge_stream(client, includes_usage=asks)
    collected = judge_object(play(upstream, WHOLE, is_object=False).out)
    assert collected.faults == []
    for index, choice in streamed.choices.items():
        other = collected.choices[index]
        assert (other.text, other.finish) == (choice.text, choice.finish)
    if streamed.usage is not None:
        assert collected.usage == streamed.usage


# The upstream's object, the client's stream.
OBJECTS: dict[str, tuple[bytes, bytes]] = {
    "text": (whole(one(content="a")), with_null(ROLE + A + STOP) + USAGE_FRAME + DONE),
    "a refusal": (
        whole(one(refusal="no")),
        with_null(ROLE + frame(chunk([said({"refusal": "no"})])) + STOP) + USAGE_FRAME + DONE,
    ),
    "reasoning, then text": (
        whole(one(content="a", reasoning_content="r")),
        with_null(ROLE + frame(chunk([said({"reasoning_content": "r"})])) + A + STOP)
        + USAGE_FRAME
        + DONE,
    ),
    "a call": (
        whole(one(reason="tool_calls", tool_calls=[
            {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
        ])),
        with_null(
            ROLE
            + frame(chunk([said({"tool_calls": [{"index": 0, "id": "c", "type": "function",
                                 "function": {"name": "f", "arguments": ""}}]})]))
            + frame(chunk([said({"tool_calls": [{"index": 0,
                                 "function": {"arguments": '{"a":1}'}}]})]))
            + finish("tool_calls")
        )
        + USAGE_FRAME + DONE,
    ),
    "two choices": (
        whole(one(content="a"), one(1, "length", content="b")),
        with_null(
            ROLE + A + frame(chunk([said({"role": "assistant"}, 1)])) + text_frame("b", 1)
            + STOP + finish("length", 1)
        )
        + USAGE_FRAME + DONE,
    ),
    "blank lines before": (
        b"\n \r\n\n" + whole(one(content="a")), with_null(ROLE + A + STOP) + USAGE_FRAME + DONE,
    ),
    "a stray terminal behind": (
        whole(one(content="a")) + b"\n\ndata: [DONE]\n\n",
        with_null(ROLE + A + STOP) + USAGE_FRAME + DONE,
    ),
    "a byte order mark": (
        b"\xef\xbb\xbf" + whole(one(content="a")), with_null(ROLE + A + STOP) + USAGE_FRAME + DONE,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("upstream", "client"), OBJECTS.values(), ids=OBJECTS)
def test_whole_to_stream(upstream: bytes, client: bytes) -> None:
    played = play(upstream, WITH_USAGE)
    # An object tells that there are no log probabilities; a stream may say so too.
    assert played.out.replace(b'"logprobs":null,', b"") == client
    assert played.repairs == frozenset()
    assert judge_stream(client, includes_usage=True).faults == []


@pytest.mark.parametrize(("upstream", "client"), OBJECTS.values(), ids=OBJECTS)
def test_whole_to_whole(upstream: bytes, client: bytes) -> None:
    """A healthy object passes to the byte, without what was around it."""
    played = play(upstream, WHOLE)
    assert played.out in upstream
    assert json.loads(played.out)["object"] == "chat.completion"
    assert (played.repairs, played.frames) == (frozenset(), 1)


def test_extras_of_an_object_are_all_in_its_stream() -> None:
    logprobs = {"content": [{"token": "a", "logprob": -1, "bytes": [97], "top_logprobs": []}]}
    choice = one(content="a", annotations=[{"type": "url"}], audio=None)
    choice |= {"logprobs": logprobs | {"refusal": None}, "stop_reason": 7}
    body = whole(choice, system_fingerprint="fp", timings={"n": 1}, provider="lab")
    told = judge_stream(play(body, WITH_USAGE).out, includes_usage=True)
    assert told.faults == []
    assert told.choices[0].tokens == ["a"]
    text = json.dumps(told.chunks)
    for once in ('"timings"', '"provider"', '"annotations"', '"audio"', '"stop_reason": 7'):
        assert text.count(once) == 1
    assert all(one_["system_fingerprint"] == "fp" for one_ in told.chunks)


@pytest.mark.parametrize(
    ("was", "becomes"), [(b'"created":5', b'"created":5.0'), (b'"index":0', b'"index":false'),
                         (b'"total_tokens":5', b'"total_tokens":5.0')],
)  # fmt: skip
def test_an_object_that_is_only_nearly_the_same_does_not_pass(was: bytes, becomes: bytes) -> None:
    """Python takes 5.0 for 5 and false for 0; a typed client does not."""
    healthy = whole(one(content="a"))
    spoiled = healthy.replace(was, becomes)
    assert spoiled != healthy
    out = play(spoiled, WHOLE).out
    assert becomes not in out
    assert judge_object(out).faults == []


def test_an_object_that_no_strict_reader_reads_does_not_pass() -> None:
    for was, becomes in ((b'"a"', b'"a\\ud83e"'), (b'"a"', b'"a\tb"'), (b"null", b"NaN")):
        spoiled = whole(one(content="a")).replace(was, becomes)
        out = play(spoiled, WHOLE).out
        assert becomes not in out
        assert judge_object(out).faults == []


def test_usage_that_nobody_told_is_known_to_be_unknown() -> None:
    for body, is_object, knows in (
        (ROLE + A + STOP + DONE, False, False),
        (ROLE + A + STOP + USAGE_FRAME + DONE, False, True),
        (whole(one(content="a")), True, True),
        (whole(one(content="a")).replace(b'"usage"', b'"used"'), True, False),
    ):
        relay = make_relay(WHOLE, is_object=is_object)
        relay.feed(body)
        relay.finish()
        assert relay.knows_usage is knows


def test_the_model_is_what_the_client_asked_for_where_an_alias_was_used() -> None:
    promise = replace(PROMISE, is_model_pinned=True, model="alias")
    streamed = judge_stream(play(ROLE + A + STOP + DONE, promise).out)
    assert streamed.faults == []
    assert streamed.envelope == ("chatcmpl-x", "chat.completion.chunk", 5, "alias")
    body = whole(one(content="a"))
    collected = judge_object(play(body, replace(promise, is_stream=False)).out)
    assert collected.envelope == ("chatcmpl-x", "chat.completion", 5, "alias")


# ---- when things happen ----


def test_nothing_goes_out_before_the_first_meaningful_event() -> None:
    relay = make_relay(PROMISE, is_object=False)
    assert relay.feed(b": hi\n\n" + ROLE + text_frame("")) == b""
    assert not relay.is_meaningful
    assert relay.feed(A) == ROLE + A
    assert relay.is_meaningful


def test_a_reason_is_held_until_it_is_the_last_word() -> None:
    relay = make_relay(PROMISE, is_object=False)
    relay.feed(ROLE + A)
    assert relay.feed(STOP) == b""
    assert relay.is_lingering
    assert relay.wants_attention
    assert relay.feed(B) == B
    assert not relay.is_lingering
    assert relay.feed(STOP + DONE) == STOP + DONE
    assert relay.is_done


def test_done_ends_the_reply_though_the_body_goes_on() -> None:
    relay = make_relay(PROMISE, is_object=False)
    assert relay.feed(ROLE + A + STOP + DONE).endswith(DONE)
    assert relay.is_done
    assert relay.wants_attention
    assert (relay.feed(A + DONE), relay.finish()) == (b"", b"")


def test_the_tail_is_given_when_nothing_more_is_awaited() -> None:
    relay = make_relay(PROMISE, is_object=False)
    relay.feed(ROLE + A + STOP)
    assert relay.finish() == STOP + DONE
    assert relay.is_done
    assert relay.repairs == {"reply.done-missing"}
