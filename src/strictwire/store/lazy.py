"""A database that is opened when something is first kept in it, or looked for in what is there.

Contract: ``model.stored.ResponseStore``. Nothing is made or loaded before. Where there is no file
yet, nothing is found and nothing is made. One that could not be opened is tried again, but not for
each request: meanwhile the same ``StoreUnavailable`` is raised at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

from strictwire.model.stored import ResponseStore, StoredResponse, StoreUnavailable

log = logging.getLogger("strictwire.store")

# How long a statement waits for another process that has the database locked. Nobody's stream
# waits for it; a client that asks for a stored response does.
BUSY_TIMEOUT_S = 3.0
# Opening costs a thread and a look at the disk; a client that polls must not ask for it each time.
RETRY_AFTER_S = 5.0
# These tell every statement, conversations included, or all that they do when they are imported.
_TALKATIVE = ("aiosqlite", "alembic")


class LazyStore:
    """The store at ``path``."""

    def __init__(self, path: Path, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> None:
        self._path = path
        self._busy_timeout_s = busy_timeout_s
        self._store: ResponseStore | None = None
        self._opening = asyncio.Lock()
        self._failure: StoreUnavailable | None = None
        self._failed_at_s = 0.0

    async def check(self) -> None:
        """Open it for writing. Raises ``StoreUnavailable`` where that fails."""
        await self._opened()

    async def put(self, response: StoredResponse) -> None:
        await (await self._opened()).put(response)

    async def get(self, response_id: str, owner: str, now: int) -> StoredResponse | None:
        store = await self._found()
        return await store.get(response_id, owner, now) if store is not None else None

    async def holders(self, item_ids: Sequence[str], owner: str, now: int) -> dict[str, str]:
        store = await self._found()
        return await store.holders(item_ids, owner, now) if store is not None else {}

    async def delete(self, response_id: str, owner: str, now: int) -> bool:
        store = await self._found()
        return store is not None and await store.delete(response_id, owner, now)

    async def extend(self, ids: Sequence[str], owner: str, expires_at: int) -> None:
        store = await self._found()
        if store is not None:
            await store.extend(ids, owner, expires_at)

    async def sweep(self, now: int) -> int:
        store = await self._found()
        return await store.sweep(now) if store is not None else 0

    async def close(self) -> None:
        async with self._opening:
            store, self._store = self._store, None
            if store is not None:
                await store.close()

    async def _found(self) -> ResponseStore | None:
        """The store, if there is one or there was one before this process."""
        if self._store is None and not await asyncio.to_thread(self._path.exists):
            return None
        return await self._opened()

    async def _opened(self) -> ResponseStore:
        if self._store is not None:
            return self._store
        async with self._opening:
            if self._store is None:
                self._store = await self._open()
            return self._store

    async def _open(self) -> ResponseStore:
        now_s = asyncio.get_running_loop().time()
        if self._failure is not None and now_s < self._failed_at_s + RETRY_AFTER_S:
            raise StoreUnavailable(self._failure.reason)
        try:
            # In a thread, imports included: they take longer than a stream may stand still.
            return await asyncio.to_thread(_open, self._path, self._busy_timeout_s)
        except StoreUnavailable as problem:
            log.warning("the database %s cannot be used: %s", self._path, problem.reason)
            self._failure, self._failed_at_s = problem, now_s
            raise


def _open(path: Path, busy_timeout_s: float) -> ResponseStore:
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    from strictwire.store.opening import open_database

    return open_database(path, busy_timeout_s=busy_timeout_s)
