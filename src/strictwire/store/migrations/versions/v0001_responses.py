"""Stored responses, and which of them an item stands in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "responses",
        sa.Column("owner", sa.String(64), primary_key=True),
        sa.Column("id", sa.String(256), primary_key=True),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sa.Column("input", sa.LargeBinary, nullable=False),
        sa.Column("previous_id", sa.String(256), nullable=False),
        sa.Column("events", sa.LargeBinary, nullable=False),
    )
    op.create_index("responses_by_expiry", "responses", ["expires_at"])
    op.create_table(
        "response_items",
        sa.Column("owner", sa.String(64), primary_key=True),
        sa.Column("id", sa.String(256), primary_key=True),
        sa.Column("response_id", sa.String(256), nullable=False),
    )
    op.create_index("response_items_by_response", "response_items", ["owner", "response_id"])


def downgrade() -> None:
    op.drop_table("response_items")
    op.drop_table("responses")
