"""Text completions through the relay: what comes out, byte for byte, over all four bridges."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from completions_streams import (
    ASKED,
    COUNTS,
    DONE,
    WHOLE,
    WITH_USAGE,
    chunk,
    encoded,
    finish_frame,
    frame,
    logprobs,
    said,
    text_frame,
)
from hypothesis import given

from relay.completions_judge import judge_object, judge_stream
from relay.playing import cuts, one_by_one, play
from strictwire.model.chunks import Chunk
from strictwire.model.request import Promise
from strictwire.relay import make_relay
from strictwire.relay.splice import FRAMES_BEFORE_LEARNING
from strictwire.repairs.chat.deltas import MAX_HELD_CHOICES, MAX_HELD_TOKENS
from strictwire.repairs.completions.logprobs import MAX_COUNTED_CHOICES, LogprobsShape
from strictwire.repairs.completions.text import EmptyText

HEALTHY = text_frame("Hello") + text_frame(" world") + finish_frame() + DONE
HEALTHY_USAGE = (
    text_frame("Hello", usage=None)
    + finish_frame(usage=None)
    + frame(usage=COUNTS)
    + DONE
)  # fmt: skip
HEALTHY_OBJECT = encoded(chunk(said("Hello world", finish="stop"), usage=COUNTS))
CHAT = {"id": "chatcmpl-x", "object": "chat.completion.chunk", "created": 5, "model": "m"}


def chat_frame(delta: dict[str, Any], finish: Any = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return b"data: %b\n\n" % encoded({**CHAT, "choices": [choice], **more})


# ---- healthy replies ----


def test_a_healthy_stream_passes_to_the_byte() -> None:
    assert play(HEALTHY, ASKED).out == HEALTHY
    played = play(HEALTHY_USAGE, WITH_USAGE)
    assert (played.out, played.repairs) == (HEALTHY_USAGE, frozenset())


def test_a_healthy_object_passes_to_the_byte() -> None:
    played = play(HEALTHY_OBJECT, WHOLE)
    assert (played.out, played.repairs) == (HEALTHY_OBJECT, frozenset())


def test_other_spaces_and_key_orders_pass_too() -> None:
    value = json.dumps(dict(reversed(chunk(said("a")).items())), indent=None).encode()
    stream = b"data: %b\n\n" % value + finish_frame() + DONE
    assert play(stream, ASKED).out == stream


def test_an_object_for_a_client_that_wants_a_stream() -> None:
    played = play(HEALTHY_OBJECT, WITH_USAGE)
    told = judge_stream(played.out, includes_usage=True)
    assert (told.faults, told.usage, played.repairs) == ([], COUNTS, frozenset())
    assert (told.choices[0].text, told.choices[0].finish) == ("Hello world", "stop")


def test_a_stream_for_a_client_that_wants_an_object() -> None:
    played = play(HEALTHY_USAGE, WHOLE)
    want = chunk(said("Hello", finish="stop"), usage=COUNTS)
    assert (json.loads(played.out), played.repairs) == (want, frozenset())


def test_usage_that_nobody_told_is_zeros_in_an_object() -> None:
    told = judge_object(play(HEALTHY, WHOLE).out)
    assert told.faults == []
    assert told.usage == dict.fromkeys(COUNTS, 0)


def test_an_alias_is_what_the_client_sees() -> None:
    out = play(HEALTHY, replace(ASKED, is_model_pinned=True)).out
    assert {one["model"] for one in judge_stream(out).chunks} == {"asked-model"}


def test_choices_in_turn_stay_apart() -> None:
    stream = (
        text_frame("a") + text_frame("x", 1) + text_frame("b") + text_frame("y", 1)
        + finish_frame("length") + finish_frame("stop", 1) + DONE
    )  # fmt: skip
    for promise in (ASKED, WHOLE):
        played = play(stream, replace(promise, choices=2))
        told = (judge_stream if promise.is_stream else judge_object)(played.out)
        assert told.faults == []
        assert [(one.text, one.finish) for one in told.choices.values()] == [
            ("ab", "length"),
            ("xy", "stop"),
        ]


# ---- what the rules mend: what the upstream said, the text that must arrive, who mended it ----

MENDED: dict[str, tuple[bytes, str, set[str]]] = {
    "text is null at the end": (
        text_frame("a") + frame(said(None, finish="stop")) + DONE,
        "a",
        {"completions.text-missing"},
    ),
    "the finish reason rides on text": (
        text_frame("a") + frame(said("b", finish="stop")) + DONE,
        "ab",
        {"completions.finish-alone"},
    ),
    "an empty text": (
        text_frame("") + text_frame("a") + finish_frame() + DONE,
        "a",
        {"completions.empty-text"},
    ),
    "an id of chat's": (
        text_frame("a", id="chatcmpl-x") + finish_frame(id="chatcmpl-x") + DONE,
        "a",
        {"completions.envelope"},
    ),
    "no envelope at all": (
        b'data: {"choices":[{"text":"a","index":0,"finish_reason":"stop"}]}\n\n' + DONE,
        "a",
        {"completions.envelope", "completions.finish-alone"},
    ),
    "usage beside the finish reason": (
        text_frame("a") + finish_frame(usage=COUNTS) + DONE,
        "a",
        {"chat.usage-placement"},
    ),
    "no finish_reason key": (
        frame({"index": 0, "text": "a"}) + finish_frame() + DONE,
        "a",
        {"chat.finish-missing"},
    ),
    "another word for stop": (
        text_frame("a") + finish_frame("eos") + DONE,
        "a",
        {"chat.finish-value"},
    ),
    "a finish reason of chat's": (
        text_frame("a") + finish_frame("tool_calls") + DONE,
        "a",
        {"reply.tool-finish-without-calls"},
    ),
    "no terminal": (text_frame("a") + finish_frame(), "a", {"reply.done-missing"}),
    "no finish reason": (text_frame("a") + DONE, "a", {"reply.finish-inferred"}),
    "an index that counts chunks": (
        text_frame("a", 7) + text_frame("b", 8) + finish_frame("stop", 9) + DONE,
        "ab",
        {"chat.choice-counting"},
    ),
    "progress in a chunk": (
        frame(said(""), prompt_progress={"total": 9, "cache": 0, "processed": 3})
        + text_frame("a")
        + finish_frame()
        + DONE,
        "a",
        {"chat.progress-frame"},
    ),
    "half a character": (
        text_frame("?").replace(b'"?"', b'"a\\ud83e"')
        + text_frame("?").replace(b'"?"', b'"\\udd9c"')
        + finish_frame()
        + DONE,
        "a🦜",
        {"chat.split-character"},
    ),
    "half a character alone": (
        text_frame("a")
        + text_frame("?").replace(b'"?"', b'"\\ud83e"')
        + finish_frame()
        + DONE,
        "a\ufffd",
        {"chat.split-character"},
    ),
    "timings without a choice": (
        text_frame("a") + frame(timings={"prompt_n": 1}) + finish_frame() + DONE,
        "a",
        {"completions.empty-text"},
    ),
    "chat's chunks": (
        chat_frame({"role": "assistant", "content": ""})
        + chat_frame({"content": "a"})
        + chat_frame({"content": [{"type": "text", "text": "b"}]})
        + chat_frame({}, "stop")
        + b"data: %b\n\n" % encoded({**CHAT, "choices": [], "usage": COUNTS})
        + DONE,
        "ab",
        {"completions.chat-shape"},
    ),
    "chat's refusal": (
        chat_frame({"refusal": "no"}) + chat_frame({}, "stop") + DONE,
        "no",
        {"completions.chat-shape"},
    ),
    "a message in a chunk": (
        frame({"index": 0, "message": {"role": "assistant", "content": "a"}, "finish_reason": None})
        + finish_frame()
        + DONE,
        "a",
        {"completions.chat-shape"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("includes_usage", [True, False], ids=["usage", "plain"])
@pytest.mark.parametrize("case", MENDED)
def test_it_is_mended(case: str, includes_usage: bool) -> None:
    stream, text, rules = MENDED[case]
    asked = replace(ASKED, includes_usage=includes_usage)
    played = play(stream, asked)
    told = judge_stream(played.out, includes_usage=includes_usage)
    assert (told.faults, told.choices[0].text, told.choices[0].finish) == ([], text, "stop")
    assert played.repairs == rules
    # Once is enough, and cuts change nothing.
    assert play(played.out, asked).repairs == frozenset()
    assert play(one_by_one(stream), asked) == played
    collected = judge_object(play(stream, replace(asked, is_stream=False)).out)
    assert (collected.faults, collected.choices[0].text) == ([], text)


def test_what_a_completion_has_no_place_for_goes_along() -> None:
    stream = chat_frame({"reasoning_content": "hm", "content": "a"}) + chat_frame({}, "stop") + DONE
    told = judge_stream(play(stream, ASKED).out)
    assert told.faults == []
    assert told.chunks[0]["choices"][0]["reasoning_content"] == "hm"


def test_a_whole_reply_in_chats_shape() -> None:
    message = {"role": "assistant", "content": "a", "refusal": None, "tool_calls": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    value = {**CHAT, "object": "chat.completion", "choices": [choice], "usage": COUNTS}
    for promise in (WITH_USAGE, WHOLE):
        played = play(encoded(value), promise)
        assert played.repairs == {"completions.chat-shape"}
    assert json.loads(played.out) == chunk(said("a", finish="stop"), usage=COUNTS)


def test_a_chunk_that_holds_only_another_field_passes() -> None:
    results = frame(said("") | {"content_filter_results": {"hate": {"filtered": False}}})
    stream = text_frame("a") + results + finish_frame() + DONE
    played = play(stream, ASKED)
    assert (played.out, played.repairs) == (stream, frozenset())
    played = play(stream, replace(ASKED, extra_fields="drop"))
    assert played.repairs == {"chat.extra-fields", "completions.empty-text"}
    assert played.out == text_frame("a") + finish_frame() + DONE


def test_fields_that_openai_does_not_know_are_dropped_on_request() -> None:
    stream = text_frame("a", timings={"n": 1}) + frame(said("", finish="stop", vendor=1)) + DONE
    kept = play(stream, ASKED)
    assert (kept.out, kept.repairs) == (stream, frozenset())
    played = play(stream, replace(ASKED, extra_fields="drop"))
    assert played.repairs == {"chat.extra-fields"}
    assert b"timings" not in played.out
    assert b"vendor" not in played.out


def test_text_so_far_is_told_once_on_request() -> None:
    stream = b"".join(map(text_frame, ["a", "ab", "ab", "abc"])) + finish_frame() + DONE
    played = play(stream, replace(ASKED, modes={"chat.cumulative-text": "on"}))
    assert judge_stream(played.out).choices[0].text == "abc"
    assert played.repairs == {"chat.cumulative-text"}


# ---- logprobs ----


def test_logprobs_pass_as_they_came_and_are_joined_in_an_object() -> None:
    first, second = logprobs("a", "b"), logprobs("c", offset=2)
    stream = (
        frame(said("ab") | {"logprobs": first})
        + frame(said("c") | {"logprobs": second})
        + finish_frame()
        + DONE
    )
    assert play(stream, ASKED).out == stream
    (choice,) = json.loads(play(stream, WHOLE).out)["choices"]
    assert choice["logprobs"] == logprobs("a", "b", "c")


def test_logprobs_of_an_empty_text_go_to_the_next() -> None:
    stream = (
        frame(said("") | {"logprobs": logprobs("a")})
        + frame(said("ab") | {"logprobs": logprobs("b", offset=1)})
        + frame(said("") | {"logprobs": logprobs("c", offset=2)})
        + finish_frame()
        + DONE
    )
    played = play(stream, ASKED)
    assert played.repairs == {"completions.empty-text"}
    told = judge_stream(played.out)
    assert (told.faults, told.choices[0].tokens) == ([], ["a", "b", "c"])


def test_what_is_held_of_logprobs_is_bounded() -> None:
    rule = EmptyText(ASKED)
    many = logprobs(*"abcdefgh" * 20)
    for index in range(1000):
        for _ in range(3):
            assert list(rule.feed(Chunk(chunk(said("", index) | {"logprobs": many})))) == []
    assert len(rule.logprobs) == MAX_HELD_CHOICES
    (mended,) = rule.feed(Chunk(chunk(said("x"))))
    (choice,) = mended.value["choices"]
    assert choice["logprobs"] == logprobs(*("abcdefgh" * 20)[:MAX_HELD_TOKENS])
    counting = LogprobsShape(ASKED)
    for index in range(2000):
        told = {"content": [{"token": "a", "logprob": -1.0}]}
        list(counting.feed(Chunk(chunk(said("a", index) | {"logprobs": told}))))
    assert len(counting.offsets) == MAX_COUNTED_CHOICES


def test_logprobs_of_chats_shape_are_laid_side_by_side() -> None:
    def chats(token: str) -> dict[str, Any]:
        rival = {"token": "z", "logprob": -2.0, "bytes": None}
        return {"content": [{"token": token, "logprob": -1.0, "top_logprobs": [rival]}]}

    stream = (
        frame(said("ab") | {"logprobs": chats("ab")})
        + frame(said("c") | {"logprobs": chats("c")})
        + frame(said("", finish="stop") | {"logprobs": "none"})
        + DONE
    )
    played = play(stream, ASKED)
    told = judge_stream(played.out)
    assert (told.faults, played.repairs) == ([], {"completions.logprobs-shape"})
    assert [one["choices"][0]["logprobs"] for one in told.chunks] == [
        {"tokens": ["ab"], "token_logprobs": [-1.0], "top_logprobs": [{"z": -2.0}],
         "text_offset": [0]},
        {"tokens": ["c"], "token_logprobs": [-1.0], "top_logprobs": [{"z": -2.0}],
         "text_offset": [2]},
        None,
    ]  # fmt: skip


# ---- failures ----


@pytest.mark.parametrize("after_error", ["done", "cut"])
def test_an_error_after_text_is_told_in_band(after_error: Any) -> None:
    stream = text_frame("a") + b'data: {"error":"no memory"}\n\n' + text_frame("never")
    played = play(stream, replace(ASKED, after_error=after_error))
    assert played.out.endswith(DONE) == (after_error == "done")
    told = judge_stream(played.out if after_error == "done" else played.out + DONE)
    assert told.faults == []
    assert told.error is not None
    assert (told.error["message"], told.choices[0].text) == ("no memory", "a")
    assert told.choices[0].finish is None


@pytest.mark.parametrize(
    ("stream", "code"),
    [
        (text_frame("a"), "upstream_truncated"),
        (DONE, "upstream_empty_reply"),
        (frame(), "upstream_empty_reply"),
        (b'data: {"error":{"message":"no","code":"own"}}\n\n', "own"),
        (text_frame("a") + b"data: {nonsense\n\n", "upstream_malformed"),
    ],
)
def test_a_reply_that_is_not_whole_is_a_failure(stream: bytes, code: str) -> None:
    for promise in (ASKED, WHOLE):
        played = play(stream, promise, is_object=False)
        assert played.failure is not None
        assert played.failure.code == code
        assert b'finish_reason":"' not in played.out


# ---- the fast lane ----

LONG = [text_frame(f"word {number} ") for number in range(60)]
SERVERS = {
    "healthy": LONG,
    "with an id of chat's": [one.replace(b"cmpl-x", b"chatcmpl-x") for one in LONG],
    "with usage unasked": [one.replace(b'"choices"', b'"usage":null,"choices"') for one in LONG],
    "without logprobs": [one.replace(b'"logprobs":null,', b"") for one in LONG],
    "with empty texts between": [one for text in LONG for one in (text, text_frame(""))],
}


@pytest.mark.parametrize("promise", [ASKED, WITH_USAGE], ids=["plain", "usage"])
@pytest.mark.parametrize("server", SERVERS)
def test_most_text_is_spliced_and_comes_out_as_it_would_the_long_way(
    server: str, promise: Promise
) -> None:
    frames = [*SERVERS[server], finish_frame(), DONE]
    relay = make_relay(promise, is_object=False)
    out, spliced = b"", 0
    for one in frames:
        spliced += relay.lane is not None and relay.lane.take_one(one) is not None
        out += relay.feed(one)
    assert relay.is_done
    assert spliced > len(LONG) - 2 * FRAMES_BEFORE_LEARNING
    assert out == play(b"".join(frames), promise, may_splice=False).out


@pytest.mark.properties
@given(cuts(b"".join(LONG[:14]) + text_frame('"é\n') + LONG[3] + finish_frame() + DONE))
def test_cuts_change_nothing(pieces: list[bytes]) -> None:
    stream = b"".join(pieces)
    assert play(pieces, ASKED, is_object=False) == play(stream, ASKED, may_splice=False)


# ---- progress ----


def test_progress_is_told_until_the_first_text() -> None:
    batch = frame(said(""), prompt_progress={"total": 8, "cache": 0, "processed": 4})
    stream = batch + text_frame("a") + finish_frame() + DONE
    played = play(stream, replace(ASKED, progress="comment"))
    progress, _, rest = played.out.partition(b"\n\n")
    assert progress.startswith(b': prefill_progress {"status":"processing","n_past":4,')
    assert judge_stream(rest).faults == []


# ---- over another dialect ----


def test_token_probabilities_of_a_chat_server_stand_side_by_side() -> None:
    def told(token: str) -> dict[str, Any]:
        rivals = [{"token": token, "logprob": -0.5}, {"token": "?", "logprob": -2.0}]
        return {"token": token, "logprob": -0.5, "bytes": None, "top_logprobs": rivals}

    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    choices: list[Any] = [
        {"index": i, "delta": {"content": text}, "logprobs": {"content": [told(text)]}}
        for i, text in ((0, "café "), (1, "b"), (0, "au"), (1, "c"))
    ]
    choices += [{"index": i, "delta": {}, "finish_reason": "stop"} for i in (0, 1)]
    frames = [f"data: {json.dumps({**head, 'choices': [one]})}\n\n" for one in choices]
    reply = ("".join(frames) + "data: [DONE]\n\n").encode()
    whole = play(reply, replace(WHOLE, upstream="chat", choices=2)).out
    judge_object(whole)
    first, second = (one["logprobs"] for one in json.loads(whole)["choices"])
    assert first["tokens"] == ["café ", "au"]
    assert first["text_offset"] == [0, 5]
    assert second["text_offset"] == [0, 1]
    assert second["token_logprobs"] == [-0.5, -0.5]
    assert second["top_logprobs"] == [{"b": -0.5, "?": -2.0}, {"c": -0.5, "?": -2.0}]
    streamed = play(reply, replace(ASKED, upstream="chat", choices=2)).out.decode()
    assert '"text_offset":[5]' in streamed
    assert '"text_offset":[1]' in streamed
