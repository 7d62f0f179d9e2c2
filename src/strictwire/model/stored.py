"""Responses that are kept to be asked for again, and the protocol of what keeps them.

Contract: a kept response belongs to its owner. Whoever asks with another owner learns nothing, not
even that it is there. ``owner`` is a digest, never a key. Times are seconds since the epoch, told
by the caller. A store that cannot be used raises ``StoreUnavailable`` and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from strictwire.model.errors import WireError


class StoreUnavailable(WireError):  # noqa: N818 - named for what happened
    """The database cannot be used now; ``reason`` says why in a few words ("it is locked")."""

    status = 503
    type = "server_error"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The database of stored responses cannot be used now: {reason}.",
            code="response_store_unavailable",
            retry_after="5",
        )
        self.reason = reason


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """One response, with what is needed to go on from it.

    ``value`` is the response object and ``input`` the array of its own input items, both JSON.
    ``previous_id`` names the response that it went on from, whose items come before these.
    ``item_ids`` are the ids of its items, input and output, by which a later request may name them.
    ``events`` are the frames of a background stream, for who resumes it; empty for all others.
    """

    id: str
    owner: str
    status: str
    created_at: int
    expires_at: int
    value: bytes = field(repr=False)
    input: bytes = field(default=b"[]", repr=False)
    previous_id: str = ""
    item_ids: tuple[str, ...] = field(default=(), repr=False)
    events: bytes = field(default=b"", repr=False)

    @property
    def size_bytes(self) -> int:
        return len(self.value) + len(self.input) + len(self.events)


class ResponseStore(Protocol):
    """Where responses are kept. What has expired is not found, whether it was swept or not."""

    async def put(self, response: StoredResponse) -> None:
        """Keep it, in the place of one with the same id and owner."""
        ...

    async def check(self) -> None:
        """Raises ``StoreUnavailable`` where nothing could be kept now."""
        ...

    async def get(self, response_id: str, owner: str, now: int) -> StoredResponse | None: ...

    async def holders(self, item_ids: Sequence[str], owner: str, now: int) -> dict[str, str]:
        """The id of a response that has an item, by the item's id; those that are found."""
        ...

    async def delete(self, response_id: str, owner: str, now: int) -> bool:
        """Whether there was one to delete."""
        ...

    async def extend(self, ids: Sequence[str], owner: str, expires_at: int) -> None:
        """Keep these at least until then: somebody went on from them."""
        ...

    async def sweep(self, now: int) -> int:
        """Forget what has expired; how many."""
        ...

    async def close(self) -> None: ...
