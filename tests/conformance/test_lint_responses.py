"""Responses: each row spoils one place of a healthy stream or object, and says what is found."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.bodies import DONE, Json, encode, found, frame, rules
from conformance.responses_bodies import (
    CALL,
    HEAD,
    HEALTHY,
    REASONING,
    USAGE,
    completed,
    event,
    frames,
    in_event,
    message,
    numbered,
    response,
    spoiled,
    text_part,
    without,
)


def judged(data: bytes, **asked: Any) -> list[str]:
    return rules(data, **{"dialect": "responses", "responses_done": True, **asked})


def drop(name: str, *kinds: str) -> Any:
    """The events of these kinds, or all, without a field."""

    def change(events: list[Json]) -> None:
        for one in events:
            if not kinds or one["type"] in [f"response.{kind}" for kind in kinds]:
                one.pop(name, None)

    return change


def final(**fields: Any) -> Any:
    """Other fields for the response object of the terminal event."""
    return lambda events: events[-1]["response"].update(fields)


def insert(place: int, *more: Json) -> Any:
    def change(events: list[Json]) -> None:
        events[place:place] = more

    return change


def ending(kind: str, status: str, **fields: Any) -> Any:
    def change(events: list[Json]) -> None:
        last = events[-1]["response"]
        events[-1] = event(kind, response=last | {"status": status, **fields})

    return change


def everything(*changes: Any) -> Any:
    def change(events: list[Json]) -> None:
        for one in changes:
            one(events)

    return change


def _late(events: list[Json]) -> None:
    """The second delta of the text after the text was done."""
    places = [n for n, one in enumerate(events) if one["type"] == "response.output_text.delta"]
    events.insert(places[1] + 1, events.pop(places[1]))


def _renumbered(step: int) -> bytes:
    return frames(one | {"sequence_number": one["sequence_number"] + step}
                  for one in numbered(completed()))  # fmt: skip


FAILED = {"code": "server_error", "message": "m"}

STREAMS: dict[str, tuple[bytes, list[str]]] = {
    "healthy": (HEALTHY, []),
    "queued": (spoiled(insert(1, event("queued", response=response("queued")))), []),
    "incomplete": (
        spoiled(ending("incomplete", "incomplete",
                       incomplete_details={"reason": "max_output_tokens"})),
        [],
    ),
    "failed": (spoiled(ending("failed", "failed", error=FAILED)), []),
    "failed in the middle": (
        frames(numbered([*completed()[:6],
                         event("failed", response=response("failed", error=FAILED))])),
        [],
    ),
    "usage never told": (spoiled(final(usage=None)), []),
    "another's field": (spoiled(in_event("output_text.delta", obfuscation="x")), []),
    # names and numbers
    "no type": (
        b"".join(b"event: %b\ndata: %b\n\n" % (one.pop("type").encode(), encode(one))
                 for one in numbered(completed())) + DONE,
        ["responses.event-type"],
    ),
    "no event names": (
        b"".join(map(frame, numbered(completed()))) + DONE, ["responses.event-unnamed"],
    ),
    "another's name": (
        HEALTHY.replace(b"event: response.refusal.delta", b"event: response.refusal"),
        ["responses.event-unnamed"],
    ),
    "the name after the data": (
        b"data: " + encode(numbered(completed())[0]) + b"\nevent: response.created\n\n"
        + HEALTHY.partition(b"\n\n")[2],
        ["sse.field-order"],
    ),
    "no numbers": (
        frames({n: v for n, v in one.items() if n != "sequence_number"} for one in completed()),
        ["responses.sequence"],
    ),
    "numbers from 1": (_renumbered(1), ["responses.sequence"]),
    "no event of OpenAI's": (
        spoiled(insert(5, {"type": "keepalive"})), ["responses.foreign-event"],
    ),
    "another specification's name": (
        HEALTHY.replace(b"response.reasoning_text.delta", b"response.reasoning.delta"),
        ["responses.event-type"],
    ),
    "progress": (
        spoiled(in_event("in_progress", prompt_progress={"total": 1})),
        ["responses.progress-frame"],
    ),
    # its beginning and its end
    "no created": (spoiled(without("created")), ["responses.created-missing"]),
    "neither": (spoiled(without("created", "in_progress")), ["responses.created-missing"]),
    "in_progress again": (
        spoiled(insert(9, event("in_progress", response=HEAD))), ["responses.created-missing"],
    ),
    "created late": (
        spoiled(lambda events: events.insert(1, events.pop(0))),
        ["responses.created-missing"],
    ),
    "cut": (spoiled(without("completed"), done=b""), ["reply.truncated"]),
    "[DONE] alone": (spoiled(without("completed")), ["responses.terminal-missing"]),
    "nothing": (DONE, ["reply.empty"]),
    "no [DONE]": (frames(numbered(completed()), done=b""), ["responses.done-mark"]),
    "two ends": (
        spoiled(insert(999, event("completed", response=response("completed")))),
        ["responses.after-terminal"],
    ),
    "an error event": (
        spoiled(lambda events: events.__setitem__(
            slice(6, None), [{"type": "error", "code": "c", "message": "m", "param": None}])),
        ["responses.error-event"],
    ),
    "HTTP's envelope": (
        frames(numbered(completed()[:4]), done=b"") + frame({"error": {"message": "m"}}) + DONE,
        ["responses.error-shape"],
    ),
    "an event after an error": (
        frame({"error": {"message": "m"}}) + HEALTHY,
        ["responses.error-shape", "reply.after-error"],
    ),
    "failed without words": (
        spoiled(ending("failed", "failed", error={"code": "c"})), ["responses.failed-error"],
    ),
    # response objects
    "no response": (
        spoiled(in_event("created", response=None)), ["responses.response-fields"],
    ),
    "no status": (
        HEALTHY.replace(b'"status":"in_progress",', b"", 1),
        ["responses.response-fields"],
    ),
    "the status of another event": (
        spoiled(final(status="in_progress")), ["responses.response-fields"],
    ),
    "incomplete without a reason": (
        spoiled(ending("incomplete", "incomplete")), ["responses.response-fields"],
    ),
    "half of usage": (
        spoiled(final(usage=USAGE | {"input_tokens_details": {}})), ["responses.response-fields"],
    ),
    "another id": (spoiled(final(id="resp_2")), ["responses.envelope"]),
    "another model": (spoiled(final(model="n")), ["responses.envelope"]),
    # items
    "no item announced": (
        spoiled(without("output_item.added")), ["responses.item-added-missing"],
    ),
    "an item null": (
        spoiled(in_event("output_item.added", 1, item=None)),
        ["responses.item-fields", "responses.item-added-missing"],
    ),
    "an item without an id": (
        spoiled(in_event("output_item.added", item={"type": "reasoning", "summary": []})),
        ["responses.item-fields", "responses.item-id"],
    ),
    "an item that goes on for ever": (
        spoiled(lambda events: [one["item"].update(status="in_progress") for one in events
                                if one["type"] == "response.output_item.done"][1:2]),
        ["responses.item-fields"],
    ),
    "a call without its call_id": (
        spoiled(lambda events: [one["item"].pop("call_id") for one in events if "item" in one
                                and one["item"]["type"] == "function_call"]),
        ["responses.item-fields"],
    ),
    "a part without annotations": (
        spoiled(in_event("content_part.added", 1, part={"type": "output_text", "text": ""})),
        ["responses.item-fields"],
    ),
    "another item id": (
        spoiled(in_event("output_text.delta", item_id="msg_2")), ["responses.item-id"],
    ),
    "no item id": (spoiled(drop("item_id", "refusal.delta")), ["responses.item-fields"]),
    "one id twice": (
        spoiled(lambda events: [one["item"].update(id="fc_1") if "item" in one else
                                one.update(item_id="fc_1") for one in events
                                if "ctc_1" in str(one) and "response" not in one]),
        ["responses.item-id"],
    ),
    "another item id in the end": (
        spoiled(lambda events: events[-1]["response"]["output"][1].update(id="msg_2")),
        ["responses.item-id"],
    ),
    "no index": (spoiled(drop("output_index")), ["responses.output-index"]),
    "another index": (
        spoiled(in_event("output_text.delta", output_index=4)), ["responses.output-index"],
    ),
    "an item is not done": (
        spoiled(lambda events: events.remove(next(
            one for one in events if one["type"] == "response.output_item.done"
            and one["output_index"] == 2))),
        ["responses.done-missing"],
    ),
    "an item goes on": (
        spoiled(insert(-1, event("web_search_call.completed", item_id="ws_1", output_index=2))),
        ["responses.told-late"],
    ),
    # parts and texts
    "no parts": (
        spoiled(without("content_part.added", "reasoning_summary_part.added")),
        ["responses.part-missing"],
    ),
    "no content_index": (
        spoiled(drop("content_index", "output_text.delta")), ["responses.part-missing"],
    ),
    "no deltas": (
        spoiled(without("output_text.delta", "function_call_arguments.delta")),
        ["responses.deltas-missing"],
    ),
    "a delta less": (
        spoiled(lambda events: events.remove(next(
            one for one in events if one.get("delta") == " there"))),
        ["responses.deltas-missing"],
    ),
    "a delta more": (
        spoiled(in_event("output_text.delta", delta="Hi, hi")), ["responses.item-fields"],
    ),
    "a text is not done": (spoiled(without("output_text.done")), ["responses.done-missing"]),
    "a part is not done": (
        spoiled(without("reasoning_summary_part.done")), ["responses.done-missing"],
    ),
    "no arguments done": (
        spoiled(without("function_call_arguments.done")), ["responses.done-missing"],
    ),
    "a late delta": (
        spoiled(_late), ["responses.deltas-missing", "responses.told-late"],
    ),
    "a delta of another item's kind": (
        spoiled(insert(20, event("function_call_arguments.delta", item_id="msg_1", output_index=1,
                                 delta="x"))),
        ["responses.delta-kind"],
    ),
    "a delta that is no text": (
        spoiled(in_event("function_call_arguments.delta", delta={"a": 1})),
        ["responses.item-fields"],
    ),
    "arguments that are no object": (
        spoiled(everything(
            in_event("function_call_arguments.delta", 1, delta=":1"),
            in_event("function_call_arguments.done", arguments='{"a":1'),
            lambda events: [item.update(arguments='{"a":1') for one in events
                            for item in (one.get("item"),
                                         *one.get("response", {}).get("output", []))
                            if item and item.get("arguments")],
        )),
        ["responses.arguments"],
    ),
    # the last event's output
    "output empty": (spoiled(final(output=[])), ["responses.output-missing"]),
    "no output": (
        spoiled(lambda events: events[-1]["response"].pop("output")),
        ["responses.response-fields"],
    ),
    "an item less in the output": (
        spoiled(lambda events: events[-1]["response"]["output"].pop()),
        ["responses.output-missing"],
    ),
    "an item more in the output": (
        spoiled(lambda events: events[-1]["response"]["output"].append(
            CALL | {"id": "fc_2", "call_id": "call_9"})),
        ["responses.only-final"],
    ),
    "output in another order": (
        spoiled(lambda events: events[-1]["response"]["output"].reverse()),
        ["responses.output-order"],
    ),
    "other text in the output": (
        spoiled(lambda events: events[-1]["response"]["output"][1]["content"][0].update(
            text="Bye")),
        ["responses.item-fields"],
    ),
    # characters
    "half of a surrogate pair": (HEALTHY.replace(b'"Hi"', rb'"\ud83d"', 1),
                                 ["json.lenient", "responses.item-fields"]),
}  # fmt: skip


@pytest.mark.parametrize(("data", "expected"), STREAMS.values(), ids=STREAMS)
def test_a_stream(data: bytes, expected: list[str]) -> None:
    assert judged(data) == expected


def whole(**more: Any) -> Json:
    output = [REASONING, message(), CALL]
    return response("completed", output=output, usage=USAGE) | more


OBJECTS: dict[str, tuple[Json, list[str]]] = {
    "healthy": (whole(), []),
    "in the background": (response("queued"), []),
    "failed": (response("failed", error=FAILED), []),
    "an error": ({"error": {"message": "m", "type": "t", "param": None, "code": None}}, []),
    "an error as text": ({"error": "m"}, ["responses.error-shape"]),
    "a detail": ({"detail": "m"}, ["responses.error-shape"]),
    "Anthropic's error": (
        {"type": "error", "error": {"type": "t", "message": "m"}}, ["responses.error-shape"],
    ),
    "a stranger": ({"id": "x"}, ["whole.kind"]),
    "no usage": (whole(usage=None), ["whole.keys"]),
    "output null": (whole(output=None), ["responses.response-fields"]),
    "an item without a status": (
        whole(output=[{n: v for n, v in message().items() if n != "status"}]),
        ["responses.item-fields"],
    ),
    "a part without logprobs": (
        whole(output=[message(content=[{"type": "output_text", "text": "a", "annotations": []}])]),
        ["responses.item-fields"],
    ),
    "an id twice": (whole(output=[CALL, CALL]), ["responses.item-id"]),
    "no arguments": (whole(output=[CALL | {"arguments": ""}]), ["responses.arguments"]),
    "a text of no part's kind": (whole(output=[message(content=[text_part("a")])]), []),
}  # fmt: skip


@pytest.mark.parametrize(("value", "expected"), OBJECTS.values(), ids=OBJECTS)
def test_an_object(value: Json, expected: list[str]) -> None:
    assert judged(encode(value), is_stream=False) == expected


def test_whether_done_ends_the_stream_depends_on_the_promise() -> None:
    bare = frames(numbered(completed()), done=b"")
    assert judged(HEALTHY, responses_done=False) == ["responses.done-mark"]
    assert judged(bare, responses_done=False) == []
    assert judged(HEALTHY, responses_done=None) == judged(bare, responses_done=None) == []


def test_a_finding_names_the_byte_of_the_value() -> None:
    data = spoiled(in_event("output_text.delta", item_id="msg_other"))
    told = found(data, dialect="responses", responses_done=True)
    assert told == [(data.index(b'"msg_other"'), "responses.item-id")]


@pytest.mark.parametrize("end", range(1, len(HEALTHY), 97))
def test_a_stream_that_was_cut_anywhere_is_never_clean(end: int) -> None:
    assert judged(HEALTHY[:end]) != []


def test_items_without_number_are_judged_in_time() -> None:
    item = {"id": "x", "type": "message", "status": "in_progress", "role": "assistant",
            "content": []}  # fmt: skip
    added = [event("output_item.added", output_index=n, item=item | {"id": f"msg_{n}"})
             for n in range(4000)]  # fmt: skip
    bare = [event("output_text.delta", delta="x")] * 4000
    data = frames(numbered([*completed()[:2], *added, *bare, completed()[-1]]))
    assert "responses.item-id" not in judged(data)
