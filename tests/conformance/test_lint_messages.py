"""Messages: each row spoils one place of a healthy stream or object, and says what is found."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.bodies import DONE, Json, encode, found, frame, rules
from conformance.messages_bodies import (
    BLOCKS,
    HEAD,
    HEALTHY,
    USAGE,
    WHOLE,
    delta,
    end,
    frames,
    spoiled,
    start,
    stop,
    told,
    without,
)

ERROR: Json = {"type": "error", "error": {"type": "overloaded_error", "message": "m"}}
KEEPALIVE = b": keep-alive\n\n"


def judged(data: bytes, **asked: Any) -> list[str]:
    return rules(data, dialect="messages", **asked)


def insert(place: int, *more: Json) -> Any:
    def change(events: list[Json]) -> None:
        events[place:place] = more

    return change


def cut(place: int, *more: Json) -> bytes:
    """The healthy stream up to there, and then something else."""
    return frames([*told()[:place], *more])


def begun(**fields: Any) -> bytes:
    """Other fields for the message of message_start."""
    return spoiled(lambda events: events[0].update(message={**HEAD, **fields}))


def ended(event: Json) -> bytes:
    """Another message_delta."""
    return spoiled(lambda events: events.__setitem__(-2, event))


def reindexed(change: Any) -> bytes:
    def changed(events: list[Json]) -> None:
        for one in events:
            if "index" in one:
                change(one)

    return spoiled(changed)


def _at(place: int) -> list[Json]:
    """A block of text."""
    return [
        start(place, type="text", text=""),
        delta(place, "text_delta", text="Hi"),
        stop(place),
    ]


TEXT = _at(0)


def plain(*events: Json, reason: str = "end_turn") -> bytes:
    """A message of these blocks."""
    return frames([told()[0], *events, end(reason), {"type": "message_stop"}])


TOOL = {"type": "tool_use", "id": "toolu_1", "name": "f"}

STREAMS: dict[str, tuple[bytes, list[str]]] = {
    "healthy": (HEALTHY, []),
    "text": (plain(*TEXT), []),
    "nothing said": (plain(), []),
    "an input cut off by the limit": (
        plain(start(0, **TOOL, input={}), delta(0, "input_json_delta", partial_json='{"a'),
              stop(0), reason="max_tokens"),
        [],
    ),
    "a redacted block": (plain(start(0, type="redacted_thinking", data="x"), stop(0)), []),
    "a block that nobody knows": (plain(start(0, type="new", x=1), delta(0, "new_delta"),
                                        stop(0)), []),
    "the server's own tool": (
        plain(start(0, type="server_tool_use", id="s", name="web_search", input={}),
              delta(0, "input_json_delta", partial_json="{}"), stop(0)),
        [],
    ),
    "another's field": (begun(vendor=1), []),
    "an error": (cut(8, ERROR), []),
    "an error at once": (frames([ERROR]), []),
    "an error with its request": (cut(8, ERROR | {"request_id": "r"}), []),
    # names and types
    "no type": (
        b"".join(b"event: %b\ndata: %b\n\n" % (one.pop("type").encode(), encode(one))
                 for one in told()),
        ["messages.event-type"],
    ),
    "no event names": (b"".join(map(frame, told())), ["messages.event-type"]),
    "another's name": (
        HEALTHY.replace(b"event: message_stop", b"event: stop"), ["messages.event-type"],
    ),
    "no event of Anthropic's": (
        spoiled(insert(4, {"type": "keepalive"})), ["messages.foreign-event"],
    ),
    "a ping first": (
        spoiled(lambda events: events.insert(0, events.pop(1))), ["messages.ping-early"],
    ),
    "a comment for a ping": (
        frames(told()[:4]) + KEEPALIVE + frames(told()[4:]), ["sse.comment"],
    ),
    "progress": (
        spoiled(lambda events: events[0].update(prompt_progress={})), ["messages.progress-frame"],
    ),
    # the message
    "no start": (spoiled(without("message_start")), ["messages.start-missing"]),
    "no content": (
        spoiled(lambda events: events[0]["message"].pop("content")), ["messages.start-fields"],
    ),
    "content in the start": (begun(content=BLOCKS), ["messages.start-fields"]),
    "no role": (begun(role=None), ["messages.start-fields"]),
    "an empty start": (
        spoiled(lambda events: events[0].update(message=None)), ["messages.start-fields"],
    ),
    "no usage at first": (
        spoiled(lambda events: events[0]["message"].pop("usage")), ["messages.start-fields"],
    ),
    "usage with nulls": (begun(usage=USAGE | {"output_tokens": None}), ["messages.usage"]),
    "negative cached tokens": (
        ended(end() | {"usage": USAGE | {"cache_read_input_tokens": -1}}), ["messages.usage"],
    ),
    "negative usage": (begun(usage=USAGE | {"input_tokens": -1}), ["messages.usage"]),
    "two starts": (spoiled(insert(5, told()[0])), ["messages.start-fields"]),
    # its end
    "no usage in the end": (ended(end() | {"usage": None}), ["messages.usage"]),
    "output alone in the end": (ended(end() | {"usage": {"output_tokens": 4}}), []),
    "no message_delta": (spoiled(without("message_delta")), ["messages.message-delta"]),
    "two message_deltas": (spoiled(insert(-1, end())), ["messages.message-delta"]),
    "no reason": (ended(end(None)), ["messages.stop-reason"]),
    "chat's reason": (ended(end("tool_calls")), ["messages.stop-reason"]),
    "calls that end the turn": (ended(end("end_turn")), ["messages.stop-reason"]),
    "no calls that end in them": (plain(*TEXT, reason="tool_use"), ["messages.stop-reason"]),
    "no message_stop": (spoiled(without("message_stop")), ["messages.stop-missing"]),
    "cut": (cut(8), ["reply.truncated"]),
    "cut after the blocks": (cut(-2), ["reply.truncated"]),
    "nothing": (b": keep-alive\n\n", ["reply.empty"]),
    "[DONE]": (HEALTHY + DONE, ["messages.done-mark"]),
    "[DONE] alone": (
        cut(-2) + DONE, ["messages.done-mark", "messages.stop-missing", "messages.message-delta"],
    ),
    "an event after the end": (HEALTHY + frames([{"type": "ping"}]), ["messages.after-stop"]),
    "an event after an error": (
        cut(8, ERROR, {"type": "message_stop"}), ["reply.after-error"],
    ),
    "OpenAI's error": (
        cut(8) + frame({"error": {"message": "m", "type": "t"}}),
        ["messages.error-shape", "messages.event-type", "messages.error-type"],
    ),
    "an error of another type": (
        cut(8, {"type": "error", "error": {"type": "Boom", "message": "m"}}),
        ["messages.error-type"],
    ),
    "an error without its event": (cut(8) + frame(ERROR), ["messages.event-type"]),
    "a reason that says error": (cut(-2, end("error")), ["messages.error-shape"]),
    "no stop_sequence": (
        ended(end() | {"delta": {"stop_reason": "tool_use"}}), ["messages.message-delta"],
    ),
    # blocks
    "no block starts": (
        spoiled(without("content_block_start", 2)), ["messages.block-start-missing"],
    ),
    "no block stops": (spoiled(without("content_block_stop")), ["messages.block-stop-missing"]),
    "one index": (
        reindexed(lambda one: one.update(index=0)), ["messages.block-index"],
    ),
    "indexes from 1": (
        reindexed(lambda one: one.update(index=one["index"] + 1)), ["messages.block-index"],
    ),
    "no index": (reindexed(lambda one: one.pop("index")), ["messages.block-index"]),
    "two blocks at once": (
        plain(start(0, type="text", text=""), start(1, type="text", text=""),
              delta(0, "text_delta", text="a"), stop(0), stop(1)),
        ["messages.block-stop-missing", "messages.block-index"],
    ),
    "a block that stops twice": (
        plain(*TEXT, stop(0)), ["messages.block-stop-missing"],
    ),
    "text where a block begins": (
        plain(start(0, type="text", text="Hi"), stop(0)), ["messages.block-start-missing"],
    ),
    "thinking without a signature": (
        plain(start(0, type="thinking", thinking=""), stop(0)), ["messages.block-start-missing"],
    ),
    "no block": (
        spoiled(lambda events: events[6].update(content_block=None)),
        ["messages.block-start-missing", "messages.block-index", "messages.block-stop-missing"],
    ),
    "a block after the end": (
        plain(*TEXT).replace(b"event: message_stop", frames(_at(1)) + b"event: message_stop"),
        ["messages.block-late"],
    ),
    "a delta of another kind": (
        plain(*TEXT[:2], delta(0, "thinking_delta", thinking="x"), stop(0)),
        ["messages.block-start-missing", "messages.block-index", "messages.block-stop-missing"],
    ),
    "a delta that is no text": (
        spoiled(insert(8, delta(1, "text_delta", text=None))), ["messages.delta-kind"],
    ),
    "a delta without a type": (
        spoiled(lambda events: events[7].update(delta={"text": "Hi"})), ["messages.event-type"],
    ),
    # tools
    "a tool without an id": (
        spoiled(lambda events: events[11]["content_block"].pop("id")), ["messages.tool-id"],
    ),
    "one id twice": (
        spoiled(lambda events: events[16]["content_block"].update(id="toolu_1")),
        ["messages.tool-id"],
    ),
    "a tool without a name": (
        spoiled(lambda events: events[11]["content_block"].pop("name")),
        ["messages.block-start-missing"],
    ),
    "a tool without input": (
        spoiled(lambda events: events[11]["content_block"].pop("input")), ["messages.tool-input"],
    ),
    "no delta of its input": (spoiled(lambda events: events.pop(17)), ["messages.tool-input"]),
    "its input at once": (
        plain(start(0, **TOOL, input={"a": 1}), stop(0), reason="tool_use"),
        ["messages.tool-input"],
    ),
    "an input that is no object": (
        spoiled(lambda events: events.pop(14)), ["messages.input-json"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("data", "expected"), STREAMS.values(), ids=STREAMS)
def test_a_stream(data: bytes, expected: list[str]) -> None:
    assert judged(data) == expected


def block(place: int, **fields: Any) -> Json:
    blocks = [dict(one) for one in BLOCKS]
    blocks[place] |= fields
    return WHOLE | {"content": blocks}


OBJECTS: dict[str, tuple[Json, list[str]]] = {
    "healthy": (WHOLE, []),
    "an error": (ERROR, []),
    "OpenAI's error": ({"error": {"message": "m"}}, ["messages.error-shape"]),
    "an error as text": ({"type": "error", "error": "m"}, ["messages.error-shape"]),
    "a stranger": ({"id": "x"}, ["whole.kind"]),
    "no stop_sequence": (
        {name: WHOLE[name] for name in WHOLE if name != "stop_sequence"},
        ["messages.message-delta"],
    ),
    "content null": (
        WHOLE | {"content": None, "stop_reason": "end_turn"}, ["messages.start-fields"],
    ),
    "no usage": (WHOLE | {"usage": None}, ["messages.usage", "messages.start-fields"]),
    "half of usage": (WHOLE | {"usage": {"output_tokens": 1}}, ["messages.usage"]),
    "no reason": (WHOLE | {"stop_reason": None}, ["messages.stop-reason"]),
    "calls that end the turn": (WHOLE | {"stop_reason": "end_turn"}, ["messages.stop-reason"]),
    "a tool without an id": (block(2, id=None), ["messages.tool-id"]),
    "one id twice": (block(3, id="toolu_1"), ["messages.tool-id"]),
    "an input as text": (block(2, input="{}"), ["messages.tool-input"]),
    "thinking without a signature": (block(0, signature=None), ["messages.block-start-missing"]),
    "text null": (block(1, text=None), ["messages.block-start-missing"]),
}  # fmt: skip


@pytest.mark.parametrize(("value", "expected"), OBJECTS.values(), ids=OBJECTS)
def test_an_object(value: Json, expected: list[str]) -> None:
    assert judged(encode(value), is_stream=False) == expected


def test_a_comment_keeps_a_message_alive_before_it_begins() -> None:
    assert judged(KEEPALIVE + HEALTHY) == []


def test_a_finding_names_the_byte_of_the_value() -> None:
    data = ended(end("eos"))
    assert found(data, dialect="messages") == [(data.index(b'"eos"'), "messages.stop-reason")]


@pytest.mark.parametrize("size", range(1, len(HEALTHY), 61))
def test_a_stream_that_was_cut_anywhere_is_never_clean(size: int) -> None:
    assert judged(HEALTHY[:size]) != []


def test_open_blocks_without_number_are_judged_in_time() -> None:
    starts = [start(place, type="text", text="") for place in range(4000)]
    late = [delta(0, "text_delta", text="x")] * 4000
    assert "messages.block-index" in judged(plain(*starts, *late))
