"""Replies of servers that mean harm, in Responses and Messages, to a client of every dialect.

A reply is never a crash, never two ends, never a good end without an answer, and what goes out is
strict, whatever stood in it. Nor does a reply of some kilobytes keep the process busy.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from relay.playing import PROMISE, Played, play
from strictwire.conformance import Asked, lint
from strictwire.dialects.responses.ledger import MAX_OPEN_ITEMS
from strictwire.dialects.responses.upkeep import MAX_PARTS
from strictwire.model.request import Dialect, Promise
from yardstick import TWICE, lines_run

Event = dict[str, Any]

CLIENTS: tuple[Dialect, ...] = ("responses", "messages", "chat", "completions")
DONE = b"data: [DONE]\n\n"
RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 5,
    "status": "in_progress",
    "error": None,
    "incomplete_details": None,
    "instructions": None,
    "model": "m",
    "output": [],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "temperature": 1.0,
    "top_p": 1.0,
    "metadata": {},
    "usage": None,
}
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [],
    "stop_reason": None,
    "stop_sequence": None,
    "usage": {"input_tokens": 1, "output_tokens": 1},
}


def frames(events: Iterable[Event]) -> bytes:
    return b"".join(b"data: %b\n\n" % json.dumps(one).encode() for one in events)


def promise(client: Dialect, upstream: Dialect, *, is_stream: bool = True) -> Promise:
    other = None if client == upstream else upstream
    return replace(PROMISE, dialect=client, upstream=other, is_stream=is_stream)


def told(kind: str, **fields: Any) -> Event:
    return {"type": f"response.{kind}", **fields}


def text(delta: str = "a", **fields: Any) -> Event:
    place = {"item_id": "m", "output_index": 0, "content_index": 0, "logprobs": []}
    return told("output_text.delta", **place | {"delta": delta} | fields)


def numbered(*events: Event) -> list[Event]:
    return [{"sequence_number": number, **one} for number, one in enumerate(events)]


def completed(**fields: Any) -> Event:
    return told("completed", response=RESPONSE | {"status": "completed"} | fields)


def message_events(*inner: Event, start: Event = MESSAGE, **end: Any) -> list[Event]:
    delta = {"stop_reason": "end_turn", "stop_sequence": None} | end
    return [
        {"type": "message_start", "message": start},
        *inner,
        {"type": "message_delta", "delta": delta, "usage": {"output_tokens": 2}},
        {"type": "message_stop"},
    ]


BLOCK = {"type": "content_block_start", "index": 0}
SAID = {
    "type": "content_block_delta",
    "index": 0,
    "delta": {"type": "text_delta", "text": "a"},
}
CREATED = told("created", response=RESPONSE)
ADDED = {"id": "m", "type": "message", "role": "assistant", "content": []}

ODD: dict[str, tuple[Dialect, list[Event]]] = {
    "a name of an event that ends its line": (
        "responses",
        [CREATED, text(), told("x\n\ndata: {}\n\nevent: y"), completed()],
    ),
    "a status that is a list": ("responses", [CREATED, text(), completed(status=["x"])]),
    "a time that no number can be": (
        "responses",
        [told("created", response=RESPONSE | {"created_at": 10.0**300}), text(), completed()],
    ),
    "a time before all times": (
        "responses",
        [told("created", response=RESPONSE | {"created_at": -5}), text(), completed()],
    ),
    "echoes of other types": (
        "responses",
        [
            told(
                "created",
                response=RESPONSE | {"tools": 5, "tool_choice": 1.5, "parallel_tool_calls": "x"},
            ),
            text(),
            completed(tools={}, tool_choice={}, usage=[1]),
        ],
    ),
    "false for a number": (
        "responses",
        numbered(
            CREATED,
            told("output_item.added", output_index=False, item=ADDED),
            *[text(output_index=False, content_index=False) for _ in range(3)],
            completed(usage={"input_tokens": False, "output_tokens": True, "total_tokens": 1.0}),
        ),
    ),
    "an item without a type": (
        "responses",
        [
            CREATED,
            told("output_item.added", output_index=0, item=ADDED | {"type": ""}),
            text(),
            completed(output=[ADDED | {"type": ""}]),
        ],
    ),
    "an item with a status of its own": (
        "responses",
        [
            CREATED,
            told("output_item.added", output_index=0, item=ADDED | {"status": "x"}),
            text(),
            told("output_item.done", output_index=0, item=ADDED | {"status": ["x"]}),
            completed(),
        ],
    ),
    "probabilities of no tokens": ("responses", [CREATED, text(logprobs=[[[]], 1]), completed()]),
    "a type that is a list": (
        "messages",
        message_events(SAID, {"type": ["x"], "message": "no"}, SAID),
    ),
    "citations that are a number": (
        "messages",
        message_events(
            BLOCK | {"content_block": {"type": "text", "text": "a", "citations": 5}},
            SAID | {"delta": {"type": "citations_delta", "citation": {"type": "x"}}},
        ),
    ),
    "a block without a type": (
        "messages",
        message_events(BLOCK | {"content_block": {"type": "", "text": "a"}}, SAID),
    ),
    "an end that tells the beginning again": (
        "messages",
        message_events(SAID, id=5, type=["x"], role="user", stop_sequence=7),
    ),
}


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("name", ODD)
def test_what_goes_out_is_strict_whatever_came(name: str, client: Dialect) -> None:
    upstream, events = ODD[name]
    # JSON can tell numbers that no float holds.
    body = frames(events).replace(b"1e+300", b"1e999")
    for is_stream in (True, False):
        due = promise(client, upstream, is_stream=is_stream)
        played = play(body, due, is_object=False)
        assert played.is_done
        assert lint(played.out, Asked.by(due)) == []
        assert play(body, due, is_object=False, may_splice=False) == played


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("is_stream", [True, False])
def test_a_whole_message_with_a_block_of_no_type_is_no_crash(
    client: Dialect, is_stream: bool
) -> None:
    blocks = [{"type": ["x"], "text": "no"}, {"type": "text", "text": "yes"}]
    body = json.dumps(MESSAGE | {"content": blocks, "stop_reason": "end_turn"}).encode()
    played = play(body, promise(client, "messages", is_stream=is_stream), is_object=True)
    assert played.is_done
    assert b"yes" in played.out


# ---- ends ----

EMPTY = {
    "only the terminal of chat": frames([CREATED]) + DONE,
    "in progress, and the terminal of chat": frames([told("in_progress", response=RESPONSE)])
    + DONE,
}


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("name", EMPTY)
def test_a_reply_that_said_nothing_is_no_answer_for_anyone(name: str, client: Dialect) -> None:
    for is_stream in (True, False):
        played = play(EMPTY[name], promise(client, "responses", is_stream=is_stream))
        assert played.is_early
        assert played.failure is not None
        assert played.failure.status == 502


@pytest.mark.parametrize("client", CLIENTS)
def test_an_object_that_is_not_over_is_no_answer_for_anyone(client: Dialect) -> None:
    body = json.dumps(RESPONSE).encode()
    for is_stream in (True, False):
        played = play(body, promise(client, "responses", is_stream=is_stream), is_object=True)
        assert not played.is_done
        assert not played.out


# ---- bounds ----

PIECES = 200


def parts(count: int) -> list[Event]:
    return [text(content_index=index) for index in range(count)]


def calls(count: int) -> list[Event]:
    return [
        told(
            "function_call_arguments.delta",
            item_id=f"fc_{number}",
            output_index=number,
            delta="1",
        )
        for number in range(count)
    ]


@pytest.mark.parametrize(
    "events", [parts(MAX_PARTS + 1), calls(MAX_OPEN_ITEMS + 1)], ids=["parts", "open items"]
)
def test_what_is_kept_of_a_reply_is_bounded(events: list[Event]) -> None:
    played = play(frames([CREATED, *events, completed()]), promise("responses", "responses"))
    assert played.failure is not None
    assert played.failure.code == "upstream_reply_too_large"


def same(kind: str, count: int) -> list[Event]:
    item = ADDED | {"content": [{"type": kind, "text": "a"} for _ in range(count)]}
    return [completed(output=[item])]


def alternating(count: int) -> list[Event]:
    kinds = itertools.cycle(("output_text.delta", "refusal.delta"))
    return [text() | {"type": f"response.{next(kinds)}"} for _ in range(count)]


@pytest.mark.parametrize(
    "many",
    [
        parts,
        partial(same, "output_text"),
        partial(same, "unheard-of"),
        alternating,
    ],
    ids=["parts", "final parts", "unknown parts", "alternating"],
)
def test_twice_the_pieces_are_twice_the_work(many: Callable[[int], list[Event]]) -> None:
    """Looking at each piece for every other takes four times the work. Open items are looked
    through, and bounded for it."""
    due = promise("responses", "responses", is_stream=False)

    def work(count: int) -> int:
        body = frames([CREATED, *many(count), completed()])
        played: list[Played] = []
        lines = lines_run(lambda: played.append(play(body, due, is_object=False)))
        assert played[0].is_done
        return lines

    assert work(2 * PIECES) < TWICE * work(PIECES)
