"""Messages through the whole relay: bytes in, bytes out, in the same dialect and from chat."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from messages_streams import (
    HEALTHY,
    PROMISE,
    STOP,
    Value,
    accumulated,
    assert_strict,
    ended,
    plain,
    start,
    text,
    text_begun,
)

from strictwire.dialects.messages.block_order import MAX_HELD_BYTES
from strictwire.model.request import Promise
from strictwire.relay import make_relay

FROM_CHAT = replace(PROMISE, upstream="chat")


def frame(value: Value, event: str | None = None) -> bytes:
    name = value["type"] if event is None else event
    data = json.dumps(value, separators=(",", ":")).encode()
    return (b"event: %b\n" % name.encode() if name else b"") + b"data: %b\n\n" % data


def stream(*values: Value) -> bytes:
    return b"".join(frame(value) for value in values)


def chat(delta: dict[str, Any], reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    envelope = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return b"data: %b\n\n" % json.dumps(envelope | {"choices": [choice]}).encode()


def values_of(out: bytes) -> list[Value]:
    values = []
    for block in out.decode().split("\n\n")[:-1]:
        event, data = block.split("\n")
        value = json.loads(data.removeprefix("data: "))
        assert event == f"event: {value['type']}"
        values.append(value)
    return values


def relayed(body: bytes, promise: Promise = PROMISE, *, step: int = 0) -> tuple[bytes, Any]:
    relay = make_relay(promise, is_object=False)
    cuts = range(0, len(body), step or len(body))
    out = b"".join(relay.feed(body[at : at + (step or len(body))]) for at in cuts)
    out += relay.finish()
    return out, relay


LONG = (*HEALTHY[:7], text_begun(1), *(text(1, f"word{n} ") for n in range(50)), *HEALTHY[10:])


@pytest.mark.parametrize("step", [0, 1, 7, 113])
@pytest.mark.parametrize("values", [HEALTHY, LONG], ids=["short", "long"])
def test_a_healthy_stream_passes_to_the_byte(values: tuple[Value, ...], step: int) -> None:
    body = stream(*values)
    out, relay = relayed(body, step=step)
    assert (out, relay.repairs, relay.failure) == (body, set(), None)
    assert relay.is_done


@pytest.mark.parametrize("step", [0, 1, 31])
def test_a_broken_stream_is_made_whole(step: int) -> None:
    nameless = b"".join(frame(value, "") for value in HEALTHY[2:] if value != STOP)
    out, relay = relayed(nameless, step=step)
    values = values_of(out)
    assert_strict(values)
    assert plain(accumulated(values)) == plain(accumulated(HEALTHY))
    assert relay.repairs == {
        "messages.event-type",
        "messages.start-missing",
        "messages.stop-missing",
    }
    again, twice = relayed(out)
    assert (again, twice.repairs) == (out, set())


def test_half_a_character_never_reaches_the_client() -> None:
    half = frame(text(1, "a")).replace(b'"a"', b'"a\\ud83d"')
    out, _ = relayed(stream(*HEALTHY[:8]) + half + stream(*HEALTHY[9:]))
    assert text(1, "a\ufffd") in values_of(out)


def test_a_cut_stream_is_a_failure_in_the_dialects_shape() -> None:
    out, relay = relayed(stream(*HEALTHY[:9]))
    assert relay.failure.code == "upstream_truncated"
    told = values_of(out + relay.fail(relay.failure))
    assert told[-1]["type"] == "error"
    assert told[-1]["error"]["type"] == "api_error"


def test_a_stream_cut_before_the_answer_tells_nothing() -> None:
    out, relay = relayed(stream(*HEALTHY[:3]))
    assert out == b""
    assert relay.failure is not None


def test_an_error_in_the_stream_ends_it() -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    for last in (frame(error), frame({"error": error["error"]}, "")):
        out, relay = relayed(stream(*HEALTHY[:9]) + last + stream(*HEALTHY[9:]))
        assert relay.failure.status == 529
        assert values_of(out + relay.fail(relay.failure))[-1] == error


def test_an_event_name_cannot_break_out_of_its_line() -> None:
    evil = frame({"type": "a\n\nevent: message_stop\ndata: {}"}, "x")
    out, relay = relayed(stream(*HEALTHY[:9]) + evil + stream(*HEALTHY[9:]))
    assert out == stream(*HEALTHY)
    assert relay.failure is None


@pytest.mark.parametrize("step", [0, 1, 50])
def test_chat_becomes_messages(step: int) -> None:
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}}
    pieces = [{"index": 0, "function": {"arguments": told}} for told in ('{"a":', " 1}")]
    body = b"".join(
        [
            chat({"role": "assistant"}),
            *(chat({"reasoning_content": f"t{n} "}) for n in range(12)),
            *(chat({"content": f"w{n} "}) for n in range(12)),
            chat({"tool_calls": [call]}),
            *(chat({"tool_calls": [one]}) for one in pieces),
            chat({}, "tool_calls"),
            b"data: [DONE]\n\n",
        ]
    )
    out, relay = relayed(body, FROM_CHAT, step=step)
    values = values_of(out)
    assert_strict(values)
    thinking, said, called = plain(accumulated(values))
    assert thinking["thinking"] == "".join(f"t{n} " for n in range(12))
    assert said["text"] == "".join(f"w{n} " for n in range(12))
    assert called["input"] == {"a": 1}
    assert (relay.repairs, relay.is_done) == (set(), True)


@pytest.mark.parametrize("is_stream", [True, False], ids=["streamed", "whole"])
def test_what_waits_too_long_is_a_failure_and_no_crash(is_stream: bool) -> None:
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}}
    begun = call | {"function": {"name": "f", "arguments": "{"}}
    body = chat({"role": "assistant"}) + chat({"tool_calls": [begun]})
    relay = make_relay(replace(FROM_CHAT, is_stream=is_stream), is_object=False)
    large = chat({"content": "a" * (MAX_HELD_BYTES // 2)})
    relay.feed(body + large)
    failures = [relay.failure]
    relay.feed(large)
    failures.append(relay.failure)
    codes = [failure and failure.code for failure in failures]
    assert codes == [None, "upstream_reply_too_large"]
    assert relay.feed(chat({}, "stop")) == b""


def test_memory_does_not_grow_with_the_text() -> None:
    relay = make_relay(PROMISE, is_object=False, may_splice=False)
    relay.feed(stream(start(), text_begun(0)))
    for n in range(2000):
        relay.feed(frame(text(0, f"word {n}")))
    assert relay._stages.life is not None
    assert relay._stages.life.size_bytes == 0
    relay.feed(stream({"type": "content_block_stop", "index": 0}, ended(), STOP))
    assert relay.is_done
