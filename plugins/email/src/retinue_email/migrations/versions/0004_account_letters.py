"""Links for a new password on their way to people of the staff."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
level = 4


def upgrade() -> None:
    op.create_table(
        "email_account_letter",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sealed_data", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_email_account_letter"),
    )


def downgrade() -> None:
    op.drop_table("email_account_letter")
