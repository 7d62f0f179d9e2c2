"""The events of whole items, as a server told them: added, done, and the steps of items that we do
not look into.

Contract: each ``on_`` method takes one loose chunk and leaves strict ones in ``Upkeep.out``; what
was wrong is noted under the name of its row. Numbers were judged before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from strictwire.dialects.responses.items import Item, Part
from strictwire.dialects.responses.kinds import CALLS, CARRIED_ITEMS
from strictwire.dialects.responses.upkeep import STATUSES, Upkeep, parts_told
from strictwire.model.chunks import Chunk


class ItemEvents:
    __slots__ = ("up",)

    def __init__(self, up: Upkeep) -> None:
        self.up = up

    def on_item_added(self, chunk: Chunk) -> None:
        value, up = chunk.value, self.up
        told = value.get("item")
        if not isinstance(told, dict) or not _is_text(told.get("type")):
            up.mend("responses.item-fields")  # the next event of the item will say what it is
            return
        told_index = value.get("output_index")
        item = up.ledger.named(told.get("id"))
        if item is not None and item.kind == told["type"] and item.told_index in (told_index, None):
            if item.is_done or item.index >= 0:
                up.mend("responses.item-id")  # told twice
                return
        else:
            self.close_unannounced()
            item = up.add(told["type"], told.get("id"), told_index)
        item.is_announced_there = True
        keep_fields(item, told)
        if item.kind in CALLS and not item.fields.get("name"):
            up.mend("responses.item-fields")  # a call cannot be announced without its name
            return
        self._pass_item_added(chunk, item, told)

    def _pass_item_added(self, chunk: Chunk, item: Item, told: dict[str, Any]) -> None:
        up = self.up
        held = [part for part in item.parts if part.text]
        up.enter(item)
        right = item.opening()
        if not item.is_known:
            right = {
                name: right[name] for name in right if name in ("id", "type") or name not in told
            }
        elif told.get("status") in STATUSES or ("status" not in told and not item.has_status):
            right.pop("status", None)
        mended = told if right.items() <= told.items() else told | right
        if mended is not told:
            up.mend("responses.item-fields")
            item.early = told
        if chunk.value.get("output_index") != item.index:
            up.mend("responses.output-index")
        right = {"output_index": item.index, "item": mended}
        up.out.append(up.telling.passed(chunk, right))
        for part in held:
            up.out.append(up.telling.delta(item, part, part.text.joined(), []))

    def on_item_done(self, chunk: Chunk) -> None:
        value, up = chunk.value, self.up
        told = value.get("item")
        if not isinstance(told, dict) or not _is_text(told.get("type")):
            up.mend("responses.item-fields")
            return
        named = up.ledger.named(told.get("id"))
        is_same = named is not None and named.is_done and named.kind == told["type"]
        if named is not None and is_same and value.get("output_index") in (named.told_index, None):
            up.mend("responses.done-missing")  # told twice
            return
        place = {"item_id": told.get("id"), "output_index": value.get("output_index")}
        item = up.ledger.find(told["type"], place, is_end=True)
        if item is None:
            item = self._item_from_end(told, value.get("output_index"))
        elif item.index < 0:
            keep_fields(item, told)
            up.announce(item)
        self._pass_item_done(chunk, item, told)

    def _item_from_end(self, told: dict[str, Any], told_index: Any) -> Item:
        """An item that only its end tells of."""
        up = self.up
        up.mend("responses.item-added-missing")
        self.close_unannounced()
        item = up.add(told["type"], told.get("id"), told_index)
        keep_fields(item, told)
        up.announce(item)
        if _has_text(item, told):
            up.mend("responses.deltas-missing")
            up.settle(item, told)
        return item

    def _pass_item_done(self, chunk: Chunk, item: Item, told: dict[str, Any]) -> None:
        up = self.up
        is_whole = all(part.is_done for part in item.parts)
        before = _text_sizes(item)
        up.settle(item, told)
        if _text_sizes(item) != before:
            up.mend("responses.deltas-missing")
        elif not is_whole:
            up.mend("responses.done-missing")
        item.final = up.final_of(item, told, "completed")
        self._note_item(item, told)
        if chunk.value.get("output_index") != item.index:
            up.mend("responses.output-index")
        right = {"output_index": item.index, "item": item.final}
        up.out.append(up.telling.passed(chunk, right))

    def _note_item(self, item: Item, told: Mapping[str, Any]) -> None:
        """What was wrong with an item's last word."""
        final = item.final or {}
        told_id = told.get("id")
        if isinstance(told_id, str) and told_id and told_id != item.id:
            self.up.mend("responses.item-id")
        if any(final[name] != told.get(name) for name in final if name != "id") or not told_id:
            self.up.mend("responses.item-fields")

    def item_of(self, value: Mapping[str, Any], kind: str, *, is_end: bool = False) -> Item:
        """The item of a text, announced if it can be."""
        up = self.up
        item = up.ledger.find(kind, value, is_end=is_end)
        if item is None:
            up.mend("responses.item-added-missing")
            self.close_unannounced()
            item = up.add(kind, value.get("item_id"), value.get("output_index"))
            if kind not in CALLS:
                up.announce(item)
        name = value.get("name")
        if item.index < 0 and isinstance(name, str) and name:
            item.fields["name"] = name
            # Announced under a made-up call id, the call would be another one at its end.
            if item.fields.get("call_id"):
                up.announce(item)
        return item

    def check_place(self, value: Mapping[str, Any], item: Item, part: Part) -> None:
        mend = self.up.mend
        if value.get("item_id") != item.id:
            mend("responses.item-id" if value.get("item_id") else "responses.item-fields")
        if value.get("output_index") != item.index:
            mend("responses.output-index")
        if part.kind and part.kind.place and value.get(part.kind.place) != part.index:
            mend("responses.part-missing")

    def close_unannounced(self) -> None:
        """An item that the server never told of will not be ended by it either."""
        for item in self.up.ledger.open_items():
            if not item.is_announced_there and item.index >= 0:
                self.up.close_item(item, "completed")

    def on_other(self, chunk: Chunk) -> None:
        """An inner step of an item of another kind, or something that belongs to none."""
        value, up = chunk.value, self.up
        kind = _item_in(value["type"])
        right: dict[str, Any] = {}
        if kind is not None:
            item = up.ledger.named(value.get("item_id")) or up.ledger.find(kind, value)
            if item is None:
                up.mend("responses.item-added-missing")
                item = up.add(kind, value.get("item_id"), value.get("output_index"))
                up.announce(item)
            if item.is_done:
                up.mend("responses.done-missing")  # told too late
                return
            if value.get("output_index") != item.index:
                up.mend("responses.output-index")
            right = {"item_id": item.id, "output_index": item.index}
        up.out.append(up.telling.passed(chunk, right))


def _is_text(told: Any) -> bool:
    return isinstance(told, str) and bool(told)


def keep_fields(item: Item, told: Mapping[str, Any]) -> None:
    own = ("id", "type", "status", "content", "summary", "arguments", "input")
    if item.is_known:
        fields = {name: told[name] for name in told if name not in own}
    else:
        fields = {name: told[name] for name in told if name not in ("id", "type")}
    for name in ("role", "name", "call_id"):
        if name in fields and not _is_text(fields[name]):
            del fields[name]
    if item.kind == "message" and fields.get("role") != "assistant":
        fields["role"] = "assistant"  # who else
    item.fields |= fields


def _text_sizes(item: Item) -> list[tuple[int, int]]:
    return [(len(part.text.joined()), len(part.annotations)) for part in item.parts]


def _has_text(item: Item, told: dict[str, Any]) -> bool:
    call = CALLS.get(item.kind)
    if call is not None:
        return bool(told.get(call.field))
    return bool(parts_told(told, "content") or parts_told(told, "summary"))


def _item_in(event: str) -> str | None:
    """The type of the item of which an event tells an inner step; None where of none."""
    name = event.removeprefix("response.")
    return next((kind for kind in CARRIED_ITEMS if name.startswith(kind)), None)
