"""Ways to spoil a strict response, and the rows made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from strictwire.lab.ask import Ask
from strictwire.lab.scenarios.answer import Answer
from strictwire.lab.scenarios.responses.strict import (
    DONE,
    event_frame,
    numbered,
    response_object,
    strict_events,
    strict_response,
    strict_response_stream,
)
from strictwire.lab.scenarios.scenario import RESPONSES_ASK, Builder, Scenario
from strictwire.lab.script import Json, Reply, json_reply

Change = Callable[[list[Json]], list[Json]]

BEGUN = ("response.created", "response.in_progress")
TERMINALS = ("response.completed", "response.incomplete", "response.failed")
PARTS_ADDED = ("response.content_part.added", "response.reasoning_summary_part.added")
PARTS_DONE = ("response.content_part.done", "response.reasoning_summary_part.done")
TEXTS_DONE = (
    "response.output_text.done",
    "response.reasoning_summary_text.done",
    "response.function_call_arguments.done",
)
ITEM_ADDED, ITEM_DONE = "response.output_item.added", "response.output_item.done"


def row(name: str, title: str, **more: object) -> Scenario:
    """A row of this dialect alone; strict in what ``more`` does not spoil."""
    told = Scenario(
        name=name,
        title=title,
        only="responses",
        ask=RESPONSES_ASK,
        stream=strict_response_stream,
        whole=strict_response,
    )
    return replace(told, **more)  # type: ignore[arg-type]


def events_by(change: Change, *, tail: tuple[bytes, ...] = (DONE,)) -> Builder:
    """A stream whose events are changed, counted anew, and followed by ``tail``."""

    def build(answer: Answer, ask: Ask) -> Reply:
        events = numbered(change(strict_events(answer, ask)))
        return Reply((*map(event_frame, events), *tail))

    return build


def events_as_they_are(change: Change) -> Builder:
    """As ``events_by``, but the change has the last word about numbers."""
    return lambda answer, ask: Reply((*map(event_frame, change(strict_events(answer, ask))), DONE))


def object_by(change: Callable[[Json], Json]) -> Builder:
    return lambda answer, ask: json_reply(change(response_object(answer, ask)))


def without(*kinds: str) -> Change:
    return lambda events: [event for event in events if event["type"] not in kinds]


def only(*kinds: str) -> Change:
    return lambda events: [event for event in events if event["type"] in kinds]


def each(change: Callable[[Json], object], *kinds: str) -> Change:
    """Every event of these kinds, or of all, changed in place."""

    def changed(events: list[Json]) -> list[Json]:
        for event in events:
            if not kinds or event["type"] in kinds:
                change(event)
        return events

    return changed


def each_response(change: Callable[[Json], object]) -> Change:
    """The response object of every event that has one."""
    return each(lambda event: change(event["response"]), *BEGUN, *TERMINALS)


def each_item(change: Callable[[Json], object]) -> Change:
    """The item of every event that has one; those of the terminal event stay."""
    return each(lambda event: change(event["item"]), ITEM_ADDED, ITEM_DONE)


def in_turn(*changes: Change) -> Change:
    def changed(events: list[Json]) -> list[Json]:
        for change in changes:
            events = change(events)
        return events

    return changed


def terminal_of(events: list[Json]) -> Json:
    """The response object of the terminal event."""
    response: Json = events[-1]["response"]
    return response


def items_in(events: list[Json]) -> Iterator[Json]:
    """The items as the terminal event lists them."""
    yield from terminal_of(events)["output"]


def drop(*names: str) -> Callable[[Json], None]:
    def dropped(value: Json) -> None:
        for name in names:
            value.pop(name, None)

    return dropped
