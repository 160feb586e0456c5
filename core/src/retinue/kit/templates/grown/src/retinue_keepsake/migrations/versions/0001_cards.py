"""Cards of contacts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
level = 1


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "keepsake_card",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("sealed_data", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("id", name="pk_keepsake_card"),
        sa.UniqueConstraint("contact_id", name="uq_keepsake_card_contact_id"),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name="fk_keepsake_card_contact_id", ondelete="CASCADE"
        ),
    )


def downgrade() -> None:
    """Take it away."""
    op.drop_table("keepsake_card")
