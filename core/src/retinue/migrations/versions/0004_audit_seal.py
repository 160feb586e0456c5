"""Seals end at an entry, not at a turn; turns go on after a restore."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
level = 4


def upgrade() -> None:
    """Seals are made anew by the next run of the sealer: what they are made of has changed."""
    op.create_table(
        "audit_turn",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("ahead", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_turn")),
    )
    op.execute(sa.text("DELETE FROM audit_seal"))
    with op.batch_alter_table("audit_seal") as batch:
        batch.add_column(sa.Column("last_id", sa.Uuid(), nullable=False))


def downgrade() -> None:
    """Undo it."""
    with op.batch_alter_table("audit_seal") as batch:
        batch.drop_column("last_id")
    op.drop_table("audit_turn")
