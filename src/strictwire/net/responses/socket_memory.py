"""What one WebSocket connection remembers of its own turns, whether they are stored or not.

Contract: ``turns.Memory``. It knows the last few responses of the connection, each with all that
was said before it, and asks the shelf for any other. It ends with the connection.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from strictwire.model.stored import StoredResponse
from strictwire.net.responses.items import Item, id_of, items_of, output_of
from strictwire.net.responses.shelf import Shelf

# A client goes on from the last response, or from an earlier one to try another way.
MAX_REMEMBERED = 16


class SocketMemory:
    """``max_bytes`` bounds one conversation; a longer one is not remembered."""

    def __init__(self, shelf: Shelf, max_bytes: int) -> None:
        self._shelf = shelf
        self._max_bytes = max_bytes
        # They share the turns that they have in common.
        self._histories: OrderedDict[str, tuple[StoredResponse, ...]] = OrderedDict()

    @property
    def is_shared(self) -> bool:
        return self._shelf.is_shared

    def remember(self, history: Sequence[StoredResponse], response: StoredResponse) -> None:
        turns = (*history, response)
        if sum(one.size_bytes for one in turns) > self._max_bytes:
            return
        self._histories[response.id] = turns
        while len(self._histories) > MAX_REMEMBERED:
            self._histories.popitem(last=False)

    async def knows(self, response_id: str, owner: str) -> bool:
        return response_id in self._histories or await self._shelf.knows(response_id, owner)

    async def history(self, response_id: str, owner: str) -> list[StoredResponse] | None:
        turns = self._histories.get(response_id)
        if turns is not None:
            self._histories.move_to_end(response_id)
            return list(turns)
        return await self._shelf.history(response_id, owner)

    async def items(self, item_ids: Sequence[str], owner: str) -> dict[str, Item]:
        wanted = set(item_ids)
        found: dict[str, Item] = {}
        for response in {
            one.id: one for turns in self._histories.values() for one in turns
        }.values():
            if wanted.intersection(response.item_ids):
                for item in (*items_of(response.input), *output_of(response.value)):
                    found.setdefault(id_of(item), item)
        known = {one: found[one] for one in item_ids if one in found}
        missing = [one for one in item_ids if one not in known]
        return known | await self._shelf.items(missing, owner) if missing else known
