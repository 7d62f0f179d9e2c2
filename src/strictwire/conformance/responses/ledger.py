"""The items of one response as its events told them, and the way from an event to its item.

Contract: ``item_of`` finds the item that a forgiving client would take an event for: by id, by
place, else the open one of that kind. Nothing is judged here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from strictwire.conformance.json_text import Where
from strictwire.conformance.responses.kinds import Group, TextKind

Json = dict[str, Any]

# Items of one response that are followed. A long turn of an agent has some dozens, and an event
# without id and place is compared with all that are open.
MAX_ITEMS = 512
# Parts of one item, as of items.
MAX_PARTS = 512


@dataclass(slots=True, eq=False)
class Part:
    """A text of an item. ``is_told``: it was added, or a delta came."""

    kind: TextKind | None
    pieces: list[str] = field(default_factory=list)
    is_told: bool = False
    is_text_done: bool = False
    is_done: bool = False

    @property
    def text(self) -> str:
        if len(self.pieces) > 1:
            self.pieces = ["".join(self.pieces)]
        return self.pieces[0] if self.pieces else ""


@dataclass(slots=True, eq=False)
class Item:
    """``place`` is the ``output_index`` that the server uses for it, None before it told one."""

    kind: str
    id: str
    place: int | None
    at: Where
    parts: dict[Group, list[Part]] = field(default_factory=dict)
    is_done: bool = False
    final: Json | None = None

    def parts_in(self, group: Group) -> list[Part]:
        return self.parts.setdefault(group, [])

    @property
    def all_parts(self) -> list[Part]:
        return [part for parts in self.parts.values() for part in parts]


class Ledger:
    __slots__ = ("_by_id", "call_ids", "items")

    def __init__(self) -> None:
        self.call_ids: set[str] = set()
        self.items: list[Item] = []
        self._by_id: dict[str, Item] = {}

    @property
    def is_full(self) -> bool:
        return len(self.items) >= MAX_ITEMS

    @property
    def open(self) -> list[Item]:
        return [item for item in self.items if not item.is_done]

    def add(self, item: Item) -> Item:
        self.items.append(item)
        if item.id:
            self._by_id[item.id] = item  # of several with one id, the newest
        return item

    def named(self, identity: Any) -> Item | None:
        return self._by_id.get(identity) if isinstance(identity, str) else None

    def adopt(self, item: Item, identity: str) -> None:
        """An item that had no id has one now."""
        item.id = identity
        self._by_id.setdefault(identity, item)

    def item_of(self, identity: Any, place: Any, kind: str) -> Item | None:
        """``kind`` is empty where the event fits several."""
        named = self.named(identity)
        if named is not None:
            return named
        fitting = [item for item in self.open if kind in ("", item.kind) or not item.kind]
        if isinstance(place, int):
            there = [item for item in fitting if item.place in (place, None)]
            return there[-1] if there else None
        return fitting[-1] if fitting else None
