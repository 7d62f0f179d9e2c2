"""Ways to spoil a strict message, and the rows made of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from strictwire.lab.scenarios.messages.strict import (
    message_object,
    message_stream,
    strict_events,
    strict_message,
    strict_message_stream,
)
from strictwire.lab.scenarios.scenario import MESSAGES_ASK, Builder, Scenario
from strictwire.lab.script import Json, json_reply

Change = Callable[[list[Json]], list[Json]]

START, STOP = "message_start", "message_stop"
DELTA = "message_delta"
BLOCK_START, BLOCK_DELTA, BLOCK_STOP = (
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
)


def row(name: str, title: str, **more: object) -> Scenario:
    """A row of this dialect alone; strict in what ``more`` does not spoil."""
    told = Scenario(
        name=name,
        title=title,
        only="messages",
        ask=MESSAGES_ASK,
        stream=strict_message_stream,
        whole=strict_message,
    )
    return replace(told, **more)  # type: ignore[arg-type]


def events_by(change: Change) -> Builder:
    return lambda answer, ask: message_stream(change(strict_events(answer, ask)))


def object_by(change: Callable[[Json], Json]) -> Builder:
    return lambda answer, ask: json_reply(change(message_object(answer, ask)))


def without(*kinds: str) -> Change:
    return lambda events: [event for event in events if event["type"] not in kinds]


def each(change: Callable[[Json], object], *kinds: str) -> Change:
    """Every event of these kinds, or of all, changed in place."""

    def changed(events: list[Json]) -> list[Json]:
        for event in events:
            if not kinds or event["type"] in kinds:
                change(event)
        return events

    return changed


def in_turn(*changes: Change) -> Change:
    def changed(events: list[Json]) -> list[Json]:
        for change in changes:
            events = change(events)
        return events

    return changed
