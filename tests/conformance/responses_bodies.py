"""A healthy response to spoil: reasoning, a message with two parts, two calls, told in full."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any

from conformance.bodies import DONE, Json, encode

USAGE = {
    "input_tokens": 9,
    "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
    "output_tokens": 4,
    "output_tokens_details": {"reasoning_tokens": 1},
    "total_tokens": 13,
}
HEAD: Json = {
    "id": "resp_1", "object": "response", "created_at": 1, "status": "in_progress", "error": None,
    "incomplete_details": None, "instructions": None, "model": "m", "tools": [], "output": [],
    "parallel_tool_calls": True, "metadata": {}, "tool_choice": "auto", "temperature": 1,
    "top_p": 1, "usage": None,
}  # fmt: skip


def text_part(text: str) -> Json:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def message(status: str = "completed", **more: Any) -> Json:
    content = [text_part("Hi there"), {"type": "refusal", "refusal": "no"}]
    told = {"id": "msg_1", "type": "message", "status": status, "role": "assistant"}
    return {**told, "content": content if status == "completed" else [], **more}


REASONING: Json = {
    "id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm"}],
    "content": [{"type": "reasoning_text", "text": "So"}], "encrypted_content": "c2VhbA==",
}  # fmt: skip
CALL: Json = {
    "id": "fc_1", "type": "function_call", "status": "completed", "call_id": "call_1", "name": "f",
    "arguments": '{"a":1}',
}  # fmt: skip
CUSTOM: Json = {
    "id": "ctc_1", "type": "custom_tool_call", "status": "completed", "call_id": "call_2",
    "name": "g", "input": "ls",
}  # fmt: skip
SEARCH: Json = {"id": "ws_1", "type": "web_search_call", "status": "completed", "action": {}}


def event(kind: str, **fields: Any) -> Json:
    return {"type": f"response.{kind}", "sequence_number": 0, **fields}


def response(status: str, **more: Any) -> Json:
    return {**copy.deepcopy(HEAD), "status": status, **more}


def _reasoning(place: int) -> list[Json]:
    at = {"item_id": "rs_1", "output_index": place}
    summary, content = {**at, "summary_index": 0}, {**at, "content_index": 0}
    return [
        event("output_item.added", output_index=place,
              item={"id": "rs_1", "type": "reasoning", "summary": []}),
        event("reasoning_summary_part.added", **summary,
              part={"type": "summary_text", "text": ""}),
        event("reasoning_summary_text.delta", **summary, delta="H"),
        event("reasoning_summary_text.delta", **summary, delta="m"),
        event("reasoning_summary_text.done", **summary, text="Hm"),
        event("reasoning_summary_part.done", **summary, part=REASONING["summary"][0]),
        event("content_part.added", **content, part={"type": "reasoning_text", "text": ""}),
        event("reasoning_text.delta", **content, delta="So"),
        event("reasoning_text.done", **content, text="So"),
        event("content_part.done", **content, part=REASONING["content"][0]),
        event("output_item.done", output_index=place, item=REASONING),
    ]  # fmt: skip


def _message(place: int) -> list[Json]:
    at = {"item_id": "msg_1", "output_index": place, "content_index": 0}
    second = {**at, "content_index": 1}
    return [
        event("output_item.added", output_index=place, item=message("in_progress")),
        event("content_part.added", **at, part=text_part("")),
        event("output_text.delta", **at, delta="Hi", logprobs=[]),
        event("output_text.delta", **at, delta=" there", logprobs=[]),
        event("output_text.done", **at, text="Hi there", logprobs=[]),
        event("content_part.done", **at, part=text_part("Hi there")),
        event("content_part.added", **second, part={"type": "refusal", "refusal": ""}),
        event("refusal.delta", **second, delta="no"),
        event("refusal.done", **second, refusal="no"),
        event("content_part.done", **second, part={"type": "refusal", "refusal": "no"}),
        event("output_item.done", output_index=place, item=message()),
    ]


def _call(place: int, item: Json, kind: str, key: str, *pieces: str) -> list[Json]:
    at = {"item_id": item["id"], "output_index": place}
    begun = {**item, "status": "in_progress", key: ""}
    # The format wants the name of a function here, and only of a function.
    named = {"name": item["name"]} if key == "arguments" else {}
    return [
        event("output_item.added", output_index=place, item=begun),
        *(event(f"{kind}.delta", **at, delta=piece) for piece in pieces),
        event(f"{kind}.done", **at, **named, **{key: item[key]}),
        event("output_item.done", output_index=place, item=item),
    ]


def _search(place: int) -> list[Json]:
    at = {"item_id": "ws_1", "output_index": place}
    return [
        event("output_item.added", output_index=place, item=SEARCH | {"status": "in_progress"}),
        event("web_search_call.searching", **at),
        event("output_item.done", output_index=place, item=SEARCH),
    ]


def completed() -> list[Json]:
    """The events of the whole life, fresh to be spoiled, their numbers not yet counted."""
    output = [REASONING, message(), SEARCH, CALL, CUSTOM]
    return copy.deepcopy(
        [
            event("created", response=HEAD),
            event("in_progress", response=HEAD),
            *_reasoning(0),
            *_message(1),
            *_search(2),
            *_call(3, CALL, "function_call_arguments", "arguments", '{"a"', ":1}"),
            *_call(4, CUSTOM, "custom_tool_call_input", "input", "ls"),
            event("completed", response=response("completed", output=output, usage=USAGE)),
        ]
    )


def numbered(events: Iterable[Json]) -> list[Json]:
    return [one | {"sequence_number": number} for number, one in enumerate(events)]


def frames(events: Iterable[Json], *, done: bytes = DONE) -> bytes:
    told = (
        f"event: {one['type']}\n".encode() + b"data: " + encode(one) + b"\n\n" for one in events
    )
    return b"".join(told) + done


def spoiled(change: Callable[[list[Json]], object], *, done: bytes = DONE) -> bytes:
    """The healthy stream after a change in place of its events, counted anew."""
    events = completed()
    change(events)
    return frames(numbered(events), done=done)


def without(*kinds: str) -> Callable[[list[Json]], object]:
    names = {f"response.{kind}" for kind in kinds}

    def change(events: list[Json]) -> None:
        events[:] = [one for one in events if one["type"] not in names]

    return change


def in_event(kind: str, number: int = 0, **fields: Any) -> Callable[[list[Json]], object]:
    """Other fields for the event of this kind; ``number`` counts those of its kind."""

    def change(events: list[Json]) -> None:
        [one for one in events if one["type"] == f"response.{kind}"][number].update(fields)

    return change


HEALTHY = frames(numbered(completed()))
