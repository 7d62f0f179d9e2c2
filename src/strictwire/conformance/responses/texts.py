"""The texts of one item: parts opened, told in deltas, said once more when they are done.

Contract: ``step`` takes an event inside the item, ``whole`` the item when it is done. The deltas
are the text; what a done event says beyond them was kept from who follows the stream.
Source: docs/contract.md, "Responses"; docs/quirks.md, 74.
"""

from __future__ import annotations

import json
from typing import Any

from strictwire.conformance.finding import Findings
from strictwire.conformance.json_text import JsonText, Where
from strictwire.conformance.responses.fields import wrong_in_part
from strictwire.conformance.responses.kinds import (
    ARGUMENTS,
    CALL_KINDS,
    OUTPUT_TEXT,
    PART_KINDS,
    Group,
    Step,
)
from strictwire.conformance.responses.ledger import MAX_PARTS, Item, Part
from strictwire.conformance.usage import is_whole_number

Json = dict[str, Any]


class TextsJudge:
    __slots__ = ("_found",)

    def __init__(self, found: Findings) -> None:
        self._found = found

    def step(self, item: Item, step: Step, text: JsonText) -> None:
        if step.action == "part-added":
            self._part_added(item, step.group, text)
            return
        part = self._part_of(item, step, text)
        if part is None:
            return
        if part.is_done or (part.is_text_done and step.action in ("delta", "text-done")):
            is_twice = step.action in ("text-done", "part-done")
            rule = "responses.done-missing" if is_twice else "responses.told-late"
            self._found.add(rule, text.start, "the text was done")
        elif step.action == "delta":
            self._delta(part, text)
        elif step.action == "text-done":
            self._text_done(part, text)
        elif step.action == "part-done":
            self._part_done(part, text)

    def whole(self, item: Item, told: Json, text: JsonText) -> None:
        """The item as it says that it is."""
        self._undone(item, text.start)
        self.compare(item, told, text, ("item",))
        is_whole = item.kind == ARGUMENTS.item and told.get("status") != "incomplete"
        if is_whole and not is_call_of_function(told):
            self._found.add("responses.arguments", text.at("item", "arguments"))

    def compare(self, item: Item, told: Json, text: JsonText, path: tuple[str | int, ...]) -> None:
        """What a whole item says against what was told of it before."""
        call = CALL_KINDS.get(item.kind)
        if call is not None:
            said = self._one_part(item)
            self._same_text(said, told.get(call.key), text, (*path, call.key))
            return
        groups: tuple[Group, ...] = ("content", "summary")
        for group in groups:
            self._compare_parts(item.parts_in(group), told.get(group), text, (*path, group))

    # ---- parts ----

    def _part_added(self, item: Item, group: Group, text: JsonText) -> None:
        value, parts = text.value, item.parts_in(group)
        for name in wrong_in_part(value.get("part")):
            self._found.add("responses.item-fields", text.at("part"), f"part: {name}")
        place, name = value.get(f"{group}_index"), f"{group}_index"
        if place != len(parts) or not is_whole_number(place):
            self._found.add("responses.part-missing", text.at(name), name)
        if len(parts) < MAX_PARTS:
            told = value.get("part")
            kind = PART_KINDS.get(str(told.get("type"))) if isinstance(told, dict) else None
            parts.append(Part(kind, is_told=True))

    def _part_of(self, item: Item, step: Step, text: JsonText) -> Part | None:
        """The part that an event speaks of, begun by it where nothing began it."""
        if not step.group:
            return self._one_part(item)
        parts, name = item.parts_in(step.group), f"{step.group}_index"
        place = text.value.get(name)
        if isinstance(place, int) and is_whole_number(place) and place < len(parts):
            return parts[place]
        if not is_whole_number(place):
            self._found.add("responses.part-missing", text.at(name), f"no {name}")
            for part in reversed(parts):
                if not part.is_done and step.text in (None, part.kind):
                    return part
        if len(parts) >= MAX_PARTS:
            return None
        self._found.add("responses.part-missing", text.start, "it was not added")
        parts.append(Part(step.text, is_told=True))
        return parts[-1]

    def _one_part(self, item: Item) -> Part:
        """The text of a call, which is its only part."""
        parts = item.parts_in("")
        if not parts:
            parts.append(Part(CALL_KINDS.get(item.kind)))
        return parts[0]

    def _delta(self, part: Part, text: JsonText) -> None:
        delta = text.value.get("delta")
        part.is_told = True
        self._told_beside(part, text)
        if not isinstance(delta, str):
            self._found.add("responses.item-fields", text.at("delta"), "a delta is no text")
        elif delta:
            part.pieces.append(delta)

    def _text_done(self, part: Part, text: JsonText) -> None:
        key = part.kind.key if part.kind is not None else "text"
        told = text.value.get(key)
        if not isinstance(told, str):
            self._found.add("responses.item-fields", text.at(key), f"no {key}")
        self._told_beside(part, text)
        if part.kind is ARGUMENTS and not isinstance(text.value.get("name"), str):
            self._found.add("responses.item-fields", text.at("name"), "no name of the function")
        self._same_text(part, told, text, (key,))
        part.is_told = part.is_text_done = True

    def _told_beside(self, part: Part, text: JsonText) -> None:
        """What stands beside a text, or a piece of it."""
        if part.kind is OUTPUT_TEXT and not isinstance(text.value.get("logprobs"), list):
            self._found.add("responses.item-fields", text.at("logprobs"), "no list of logprobs")

    def _part_done(self, part: Part, text: JsonText) -> None:
        told = text.value.get("part")
        for name in wrong_in_part(told):
            self._found.add("responses.item-fields", text.at("part"), f"part: {name}")
        if not part.is_text_done and part.kind is not None:
            self._found.add("responses.done-missing", text.start, "the part's text")
        if isinstance(told, dict) and part.kind is not None:
            self._same_text(part, told.get(part.kind.key), text, ("part", part.kind.key))
        part.is_text_done = part.is_done = True

    # ---- done ----

    def _undone(self, item: Item, at: Where) -> None:
        """The item is done: what began of it must be done too."""
        for part in item.all_parts:
            is_over = part.is_text_done if item.kind in CALL_KINDS else part.is_done
            if part.is_told and not is_over:
                self._found.add("responses.done-missing", at, "a part of the item")

    def _compare_parts(
        self, parts: list[Part], told: Any, text: JsonText, path: tuple[str | int, ...]
    ) -> None:
        said = [one for one in told if isinstance(one, dict)] if isinstance(told, list) else []
        for number, one in enumerate(said):
            kind = PART_KINDS.get(str(one.get("type")))
            if kind is None:
                continue
            if number >= len(parts):
                parts.append(Part(kind))
            self._same_text(parts[number], one.get(kind.key), text, (*path, number, kind.key))
        if len(said) < len(parts) and isinstance(told, list):
            self._found.add("responses.item-fields", text.at(*path), "a part is missing")

    def _same_text(
        self, part: Part, told: Any, text: JsonText, path: tuple[str | int, ...]
    ) -> None:
        """What is said to be the text against the sum of its deltas. That there is none at all is
        told with the fields of the part or the item."""
        said = part.text
        if not isinstance(told, str) or told == said:
            return
        if told.startswith(said):
            self._found.add("responses.deltas-missing", text.at(*path))
            part.pieces = [told]
        else:
            self._found.add("responses.item-fields", text.at(*path), "not the sum of the deltas")


def is_call_of_function(item: Json) -> bool:
    """Whether the arguments of a function are what every client will try to read: an object."""
    try:
        return isinstance(json.loads(item.get("arguments") or ""), dict)
    except (ValueError, TypeError, RecursionError):
        return False
