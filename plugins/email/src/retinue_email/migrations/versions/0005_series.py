"""Regular letters."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0005"
down_revision = "0004"
level = 5

JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "email_series",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("template_id", sa.Uuid(), nullable=False),
        sa.Column("view_id", sa.Uuid(), nullable=False),
        sa.Column("days", JSON, nullable=False),
        sa.Column("month_day", sa.Integer(), nullable=True),
        sa.Column("clock", sa.String(5), nullable=False),
        sa.Column("zone", sa.String(64), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(300), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_email_series"),
        sa.ForeignKeyConstraint(
            ["template_id"], ["email_template.id"], name="fk_email_series_template_id_email_template",
            ondelete="RESTRICT",
        ),
    )  # fmt: skip
    op.create_index("ix_email_series_template_id", "email_series", ["template_id"])


def downgrade() -> None:
    op.drop_table("email_series")
