"""What plugins cost, where they fail, who answers which hook, and which processes follow."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
level = 3

_JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    """Make the tables of the watch, and let change sets say which hooks were called."""
    op.create_table(
        "plugin_order",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("orders", _JSON, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plugin_order")),
    )
    op.create_table(
        "plugin_failure",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("plugin", sa.String(length=63), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("hook", sa.String(length=80), nullable=False),
        sa.Column("error", sa.String(length=200), nullable=False),
        sa.Column("process_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plugin_failure")),
    )
    op.create_index(op.f("ix_plugin_failure_at"), "plugin_failure", ["at"], unique=False)
    op.create_table(
        "plugin_timing",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("process_id", sa.Uuid(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("plugin", sa.String(length=63), nullable=False),
        sa.Column("hook", sa.String(length=80), nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("total_ns", sa.BigInteger(), nullable=False),
        sa.Column("longest_ns", sa.BigInteger(), nullable=False),
        sa.Column("buckets", _JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plugin_timing")),
    )
    op.create_index(op.f("ix_plugin_timing_hour"), "plugin_timing", ["hour"], unique=False)
    op.create_table(
        "plugin_process",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("machine", sa.String(length=200), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("plugins", _JSON, nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plugin_process")),
    )
    op.add_column("change_set", sa.Column("hooks", _JSON, nullable=True))
    op.add_column("change_set", sa.Column("order_id", sa.String(length=32), nullable=True))


def downgrade() -> None:
    """Undo it."""
    op.drop_column("change_set", "order_id")
    op.drop_column("change_set", "hooks")
    op.drop_table("plugin_process")
    op.drop_table("plugin_timing")
    op.drop_table("plugin_failure")
    op.drop_table("plugin_order")
