"""Runs the steps over the connection that ``store.opening`` hands in; Alembic loads this file."""

from __future__ import annotations

from alembic import context

from strictwire.store.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    # Each step in a transaction of its own: SQLite then keeps what was done before a failure.
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
