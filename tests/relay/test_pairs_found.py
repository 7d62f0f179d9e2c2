"""What the fuzzer and the properties of ``test_pairs`` found once, each as the smallest stream."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from fuzz.targets import faults_in

from relay.playing import PROMISE, Played, play
from relay.spoiled_streams import streams_of
from strictwire.model.request import Dialect, Promise

Json = dict[str, Any]


def promised(client: Dialect, upstream: Dialect, **more: Any) -> Promise:
    return replace(PROMISE, dialect=client, upstream=upstream, **more)


def stream(*values: Json) -> bytes:
    frames = [f"event: {value['type']}\ndata: {json.dumps(value)}\n\n" for value in values]
    return "".join(frames).encode()


def values_in(played: Played) -> list[Json]:
    lines = played.out.decode().split("\n")
    return [json.loads(line[6:]) for line in lines if line.startswith("data: {")]


def strictly(body: bytes, promise: Promise) -> list[Json]:
    """What the client gets; the judge finds nothing in it."""
    played = play([body], promise, is_object=False)
    assert faults_in(played.out, promise) == []
    return values_in(played)


# ---- messages upstreams ----

START: Json = {"type": "message_start", "message": {"id": "m", "model": "m", "content": []}}
END: tuple[Json, ...] = (
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}},
    {"type": "message_stop"},
)


def block_start(index: Any, **block: Any) -> Json:
    return {"type": "content_block_start", "index": index, "content_block": block}


def block_delta(index: Any, kind: str, **told: Any) -> Json:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **told}}


def block_stop(index: int) -> Json:
    return {"type": "content_block_stop", "index": index}


def call(index: int, identity: str) -> tuple[Json, ...]:
    return (
        block_start(index, type="tool_use", id=identity, name="f", input={}),
        block_delta(index, "input_json_delta", partial_json="{}"),
        block_stop(index),
    )


def test_progress_is_no_part_of_a_whole_message() -> None:
    progress = b'data: {"prompt_progress":{"total":9,"cache":0,"processed":3,"time_ms":1}}\n\n'
    body = progress + stream(START, block_start(0, type="text", text="hi"), block_stop(0), *END)
    played = play([body], promised("messages", "messages", is_stream=False), is_object=False)
    assert json.loads(played.out)["content"] == [{"type": "text", "text": "hi"}]


def test_calls_with_one_id_get_two() -> None:
    body = stream(START, *call(0, "same"), *call(1, "same"), *END)
    told = strictly(body, promised("messages", "messages"))
    starts = [one["content_block"] for one in told if one["type"] == "content_block_start"]
    assert [start["id"] for start in starts] == ["same", "toolu_own_1"]
    assert strictly(body, promised("chat", "messages"))


def test_a_text_in_a_block_of_another_kind_is_a_block_of_its_own() -> None:
    body = stream(
        START,
        block_start(0, type="of_next_year"),
        block_delta(0, "text_delta", text="hi"),
        block_stop(0),
        *END,
    )
    told = strictly(body, promised("messages", "messages"))
    kinds = [one["content_block"]["type"] for one in told if one["type"] == "content_block_start"]
    assert kinds == ["of_next_year", "text"]


def test_a_seal_that_seals_nothing_is_no_block() -> None:
    body = stream(START, block_start(0, type="redacted_thinking"), block_stop(0), *call(1, "c"))
    told = strictly(body + stream(*END), promised("messages", "messages"))
    starts = [one for one in told if one["type"] == "content_block_start"]
    assert [(one["index"], one["content_block"]["type"]) for one in starts] == [(0, "tool_use")]


def test_an_index_that_only_the_start_lacks_is_that_of_its_deltas() -> None:
    start, *rest = call(0, "c")
    body = stream(START, {**start, "index": None}, *rest, *END)
    told = strictly(body, promised("messages", "messages"))
    assert len([one for one in told if one["type"] == "content_block_start"]) == 1


@pytest.mark.parametrize("client", ["chat", "completions"])
def test_what_openai_does_not_know_is_dropped_where_that_is_wanted(client: Dialect) -> None:
    body = stream(
        START,
        block_start(0, type="thinking", thinking="", signature=""),
        block_delta(0, "thinking_delta", thinking="why"),
        block_delta(0, "signature_delta", signature="sealed"),
        block_stop(0),
        block_start(1, type="text", text=""),
        block_delta(1, "text_delta", text="hi"),
        block_stop(1),
        {"type": "message_delta", "delta": {"stop_reason": "stop_sequence", "stop_sequence": "X"}},
        END[1],
    )
    promise = promised(client, "messages", extra_fields="drop")
    for is_stream in (True, False):
        played = play([body], replace(promise, is_stream=is_stream), is_object=False)
        assert faults_in(played.out, replace(promise, is_stream=is_stream)) == []
        assert b"sealed" not in played.out
        assert b"stop_reason" not in played.out
        assert "reply.untellable" in played.repairs
    kept = play([body], promised("chat", "messages"), is_object=False)
    assert b"sealed" in kept.out


# ---- chat upstreams ----


def chat_object(**message: Any) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}
    whole = {"id": "c", "object": "chat.completion", "created": 1, "model": "m"}
    return json.dumps(whole | {"choices": [choice]}).encode()


def test_a_completion_has_no_chunk_for_what_only_a_delta_can_say() -> None:
    promise = promised("completions", "chat")
    played = play([chat_object(content="hi", audio=None)], promise, is_object=True)
    assert faults_in(played.out, promise) == []
    assert [one["choices"][0]["text"] for one in values_in(played)] == ["hi", ""]


@pytest.mark.parametrize("limit_bytes", range(3000, 9000, 250))
def test_numbers_have_no_gap_where_a_bound_ends_the_reply(limit_bytes: int) -> None:
    """What one event of the upstream opens and closes is told or not, but never half."""
    for body in streams_of("chat")[::9]:
        for may_splice in (True, False):
            promise = promised("responses", "chat", max_reply_bytes=limit_bytes)
            played = play([body], promise, is_object=False, may_splice=may_splice)
            numbers = [one["sequence_number"] for one in values_in(played)]
            assert numbers == list(range(len(numbers)))
            assert faults_in(played.out, promise) == [] or not played.out


# ---- Responses upstreams ----

CREATED: Json = {"type": "response.created", "response": {"id": "r", "model": "m"}}
CALL: Json = {"type": "function_call", "id": "fc", "call_id": "c", "name": "f", "arguments": ""}


def item(word: str, index: int, **told: Any) -> Json:
    return {"type": f"response.output_item.{word}", "output_index": index, "item": told}


def arguments(word: str, index: int, **told: Any) -> Json:
    kind = f"response.function_call_arguments.{word}"
    return {"type": kind, "output_index": index, "item_id": "fc", **told}


COMPLETED: Json = {"type": "response.completed", "response": {"id": "r", "model": "m"}}


def test_two_calls_have_two_call_ids() -> None:
    body = stream(
        CREATED,
        item("done", 0, **CALL | {"arguments": "{}"}),
        item("done", 1, **CALL | {"id": "fc2", "arguments": "{}"}),
        COMPLETED,
    )
    told = strictly(body, promised("responses", "responses"))
    output = told[-1]["response"]["output"]
    assert [one["call_id"] for one in output] == ["c", "call_own_1"]
    assert strictly(body, promised("messages", "responses"))


def test_arguments_that_were_whole_before_their_call_are_told_once() -> None:
    body = stream(
        CREATED,
        arguments("done", 0, name="f", arguments='{"a":1}'),
        item("added", 0, **CALL),
        arguments("delta", 0, delta='{"a":1}'),
        item("done", 0, **CALL | {"arguments": '{"a":1}'}),
        COMPLETED,
    )
    told = strictly(body, promised("responses", "responses"))
    assert "".join(one["delta"] for one in told if one["type"].endswith(".delta")) == '{"a":1}'


def test_a_delta_that_says_nothing_is_no_argument() -> None:
    body = stream(CREATED, item("added", 0, **CALL), arguments("delta", 0), COMPLETED)
    told = strictly(body, promised("responses", "responses"))
    assert told[-1]["response"]["output"][0]["arguments"] == "{}"


def test_a_part_of_reasoning_in_a_message_is_told_once() -> None:
    part = {"type": "reasoning_text", "text": "why"}
    place = {"item_id": "x", "output_index": 0, "content_index": 0}
    body = stream(
        CREATED,
        item("added", 0, id="x", type="message"),
        {"type": "response.content_part.added", **place, "part": part | {"text": ""}},
        {"type": "response.reasoning_text.delta", **place, "delta": "why"},
        {"type": "response.reasoning_text.done", **place, "text": "why"},
        {"type": "response.content_part.done", **place, "part": part},
        item("done", 0, id="x", type="reasoning", summary=[], content=[part]),
        COMPLETED,
    )
    told = strictly(body, promised("responses", "responses"))
    assert json.dumps(told[-1]).count("why") == 1
    assert [one["delta"] for one in told if one["type"].endswith(".delta")] == ["why"]


@pytest.mark.parametrize(("name", "wrong"), [("role", "user"), ("status", "in_progress")])
def test_an_item_that_is_done_says_what_it_can_be(name: str, wrong: str) -> None:
    content = [{"type": "output_text", "text": "hi", "annotations": [], "logprobs": []}]
    done = {"id": "x", "type": "message", "role": "assistant", "content": content, name: wrong}
    told = strictly(
        stream(CREATED, item("done", 0, **done), COMPLETED), promised("responses", "responses")
    )
    right = {"role": "assistant", "status": "completed"}[name]
    assert told[-1]["response"]["output"][0][name] == right


def test_a_part_without_a_type_of_text_is_a_text() -> None:
    content = [{"type": False, "text": "hi"}]
    done = {"id": "x", "type": "message", "role": "assistant", "content": content}
    told = strictly(
        stream(CREATED, item("done", 0, **done), COMPLETED), promised("responses", "responses")
    )
    assert told[-1]["response"]["output"][0]["content"][0]["type"] == "output_text"


def test_a_number_that_is_told_twice_is_counted_on_the_fast_lane_too() -> None:
    """The server's numbers are not ours where events were added, yet the lane must know them."""
    texts = [
        {"type": "response.output_text.delta", "sequence_number": number, "delta": f"{number} "}
        for number in range(11)
    ]
    body = stream(*texts, texts[-1], COMPLETED | {"sequence_number": 12})
    pieces = [block + b"\n\n" for block in body.split(b"\n\n")[:-1]]
    for client in ("messages", "chat"):
        promise = promised(client, "responses")
        want = play([body], promise, is_object=False, may_splice=False)
        assert play(pieces, promise, is_object=False) == want


@pytest.mark.parametrize("count", [False, 1.0])
def test_a_count_is_a_whole_number(count: Any) -> None:
    """False is 0 to Python, and 1.0 is 1."""
    counts = {"input_tokens": 1, "output_tokens": count, "total_tokens": 2}
    details = {
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    }
    *before, terminal = values_in(
        play([streams_of("responses")[-1]], promised("responses", "responses"), is_object=False)
    )
    terminal["response"]["usage"] = counts | details
    told = strictly(stream(*before, terminal), promised("responses", "responses"))
    assert type(told[-1]["response"]["usage"]["output_tokens"]) is int


def test_a_response_that_begins_is_not_completed() -> None:
    created = {"type": "response.created", "response": {"id": "r", "status": "completed"}}
    told = strictly(
        stream(created, item("done", 0, **CALL), COMPLETED), promised("responses", "responses")
    )
    assert told[0]["response"]["status"] == "in_progress"
