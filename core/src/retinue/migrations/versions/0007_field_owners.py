"""Custom fields and field rules that go with a plugin."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
level = 7


def upgrade() -> None:
    """Say whose they are; those there already belong to the installation."""
    for table in ("custom_field", "field_rule"):
        op.add_column(table, sa.Column("plugin", sa.String(length=40), nullable=True))


def downgrade() -> None:
    """Undo it."""
    for table in ("custom_field", "field_rule"):
        with op.batch_alter_table(table) as batch:
            batch.drop_column("plugin")
