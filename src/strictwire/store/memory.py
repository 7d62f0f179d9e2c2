"""Keeps responses in the memory of this process, bounded in bytes and in number.

Contract: ``model.stored.ResponseStore``. What was used least recently goes first when there is no
room. A response larger than all the room is not kept. Another process knows nothing of it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace

from strictwire.model.stored import StoredResponse

# Beside the bytes of a response: objects, dictionary entries, the strings of id and owner; and
# for each of its items one more entry and the item's id.
_OVERHEAD_BYTES = 1024
_ITEM_BYTES = 300
# Small ones cost more to find than to hold; more conversations than that no process serves.
MAX_RESPONSES = 100_000

_Key = tuple[str, str]


class MemoryStore:
    """``max_bytes`` bounds what all kept responses take together, about."""

    def __init__(self, max_bytes: int, *, max_responses: int = MAX_RESPONSES) -> None:
        self._max_bytes = max_bytes
        self._max_responses = max_responses
        self._kept: OrderedDict[_Key, StoredResponse] = OrderedDict()
        self._holders: dict[_Key, str] = {}
        self.size_bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    async def check(self) -> None:
        """It can always be used."""

    async def put(self, response: StoredResponse) -> None:
        self._drop((response.owner, response.id))
        if _size_bytes(response) > self._max_bytes:
            return
        self._kept[response.owner, response.id] = response
        self.size_bytes += _size_bytes(response)
        for item_id in response.item_ids:
            self._holders[response.owner, item_id] = response.id
        while self.size_bytes > self._max_bytes or len(self._kept) > self._max_responses:
            self._drop(next(iter(self._kept)))

    async def get(self, response_id: str, owner: str, now: int) -> StoredResponse | None:
        key = (owner, response_id)
        response = self._kept.get(key)
        if response is None:
            return None
        if response.expires_at <= now:
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return response

    async def holders(self, item_ids: Sequence[str], owner: str, now: int) -> dict[str, str]:
        found: dict[str, str] = {}
        for item_id in item_ids:
            holder = self._holders.get((owner, item_id))
            if holder is not None and await self.get(holder, owner, now) is not None:
                found[item_id] = holder
        return found

    async def delete(self, response_id: str, owner: str, now: int) -> bool:
        dropped = self._drop((owner, response_id))
        return dropped is not None and dropped.expires_at > now

    async def extend(self, ids: Sequence[str], owner: str, expires_at: int) -> None:
        for one in ids:
            response = self._kept.get((owner, one))
            if response is not None and response.expires_at < expires_at:
                self._kept[owner, one] = replace(response, expires_at=expires_at)

    async def sweep(self, now: int) -> int:
        expired = [key for key, response in self._kept.items() if response.expires_at <= now]
        for key in expired:
            self._drop(key)
        return len(expired)

    async def close(self) -> None:
        self._kept.clear()
        self._holders.clear()
        self.size_bytes = 0

    def _drop(self, key: _Key) -> StoredResponse | None:
        dropped = self._kept.pop(key, None)
        if dropped is not None:
            self.size_bytes -= _size_bytes(dropped)
            for item_id in dropped.item_ids:
                if self._holders.get((dropped.owner, item_id)) == dropped.id:
                    del self._holders[dropped.owner, item_id]
        return dropped


def _size_bytes(response: StoredResponse) -> int:
    return response.size_bytes + _OVERHEAD_BYTES + _ITEM_BYTES * len(response.item_ids)
