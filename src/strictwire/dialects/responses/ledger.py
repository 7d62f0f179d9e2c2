"""Which item a server means: by its id, else by its place in the output, else by what is open.

Contract: the items of one reply, in the order in which they were first heard of. Servers change the
id of an item from event to event, use one index for all, or tell neither (quirk 75), so one sign is
enough, and the surest that is there counts. At most ``MAX_ITEMS``, ``MAX_OPEN_ITEMS`` at once.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

from strictwire.dialects.responses.items import Item
from strictwire.model.errors import PeerError

# A turn with hundreds of tool calls has been seen; a reply that opens items without end must not
# fill our memory, for each is kept until the response is complete.
MAX_ITEMS = 4096
# Of those that are not done: calls side by side, some hundreds at most. An event without a name is
# looked for among all of them.
MAX_OPEN_ITEMS = 1024


class Ledger:
    __slots__ = ("_by_id", "_by_told_index", "_from", "_open", "announced", "call_ids", "items")

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.announced: list[Item] = []
        self.call_ids: set[str] = set()  # of the calls that were announced
        self._open: list[Item] = []  # and some that are done since
        self._by_id: dict[str, Item] = {}
        self._by_told_index: dict[int, Item] = {}
        # By kind, up to where ``match`` found nothing that was free.
        self._from: dict[str, int] = {}

    def named(self, told_id: Any) -> Item | None:
        return self._by_id.get(told_id) if isinstance(told_id, str) else None

    def find(self, kind: str, told: Mapping[str, Any], *, is_end: bool = False) -> Item | None:
        """The item of a kind that an event means, still open. ``told`` has the event's ``item_id``
        and ``output_index``; ``is_end``: it is an event that ends what was begun."""
        told_id, told_index = told.get("item_id"), told.get("output_index")
        item = self.named(told_id)
        if item is not None and item.kind == kind and not item.is_done:
            item.is_id_used = True
            return item
        if isinstance(told_index, int):
            item = self._by_told_index.get(told_index)
            if item is not None and item.kind == kind and not item.is_done:
                return item
        for item in reversed(self.open_items()):
            if item.kind != kind:
                continue
            # Who named its item rightly before means another one by another name.
            is_other = bool(told_id) and item.is_id_used and not is_end
            if not is_other and (item.told_index is None or not isinstance(told_index, int)):
                return item
        return None

    def ended(self, kind: str, told: Mapping[str, Any]) -> bool:
        """Whether the item that an event means was done already, so that it tells nothing new."""
        told_id, told_index = told.get("item_id"), told.get("output_index")
        item = self.named(told_id)
        if item is None and not told_id and isinstance(told_index, int):
            item = self._by_told_index.get(told_index)
        return item is not None and item.kind == kind and item.is_done

    def match(self, told: Mapping[str, Any], place: int, taken: Container[int]) -> Item | None:
        """The item that an entry of the final output means; ``taken`` has the indexes of those
        that others meant, and only grows."""
        kind = told.get("type")
        named = self.named(told.get("id"))
        at_place = self.announced[place] if place < len(self.announced) else None
        for item in (named, at_place):
            if item is not None and item.kind == kind and item.index not in taken:
                return item
        for number in range(self._from.get(str(kind), 0), len(self.items)):
            item = self.items[number]
            if item.kind == kind and item.index not in taken:
                return item
            self._from[str(kind)] = number
        return None

    def add(self, kind: str, told_id: Any, told_index: Any) -> Item:
        """A new item. It has the id that the server gave it, unless another has that already."""
        if len(self.items) == MAX_ITEMS:
            raise _too_many(f"{MAX_ITEMS} items")
        if len(self._open) >= MAX_OPEN_ITEMS and len(self.open_items()) >= MAX_OPEN_ITEMS:
            raise _too_many(f"{MAX_OPEN_ITEMS} items that are not done")
        is_free = isinstance(told_id, str) and bool(told_id) and told_id not in self._by_id
        index = told_index if isinstance(told_index, int) else None
        item = Item(kind, told_id if is_free else "", index)
        self.items.append(item)
        self._open.append(item)
        if is_free:
            self._by_id[told_id] = item
        if index is not None:
            self._by_told_index[index] = item
        return item

    def announce(self, item: Item, own_id: str) -> None:
        """The item takes its place in the output. ``own_id`` is for one without an id."""
        item.index = len(self.announced)
        self.announced.append(item)
        if not item.id:
            item.id = own_id if own_id not in self._by_id else f"{own_id}_{item.index}"
            self._by_id[item.id] = item

    def open_items(self) -> list[Item]:
        self._open = [item for item in self._open if not item.is_done]
        return self._open

    def copied(self) -> tuple[Ledger, dict[int, Item]]:
        """A copy, and its items by the ``id()`` of those here."""
        twins = {id(item): item.copied() for item in self.items}
        copy = Ledger()
        copy.items = [twins[id(item)] for item in self.items]
        copy.call_ids = self.call_ids.copy()
        copy._open = [twins[id(item)] for item in self._open]
        copy.announced = [twins[id(item)] for item in self.announced]
        copy._by_id = {name: twins[id(item)] for name, item in self._by_id.items()}
        copy._by_told_index = {n: twins[id(item)] for n, item in self._by_told_index.items()}
        return copy, twins


def _too_many(what: str) -> PeerError:
    return PeerError(f"The upstream's reply has more than {what}.", code="upstream_reply_too_large")
