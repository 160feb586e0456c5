"""Contacts whose processing is restricted."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
level = 9


def upgrade() -> None:
    """Nobody is restricted yet."""
    op.add_column("contact", sa.Column("restricted_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Undo it."""
    with op.batch_alter_table("contact") as batch:
        batch.drop_column("restricted_at")
