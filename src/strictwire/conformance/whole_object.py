"""One whole object: an error, or a reply with its envelope, its usage and its choices.

Contract: what the stream would have said, by the same rules, and every key that the schema
requires. What a choice says is for the dialect's own judge.
Source: docs/contract.md, "Whole objects".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from strictwire.conformance import usage
from strictwire.conformance.chunk import MARKS, is_own_id
from strictwire.conformance.errors import is_error, is_well_shaped
from strictwire.conformance.extra_fields import TOP_FIELDS, without_strangers
from strictwire.conformance.json_text import JsonText
from strictwire.conformance.reply import Reply
from strictwire.conformance.usage import is_whole_number

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class WholeNames:
    """``kind`` is the name that the object must have, and ``kind_rule`` what finds another."""

    kind: str
    kind_rule: str
    envelope_rule: str
    empty_rule: str
    foreign_prefix: str = ""


class WholeChoices(Protocol):
    """A dialect's part. ``names`` may change once the reply shows what it is."""

    names: WholeNames

    def choice(self, value: Json, place: int, text: JsonText) -> None: ...


def judge_object(text: JsonText, reply: Reply, judge: WholeChoices) -> None:
    value, found = text.value, reply.found
    if "characters" in text.problems:
        found.add("chat.split-character", text.start)
    if is_error(value, MARKS):
        if not is_well_shaped(value):
            found.add("chat.error-shape", text.at("error"))
        reply.error_at = text.start
        return
    if "error" in value:
        found.add("chat.error-shape", text.at("error"), "empty, beside a healthy object")
    if not MARKS & value.keys():
        found.add("chat.foreign-frame", text.start)
        return
    without_strangers(value, TOP_FIELDS, (), text, reply)
    choices = value.get("choices")
    if not isinstance(choices, list) or not all(isinstance(one, dict) for one in choices):
        found.add("chat.choices-null", text.at("choices"))
    elif not choices:
        found.add(judge.names.empty_rule, text.at("choices"))
    for place, choice in enumerate(choices if isinstance(choices, list) else ()):
        if isinstance(choice, dict):
            judge.choice(choice, place, text)
    _envelope(value, text, reply, judge.names)
    _usage(value, text, reply)


def _envelope(value: Json, text: JsonText, reply: Reply, names: WholeNames) -> None:
    if names.kind and value.get("object") != names.kind:
        reply.found.add(names.kind_rule, text.at("object"), "object")
    created, model = value.get("created"), value.get("model")
    for name, is_right in (
        ("id", is_own_id(value.get("id"), names.foreign_prefix)),
        ("created", is_whole_number(created) and created),
        ("model", isinstance(model, str) and model),
    ):
        if not is_right:
            reply.found.add(names.envelope_rule, text.at(name), name)


def _usage(value: Json, text: JsonText, reply: Reply) -> None:
    told, path = usage.in_chunk(value)
    for other in usage.elsewhere(value):
        reply.found.add("chat.usage-elsewhere", text.at(*other))
    if told is None:
        reply.found.add("whole.keys", text.at("usage"), "usage")
    elif not usage.is_well_shaped(told):
        reply.found.add("chat.usage-shape", text.at(*path))
