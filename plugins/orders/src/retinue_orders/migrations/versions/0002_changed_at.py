"""When an order was last changed, so that others can ask what they have missed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
level = 2

_LONG_AGO = "1970-01-01 00:00:00.000000"


def upgrade() -> None:
    """Take the moment of recording for orders that are there already."""
    moment = sa.DateTime(timezone=True)
    column = sa.Column("changed_at", moment, nullable=False, server_default=_LONG_AGO)
    op.add_column("orders_order", column)
    table = sa.table("orders_order", sa.column("changed_at", moment), sa.column("created_at", moment))
    op.execute(table.update().values(changed_at=table.c.created_at))
    op.create_index("ix_orders_order_changed_at", "orders_order", ["changed_at", "id"])


def downgrade() -> None:
    op.drop_index("ix_orders_order_changed_at", "orders_order")
    with op.batch_alter_table("orders_order") as batch:
        batch.drop_column("changed_at")
