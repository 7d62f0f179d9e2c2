"""The items of a Responses stream: announced, told in parts, closed, each at its place.

Contract: ``event`` takes every event of an item. It tells what is wrong, and follows the item that
a forgiving client would have understood, so that one mistake is not told again as another: what
was never announced is announced by the first event that speaks of it.
Source: docs/contract.md, "Responses"; docs/quirks.md, 72 to 77 and 92.
"""

from __future__ import annotations

from typing import Any

from strictwire.conformance.json_text import JsonText, Place
from strictwire.conformance.reply import Reply
from strictwire.conformance.responses.fields import is_text, wrong_in_item
from strictwire.conformance.responses.kinds import CALL_KINDS, KNOWN_ITEMS, Action, Step
from strictwire.conformance.responses.ledger import Item, Ledger
from strictwire.conformance.responses.texts import TextsJudge
from strictwire.conformance.usage import is_whole_number

Json = dict[str, Any]


class ItemsJudge:
    """Judges the items of one stream."""

    __slots__ = ("_found", "_texts", "is_beyond", "ledger")

    def __init__(self, reply: Reply) -> None:
        self._found = reply.found
        self._texts = TextsJudge(reply.found)
        self.ledger = Ledger()
        # More items came than are followed: of them nothing is told, also not in the end.
        self.is_beyond = False

    def event(self, step: Step | None, text: JsonText) -> None:
        """``step`` is None for the inner events of an item that is carried as it comes."""
        if self.is_beyond:
            return
        value = text.value
        if step is not None and step.action in ("item-added", "item-done"):
            self._whole(value, step.action, text)
            return
        if step is None and not {"item_id", "output_index"} & value.keys():
            return
        kind = self._kind_of(step)
        item = self._item_of(value, value.get("item_id"), kind, text, is_inner=True)
        if item is None:
            return
        if step is None:
            self._is_late(item, text)
        elif kind and item.kind != kind:
            self._found.add("responses.delta-kind", text.start, f"in an item {item.kind}")
        elif not self._is_late(item, text):
            self._texts.step(item, step, text)

    def close(self, offset: Place | int) -> None:
        """The response is over."""
        for item in self.ledger.open:
            self._found.add("responses.done-missing", offset, f"item {item.id}")

    def _is_late(self, item: Item, text: JsonText) -> bool:
        if item.is_done:
            self._found.add("responses.told-late", text.start, "the item was done")
        return item.is_done

    def _kind_of(self, step: Step | None) -> str:
        if step is None:
            return ""
        if step.text is not None:
            return step.text.item
        return "reasoning" if step.group == "summary" else ""

    # ---- items told whole ----

    def _whole(self, value: Json, action: Action, text: JsonText) -> None:
        told = value.get("item")
        for name in wrong_in_item(told, is_done=action == "item-done"):
            self._found.add("responses.item-fields", text.at("item"), name)
        told = told if isinstance(told, dict) else {}
        kind = told["type"] if is_text(told.get("type")) else ""
        identity = told["id"] if is_text(told.get("id")) else ""
        if action == "item-added":
            # Without its type nothing was announced: the next event says what it is.
            if kind:
                self._added(value, kind, identity, text)
            return
        item = self._item_of(value, identity or None, kind, text, is_inner=False)
        if item is None:
            return
        if item.is_done:
            self._found.add("responses.done-missing", text.start, "the item was done")
            return
        if kind in KNOWN_ITEMS and item.kind == kind:
            self._texts.whole(item, told, text)
        item.is_done, item.final = True, told

    def _added(self, value: Json, kind: str, identity: str, text: JsonText) -> None:
        if self.ledger.is_full:
            self.is_beyond = True
            return
        if identity and self.ledger.named(identity) is not None:
            self._found.add("responses.item-id", text.at("item", "id"), "another item has the same")
        # The items of results have the ``call_id`` of their call.
        if kind in CALL_KINDS:
            self._call_id(value["item"].get("call_id"), text)
        place = self._place_of(value, text)
        self.ledger.add(Item(kind, identity, place, text.start))

    def _call_id(self, told: Any, text: JsonText) -> None:
        if is_text(told) and told in self.ledger.call_ids:
            self._found.add("responses.item-id", text.at("item", "call_id"), "another call's")
        self.ledger.call_ids.add(str(told))

    def _place_of(self, value: Json, text: JsonText) -> int | None:
        """The place of a new item, which is the number of those before it."""
        place, right = value.get("output_index"), len(self.ledger.items)
        if not is_whole_number(place):
            self._found.add("responses.output-index", text.at("output_index"), "there is none")
            return None
        if place != right:
            self._found.add(
                "responses.output-index", text.at("output_index"), f"{place}, not {right}"
            )
        return int(str(place))

    # ---- whose event it is ----

    def _item_of(
        self, value: Json, identity: Any, kind: str, text: JsonText, *, is_inner: bool
    ) -> Item | None:
        """``is_inner``: the event speaks of an item that it does not bring with it."""
        place = value.get("output_index") if is_whole_number(value.get("output_index")) else None
        item = self.ledger.item_of(identity, place, kind)
        if item is None:
            return self._unannounced(value, identity, kind, text)
        item.kind = item.kind or kind
        self._same_id(item, identity, text, is_inner=is_inner)
        if place is None or (item.place is not None and place != item.place):
            word = "there is none" if place is None else f"{place}, not {item.place}"
            if place is not None or item.place is not None or is_inner:
                self._found.add("responses.output-index", text.at("output_index"), word)
        return item

    def _same_id(self, item: Item, identity: Any, text: JsonText, *, is_inner: bool) -> None:
        path = ("item_id",) if is_inner else ("item", "id")
        if not is_text(identity):
            # That an item itself has none is told with its fields.
            if is_inner:
                self._found.add("responses.item-fields", text.at(*path), "no item_id")
        elif not item.id:
            self.ledger.adopt(item, identity)
            if is_inner:
                self._found.add(
                    "responses.item-id", text.at(*path), "the item was announced without"
                )
        elif self.ledger.named(identity) is not item:
            self._found.add("responses.item-id", text.at(*path), "it is another's, or new")

    def _unannounced(self, value: Json, identity: Any, kind: str, text: JsonText) -> Item | None:
        self._found.add("responses.item-added-missing", text.start, kind)
        if self.ledger.is_full:
            self.is_beyond = True
            return None
        told = identity if is_text(identity) else ""
        if not told and "item" not in value:
            self._found.add("responses.item-fields", text.at("item_id"), "no item_id")
        item = self.ledger.add(Item(kind, told, self._place_of(value, text), text.start))
        if kind in CALL_KINDS:
            item.parts_in("")
        return item
