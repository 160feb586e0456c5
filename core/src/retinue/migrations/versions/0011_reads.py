"""Who looked at whose card."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
level = 11


def upgrade() -> None:
    """Nothing was noted yet."""
    op.create_table(
        "read_entry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_kind", sa.String(length=10), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("actor_name", sa.String(length=200), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_read_entry"),
    )
    for name in ("at", "actor_id", "contact_id"):
        op.create_index(f"ix_read_entry_{name}", "read_entry", [name])


def downgrade() -> None:
    """Undo it."""
    op.drop_table("read_entry")
