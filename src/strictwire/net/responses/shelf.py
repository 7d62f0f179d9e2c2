"""Where the gateway keeps responses: a while in memory, long in the database, or nowhere.

Contract: a response stands in one of the two, and whoever asks need not know in which. What is just
being written is found already, so that a client which goes on at once is not told that there is
nothing. A database that cannot be used fails only who asks for what may be in it; what was to be
kept there is then kept in memory, and the log says so.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from strictwire.model.errors import CallerError
from strictwire.model.stored import ResponseStore, StoredResponse, StoreUnavailable
from strictwire.net.responses.items import Item, array_of, id_of, items_of, output_of

log = logging.getLogger("strictwire.net")

Place = Literal["database", "memory", "nowhere"]

# One look into the store for each; agents come to some hundreds of turns before they compact.
MAX_CHAIN = 1000
# What has expired is not found any more; only its room is still taken.
SWEEP_EVERY_S = 3600.0
# A gateway that was just started has better things to do.
FIRST_SWEEP_S = 60.0


@dataclass(frozen=True, slots=True)
class Terms:
    """For how long responses are kept, in seconds; how large a conversation may be, in bytes.
    ``is_shared``: several clients are told apart by their keys, while their upstreams see one."""

    retention_s: int
    memory_ttl_s: int
    max_history_bytes: int
    is_shared: bool = False


class Shelf:
    """``now`` is the wall clock, in seconds since the epoch."""

    def __init__(
        self,
        memory: ResponseStore,
        database: ResponseStore,
        terms: Terms,
        now: Callable[[], float],
    ) -> None:
        self._memory = memory
        self._database = database
        self._terms = terms
        self._wall_clock = now
        self._written: dict[tuple[str, str], StoredResponse] = {}
        self._writers: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._extending: set[asyncio.Task[None]] = set()
        self._sweeper: asyncio.Task[None] | None = None

    @property
    def is_shared(self) -> bool:
        return self._terms.is_shared

    def start(self) -> None:
        self._sweeper = asyncio.get_running_loop().create_task(self._sweep_forever())

    def now(self) -> int:
        return int(self._wall_clock())

    async def place_for(self, *, store: bool | None) -> Place:
        """Where a response would be kept: ``store`` is what its request says. Memory in place of
        a database that cannot be used."""
        if store is None:
            return "memory"
        if not store:
            return "nowhere"
        try:
            await self._database.check()
        except StoreUnavailable:
            return "memory"
        return "database"

    def keep_soon(self, response: StoredResponse, place: Place) -> None:
        """Keep it, from now on; a database may take its time."""
        if place == "nowhere":
            return
        ttl_s = self._terms.retention_s if place == "database" else self._terms.memory_ttl_s
        response = replace(response, expires_at=self.now() + ttl_s)
        key = (response.owner, response.id)
        self._written[key] = response
        keeping = self._keep(response, place, self._writers.get(key))
        self._writers[key] = asyncio.get_running_loop().create_task(keeping)

    async def get(self, response_id: str, owner: str) -> StoredResponse | None:
        """Raises ``StoreUnavailable`` where only the database could know it."""
        written = self._written.get((owner, response_id))
        if written is not None:
            return written
        now = self.now()
        found = await self._memory.get(response_id, owner, now)
        return found or await self._database.get(response_id, owner, now)

    async def knows(self, response_id: str, owner: str) -> bool:
        return await self.get(response_id, owner) is not None

    async def delete(self, response_id: str, owner: str) -> bool:
        await self.settled()
        now = self.now()
        if await self._memory.delete(response_id, owner, now):
            return True
        return await self._database.delete(response_id, owner, now)

    async def history(self, response_id: str, owner: str) -> list[StoredResponse] | None:
        """The response and those that it went on from, the oldest first; None where the chain is
        not complete. They are kept for as long again."""
        chain: list[StoredResponse] = []
        size_bytes = 0
        next_id = response_id
        while next_id:
            found = await self.get(next_id, owner)
            if found is None:
                return None
            chain.append(found)
            size_bytes += found.size_bytes
            if len(chain) > MAX_CHAIN or size_bytes > self._terms.max_history_bytes:
                raise _too_long()
            next_id = found.previous_id
        await self._extend_soon([one.id for one in chain], owner)
        return chain[::-1]

    async def items(self, item_ids: Sequence[str], owner: str) -> dict[str, Item]:
        """Those of the items that stand in a kept response, by their ids."""
        await self.settled()
        now = self.now()
        holders = await self._memory.holders(item_ids, owner, now)
        missing = [one for one in item_ids if one not in holders]
        if missing:
            holders |= await self._database.holders(missing, owner, now)
        found: dict[str, Item] = {}
        for holder in dict.fromkeys(holders.values()):
            response = await self.get(holder, owner)
            if response is not None:
                for item in (*items_of(response.input), *output_of(response.value)):
                    found.setdefault(id_of(item), item)
        return {one: found[one] for one in item_ids if one in found}

    async def close(self) -> None:
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.wait({self._sweeper})
        await self.settled()
        if self._extending:
            await asyncio.wait(set(self._extending))
        await self._memory.close()
        await self._database.close()

    # ---- keeping ----

    async def _keep(
        self, response: StoredResponse, place: Place, before: asyncio.Task[None] | None
    ) -> None:
        """Keep it after what is being written of it already; only the newest counts."""
        key = (response.owner, response.id)
        if before is not None:
            await asyncio.wait({before})
        if self._written.get(key) is not response:
            return
        try:
            if place == "database":
                await self._keep_long(response)
            else:
                await self._memory.put(response)
        except Exception:  # the top of the task
            log.exception("a response could not be kept")
        finally:
            if self._written.get(key) is response:
                del self._written[key], self._writers[key]

    async def _keep_long(self, response: StoredResponse) -> None:
        try:
            await self._database.put(await self._rooted(response))
        except StoreUnavailable as problem:
            log.warning("a response is kept in memory only: %s", problem.reason)
            expires_at = self.now() + self._terms.memory_ttl_s
            await self._memory.put(replace(response, expires_at=expires_at))
        else:
            await self._memory.delete(response.id, response.owner, self.now())

    async def _rooted(self, response: StoredResponse) -> StoredResponse:
        """With the items of those before it that stand in memory, which outlasts none of them."""
        earlier: list[Item] = []
        link = response.previous_id
        while link:
            found = await self._memory.get(link, response.owner, self.now())
            if found is None:
                break
            earlier = [*items_of(found.input), *output_of(found.value), *earlier]
            link = found.previous_id
        if not earlier:
            return response
        joined = array_of([*earlier, *items_of(response.input)])
        return replace(response, input=joined, previous_id=link)

    async def _extend_soon(self, ids: Sequence[str], owner: str) -> None:
        """In the database beside the request, which need not wait until that can be written."""
        await self._memory.extend(ids, owner, self.now() + self._terms.memory_ttl_s)
        task = asyncio.get_running_loop().create_task(self._extend_long(ids, owner))
        self._extending.add(task)
        task.add_done_callback(self._extending.discard)

    async def _extend_long(self, ids: Sequence[str], owner: str) -> None:
        try:
            await self._database.extend(ids, owner, self.now() + self._terms.retention_s)
        except StoreUnavailable as problem:
            log.warning("kept responses could not be kept longer: %s", problem.reason)
        except Exception:  # the top of the task
            log.exception("kept responses could not be kept longer")

    async def settled(self) -> None:
        """Wait for what is being written now."""
        if self._writers:
            await asyncio.wait(set(self._writers.values()))

    # ---- forgetting ----

    async def _sweep_forever(self) -> None:
        await asyncio.sleep(FIRST_SWEEP_S)
        while True:
            await self.sweep()
            await asyncio.sleep(SWEEP_EVERY_S)

    async def sweep(self) -> None:
        """Forget what has expired."""
        await self._memory.sweep(self.now())
        try:
            swept = await self._database.sweep(self.now())
        except StoreUnavailable as problem:
            log.warning("expired responses could not be deleted: %s", problem.reason)
        else:
            if swept:
                log.info("deleted %d expired responses", swept)


class NoStore:
    """A ``ResponseStore`` that keeps nothing, for a gateway that was given none."""

    async def check(self) -> None:
        raise StoreUnavailable("there is none")

    async def put(self, response: StoredResponse) -> None: ...

    async def get(self, response_id: str, owner: str, now: int) -> StoredResponse | None:
        return None

    async def holders(self, item_ids: Sequence[str], owner: str, now: int) -> dict[str, str]:
        return {}

    async def delete(self, response_id: str, owner: str, now: int) -> bool:
        return False

    async def extend(self, ids: Sequence[str], owner: str, expires_at: int) -> None: ...

    async def sweep(self, now: int) -> int:
        return 0

    async def close(self) -> None: ...


def empty_shelf(now: Callable[[], float]) -> Shelf:
    return Shelf(NoStore(), NoStore(), Terms(0, 0, 0), now)


def _too_long() -> CallerError:
    return CallerError(
        "The conversation that 'previous_response_id' goes on from is too long to be repeated. "
        "Compact it (POST /v1/responses/compact), or begin another.",
        param="previous_response_id",
        code="conversation_too_long",
    )
