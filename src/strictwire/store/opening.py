"""Opens the database: the file, its settings, the migrations. Runs in a thread, never in the loop.

Contract: ``open_database`` returns a ``DatabaseStore`` over a file that has every migration, or
raises ``StoreUnavailable``. Several processes may open the same file at once: the first migrates
it, and the others wait. The file is readable by its owner alone, since conversations stand in it.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from strictwire.model.stored import StoreUnavailable
from strictwire.store.database import DatabaseStore, reason_of

# For another process that migrates; creating the tables takes milliseconds.
MIGRATION_WAIT_S = 10.0
_NEWER = "it was written by a newer version of strictwire"


def open_database(path: Path, *, busy_timeout_s: float) -> DatabaseStore:
    """``busy_timeout_s`` is how long a statement waits for who has the database locked."""
    try:
        _make_file(path)
        _migrate(path)
    except (OSError, sqlite3.Error, SQLAlchemyError) as problem:
        raise StoreUnavailable(reason_of(problem)) from None
    except CommandError:
        raise StoreUnavailable(_NEWER) from None
    return DatabaseStore(path, busy_timeout_s=busy_timeout_s)


def _make_file(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Before SQLite makes it: its journals take the mode of the file.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    connection = sqlite3.connect(path, timeout=MIGRATION_WAIT_S)
    try:
        # Readers and one writer side by side. It is kept in the file, so once is enough.
        connection.execute("PRAGMA journal_mode=WAL")
    finally:
        connection.close()


def _migrate(path: Path) -> None:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"timeout": MIGRATION_WAIT_S},
        poolclass=NullPool,
    )
    _begin_for_writing(engine)
    try:
        with engine.begin() as connection:
            config = Config()
            config.set_main_option("script_location", "strictwire.store:migrations")
            config.set_main_option("path_separator", "os")
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        engine.dispose()


def _begin_for_writing(engine: Engine) -> None:
    """One transaction around all steps, which others wait for: the driver's own begins late and
    ends at each change of a table."""

    @event.listens_for(engine, "connect")
    def leave_transactions_to_us(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
