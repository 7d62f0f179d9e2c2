"""An answer as a strict response: the whole life of events, the object, and their bytes.

The terminal event is followed by ``[DONE]``, as Open Responses and the contract have it. Fields of
the request are repeated where the format does so. Source: OpenAI API reference, "Responses".
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from strictwire.lab.ask import Ask
from strictwire.lab.scenarios.answer import Answer
from strictwire.lab.scenarios.responses.items import items_of
from strictwire.lab.script import Json, Reply, json_reply, to_json

DONE = b"data: [DONE]\n\n"
# How a reply ends that is cut off: chat's reason, and the one that stands in the object.
_CUT = {"length": "max_output_tokens", "content_filter": "content_filter"}
# What is repeated of the request, with the values that stand where it said nothing.
_ECHOED: dict[str, Any] = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "reasoning": {"effort": None, "summary": None},
    "safety_identifier": None,
    "store": True,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
    "metadata": {},
}


def event_frame(event: Json) -> bytes:
    """The event's name, one ``data:`` line of JSON, and the blank line that ends it."""
    return f"event: {event['type']}\n".encode() + b"data: " + to_json(event) + b"\n\n"


def response_frames(events: Iterable[Json]) -> tuple[bytes, ...]:
    return (*map(event_frame, events), DONE)


def strict_response_stream(answer: Answer, ask: Ask) -> Reply:
    return Reply(response_frames(strict_events(answer, ask)))


def strict_response(answer: Answer, ask: Ask) -> Reply:
    return json_reply(response_object(answer, ask))


def strict_events(answer: Answer, ask: Ask) -> list[Json]:
    begun = response_head(ask, "in_progress")
    events: list[Json] = [
        {"type": "response.created", "sequence_number": 0, "response": begun},
        {"type": "response.in_progress", "sequence_number": 0, "response": copy.deepcopy(begun)},
    ]
    for index, life in enumerate(items_of(answer.choices[0], ask)):
        events += life.events(index)
    response = response_object(answer, ask)
    kind = f"response.{response['status']}"
    return numbered([*events, {"type": kind, "sequence_number": 0, "response": response}])


def numbered(events: list[Json]) -> list[Json]:
    """The same events, counted from 0 in their order."""
    for number, event in enumerate(events):
        event["sequence_number"] = number
    return events


def response_object(answer: Answer, ask: Ask) -> Json:
    """As the terminal event and a reply that is no stream tell it."""
    said = answer.choices[0]
    cut = _CUT.get(said.finish)
    response = response_head(ask, "incomplete" if cut else "completed")
    if cut:
        response["incomplete_details"] = {"reason": cut}
    else:
        response["completed_at"] = ask.created
    response["output"] = [life.done for life in items_of(said, ask)]
    response["usage"] = usage_object(answer)
    return response


def response_head(ask: Ask, status: str) -> Json:
    """A response that says nothing yet, with every key that the format has."""
    echoed = {name: ask.told.get(name, value) for name, value in _ECHOED.items()}
    head: Json = {
        "id": f"resp_{ask.id}",
        "object": "response",
        "created_at": ask.created,
        "status": status,
        "completed_at": None,
        "error": None,
        "incomplete_details": None,
        "model": ask.model,
        "output": [],
        "service_tier": "default",
        "usage": None,
        **echoed,
    }
    # A copy, so that a scenario that changes one event changes no other.
    return copy.deepcopy(head)


def usage_object(answer: Answer) -> Json:
    prompt, completion = answer.usage
    cached, reasoned = answer.usage_details
    return {
        "input_tokens": prompt,
        "input_tokens_details": {"cached_tokens": cached, "cache_write_tokens": 0},
        "output_tokens": completion,
        "output_tokens_details": {"reasoning_tokens": reasoned},
        "total_tokens": prompt + completion,
    }
