"""Every event that a Responses client gets is valid by OpenAI's schema, and, where Open Responses
defines that event too, by its schema; whatever dialect the server speaks and whatever it leaves
out. What the second schema wants and the first does not know stands in ``EXCUSED``.

The official schema is the relaxed one: OpenAI's own recorded events are valid by it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from relay.playing import play
from relay.spoiled_streams import streams_of
from relay.test_pairs import promised
from strictwire.model.request import Dialect

SCHEMAS = Path(__file__).resolve().parents[3] / "shared" / "data"
OPENAI = "openai-schema/responses.relaxed.schema.json"
OPEN_RESPONSES = "openresponses-schema/openresponses.schema.json"
UPSTREAMS: tuple[Dialect, ...] = ("chat", "responses", "messages")
# Items that only OpenAI has.
_NOT_OPEN = ("custom_tool_call", "web_search_call")
# Its words decide by which branch of a schema a value is judged.
_TELLING = frozenset(("type", "status", "role", "reason", "object", "code", "service_tier"))

Json = dict[str, Any]


def _lacks_penalties(path: list[Any], error: Any) -> bool:
    return error.validator == "required" and "_penalty" in error.message


def _is_exact_time(path: list[Any], error: Any) -> bool:
    return path[-1:] == ["created_at"] and isinstance(error.instance, float)


def _is_not_open(path: list[Any], error: Any) -> bool:
    return isinstance(error.instance, dict) and error.instance.get("type") in _NOT_OPEN


def _lacks_status(path: list[Any], error: Any) -> bool:
    item = error.instance
    return isinstance(item, dict) and item.get("type") == "function_call" and "status" not in item


# By what Open Responses wants and OpenAI's schema does not, each with its reason.
EXCUSED: dict[str, Callable[[list[Any], Any], bool]] = {
    "keys that OpenAI's response objects do not have": _lacks_penalties,
    "seconds with a fraction, as a server tells them: a number to OpenAI": _is_exact_time,
    "items of OpenAI's that Open Responses does not know": _is_not_open,
    "the status of a call, which a server left out and may, says OpenAI": _lacks_status,
}


@cache
def schema(name: str) -> Json:
    path = SCHEMAS / name
    if not path.exists():
        pytest.skip(f"needs shared/data/{name}")
    told: Json = json.loads(path.read_text("utf-8"))
    return told


@cache
def validator(name: str, definition: str) -> Any:
    import jsonschema

    return jsonschema.Draft202012Validator(
        {"$defs": schema(name)["$defs"], "$ref": f"#/$defs/{definition}"}
    )


def events_in(out: bytes) -> Iterator[Json]:
    for line in out.split(b"\n"):
        if line.startswith(b"data: {"):
            yield json.loads(line.removeprefix(b"data: "))


def shape(value: Any, name: str = "") -> Any:
    """What a schema can tell of a value, so that each kind of event is judged once."""
    if isinstance(value, dict):
        return tuple((key, shape(value[key], key)) for key in sorted(value))
    if isinstance(value, list):
        return tuple(sorted({repr(shape(inner)) for inner in value}))
    return value if name in _TELLING else type(value).__name__


@cache
def events_of_every_shape(upstream: Dialect) -> tuple[Json, ...]:
    found: dict[Any, Json] = {}
    for stream in streams_of(upstream):
        played = play([stream], promised("responses", upstream), is_object=False)
        for event in events_in(played.out):
            found.setdefault(shape(event), event)
    return tuple(found.values())


def faults(name: str, event: Json) -> Iterator[str]:
    definition = schema(name)["x-response-stream-events"][event["type"]]
    for error in validator(name, definition).iter_errors(event):
        path = list(error.absolute_path)
        is_excused = any(excuse(path, error) for excuse in EXCUSED.values())
        if name == OPENAI or not is_excused:
            yield f"{event['type']} {path}: {error.message[:300]}"


@pytest.mark.parametrize("upstream", UPSTREAMS)
def test_every_event_is_one_of_openai_s(upstream: Dialect) -> None:
    known = schema(OPENAI)["x-response-stream-events"]
    events = events_of_every_shape(upstream)
    assert len(events) > 20
    for event in events:
        assert event["type"] in known
        assert list(faults(OPENAI, event)) == []


@pytest.mark.parametrize("upstream", UPSTREAMS)
def test_every_event_of_both_is_one_of_open_responses(upstream: Dialect) -> None:
    known = schema(OPEN_RESPONSES)["x-response-stream-events"]
    both = [event for event in events_of_every_shape(upstream) if event["type"] in known]
    assert len(both) > 20
    for event in both:
        assert list(faults(OPEN_RESPONSES, event)) == []


def test_a_wrong_event_would_be_seen() -> None:
    event = next(one for one in events_of_every_shape("chat") if "delta" in one)
    for name in (OPENAI, OPEN_RESPONSES):
        assert list(faults(name, {key: event[key] for key in event if key != "item_id"}))
