"""A response whose text stands only in its last event, or is missing there."""

from __future__ import annotations

from strictwire.lab.scenarios.answer import (
    Choice,
    tell_calls,
    tell_custom_call,
    tell_reasoning,
    tell_text_then_calls,
    telling,
)
from strictwire.lab.scenarios.responses.changes import (
    BEGUN,
    TERMINALS,
    events_by,
    only,
    row,
    terminal_of,
)
from strictwire.lab.scenarios.responses.healthy import SEAL
from strictwire.lab.script import Json


def _without_reasoning(events: list[Json]) -> list[Json]:
    """All of the reasoning item is left to the terminal event, where it stands first."""
    places = {
        event["output_index"]
        for event in events
        if event.get("item") and event["item"]["type"] == "reasoning"
    }
    told = [event for event in events if event.get("output_index") not in places]
    for event in told:
        if "output_index" in event:
            event["output_index"] -= len(places)
    return told


def _empty_output(events: list[Json]) -> list[Json]:
    terminal_of(events)["output"] = []
    return events


def _no_output(events: list[Json]) -> list[Json]:
    del terminal_of(events)["output"]
    return events


def _half_output(events: list[Json]) -> list[Json]:
    del terminal_of(events)["output"][:-1]
    return events


_FINAL = events_by(only(*BEGUN, *TERMINALS))
_ONLY_FINAL = ("responses.only-final",)

ROWS = (
    row(
        "responses-only-completed",
        "Text only in response.completed",
        rules=_ONLY_FINAL,
        quirks=(76, 92),
        stream=_FINAL,
    ),
    row(
        "responses-only-completed-tools",
        "Text and tool calls only in response.completed",
        rules=_ONLY_FINAL,
        quirks=(76, 92),
        tell=tell_text_then_calls,
        stream=_FINAL,
    ),
    row(
        "responses-only-completed-custom",
        "A custom tool's call only in response.completed",
        rules=_ONLY_FINAL,
        quirks=(76, 92),
        tell=tell_custom_call,
        stream=_FINAL,
    ),
    row(
        "responses-only-completed-reasoning",
        "Reasoning, its encrypted content and text only in response.completed",
        rules=_ONLY_FINAL,
        quirks=(76, 92),
        tell=telling(Choice(("Hello", "."), ("The user ", "says hello."), seal=SEAL)),
        stream=_FINAL,
    ),
    row(
        "responses-only-completed-event",
        "Nothing but response.completed",
        rules=("responses.created-missing", *_ONLY_FINAL),
        quirks=(76, 92),
        tell=tell_calls,
        stream=events_by(only(*TERMINALS)),
    ),
    row(
        "responses-reasoning-only-final",
        "Text in deltas, reasoning only in response.completed",
        rules=_ONLY_FINAL,
        quirks=(76, 92),
        tell=tell_reasoning,
        stream=events_by(_without_reasoning),
    ),
    row(
        "responses-empty-output",
        "output [] in response.completed, though items were told",
        rules=("responses.output-missing",),
        quirks=(77,),
        tell=tell_text_then_calls,
        stream=events_by(_empty_output),
    ),
    row(
        "responses-no-output",
        "No output in response.completed",
        rules=("responses.response-fields",),
        quirks=(73, 77),
        stream=events_by(_no_output),
    ),
    row(
        "responses-half-output",
        "Only the last item in the output of response.completed",
        rules=("responses.output-missing",),
        quirks=(77,),
        tell=tell_text_then_calls,
        stream=events_by(_half_output),
    ),
)
