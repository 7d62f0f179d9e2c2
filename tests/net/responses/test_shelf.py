"""The shelf: what is being written is found, in its newest state, and nothing old overtakes it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from strictwire.model.stored import StoredResponse, StoreUnavailable
from strictwire.net.responses.shelf import Shelf, Terms
from strictwire.store import MemoryStore

ONE = StoredResponse("resp_1", "alpha", "queued", 1, 0, b'{"output":[]}')
TERMS = Terms(retention_s=1000, memory_ttl_s=100, max_history_bytes=10_000)


class SlowStore(MemoryStore):
    """Each ``put`` waits for the gate, and fails while there is a ``problem``."""

    def __init__(self) -> None:
        super().__init__(1024 * 1024)
        self.gate = asyncio.Event()
        self.put_statuses: list[str] = []
        self.problem = ""

    async def check(self) -> None:
        if self.problem:
            raise StoreUnavailable(self.problem)

    async def put(self, response: StoredResponse) -> None:
        await self.gate.wait()
        await self.check()
        self.put_statuses.append(response.status)
        await super().put(response)

    async def extend(self, ids: Sequence[str], owner: str, expires_at: int) -> None:
        await self.check()
        await super().extend(ids, owner, expires_at)


class Clock:
    now = 10_000.0

    def __call__(self) -> float:
        return self.now


def shelf_over(database: SlowStore) -> tuple[Shelf, Clock]:
    clock = Clock()
    return Shelf(MemoryStore(1024 * 1024), database, TERMS, clock), clock


async def test_what_is_being_written_is_found_in_its_newest_state() -> None:
    database = SlowStore()
    shelf, _ = shelf_over(database)
    for status in ("queued", "in_progress", "completed"):
        shelf.keep_soon(replace(ONE, status=status), "database")
        found = await shelf.get("resp_1", "alpha")
        assert found is not None
        assert found.status == status
    database.gate.set()
    await shelf.settled()
    # Whatever was begun first, the newest is what stays.
    assert database.put_statuses[-1] == "completed"
    found = await shelf.get("resp_1", "alpha")
    assert found is not None
    assert found.status == "completed"
    await shelf.close()


async def test_a_database_that_fails_while_it_writes_gives_way_to_memory() -> None:
    database = SlowStore()
    shelf, clock = shelf_over(database)
    assert await shelf.place_for(store=True) == "database"
    shelf.keep_soon(ONE, "database")
    database.problem = "it is locked"
    database.gate.set()
    await shelf.settled()
    assert await shelf.place_for(store=True) == "memory"
    assert await shelf.get("resp_1", "alpha") is not None
    clock.now += TERMS.memory_ttl_s
    assert await shelf.get("resp_1", "alpha") is None
    await shelf.close()


async def test_going_on_keeps_the_whole_chain_for_as_long_again() -> None:
    database = SlowStore()
    database.gate.set()
    shelf, clock = shelf_over(database)
    shelf.keep_soon(ONE, "memory")
    shelf.keep_soon(replace(ONE, id="resp_2", previous_id="resp_1"), "memory")
    await shelf.settled()
    clock.now += TERMS.memory_ttl_s - 1
    history = await shelf.history("resp_2", "alpha")
    assert history is not None
    assert [one.id for one in history] == ["resp_1", "resp_2"]
    clock.now += TERMS.memory_ttl_s - 1
    assert await shelf.get("resp_1", "alpha") is not None
    assert await shelf.history("resp_2", "beta") is None
    await shelf.close()


async def test_a_chain_with_a_gap_is_not_known() -> None:
    database = SlowStore()
    shelf, _ = shelf_over(database)
    shelf.keep_soon(replace(ONE, previous_id="resp_gone"), "memory")
    assert await shelf.history("resp_1", "alpha") is None
    await shelf.close()


async def test_going_on_does_not_wait_until_it_is_kept_longer() -> None:
    """A database that somebody has locked can be read; a stream need not wait for more."""

    class Locked(SlowStore):
        async def extend(self, ids: Sequence[str], owner: str, expires_at: int) -> None:
            await self.gate.wait()
            await super().extend(ids, owner, expires_at)
            longer.set()

    longer = asyncio.Event()
    database = Locked()
    shelf, clock = shelf_over(database)
    await MemoryStore.put(database, replace(ONE, expires_at=int(clock.now) + 100))
    async with asyncio.timeout(5):
        assert await shelf.history("resp_1", "alpha") is not None
    database.gate.set()
    async with asyncio.timeout(5):
        await longer.wait()
    kept = await MemoryStore.get(database, "resp_1", "alpha", int(clock.now) + 100)
    assert kept is not None
    await shelf.close()
