"""One suite that every store passes, and what each of them does beyond it."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, inspect

from strictwire.model.stored import ResponseStore, StoredResponse, StoreUnavailable
from strictwire.store import LazyStore, MemoryStore
from strictwire.store.place import database_path
from strictwire.store.tables import METADATA

NOW = 1_000
ONE = StoredResponse(
    id="resp_1",
    owner="alpha",
    status="completed",
    created_at=NOW,
    expires_at=NOW + 60,
    value=b'{"id":"resp_1"}',
    input=b'[{"type":"message"}]',
    previous_id="resp_0",
    item_ids=("msg_1", "rs_1"),
    events=b"data: {}\n\n",
)

Make = Callable[[Path], Any]
MAKERS: dict[str, Make] = {
    "memory": lambda folder: MemoryStore(1024 * 1024),
    "database": lambda folder: LazyStore(folder / "kept" / "one.db", busy_timeout_s=0.05),
}


@pytest.fixture(params=MAKERS)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ResponseStore]:
    made = MAKERS[request.param](tmp_path)
    yield made
    await made.close()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[LazyStore]:
    made = LazyStore(tmp_path / "one.db", busy_timeout_s=0.05)
    yield made
    await made.close()


# ---- what every store does ----


async def test_what_was_kept_is_found_as_it_was(store: ResponseStore) -> None:
    await store.put(ONE)
    assert await store.get("resp_1", "alpha", NOW) == ONE


async def test_another_owner_finds_and_deletes_nothing(store: ResponseStore) -> None:
    await store.put(ONE)
    assert await store.get("resp_1", "beta", NOW) is None
    assert not await store.delete("resp_1", "beta", NOW)
    assert await store.get("resp_1", "alpha", NOW) == ONE


async def test_two_owners_may_have_the_same_id(store: ResponseStore) -> None:
    other = replace(ONE, owner="beta", value=b"{}")
    await store.put(ONE)
    await store.put(other)
    assert await store.get("resp_1", "alpha", NOW) == ONE
    assert await store.get("resp_1", "beta", NOW) == other


async def test_the_same_id_again_takes_the_place(store: ResponseStore) -> None:
    await store.put(ONE)
    await store.put(replace(ONE, status="cancelled"))
    found = await store.get("resp_1", "alpha", NOW)
    assert found is not None
    assert found.status == "cancelled"


async def test_what_is_deleted_is_gone_and_deleted_once(store: ResponseStore) -> None:
    await store.put(ONE)
    assert await store.delete("resp_1", "alpha", NOW)
    assert not await store.delete("resp_1", "alpha", NOW)
    assert await store.get("resp_1", "alpha", NOW) is None


async def test_what_has_expired_is_not_found_before_it_is_swept(store: ResponseStore) -> None:
    await store.put(ONE)
    assert not await store.delete("resp_1", "alpha", ONE.expires_at)
    await store.put(ONE)
    assert await store.get("resp_1", "alpha", ONE.expires_at) is None


async def test_a_sweep_takes_what_has_expired_and_nothing_else(store: ResponseStore) -> None:
    for number in range(5):
        await store.put(replace(ONE, id=f"resp_{number}", expires_at=NOW + number))
    assert await store.sweep(NOW + 2) == 3
    assert await store.sweep(NOW + 2) == 0
    assert await store.get("resp_3", "alpha", NOW) is not None


async def test_who_goes_on_from_a_response_keeps_it(store: ResponseStore) -> None:
    await store.put(ONE)
    await store.extend(["resp_1", "resp_none"], "beta", NOW + 500)
    await store.extend(["resp_1", "resp_none"], "alpha", NOW + 400)
    await store.extend(["resp_1"], "alpha", NOW + 100)  # never shorter
    found = await store.get("resp_1", "alpha", NOW + 399)
    assert found is not None
    assert found.expires_at == NOW + 400


async def test_an_item_leads_to_the_newest_response_that_has_it(store: ResponseStore) -> None:
    await store.put(ONE)
    await store.put(replace(ONE, id="resp_2", item_ids=("msg_1", "msg_2", "msg_2")))
    await store.put(replace(ONE, id="resp_3", owner="beta", item_ids=("msg_3",)))
    asked = ["msg_1", "msg_2", "msg_3", "rs_1", "none"]
    found = {"msg_1": "resp_2", "msg_2": "resp_2", "rs_1": "resp_1"}
    assert await store.holders(asked, "alpha", NOW) == found
    assert await store.holders(asked, "alpha", ONE.expires_at) == {}


async def test_an_item_of_a_deleted_response_leads_nowhere(store: ResponseStore) -> None:
    await store.put(ONE)
    await store.delete("resp_1", "alpha", NOW)
    await store.put(replace(ONE, item_ids=("msg_2",)))
    assert await store.holders(["msg_1", "msg_2"], "alpha", NOW) == {"msg_2": "resp_1"}


# ---- memory ----


async def test_memory_lets_go_of_what_was_used_least_recently() -> None:
    store = MemoryStore(3 * 2000 + 3 * 1100)
    big = replace(ONE, value=b"x" * 2000, input=b"", events=b"", item_ids=())
    for name in "abc":
        await store.put(replace(big, id=name))
    await store.get("a", "alpha", NOW)
    await store.put(replace(big, id="d"))
    assert await store.get("b", "alpha", NOW) is None
    assert await store.get("a", "alpha", NOW) is not None


async def test_memory_does_not_keep_what_is_larger_than_all_of_it() -> None:
    store = MemoryStore(4096)
    await store.put(ONE)
    await store.put(replace(ONE, id="resp_2", value=b"x" * 5000))
    assert await store.get("resp_2", "alpha", NOW) is None
    assert await store.get("resp_1", "alpha", NOW) is not None


async def test_memory_counts_what_it_holds() -> None:
    store = MemoryStore(1024 * 1024, max_responses=2)
    for name in "abc":
        await store.put(replace(ONE, id=name))
        await store.put(replace(ONE, id=name))
    assert len(store) == 2
    await store.delete("b", "alpha", NOW)
    await store.sweep(ONE.expires_at)
    assert (len(store), store.size_bytes) == (0, 0)


# ---- the database ----


async def test_a_database_that_nothing_was_kept_in_makes_no_file(tmp_path: Path) -> None:
    store = LazyStore(tmp_path / "kept" / "one.db")
    assert await store.get("resp_1", "alpha", NOW) is None
    assert not await store.delete("resp_1", "alpha", NOW)
    await store.extend(["resp_1"], "alpha", NOW)
    assert await store.sweep(NOW) == 0
    await store.close()
    assert list(tmp_path.iterdir()) == []


async def test_the_next_process_finds_what_this_one_kept(tmp_path: Path) -> None:
    for _ in range(2):
        store = LazyStore(tmp_path / "one.db")
        found = await store.get("resp_1", "alpha", NOW)
        await store.put(ONE)
        await store.close()
    assert found == ONE


async def test_two_processes_may_open_it_at_once(tmp_path: Path) -> None:
    stores = [LazyStore(tmp_path / "one.db") for _ in range(4)]
    await asyncio.gather(*(store.put(replace(ONE, id=f"r{i}")) for i, store in enumerate(stores)))
    for store in stores:
        assert await store.get("r2", "alpha", NOW) is not None
        await store.close()


async def test_only_its_owner_may_read_the_file(tmp_path: Path, database: LazyStore) -> None:
    await database.put(ONE)
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


async def test_the_migrations_make_the_tables_that_the_code_uses(
    tmp_path: Path, database: LazyStore
) -> None:
    await database.check()
    engine = create_engine(f"sqlite:///{tmp_path / 'one.db'}")
    seen = inspect(engine)
    try:
        assert set(seen.get_table_names()) == {*METADATA.tables, "alembic_version"}
        for name, table in METADATA.tables.items():
            made = {one["name"]: one for one in seen.get_columns(name)}
            assert {c.name: c.nullable for c in table.columns} == {
                n: c["nullable"] for n, c in made.items()
            }
            assert {c.name: str(c.type) for c in table.columns} == {
                n: str(c["type"]) for n, c in made.items()
            }
            assert seen.get_pk_constraint(name)["constrained_columns"] == ["owner", "id"]
            assert {one["name"] for one in seen.get_indexes(name)} == {
                index.name for index in table.indexes
            }
    finally:
        engine.dispose()


# ---- a database that cannot be used ----


async def test_one_that_is_locked_fails_what_writes_and_says_so(
    tmp_path: Path, database: LazyStore
) -> None:
    await database.put(ONE)
    other = sqlite3.connect(tmp_path / "one.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="locked by another process") as caught:
        await database.put(replace(ONE, id="resp_2"))
    assert (caught.value.status, caught.value.code) == (503, "response_store_unavailable")
    assert await database.get("resp_1", "alpha", NOW) == ONE  # reading goes on
    other.execute("ROLLBACK")
    other.close()
    await database.put(replace(ONE, id="resp_2"))


async def test_one_that_is_no_database_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "one.db"
    path.write_bytes(b"a shopping list, and not a database at all" * 40)
    before = path.read_bytes()
    store = LazyStore(path)
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="no database"):
            await store.get("resp_1", "alpha", NOW)
    assert path.read_bytes() == before
    await store.close()


async def test_one_in_a_folder_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    store = LazyStore(tmp_path / "file" / "one.db")
    with pytest.raises(StoreUnavailable, match="cannot be opened"):
        await store.put(ONE)
    await store.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write read-only files")
async def test_one_that_is_read_only_says_so(tmp_path: Path) -> None:
    path = tmp_path / "one.db"
    path.touch()
    path.chmod(0o400)
    with pytest.raises(StoreUnavailable):
        await LazyStore(path).put(ONE)


async def test_one_of_a_newer_version_is_not_touched(tmp_path: Path) -> None:
    store = LazyStore(tmp_path / "one.db")
    await store.put(ONE)
    await store.close()
    other = sqlite3.connect(tmp_path / "one.db")
    other.execute("UPDATE alembic_version SET version_num = '9999'")
    other.commit()
    other.close()
    with pytest.raises(StoreUnavailable, match="newer version"):
        await LazyStore(tmp_path / "one.db").get("resp_1", "alpha", NOW)


async def test_a_full_disk_is_named(tmp_path: Path, database: LazyStore) -> None:
    await database.put(ONE)
    await database.close()
    path = tmp_path / "one.db"
    other = sqlite3.connect(path)
    pages = other.execute("PRAGMA page_count").fetchone()[0]
    other.close()
    store = LazyStore(path)
    await store.check()
    # What SQLite does at its own limit of pages is what it does at the disk's.
    from sqlalchemy import event

    engine = store._store._engine  # type: ignore[union-attr]
    event.listen(
        engine.sync_engine,
        "connect",
        lambda connection, _: connection.cursor().execute(f"PRAGMA max_page_count={pages}"),
    )
    with pytest.raises(StoreUnavailable, match="the disk is full"):
        await store.put(replace(ONE, id="resp_2", value=b"x" * 100_000))
    assert await store.get("resp_1", "alpha", NOW) == ONE
    await store.close()


def test_the_place_of_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    assert database_path("/var/lib/x.db", {}) == Path("/var/lib/x.db")
    monkeypatch.setenv("HOME", "/home/somebody")
    home = Path("/home/somebody")
    assert database_path("~/x.db", {}) == home / "x.db"
    assert database_path(None, {"XDG_STATE_HOME": "/state"}) == Path(
        "/state/strictwire/strictwire.db"
    )
    for environ in ({}, {"XDG_STATE_HOME": "relative"}):
        assert database_path(None, environ) == home / ".local/state/strictwire/strictwire.db"
