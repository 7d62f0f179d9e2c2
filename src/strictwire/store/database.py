"""Keeps responses in an SQLite file, over SQLAlchemy's asynchronous engine.

Contract: ``model.stored.ResponseStore``. The file exists and has every migration (``opening``).
Statements run in the driver's threads and never stop the loop. Whatever goes wrong is a
``StoreUnavailable`` that says why in words that a person can act on, without the file's path.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from sqlalchemy import URL, delete, event, insert, select, update
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from strictwire.model.stored import StoredResponse, StoreUnavailable
from strictwire.store.tables import ITEMS, RESPONSES

log = logging.getLogger("strictwire.store")

# SQLite writes one at a time; more connections would only wait for each other.
POOL_SIZE = 4
# How many rows one sweep deletes before others may write.
SWEEP_ROWS = 500

# What SQLite calls it, and what we say. By its primary codes (sqlite.org/rescode.html).
_REASONS = {
    "SQLITE_BUSY": "it is locked by another process",
    "SQLITE_LOCKED": "it is locked by another process",
    "SQLITE_FULL": "the disk is full",
    "SQLITE_READONLY": "it is read-only",
    "SQLITE_CANTOPEN": "its file cannot be opened",
    "SQLITE_IOERR": "reading or writing its file failed",
    "SQLITE_NOTADB": "its file is no database",
    "SQLITE_CORRUPT": "its file is damaged",
    "SQLITE_PERM": "its file may not be used",
}
_UNKNOWN = "an unexpected problem; the log says which"
# The ids of the items have a table of their own.
_FIELDS = tuple(one.name for one in fields(StoredResponse) if one.name != "item_ids")
# SQLite takes 32,766 values in one statement at most.
_VALUES_AT_ONCE = 500


class DatabaseStore:
    def __init__(self, path: Path, *, busy_timeout_s: float) -> None:
        self._engine = create_async_engine(
            URL.create("sqlite+aiosqlite", database=str(path)),
            connect_args={"timeout": busy_timeout_s},
            pool_size=POOL_SIZE,
            max_overflow=0,
            pool_timeout=busy_timeout_s,
            hide_parameters=True,  # they hold conversations
        )
        event.listen(self._engine.sync_engine, "connect", _set_up)

    async def check(self) -> None:
        """Nothing is known before a statement is tried."""

    async def put(self, response: StoredResponse) -> None:
        items = [
            {"owner": response.owner, "id": one, "response_id": response.id}
            for one in dict.fromkeys(response.item_ids)
        ]
        async with self._connected() as connection:
            await _forget(connection, response.owner, response.id)
            await connection.execute(insert(RESPONSES), _row(response))
            if items:
                await connection.execute(insert(ITEMS).prefix_with("OR REPLACE"), items)

    async def get(self, response_id: str, owner: str, now: int) -> StoredResponse | None:
        query = select(RESPONSES).where(*_is(owner, response_id), RESPONSES.c.expires_at > now)
        async with self._connected() as connection:
            row = (await connection.execute(query)).mappings().first()
            if row is None:
                return None
            item_ids = await _items_of(connection, owner, response_id)
        return StoredResponse(**{name: row[name] for name in _FIELDS}, item_ids=item_ids)

    async def holders(self, item_ids: Sequence[str], owner: str, now: int) -> dict[str, str]:
        of_response = (RESPONSES.c.owner == ITEMS.c.owner) & (RESPONSES.c.id == ITEMS.c.response_id)
        query = (
            select(ITEMS.c.id, ITEMS.c.response_id)
            .join(RESPONSES, of_response)
            .where(ITEMS.c.owner == owner, RESPONSES.c.expires_at > now)
        )
        found: dict[str, str] = {}
        async with self._connected() as connection:
            for start in range(0, len(item_ids), _VALUES_AT_ONCE):
                some = item_ids[start : start + _VALUES_AT_ONCE]
                rows = (await connection.execute(query.where(ITEMS.c.id.in_(some)))).all()
                found.update((item_id, response_id) for item_id, response_id in rows)
        return found

    async def delete(self, response_id: str, owner: str, now: int) -> bool:
        query = select(RESPONSES.c.id).where(*_is(owner, response_id), RESPONSES.c.expires_at > now)
        async with self._connected() as connection:
            is_there = (await connection.execute(query)).first() is not None
            await _forget(connection, owner, response_id)
        return is_there

    async def extend(self, ids: Sequence[str], owner: str, expires_at: int) -> None:
        table = RESPONSES.c
        statement = (
            update(RESPONSES)
            .where(table.owner == owner, table.id.in_(ids), table.expires_at < expires_at)
            .values(expires_at=expires_at)
        )
        async with self._connected() as connection:
            await connection.execute(statement)

    async def sweep(self, now: int) -> int:
        expired = select(RESPONSES.c.owner, RESPONSES.c.id).where(RESPONSES.c.expires_at <= now)
        swept = 0
        while True:
            async with self._connected() as connection:
                rows = (await connection.execute(expired.limit(SWEEP_ROWS))).all()
                for owner, response_id in rows:
                    await _forget(connection, owner, response_id)
            swept += len(rows)
            if len(rows) < SWEEP_ROWS:
                return swept

    async def close(self) -> None:
        await self._engine.dispose()

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[AsyncConnection]:
        """A transaction, committed at its end."""
        try:
            async with self._engine.begin() as connection:
                yield connection
        except (SQLAlchemyError, sqlite3.Error, OSError) as problem:
            reason = reason_of(problem)
            log.warning("the database of responses cannot be used: %s", reason)
            if reason == _UNKNOWN:
                log.warning("what the database said: %s", getattr(problem, "orig", problem))
            # Without its cause: a traceback of that would show what was to be kept.
            raise StoreUnavailable(reason) from None


def reason_of(problem: BaseException) -> str:
    """Why the database cannot be used, in a few words for a client and for the log."""
    if isinstance(problem, PoolTimeoutError):
        return "every connection to it is busy"
    if isinstance(problem, DBAPIError) and problem.orig is not None:
        problem = problem.orig
    if isinstance(problem, OSError):
        return f"its file cannot be opened ({(problem.strerror or 'unknown reason').lower()})"
    # Extended codes begin with the primary ones: SQLITE_IOERR_WRITE.
    name = getattr(problem, "sqlite_errorname", None) or ""
    return _REASONS.get("_".join(name.split("_")[:2]), _UNKNOWN)


def _set_up(connection: Any, _: object) -> None:
    """Each connection, once. The first trades a lost last commit after a power cut for speed; the
    second leaves nothing of a deleted conversation in the file."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA secure_delete=ON")
    cursor.close()


def _is(owner: str, response_id: str) -> tuple[Any, Any]:
    return RESPONSES.c.owner == owner, RESPONSES.c.id == response_id


async def _forget(connection: AsyncConnection, owner: str, response_id: str) -> None:
    await connection.execute(delete(RESPONSES).where(*_is(owner, response_id)))
    await connection.execute(delete(ITEMS).where(*_items(owner, response_id)))


async def _items_of(connection: AsyncConnection, owner: str, response_id: str) -> tuple[str, ...]:
    query = select(ITEMS.c.id).where(*_items(owner, response_id))
    return tuple((await connection.execute(query)).scalars())


def _items(owner: str, response_id: str) -> tuple[Any, Any]:
    return ITEMS.c.owner == owner, ITEMS.c.response_id == response_id


def _row(response: StoredResponse) -> dict[str, Any]:
    return {name: getattr(response, name) for name in _FIELDS}
