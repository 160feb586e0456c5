"""Endpoints with their secrets, events with their deliveries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
level = 1


def upgrade() -> None:
    op.create_table(
        "webhooks_endpoint",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("description", sa.String(200), nullable=False),
        sa.Column(
            "events",
            sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql"),
            nullable=False,
        ),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True)),
        sa.Column("delivered_at", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sealed_data", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("id", name="pk_webhooks_endpoint"),
    )
    op.create_table(
        "webhooks_secret",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("endpoint_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retires_at", sa.DateTime(timezone=True)),
        sa.Column("sealed_data", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("id", name="pk_webhooks_secret"),
        sa.ForeignKeyConstraint(
            ["endpoint_id"],
            ["webhooks_endpoint.id"],
            name="fk_webhooks_secret_endpoint_id",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_webhooks_secret_endpoint_id", "webhooks_secret", ["endpoint_id"])
    op.create_table(
        "webhooks_event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_webhooks_event"),
    )
    op.create_index("ix_webhooks_event_created_at", "webhooks_event", ["created_at"])
    op.create_table(
        "webhooks_delivery",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("endpoint_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_run_at", sa.DateTime(timezone=True)),
        sa.Column("sent_at", sa.DateTime(timezone=True)),
        sa.Column("response_status", sa.Integer()),
        sa.Column("failure", sa.String(40), nullable=False),
        sa.Column("duration_ms", sa.Integer()),
        sa.Column("by_hand", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_webhooks_delivery"),
        sa.ForeignKeyConstraint(
            ["endpoint_id"],
            ["webhooks_endpoint.id"],
            name="fk_webhooks_delivery_endpoint_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["event_id"], ["webhooks_event.id"], name="fk_webhooks_delivery_event_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_webhooks_delivery_due", "webhooks_delivery", ["status", "next_run_at"])
    op.create_index("ix_webhooks_delivery_endpoint", "webhooks_delivery", ["endpoint_id", "id"])
    op.create_index("ix_webhooks_delivery_event_id", "webhooks_delivery", ["event_id"])


def downgrade() -> None:
    for table in ("webhooks_delivery", "webhooks_event", "webhooks_secret", "webhooks_endpoint"):
        op.drop_table(table)
