"""Letters by themselves: which events send which template."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
level = 3


def upgrade() -> None:
    op.create_table(
        "email_trigger",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("event", sa.String(length=80), nullable=False),
        sa.Column("template_id", sa.Uuid(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["template_id"], ["email_template.id"], name="fk_email_trigger_template_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_email_trigger"),
        sa.UniqueConstraint("event", "template_id", name="uq_email_trigger_event_template_id"),
    )
    op.create_index("ix_email_trigger_template_id", "email_trigger", ["template_id"], unique=False)


def downgrade() -> None:
    op.drop_table("email_trigger")
