"""Whole servers of responses, with all their habits at once, as recorded or as reported."""

from __future__ import annotations

from dataclasses import replace

from strictwire.lab.ask import Ask
from strictwire.lab.scenarios.answer import (
    PROMPT_TOKENS,
    Answer,
    tell_call_if_tools,
    tell_text_then_calls,
)
from strictwire.lab.scenarios.responses.changes import (
    BEGUN,
    PARTS_ADDED,
    TERMINALS,
    TEXTS_DONE,
    drop,
    each,
    events_by,
    only,
    row,
    terminal_of,
    without,
)
from strictwire.lab.scenarios.responses.strict import (
    DONE,
    event_frame,
    response_object,
    strict_events,
    strict_response,
    strict_response_stream,
)
from strictwire.lab.script import Json, Reply, json_reply, to_json

_TIMINGS: Json = {"cache_n": 0, "prompt_n": PROMPT_TOKENS, "prompt_ms": 1.5, "predicted_n": 12}
# What transformers serve says of a response.
_TRANSFORMERS_KEYS = (
    "id",
    "created_at",
    "model",
    "object",
    "output",
    "parallel_tool_calls",
    "tool_choice",
    "tools",
    "status",
    "usage",
)
_LLAMACPP_KEYS = ("id", "object", "created_at", "status", "model", "output", "usage")


def _kept(value: Json, *names: str) -> Json:
    """In the order of ``names``, without what says nothing."""
    return {name: value[name] for name in names if value.get(name) is not None}


# ---- llama.cpp ----


def _llamacpp(answer: Answer, ask: Ask) -> Reply:
    """No numbers, no places, hardly a response object at first; timings last; no [DONE]."""
    events = without(TEXTS_DONE[-1])(strict_events(answer, ask))
    for event in events:
        drop("sequence_number", "output_index", "content_index", "logprobs")(event)
        if event["type"] in BEGUN:
            event["response"] = _kept(event["response"], "id", "object", "status")
        if event["type"] in PARTS_ADDED:
            event["part"] = {"type": event["part"]["type"], "text": ""}
    response = _llamacpp_object(terminal_of(events))
    events[-1] = {**events[-1], "response": response, "timings": dict(_TIMINGS)}
    return Reply(tuple(map(event_frame, events)), content_type="text/event-stream")


def _llamacpp_object(response: Json) -> Json:
    del response["usage"]["output_tokens_details"]
    del response["usage"]["input_tokens_details"]["cache_write_tokens"]
    return _kept(response, *_LLAMACPP_KEYS)


def _llamacpp_whole(answer: Answer, ask: Ask) -> Reply:
    return json_reply(_llamacpp_object(response_object(answer, ask)))


# ---- transformers ----


def _transformers(answer: Answer, ask: Ask) -> Reply:
    """No event names, a queued response first, a few keys of it; no [DONE]; asked or not."""
    events = strict_events(answer, ask)
    for event in events:
        if event["type"] in (*BEGUN, *TERMINALS):
            event["response"] = _transformers_object(event["response"], ask)
    events[0]["response"]["status"] = "queued"
    return Reply(tuple(b"data: " + to_json(event) + b"\n\n" for event in events))


def _transformers_object(response: Json, ask: Ask) -> Json:
    told = _kept(response, *_TRANSFORMERS_KEYS)
    return {**told, "created_at": ask.created + 0.5, "model": f"{ask.model}@main"}


# ---- the wrong kind of reply ----


def _mislabelled(answer: Answer, ask: Ask) -> Reply:
    return replace(strict_response_stream(answer, ask), content_type="application/json")


_DELTAS_ONLY = events_by(
    only(*BEGUN, "response.output_text.delta", "response.completed"), tail=(DONE,)
)


def _bare_deltas(events: list[Json]) -> list[Json]:
    """A type and a piece of text, and in the end a response without output."""
    told = only("response.output_text.delta", "response.completed")(events)
    each(
        drop("item_id", "output_index", "content_index", "logprobs"), "response.output_text.delta"
    )(told)
    terminal_of(told)["output"] = []
    return told


ROWS = (
    row(
        "responses-llamacpp",
        "llama.cpp: no numbers, no places, timings last",
        rules=(
            "responses.sequence",
            "responses.output-index",
            "responses.part-missing",
            "responses.item-fields",
            "responses.response-fields",
        ),
        whole_rules=("responses.response-fields",),
        faults=("responses.done-mark",),
        quirks=(72, 73, 75, 87),
        tell=tell_call_if_tools,
        stream=_llamacpp,
        whole=_llamacpp_whole,
    ),
    row(
        "responses-transformers",
        "transformers serve: no event names, a queued response, streams asked or not",
        rules=("responses.response-fields",),
        whole_rules=("responses.response-fields",),
        faults=("responses.done-mark", "responses.event-unnamed"),
        whole_faults=(
            "bridge.stream-for-object",
            "responses.done-mark",
            "responses.event-unnamed",
        ),
        quirks=(73, 89),
        tell=tell_call_if_tools,
        stream=_transformers,
        whole=_transformers,
    ),
    row(
        "responses-deltas-only",
        "Deltas of text without any event of an item, then response.completed",
        rules=(
            "responses.item-added-missing",
            "responses.part-missing",
            "responses.done-missing",
        ),
        quirks=(74, 76, 92),
        stream=_DELTAS_ONLY,
    ),
    row(
        "responses-bare-deltas",
        "Deltas with a type and a text alone, then response.completed without output",
        rules=(
            "responses.created-missing",
            "responses.item-added-missing",
            "responses.item-fields",
            "responses.output-index",
            "responses.part-missing",
            "responses.done-missing",
            "responses.output-missing",
        ),
        quirks=(74, 76, 77, 92),
        stream=events_by(_bare_deltas),
    ),
    row(
        "responses-whole-for-stream",
        "One response in reply to a streaming request",
        faults=("bridge.object-for-stream",),
        quirks=(17,),
        tell=tell_text_then_calls,
        stream=strict_response,
    ),
    row(
        "responses-stream-for-whole",
        "A response's stream in reply to a request for one object",
        whole_faults=("bridge.stream-for-object",),
        quirks=(16,),
        tell=tell_text_then_calls,
        whole=strict_response_stream,
    ),
    row(
        "responses-stream-labelled-json",
        "A response's stream labelled application/json",
        whole_faults=("bridge.stream-for-object",),
        quirks=(13, 16),
        stream=_mislabelled,
        whole=_mislabelled,
    ),
)
