"""A whole response object, or the error that came in its place.

Contract: the same content as the last event of the stream would have, by the same rules.
Source: docs/contract.md, "Responses" and "Whole objects".
"""

from __future__ import annotations

from typing import Any

from strictwire.conformance.errors import is_well_shaped
from strictwire.conformance.json_text import JsonText
from strictwire.conformance.named_events import judge_characters
from strictwire.conformance.reply import Reply
from strictwire.conformance.responses.fields import (
    lacks_usage,
    wrong_in_item,
    wrong_in_response,
)
from strictwire.conformance.responses.kinds import ARGUMENTS
from strictwire.conformance.responses.texts import is_call_of_function

Json = dict[str, Any]
# What a response has at least one of, and an error has not.
_MARKS = frozenset(("output", "status"))


def judge_response(text: JsonText, reply: Reply) -> None:
    value, found = text.value, reply.found
    judge_characters(text, found)
    if not _MARKS & value.keys():
        if not (value.get("error") or value.get("detail") or value.get("type") == "error"):
            found.add("whole.kind", text.at("object"))
        elif not is_well_shaped(value):
            found.add("responses.error-shape", text.at("error"))
        return
    for name in wrong_in_response(value):
        found.add("responses.response-fields", text.at(name), name)
    if lacks_usage(value):
        found.add("whole.keys", text.at("usage"), "usage")
    output = value.get("output")
    known: set[str] = set()
    for place, item in enumerate(output if isinstance(output, list) else ()):
        _item(item, place, value, known, text, reply)


def _item(
    item: Any, place: int, response: Json, known: set[str], text: JsonText, reply: Reply
) -> None:
    found, path = reply.found, ("output", place)
    for name in wrong_in_item(item, is_done=True):
        found.add("responses.item-fields", text.at(*path), name)
    if not isinstance(item, dict):
        return
    is_whole = item.get("type") == ARGUMENTS.item and response.get("status") == "completed"
    if is_whole and not is_call_of_function(item):
        found.add("responses.arguments", text.at(*path, "arguments"))
    identity = item.get("id")
    if isinstance(identity, str) and identity:
        if identity in known:
            found.add("responses.item-id", text.at(*path, "id"), "another item has the same")
        known.add(identity)
