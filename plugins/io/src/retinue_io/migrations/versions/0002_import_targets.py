"""What a file holds may be the import target of another plugin, whose name is longer."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
level = 2

_TABLES = ("io_import", "io_mapping")


def upgrade() -> None:
    """Give the names room; SQLite does not count the characters of a text."""
    _resize(12, 80)


def downgrade() -> None:
    """Take the room back, with whatever needs it."""
    for name in _TABLES:
        table = sa.table(name, sa.column("what", sa.String()))
        op.execute(table.delete().where(sa.func.length(table.c.what) > 12))
    _resize(80, 12)


def _resize(before: int, after: int) -> None:
    if op.get_bind().dialect.name == "sqlite":
        return
    for name in _TABLES:
        op.alter_column(name, "what", existing_type=sa.String(before), type_=sa.String(after))
