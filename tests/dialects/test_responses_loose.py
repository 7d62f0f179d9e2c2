"""Loose Responses events: which text is whose, and what is told when."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dialects.responses_judge import check_order, check_stream
from dialects.responses_streams import PROMISE, Event, lived, told
from strictwire.dialects.responses import ResponsesLife

# ---- which text is whose ----


def loose(kind: str, **fields: Any) -> Event:
    return {"type": f"response.{kind}", **fields}


def texts_of(stream: list[Event]) -> list[str]:
    output = stream[-1]["response"]["output"]
    return [part["text"] for item in output for part in item["content"]]


def test_what_contradicts_the_deltas_is_not_told_beside_them() -> None:
    part = {"type": "output_text", "text": "Goodbye"}
    stream = lived(
        [
            loose("output_text.delta", item_id="msg_1", delta="Hello"),
            loose("output_text.done", item_id="msg_1", text="Goodbye"),
            loose("content_part.done", item_id="msg_1", part=part),
            loose("completed", response={"output": [{"type": "message", "content": [part]}]}),
        ]
    )
    check_stream(stream)
    assert texts_of(stream) == ["Hello"]
    assert told(stream)["text"] == "Hello"


def test_items_that_were_never_announced_are_told_apart_by_their_ids() -> None:
    deltas = [("msg_1", "a"), ("msg_1", "b"), ("msg_2", "c"), ("msg_2", "d")]
    stream = lived([loose("output_text.delta", item_id=name, delta=text) for name, text in deltas])
    check_stream(stream)
    assert texts_of(stream) == ["ab", "cd"]


def done_order(stream: list[Event]) -> list[str]:
    return [event["item"]["type"] for event in stream if "item" in event]


def test_an_item_that_was_never_announced_is_done_before_the_next_begins() -> None:
    thought = loose("reasoning_text.delta", delta="why")
    stream = lived([thought, loose("output_text.delta", delta="a")])
    check_stream(stream)
    assert done_order(stream) == ["reasoning", "reasoning", "message", "message"]
    call = {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "f", "arguments": ""}
    stream = lived([loose("output_text.delta", delta="a"), loose("output_item.added", item=call)])
    check_stream(stream)
    assert done_order(stream) == ["message", "message", "function_call", "function_call"]


def test_a_call_waits_for_its_name() -> None:
    life = ResponsesLife(PROMISE)
    delta = loose("function_call_arguments.delta", item_id="fc_1", delta='{"a"')
    assert [one["type"] for one in lived([delta], life, has_terminal=False)] == [
        "response.created",
        "response.in_progress",
    ]
    named = loose("function_call_arguments.done", item_id="fc_1", arguments='{"a":1}', name="f")
    stream = lived([delta, named])
    check_stream(stream)
    assert told(stream)["calls"] == {0: ["f", '{"a":1}']}


def test_texts_that_came_with_the_announcement_count_if_nothing_else_does() -> None:
    content = [{"type": "output_text", "text": "Hello"}]
    message = {"type": "message", "id": "msg_1", "content": content}
    added = loose("output_item.added", output_index=0, item=message)
    delta = loose("output_text.delta", item_id="msg_1", delta="Hello")
    for events in ([added], [added, delta]):
        stream = lived(events)
        check_stream(stream)
        assert texts_of(stream) == ["Hello"]


def test_parts_and_items_of_other_kinds_are_carried() -> None:
    content = [{"type": "output_text", "text": "a"}, {"type": "output_audio", "data": "AA"}]
    items = [
        {"type": "message", "id": "msg_1", "content": content},
        {"type": "new_kind", "id": "n_1", "inner": {"a": 1}},
    ]
    stream = lived([loose("output_item.done", item=item) for item in items])
    check_order(stream)
    message, other = stream[-1]["response"]["output"]
    assert message["content"][1] == content[1]
    assert other == items[1]


def test_annotations_that_only_the_end_tells_are_told() -> None:
    place = {"start_index": 0, "end_index": 1}
    annotation = {"type": "url_citation", "url": "http://u", "title": "t", **place}
    part = {"type": "output_text", "text": "a", "annotations": [annotation]}
    item = {"type": "message", "id": "msg_1", "content": [part]}
    stream = lived([loose("output_text.delta", item_id="msg_1", delta="a"),
                    loose("output_item.done", item=item)])  # fmt: skip
    check_stream(stream)
    added = [one for one in stream if one["type"].endswith("annotation.added")]
    assert [one["annotation"] for one in added] == [annotation]


# ---- real servers ----

RECORDINGS = Path(__file__).resolve().parents[3] / "shared/data/recordings"


@pytest.mark.skipif(not RECORDINGS.exists(), reason="needs the recordings in shared/data")
@pytest.mark.parametrize("server", ["transformers-5.23.0", "xllamacpp-2026.10.11549"])
@pytest.mark.parametrize("name", ["responses-stream", "responses-stream-tool"])
def test_what_real_servers_send_becomes_strict(server: str, name: str) -> None:
    raw = (RECORDINGS / server / f"{name}.txt").read_bytes()
    lines = [line for line in raw.split(b"\n") if line.startswith(b"data: {")]
    stream = lived([json.loads(line[6:]) for line in lines], has_terminal=False)
    check_stream(stream)
