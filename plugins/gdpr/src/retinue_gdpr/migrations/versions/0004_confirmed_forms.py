"""Forms whose consents count once they were confirmed by letter."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
level = 4


def upgrade() -> None:
    op.add_column("gdpr_form", sa.Column("confirm", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    op.drop_column("gdpr_form", "confirm")
