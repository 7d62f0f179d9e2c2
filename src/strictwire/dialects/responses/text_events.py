"""The events of parts and of the texts in them, as a server told them.

Contract: as in ``item_events``. A delta that goes on where the last one ended, with nothing wrong
about it, is what nearly every chunk is: ``goes_on`` looks for no more than that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from strictwire.dialects.responses.item_events import ItemEvents
from strictwire.dialects.responses.items import Item, Part
from strictwire.dialects.responses.kinds import (
    OUTPUT_TEXT,
    TextKind,
    home_of,
    part_kind,
    says_what_it_is,
)
from strictwire.dialects.responses.telling import done_fields, place_of
from strictwire.dialects.responses.upkeep import Upkeep, as_text
from strictwire.model.chunks import Chunk


class TextEvents:
    __slots__ = ("_items", "up")

    def __init__(self, up: Upkeep, items: ItemEvents) -> None:
        self.up = up
        self._items = items

    def on_part_added(self, chunk: Chunk) -> None:
        value, up = chunk.value, self.up
        told = value.get("part")
        item, kind = self._item_and_kind(value, told if isinstance(told, dict) else {})
        place = value.get(_place_in(value))
        if not isinstance(told, dict) or kind is None:
            # A part of another kind says all at its end.
            up.mend("responses.item-fields") if not isinstance(told, dict) else None
            return
        if up.part_of(item, kind, place) is not None:
            up.mend("responses.part-missing")  # told twice
            return
        part = up.new_part(item, kind, place)
        opening = part.opening()
        early = told.get(kind.field)
        part.early = early if isinstance(early, str) else ""
        if not opening.items() <= told.items():
            up.mend("responses.item-fields")
            told = told | opening
        self._items.check_place(value, item, part)
        up.out.append(up.telling.passed(chunk, place_of(item, part) | {"part": told}))

    def _item_and_kind(
        self, value: Mapping[str, Any], part: Mapping[str, Any]
    ) -> tuple[Item, TextKind | None]:
        holder = "summary" if "summary" in value["type"] else "content"
        # A part that is at home in one type of item stands in no other, whatever its id says.
        home = "reasoning" if holder == "summary" else home_of(part)
        named = self.up.ledger.named(value.get("item_id"))
        is_open = named is not None and not named.is_done and named.is_known
        if named is not None and is_open and home in ("", named.kind):
            return named, part_kind(named.kind, holder, part)
        item = self._items.item_of(value, home or "message")
        return item, part_kind(item.kind, holder, part)

    def on_part_done(self, chunk: Chunk) -> None:
        value, up = chunk.value, self.up
        told = value.get("part")
        if not isinstance(told, dict) or not says_what_it_is(told):
            up.mend("responses.item-fields")  # it is told again when its item is done
            return
        named = up.ledger.named(value.get("item_id"))
        if up.ledger.ended(named.kind if named else "message", value):
            up.mend("responses.done-missing")  # told too late
            return
        item, kind = self._item_and_kind(value, told)
        place = value.get(_place_in(value))
        if kind is None:
            up.carry_part(item, told, place)
            return
        part = unended(item, kind, place)
        if part is None:
            if any(one.kind is kind and one.told_index == place for one in item.parts):
                up.mend("responses.done-missing")  # told twice
                return
            up.mend("responses.part-missing")
            part = up.open_part(item, kind, place)
        self._end_text(item, part, told)
        own = part.object()
        keys = part.opening().keys()
        part.value = {name: told[name] for name in told if name not in keys}
        right = {name: own[name] for name in keys if name != "logprobs" or not _list_in(told, name)}
        if part.kind is OUTPUT_TEXT and _list_in(told, "logprobs"):
            part.logprobs = told["logprobs"]
        if not right.items() <= told.items():
            up.mend("responses.item-fields")
            told = told | right
        self._items.check_place(value, item, part)
        part.is_done = True
        up.out.append(up.telling.passed(chunk, place_of(item, part) | {"part": told}))

    def _end_text(self, item: Item, part: Part, told: dict[str, Any]) -> None:
        """The text's own done event, where only the part's came."""
        up, kind = self.up, part.kind or OUTPUT_TEXT
        if up.say_rest(item, part, as_text(told.get(kind.field)), told):
            up.mend("responses.deltas-missing")
        if not part.is_text_done:
            up.mend("responses.done-missing")
            part.is_done = True  # its own event is at hand
            up.close_part(item, part)

    def goes_on(self, chunk: Chunk, kind: TextKind) -> bool:
        """Whether a delta goes on where the last one ended, and nothing is wrong with it. If so,
        it was heard."""
        value, up = chunk.value, self.up
        if up.last is None:
            return False
        item, part = up.last
        text, logprobs = value.get("delta"), None
        told_index, told_number = value.get("output_index"), value.get("sequence_number")
        place = value.get(kind.place) if kind.place else 0
        if (
            part.kind is not kind
            or part.is_text_done
            or item.index < 0
            or value.get("item_id") != item.id
            or told_index != item.index
            or (kind.place and not place == part.index == part.told_index)
            or not isinstance(text, str)
            or not told_number == up.told_number == up.telling.number
            # False is 0 to Python, and to no client.
            or not type(told_index) is type(told_number) is type(place) is int
        ):
            return False
        if kind is OUTPUT_TEXT:
            logprobs = value.get("logprobs")
            if not isinstance(logprobs, list):
                return False
        up.heard(item, part, text, logprobs)
        up.count()
        return True

    def on_delta(self, chunk: Chunk, kind: TextKind) -> None:
        value, up = chunk.value, self.up
        item = self._items.item_of(value, kind.item)
        part = up.part_of(item, kind, value.get(kind.place))
        if part is None:
            if kind.place:
                up.mend("responses.part-missing")
            part = up.open_part(item, kind, value.get(kind.place))
        if part.is_text_done or part.is_told_whole:
            return  # more arguments of a call that were said to be whole
        self._pass_delta(chunk, item, part)

    def _pass_delta(self, chunk: Chunk, item: Item, part: Part) -> None:
        value, up = chunk.value, self.up
        text = as_text(value.get("delta")) or ""
        right: dict[str, Any] = place_of(item, part) | {"delta": text}
        logprobs = value.get("logprobs")
        if part.kind is not OUTPUT_TEXT:
            logprobs = None
        elif not isinstance(logprobs, list):
            right["logprobs"] = logprobs = []
        if item.index >= 0:
            self._items.check_place(value, item, part)
            if not isinstance(value.get("delta"), str) or "logprobs" in right:
                up.mend("responses.item-fields")
            up.out.append(up.telling.passed(chunk, right))
        up.heard(item, part, text, logprobs)

    def on_text_done(self, chunk: Chunk, kind: TextKind) -> None:
        value, up = chunk.value, self.up
        if up.ledger.ended(kind.item, value):
            up.mend("responses.done-missing")  # told too late
            return
        item = self._items.item_of(value, kind.item, is_end=True)
        place = value.get(kind.place)
        full = as_text(value.get(kind.field))
        part = up.part_of(item, kind, place)
        if part is None:
            if any(one.kind is kind and place in (None, one.told_index) for one in item.parts):
                up.mend("responses.done-missing")  # told twice
                return
            if kind.place:
                up.mend("responses.part-missing")
            part = up.open_part(item, kind, place)
        if up.say_rest(item, part, full, value if kind is OUTPUT_TEXT else None):
            up.mend("responses.deltas-missing")
        part.is_told_whole = bool(full)
        if item.index >= 0:
            self._pass_text_done(chunk, item, part)

    def _pass_text_done(self, chunk: Chunk, item: Item, part: Part) -> None:
        value, up = chunk.value, self.up
        kind = part.kind or OUTPUT_TEXT
        if not part.text:
            up.say_at_last(item, part)
        part.is_text_done = True
        part.is_done = not kind.place  # the text of a call is no part
        right = done_fields(item, part)
        if value.get(kind.field) != right[kind.field] or value.get("name", "") != right.get(
            "name", ""
        ):
            up.mend("responses.item-fields")
        if kind is OUTPUT_TEXT and not _list_in(value, "logprobs"):
            up.mend("responses.item-fields")
            right["logprobs"] = part.logprobs.copy()
        self._items.check_place(value, item, part)
        up.out.append(up.telling.passed(chunk, right))

    def on_annotation(self, chunk: Chunk) -> None:
        value, up = chunk.value, self.up
        item = self._items.item_of(value, "message")
        place = value.get("content_index")
        part = unended(item, OUTPUT_TEXT, place)
        if part is None:
            up.mend("responses.part-missing")
            part = up.open_part(item, OUTPUT_TEXT, place)
        annotation = value.get("annotation")
        if annotation is None:
            up.mend("responses.item-fields")
            return
        part.annotations.append(annotation)
        up.size_bytes += len(repr(annotation))
        self._items.check_place(value, item, part)
        right = place_of(item, part) | {"annotation_index": len(part.annotations) - 1}
        up.out.append(up.telling.passed(chunk, right))


def unended(item: Item, kind: TextKind, told_index: Any) -> Part | None:
    """The part that a server means, which was not said to be done, whatever its text was."""
    for part in reversed(item.undone_parts()):
        is_meant = not isinstance(told_index, int) or part.told_index == told_index
        if part.kind is kind and is_meant:
            return part
    return None


def _place_in(value: Mapping[str, Any]) -> str:
    return "summary_index" if "summary" in value["type"] else "content_index"


def _list_in(told: Mapping[str, Any], name: str) -> bool:
    return isinstance(told.get(name), list)
