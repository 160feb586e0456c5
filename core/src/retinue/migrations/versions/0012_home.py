"""Whom an owner has not spoken to for longest, and what is promised, are found without reading all contacts."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
level = 12


def upgrade() -> None:
    """The owner's index knows the last interaction; promises, which are few, have one of their own."""
    op.drop_index("ix_contact_owner_id", "contact")
    op.create_index("ix_contact_owner", "contact", ["owner_id", "last_interaction_at", "id"])
    promised = sa.text("kind = 'promise'")
    op.create_index(
        "ix_interaction_promised",
        "interaction",
        ["at", "id"],
        sqlite_where=promised,
        postgresql_where=promised,
    )


def downgrade() -> None:
    """Undo it."""
    op.drop_index("ix_interaction_promised", "interaction")
    op.drop_index("ix_contact_owner", "contact")
    op.create_index("ix_contact_owner_id", "contact", ["owner_id"])
