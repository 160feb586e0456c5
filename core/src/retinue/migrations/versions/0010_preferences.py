"""What pages remember for an account."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
level = 10


def upgrade() -> None:
    """Nothing is remembered yet."""
    kept = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
    op.add_column("account", sa.Column("preferences", kept, nullable=True))


def downgrade() -> None:
    """Undo it."""
    with op.batch_alter_table("account") as batch:
        batch.drop_column("preferences")
