"""A response whose items are told wrongly: not announced, without ids, with other places."""

from __future__ import annotations

from strictwire.lab.scenarios.answer import (
    tell_calls,
    tell_reasoned_call,
    tell_reasoning,
    tell_text_then_calls,
)
from strictwire.lab.scenarios.responses.changes import (
    ITEM_ADDED,
    ITEM_DONE,
    PARTS_ADDED,
    PARTS_DONE,
    TEXTS_DONE,
    drop,
    each,
    each_item,
    events_by,
    items_in,
    row,
    without,
)
from strictwire.lab.script import Json

_DELTAS = (
    "response.output_text.delta",
    "response.reasoning_summary_text.delta",
    "response.function_call_arguments.delta",
)


def _changing_ids(events: list[Json]) -> list[Json]:
    """Each event has an id of its own, and so has the list in the end."""
    for number, event in enumerate(events):
        if "item_id" in event:
            event["item_id"] += f"_{number}"
        if event["type"] == ITEM_DONE:
            event["item"]["id"] += "_done"
    for item in items_in(events):
        item["id"] += "_final"
    return events


def _final_ids(events: list[Json]) -> list[Json]:
    for item in items_in(events):
        item["id"] = f"final_{item['id']}"
    return events


def _one_index(event: Json) -> None:
    if "output_index" in event:
        event["output_index"] = 0


def _indexes_from_one(event: Json) -> None:
    if "output_index" in event:
        event["output_index"] += 1


ROWS = (
    row(
        "responses-no-added",
        "No response.output_item.added",
        rules=("responses.item-added-missing",),
        quirks=(74, 92),
        stream=events_by(without(ITEM_ADDED)),
    ),
    row(
        "responses-no-added-tools",
        "No response.output_item.added, and the items are reasoning and a call",
        # The done event of a call that could not be announced yet is told again behind it.
        rules=("responses.item-added-missing", "responses.done-missing"),
        quirks=(74, 92),
        tell=tell_reasoned_call,
        stream=events_by(without(ITEM_ADDED)),
    ),
    row(
        "responses-null-item",
        "response.output_item.added with the item null",
        rules=("responses.item-fields", "responses.item-added-missing"),
        quirks=(77,),
        stream=events_by(each(lambda event: event.update(item=None), ITEM_ADDED)),
    ),
    row(
        "responses-bare-items",
        "Items without id, status and role",
        rules=("responses.item-fields", "responses.item-id"),
        quirks=(73,),
        tell=tell_text_then_calls,
        stream=events_by(each_item(drop("id", "status", "role"))),
    ),
    row(
        "responses-changing-ids",
        "Another item id in each event",
        rules=("responses.item-id",),
        quirks=(75,),
        stream=events_by(_changing_ids),
    ),
    row(
        "responses-changing-ids-tools",
        "Another item id in each event, of two calls",
        rules=("responses.item-id",),
        quirks=(75,),
        tell=tell_calls,
        stream=events_by(_changing_ids),
    ),
    row(
        "responses-no-item-ids",
        "No item_id in the events of an item",
        rules=("responses.item-fields",),
        quirks=(75,),
        stream=events_by(each(drop("item_id"))),
    ),
    row(
        "responses-unannounced-ids",
        "Other item ids in the terminal event's output",
        rules=("responses.item-id",),
        quirks=(75,),
        tell=tell_text_then_calls,
        stream=events_by(_final_ids),
    ),
    row(
        "responses-one-index",
        "output_index 0 for each of three items",
        rules=("responses.output-index",),
        quirks=(75,),
        tell=tell_text_then_calls,
        stream=events_by(each(_one_index)),
    ),
    row(
        "responses-no-index",
        "No output_index",
        rules=("responses.output-index",),
        quirks=(75,),
        tell=tell_text_then_calls,
        stream=events_by(each(drop("output_index"))),
    ),
    row(
        "responses-indexes-from-one",
        "output_index counts from 1",
        rules=("responses.output-index",),
        quirks=(75,),
        tell=tell_text_then_calls,
        stream=events_by(each(_indexes_from_one)),
    ),
    row(
        "responses-no-parts",
        "Parts of content and of summaries are not announced",
        rules=("responses.part-missing",),
        quirks=(74,),
        tell=tell_reasoning,
        stream=events_by(without(*PARTS_ADDED)),
    ),
    row(
        "responses-no-content-index",
        "No content_index",
        rules=("responses.part-missing",),
        quirks=(74, 75),
        stream=events_by(each(drop("content_index"))),
    ),
    row(
        "responses-no-deltas",
        "Items and parts, and their text only when it is done",
        rules=("responses.deltas-missing",),
        quirks=(74,),
        tell=tell_reasoned_call,
        stream=events_by(without(*_DELTAS)),
    ),
    row(
        "responses-no-done",
        "Nothing is told to be done but the response",
        rules=("responses.done-missing",),
        quirks=(74,),
        tell=tell_text_then_calls,
        stream=events_by(without(ITEM_DONE, *PARTS_DONE, *TEXTS_DONE)),
    ),
    row(
        "responses-no-inner-done",
        "Items are told to be done, their parts and texts are not",
        rules=("responses.done-missing",),
        quirks=(74,),
        tell=tell_reasoning,
        stream=events_by(without(*PARTS_DONE, *TEXTS_DONE)),
    ),
    row(
        "responses-only-items-done",
        "Of each item nothing but response.output_item.done",
        rules=("responses.item-added-missing", "responses.deltas-missing"),
        quirks=(74, 92),
        tell=tell_reasoned_call,
        stream=events_by(without(ITEM_ADDED, *PARTS_ADDED, *PARTS_DONE, *TEXTS_DONE, *_DELTAS)),
    ),
)
