"""Why data are to be erased, and how often a link was used."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
level = 3


def upgrade() -> None:
    op.add_column(
        "gdpr_request", sa.Column("grounds", sa.String(length=10), nullable=False, server_default="")
    )
    op.create_table(
        "gdpr_link_use",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("mark", sa.String(length=64), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name="fk_gdpr_link_use_contact_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_gdpr_link_use"),
    )
    op.create_index("ix_gdpr_link_use_contact_id", "gdpr_link_use", ["contact_id"])
    op.create_index("ix_gdpr_link_use_mark", "gdpr_link_use", ["mark"])


def downgrade() -> None:
    op.drop_table("gdpr_link_use")
    op.drop_column("gdpr_request", "grounds")
