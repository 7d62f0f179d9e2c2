"""The output of the last event against the items that the stream told.

Contract: ``judge`` compares what is listed with what came before. Items that only the list has were
kept from who follows the stream; items that the list lacks are lost for who reads the list.
Source: docs/contract.md, "Responses"; docs/quirks.md, 75 to 77 and 92.
"""

from __future__ import annotations

from typing import Any

from strictwire.conformance.finding import Findings
from strictwire.conformance.json_text import JsonText
from strictwire.conformance.responses.fields import wrong_in_item
from strictwire.conformance.responses.kinds import KNOWN_ITEMS
from strictwire.conformance.responses.ledger import MAX_ITEMS, Item, Ledger
from strictwire.conformance.responses.texts import TextsJudge

Json = dict[str, Any]
_PATH = ("response", "output")
# Items of the list that are compared, each with all that were told.
MAX_LISTED = 4 * MAX_ITEMS


class OutputJudge:
    __slots__ = ("_found", "_ledger", "_texts")

    def __init__(self, ledger: Ledger, found: Findings) -> None:
        self._ledger = ledger
        self._found = found
        self._texts = TextsJudge(found)

    def judge(self, output: list[Any], text: JsonText) -> None:
        items = self._ledger.items
        left = list(items)
        matched: list[Item] = []
        for number, told in enumerate(output[:MAX_LISTED]):
            item = self._match(told, left)
            for name in wrong_in_item(told, is_done=True):
                self._found.add("responses.item-fields", text.at(*_PATH, number), name)
            if item is None:
                self._found.add("responses.only-final", text.at(*_PATH, number))
                continue
            left.remove(item)
            matched.append(item)
            if item.id and told.get("id") != item.id:
                self._found.add("responses.item-id", text.at(*_PATH, number, "id"))
            if item.kind in KNOWN_ITEMS:
                self._texts.compare(item, told, text, (*_PATH, number))
        if left:
            self._found.add(
                "responses.output-missing", text.at(*_PATH), f"{len(left)} of {len(items)} items"
            )
        order = [items.index(item) for item in matched]
        if order != sorted(order):
            self._found.add("responses.output-order", text.at(*_PATH))

    def _match(self, told: Any, left: list[Item]) -> Item | None:
        """The item that is meant: by its id, else the first of its kind that says the same."""
        if not isinstance(told, dict):
            return None
        named = self._ledger.named(told.get("id"))
        if named is not None and named in left and named.kind == told.get("type"):
            return named
        alike = [item for item in left if item.kind == told.get("type")]
        return alike[0] if alike else None
