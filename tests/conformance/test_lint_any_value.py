"""Responses and Messages with any value in any place: the judge finds what it finds, and never
raises. What it says of the rest does not depend on how the JSON is spelled."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance import messages_bodies, responses_bodies
from conformance.bodies import Json, encode
from strictwire.conformance import Asked, lint
from strictwire.model.request import Dialect

EVENTS: dict[Dialect, list[Json]] = {
    "responses": responses_bodies.numbered(responses_bodies.completed()),
    "messages": messages_bodies.told(),
}
OBJECTS: dict[Dialect, Json] = {
    "responses": EVENTS["responses"][-1]["response"],
    "messages": messages_bodies.WHOLE,
}
DIALECTS = st.sampled_from(tuple(EVENTS))
# Each kind of JSON, and what fields of these dialects look like.
VALUES = st.sampled_from(
    [None, True, 0, -1, 1.5, "", "x", "message", "text", "function_call", "error", [], [None], {},
     {"type": "text"}, {"type": []}, {"error": {}}, 10**30]
)  # fmt: skip


def places_in(value: Any) -> list[tuple[Any, Any]]:
    """Every container with each of its keys."""
    found: list[tuple[Any, Any]] = []
    left = [value]
    while left:
        one = left.pop()
        keys = list(one) if isinstance(one, dict) else list(range(len(one)))
        found += [(one, key) for key in keys]
        left += [one[key] for key in keys if isinstance(one[key], dict | list)]
    return found


def spoil(data: st.DataObject, value: Any) -> None:
    for _ in range(data.draw(st.integers(1, 4))):
        container, key = data.draw(st.sampled_from(places_in(value)))
        container[key] = copy.deepcopy(data.draw(VALUES))


def frames(events: list[Any]) -> bytes:
    return b"".join(
        b"event: %b\ndata: %b\n\n"
        % (str(one.get("type") if isinstance(one, dict) else one).encode(), encode(one))
        for one in events
    )


@given(st.data())
def test_any_value_in_a_stream_is_judged(data: st.DataObject) -> None:
    dialect = data.draw(DIALECTS)
    events: list[Any] = copy.deepcopy(EVENTS[dialect])
    spoil(data, events)
    lint(frames(events), Asked(dialect=dialect))


@given(st.data())
def test_any_value_in_an_object_is_judged(data: st.DataObject) -> None:
    dialect = data.draw(DIALECTS)
    value = copy.deepcopy(OBJECTS[dialect])
    spoil(data, value)
    lint(encode(value), Asked(dialect=dialect, is_stream=False))


@given(st.data())
def test_events_in_any_order_are_judged(data: st.DataObject) -> None:
    dialect = data.draw(DIALECTS)
    places = st.lists(st.integers(0, len(EVENTS[dialect]) - 1), max_size=60)
    events = [EVENTS[dialect][place] for place in data.draw(places)]
    lint(frames(events), Asked(dialect=dialect))


@pytest.mark.parametrize("dialect", EVENTS)
def test_how_the_json_is_spelled_does_not_matter(dialect: Dialect) -> None:
    def spelled(one: Json) -> bytes:
        text = json.dumps(dict(reversed(one.items())), indent=None, separators=(" , ", " : "))
        return f"event: {one['type']}\ndata: {text}\n\n".encode()

    assert lint(b"".join(map(spelled, EVENTS[dialect])), Asked(dialect=dialect)) == []
