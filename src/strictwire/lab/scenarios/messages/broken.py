"""A message whose life is broken: events, fields and places that are missing or wrong."""

from __future__ import annotations

import json

from strictwire.lab.scenarios.answer import (
    TEXT_PIECES,
    tell_bare_call,
    tell_call,
    tell_calls,
    tell_reasoned_call,
    tell_reasoning,
    tell_text_then_calls,
)
from strictwire.lab.scenarios.messages.changes import (
    BLOCK_START,
    BLOCK_STOP,
    DELTA,
    START,
    STOP,
    each,
    events_by,
    object_by,
    row,
    without,
)
from strictwire.lab.scenarios.scenario import ExpectedError
from strictwire.lab.script import Json


def _bare_start(event: Json) -> None:
    kept = ("id", "type", "model")
    event["message"] = {name: event["message"][name] for name in kept}


def _one_index(event: Json) -> None:
    if "index" in event:
        event["index"] = 0


def _without_index(event: Json) -> None:
    event.pop("index", None)


def _without_input(events: list[Json]) -> list[Json]:
    return [event for event in events if _delta_type(event) != "input_json_delta"]


def _input_in_start(events: list[Json]) -> list[Json]:
    """The whole input where a block begins, and no delta of it."""
    told: dict[int, str] = {}
    for event in events:
        if _delta_type(event) == "input_json_delta":
            place = event["index"]
            told[place] = told.get(place, "") + event["delta"]["partial_json"]
    for event in events:
        if event["type"] == BLOCK_START and event["index"] in told:
            event["content_block"]["input"] = json.loads(told[event["index"]])
    return _without_input(events)


def _delta_type(event: Json) -> str:
    kind: str = event.get("delta", {}).get("type", "")
    return kind


def _without_id(event: Json) -> None:
    if event["content_block"]["type"] == "tool_use":
        del event["content_block"]["id"]


def _without_ids(whole: Json) -> Json:
    for block in whole["content"]:
        if block["type"] == "tool_use":
            del block["id"]
    return whole


def _end_turn(told: Json) -> Json:
    told["stop_reason"] = "end_turn"
    return told


def _no_reason(told: Json) -> Json:
    told["stop_reason"] = None
    return told


def _chat_reason(told: Json) -> Json:
    told["stop_reason"] = "stop"
    return told


def _without_usage(events: list[Json]) -> list[Json]:
    for event in events:
        event.get("message", event).pop("usage", None)
    return events


def _whole_without_usage(whole: Json) -> Json:
    del whole["usage"]
    return whole


def _null_usage(events: list[Json]) -> list[Json]:
    for event in events:
        told = event.get("message", event)
        if "usage" in told:
            told["usage"] = None
    return events


def _zero_input(events: list[Json]) -> list[Json]:
    for event in events:
        usage = event.get("message", event).get("usage")
        if usage:
            usage["input_tokens"] = 0
    return events


def _twice(events: list[Json]) -> list[Json]:
    """One with the reason and one with the usage, as of several proxies."""
    told = events[-2]
    reason = {**told, "usage": {"output_tokens": 0}}
    usage = {**told, "delta": {"stop_reason": None, "stop_sequence": None}}
    return [*events[:-2], reason, usage, events[-1]]


def _interleaved(events: list[Json]) -> list[Json]:
    """Two blocks that grow at once, which the format does not allow."""
    blocks = {index: [event for event in events if event.get("index") == index] for index in (0, 1)}
    first, second = blocks[0], blocks[1]
    if not second:
        return events
    mixed = [event for pair in zip(first, second, strict=False) for event in pair]
    count = min(len(first), len(second))
    rest = [*first[count:], *second[count:]]
    return [*events[:2], *mixed, *rest, *events[-2:]]


