"""Campaigns: what was expected of the audience, and the pace of mail domains."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
level = 2


def upgrade() -> None:
    op.add_column("email_campaign", sa.Column("expected", sa.Integer(), nullable=True))
    op.add_column(
        "email_campaign", sa.Column("hold", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    with op.batch_alter_table("email_campaign") as table:
        table.alter_column("hold", server_default=None)
    op.create_table(
        "email_pace",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("domain", sa.LargeBinary(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_email_pace"),
        sa.UniqueConstraint("domain", name="uq_email_pace_domain"),
    )


def downgrade() -> None:
    op.drop_table("email_pace")
    op.drop_column("email_campaign", "hold")
    op.drop_column("email_campaign", "expected")
