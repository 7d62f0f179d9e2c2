"""What a strict Responses stream is, judged by others: the official schema and OpenAI's SDK."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import ValidationError

SCHEMA = (
    Path(__file__).resolve().parents[3] / "shared/data/openai-schema/responses.relaxed.schema.json"
)
_CLASSES = {
    get_args(one.model_fields["type"].annotation)[0]: one
    for one in get_args(get_args(ResponseStreamEvent)[0])
}


@cache
def _schema() -> Any:
    if not SCHEMA.exists():
        pytest.skip("needs the official schemas in shared/data/openai-schema")
    return json.loads(SCHEMA.read_text("utf-8"))


@cache
def _validator(name: str) -> Any:
    import jsonschema

    whole = {"$defs": _schema()["$defs"], "$ref": f"#/$defs/{name}"}
    return jsonschema.Draft202012Validator(whole)


def check_schema(events: list[dict[str, Any]]) -> None:
    """Each event is valid by the official schema of its type."""
    names = _schema()["x-response-stream-events"]
    for event in events:
        errors = list(_validator(names[event["type"]]).iter_errors(event))
        assert not errors, (event["type"], errors[0].message, list(errors[0].absolute_path))


def check_types(events: list[dict[str, Any]]) -> None:
    """OpenAI's SDK reads each event with strict types."""
    for event in events:
        try:
            _CLASSES[event["type"]].model_validate(event)
        except ValidationError:
            pytest.fail(f"openai cannot read {event}", pytrace=False)


def check_object(response: dict[str, Any]) -> None:
    Response.model_validate(response)


def check_order(events: list[dict[str, Any]]) -> None:
    """The promises that no schema can say: numbers, announcements, ends, each text once."""
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert [event["type"] for event in events[:2]] == ["response.created", "response.in_progress"]
    terminals = [e for e in events if e["type"] in _TERMINALS]
    assert terminals == [events[-1]]
    kept = ("id", "created_at", "model")
    lifecycle = ("response.created", "response.queued", "response.in_progress", *_TERMINALS)
    responses = [event["response"] for event in events if event["type"] in lifecycle]
    assert len({tuple(response[name] for name in kept) for response in responses}) == 1
    added: dict[int, str] = {}
    done: dict[int, dict[str, Any]] = {}
    texts: dict[tuple[Any, ...], str] = {}
    parts: set[tuple[Any, ...]] = set()
    for event in events:
        kind = event["type"].removeprefix("response.")
        if kind == "output_item.added":
            assert event["output_index"] == len(added)
            added[event["output_index"]] = event["item"]["id"]
        elif kind == "output_item.done":
            assert added[event["output_index"]] == event["item"]["id"]
            assert event["output_index"] not in done
            done[event["output_index"]] = event["item"]
        elif event["type"] not in lifecycle and "item_id" in event:
            _check_inner(event, kind, added, done, texts, parts)
    assert not parts, "a part was not ended"
    assert len(set(added.values())) == len(added)
    if events[-1]["type"] != "response.failed":
        assert len(done) == len(added)
        _check_output(events[-1]["response"]["output"], done)


_TERMINALS = ("response.completed", "response.incomplete", "response.failed")


def _check_inner(
    event: dict[str, Any],
    kind: str,
    added: dict[int, str],
    done: dict[int, Any],
    texts: dict[tuple[Any, ...], str],
    parts: set[tuple[Any, ...]],
) -> None:
    index = event["output_index"]
    assert added[index] == event["item_id"]
    assert index not in done, "after the end of its item"
    holder = _HOLDERS.get(kind.split(".", maxsplit=1)[0], "")
    place = (index, holder, event[holder] if holder else None)
    if kind.endswith("part.added"):
        assert place not in parts
        assert place not in texts
        parts.add(place)
        texts[place] = ""
    elif kind.endswith("part.done"):
        parts.remove(place)
        told = event["part"]
        # A part of another kind has no text of its own.
        assert told.get("refusal" if told["type"] == "refusal" else "text", "") == texts[place]
    elif kind.endswith(".delta"):
        assert not holder or place in parts
        texts[place] = texts.get(place, "") + event["delta"]
    elif kind in _TEXTS:
        assert event[_TEXTS[kind]] == texts.get(place, "")


_HOLDERS = {
    "content_part": "content_index",
    "output_text": "content_index",
    "refusal": "content_index",
    "reasoning_text": "content_index",
    "reasoning_summary_part": "summary_index",
    "reasoning_summary_text": "summary_index",
}
_TEXTS = {
    "output_text.done": "text",
    "refusal.done": "refusal",
    "reasoning_text.done": "text",
    "reasoning_summary_text.done": "text",
    "function_call_arguments.done": "arguments",
    "custom_tool_call_input.done": "input",
}


def _check_output(output: list[dict[str, Any]], done: dict[int, dict[str, Any]]) -> None:
    assert [item["id"] for item in output] == [done[index]["id"] for index in range(len(output))]
    assert len(output) == len(done)
    for index, item in enumerate(output):
        for name in ("content", "summary", "arguments", "input"):
            assert item.get(name) == done[index].get(name)
        # A seal may come only with the final object, when its item is done already.
        assert item.get("encrypted_content") or not done[index].get("encrypted_content")


def check_stream(events: list[dict[str, Any]]) -> None:
    check_order(events)
    check_types(events)
    if SCHEMA.exists():
        check_schema(events)
