"""Since when a programme has been counting purchases."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
level = 2


def upgrade() -> None:
    """Programmes that are active or closed have been counting since they were made."""
    moment = sa.DateTime(timezone=True)
    op.add_column("loyalty_programme", sa.Column("active_from", moment, nullable=True))
    names = (
        sa.column("active_from", moment),
        sa.column("created_at", moment),
        sa.column("state", sa.String()),
    )
    table = sa.table("loyalty_programme", *names)
    op.execute(table.update().where(table.c.state != "draft").values(active_from=table.c.created_at))


def downgrade() -> None:
    with op.batch_alter_table("loyalty_programme") as batch:
        batch.drop_column("active_from")
