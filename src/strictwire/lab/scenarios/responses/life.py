"""A response whose life is broken at its ends: beginnings, terminals, numbers, envelopes."""

from __future__ import annotations

from strictwire.lab.scenarios.answer import TEXT_PIECES, tell_text_then_calls
from strictwire.lab.scenarios.responses.changes import (
    BEGUN,
    TERMINALS,
    drop,
    each,
    each_response,
    events_as_they_are,
    events_by,
    object_by,
    row,
    terminal_of,
    without,
)
from strictwire.lab.scenarios.responses.strict import DONE, numbered
from strictwire.lab.scenarios.scenario import ExpectedError
from strictwire.lab.script import Json

_KEPT = ("id", "object", "status", "output", "usage", "model")


def _bare(response: Json) -> None:
    """Only what says something is left, as of several servers."""
    for name in (*response,):
        if name not in _KEPT or not response[name]:
            del response[name]


def _bare_object(response: Json) -> Json:
    _bare(response)
    return response


def _bare_begun(events: list[Json]) -> list[Json]:
    for event in events[:2]:
        event["response"] = {"id": event["response"]["id"], "object": "response"}
    return each_response(_bare)(events)


def _zero_dropped(events: list[Json]) -> list[Json]:
    del events[0]["sequence_number"]
    return events


def _gaps(events: list[Json]) -> list[Json]:
    for event in events[4:]:
        event["sequence_number"] += 3
    return events


def _other_ids(events: list[Json]) -> list[Json]:
    for number, event in enumerate(events):
        if "response" in event:
            event["response"]["id"] += f"_{number}"
    return events


def _other_model(events: list[Json]) -> list[Json]:
    terminal_of(events)["model"] += "-2026-01-01"
    return events


def _nested_numbers(events: list[Json]) -> list[Json]:
    """Numbered inside, where no client looks."""
    for event in events:
        number = event.pop("sequence_number")
        place = event.get("response") or event.get("item")
        if place is not None:
            place["sequence_number"] = number
    return events


def _number_from_one(events: list[Json]) -> list[Json]:
    for event in numbered(events):
        event["sequence_number"] += 1
    return events


ROWS = (
    row(
        "responses-no-created",
        "Neither response.created nor response.in_progress",
        rules=("responses.created-missing",),
        quirks=(76,),
        stream=events_by(without(*BEGUN)),
    ),
    row(
        "responses-bare-response",
        "A response object without most of its keys",
        rules=("responses.response-fields",),
        whole_rules=("responses.response-fields",),
        quirks=(73,),
        stream=events_by(_bare_begun),
        whole=object_by(_bare_object),
    ),
    row(
        "responses-no-numbers",
        "No sequence_number",
        rules=("responses.sequence",),
        quirks=(72,),
        stream=events_as_they_are(each(drop("sequence_number"))),
    ),
    row(
        "responses-constant-numbers",
        "sequence_number 0 in each event",
        rules=("responses.sequence",),
        quirks=(72,),
        stream=events_as_they_are(each(lambda event: event.update(sequence_number=0))),
    ),
    row(
        "responses-number-zero-dropped",
        "No sequence_number where it is 0, as some JSON writers leave zeros out",
        rules=("responses.sequence",),
        quirks=(72,),
        stream=events_as_they_are(_zero_dropped),
    ),
    row(
        "responses-numbers-from-one",
        "sequence_number counts from 1",
        rules=("responses.sequence",),
        quirks=(72,),
        stream=events_as_they_are(_number_from_one),
    ),
    row(
        "responses-number-gaps",
        "Gaps in sequence_number, as where somebody took events out",
        rules=("responses.sequence",),
        quirks=(72,),
        stream=events_as_they_are(_gaps),
    ),
    row(
        "responses-nested-numbers",
        "sequence_number inside the response, or the item",
        rules=("responses.sequence",),
        quirks=(72,),
        tell=tell_text_then_calls,
        stream=events_as_they_are(_nested_numbers),
    ),
    row(
        "responses-changing-response-id",
        "Another response id in each event that has one",
        rules=("responses.envelope",),
        quirks=(75,),
        stream=events_by(_other_ids),
    ),
    row(
        "responses-changing-model",
        "Another model in the terminal event",
        rules=("responses.envelope",),
        quirks=(75,),
        stream=events_by(_other_model),
    ),
    row(
        "responses-no-terminal",
        "Closed after the last item, without a terminal event",
        faults=("reply.truncated",),
        quirks=(76,),
        stream=events_by(without(*TERMINALS), tail=()),
        failure=ExpectedError(is_early=False),
        pieces_before_failure=len(TEXT_PIECES),
    ),
    row(
        "responses-done-without-terminal",
        "[DONE] after the last item, without a terminal event",
        rules=("responses.terminal-missing",),
        quirks=(76,),
        stream=events_by(without(*TERMINALS), tail=(DONE,)),
        tells_usage=False,
    ),
    row(
        "responses-no-done-marker",
        "No [DONE] after the terminal event, as of OpenAI itself",
        faults=("responses.done-mark",),
        stream=events_by(lambda events: events, tail=()),
    ),
)
