"""The tables of the database, as the code reads and writes them.

The migrations are what makes them; a test holds both against each other. No foreign keys: the
response that another went on from may be deleted, or be kept elsewhere.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, LargeBinary, MetaData, String, Table

METADATA = MetaData()

# The owner first: every question is asked by an owner, and two upstreams may use the same id.
RESPONSES = Table(
    "responses",
    METADATA,
    Column("owner", String(64), primary_key=True),
    Column("id", String(256), primary_key=True),
    Column("status", String(32), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("value", LargeBinary, nullable=False),
    Column("input", LargeBinary, nullable=False),
    Column("previous_id", String(256), nullable=False),
    Column("events", LargeBinary, nullable=False),
    Index("responses_by_expiry", "expires_at"),
)

# Which response an item stands in. An item may stand in several (clients send it back); the
# newest is known here.
ITEMS = Table(
    "response_items",
    METADATA,
    Column("owner", String(64), primary_key=True),
    Column("id", String(256), primary_key=True),
    Column("response_id", String(256), nullable=False),
    Index("response_items_by_response", "owner", "response_id"),
)