ROWS = (
    row(
        "messages-no-start",
        "No message_start",
        rules=("messages.start-missing",),
        quirks=(79,),
        stream=events_by(without(START)),
    ),
    row(
        "messages-bare-start",
        "message_start without content, role and usage",
        rules=("messages.start-fields",),
        quirks=(79, 80),
        stream=events_by(each(_bare_start, START)),
    ),
    row(
        "messages-no-block-start",
        "No content_block_start",
        rules=("messages.block-start-missing",),
        quirks=(79,),
        tell=tell_reasoning,
        stream=events_by(without(BLOCK_START)),
    ),
    row(
        "messages-no-block-stop",
        "No content_block_stop",
        rules=("messages.block-stop-missing",),
        quirks=(79,),
        tell=tell_reasoned_call,
        stream=events_by(without(BLOCK_STOP)),
    ),
    row(
        "messages-one-index",
        "index 0 for each of three blocks",
        rules=("messages.block-index",),
        quirks=(79,),
        tell=tell_text_then_calls,
        stream=events_by(each(_one_index)),
    ),
    row(
        "messages-no-index",
        "No index",
        rules=("messages.block-index",),
        quirks=(79,),
        tell=tell_text_then_calls,
        stream=events_by(each(_without_index)),
    ),
    row(
        "messages-interleaved-blocks",
        "Two tool calls that grow at once",
        rules=("messages.block-index", "messages.block-stop-missing"),
        quirks=(79,),
        tell=tell_calls,
        stream=events_by(_interleaved),
    ),
    row(
        "messages-tool-without-input",
        "A tool call without input_json_delta",
        rules=("messages.tool-input",),
        quirks=(83,),
        tell=tell_bare_call,
        stream=events_by(_without_input),
    ),
    row(
        "messages-tool-input-in-start",
        "A tool call's input whole in content_block_start",
        rules=("messages.tool-input",),
        quirks=(83,),
        tell=tell_calls,
        stream=events_by(_input_in_start),
    ),
    row(
        "messages-tool-without-id",
        "Blocks of tool calls without an id",
        rules=("messages.tool-id",),
        whole_rules=("messages.tool-id",),
        quirks=(83,),
        tell=tell_calls,
        stream=events_by(each(_without_id, BLOCK_START)),
        whole=object_by(_without_ids),
    ),
    row(
        "messages-tool-end-turn",
        'stop_reason "end_turn", although a tool was called',
        rules=("messages.stop-reason",),
        whole_rules=("messages.stop-reason",),
        quirks=(30, 83),
        tell=tell_call,
        stream=events_by(each(lambda event: _end_turn(event["delta"]), DELTA)),
        whole=object_by(_end_turn),
    ),
    row(
        "messages-no-stop-reason",
        "stop_reason null in message_delta",
        rules=("messages.stop-reason",),
        whole_rules=("messages.stop-reason",),
        quirks=(27, 79),
        stream=events_by(each(lambda event: _no_reason(event["delta"]), DELTA)),
        whole=object_by(_no_reason),
    ),
    row(
        "messages-chat-stop-reason",
        'stop_reason "stop", as chat says it',
        rules=("messages.stop-reason",),
        whole_rules=("messages.stop-reason",),
        quirks=(29,),
        stream=events_by(each(lambda event: _chat_reason(event["delta"]), DELTA)),
        whole=object_by(_chat_reason),
    ),
    row(
        "messages-no-stop",
        "No message_stop",
        rules=("messages.stop-missing",),
        quirks=(10, 79),
        stream=events_by(without(STOP)),
    ),
    row(
        "messages-no-terminal",
        "Closed after the last block, without a stop reason",
        faults=("reply.truncated",),
        quirks=(10, 79),
        stream=events_by(without(DELTA, STOP)),
        failure=ExpectedError(is_early=False),
        pieces_before_failure=len(TEXT_PIECES),
    ),
    row(
        "messages-no-usage",
        "No usage in message_start and message_delta",
        rules=("messages.start-fields", "messages.usage"),
        whole_rules=("messages.start-fields", "messages.usage"),
        quirks=(79, 81),
        stream=events_by(_without_usage),
        whole=object_by(_whole_without_usage),
        tells_usage=False,
        tells_whole_usage=False,
    ),
    row(
        "messages-null-usage",
        "usage null in message_start and message_delta",
        rules=("messages.start-fields", "messages.usage"),
        quirks=(79, 81),
        stream=events_by(_null_usage),
        tells_usage=False,
    ),
    row(
        "messages-zero-input-tokens",
        "input_tokens 0, whatever the prompt was",
        quirks=(81,),
        stream=events_by(_zero_input),
        tells_usage=False,
    ),
    row(
        "messages-no-message-delta",
        "No message_delta, only message_stop",
        rules=("messages.message-delta",),
        quirks=(79,),
        stream=events_by(without(DELTA)),
        tells_usage=False,
    ),
    row(
        "messages-two-message-deltas",
        "One message_delta with the reason, another with the usage",
        rules=("messages.message-delta",),
        quirks=(79,),
        stream=events_by(_twice),
    ),
    row(
        "messages-bare-life",
        "Nothing but deltas and message_stop",
        rules=(
            "messages.start-missing",
            "messages.block-start-missing",
            "messages.block-stop-missing",
            "messages.message-delta",
        ),
        quirks=(79,),
        stream=events_by(without(START, BLOCK_START, BLOCK_STOP, DELTA, "ping")),
        tells_usage=False,
    ),
)
