"""Templates, campaigns, deliveries, suppression."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
level = 1

JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "email_line",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_email_line"),
    )
    op.create_table(
        "email_standing",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("last_sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent", sa.Integer(), nullable=False),
        sa.Column("bounced", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name="fk_email_standing_contact_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_email_standing"),
        sa.UniqueConstraint("contact_id", name="uq_email_standing_contact_id"),
    )
    op.create_index("ix_email_standing_last_sent_at", "email_standing", ["last_sent_at"], unique=False)
    op.create_table(
        "email_suppression",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("scope", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.String(length=12), nullable=False),
        sa.Column("source", sa.String(length=60), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_email_suppression"),
        sa.UniqueConstraint("token", "scope", name="uq_email_suppression_token_scope"),
    )
    op.create_table(
        "email_template",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("purpose", sa.String(length=40), nullable=False),
        sa.Column("language", sa.String(length=12), nullable=False),
        sa.Column("words", JSON, nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_email_template"),
        sa.UniqueConstraint("key", name="uq_email_template_key"),
    )
    op.create_table(
        "email_campaign",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("template_id", sa.Uuid(), nullable=False),
        sa.Column("texts", JSON, nullable=False),
        sa.Column("view_id", sa.Uuid(), nullable=True),
        sa.Column("purpose", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("policy", sa.String(length=14), nullable=False),
        sa.Column("start_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_by", sa.Uuid(), nullable=True),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["template_id"], ["email_template.id"], name="fk_email_campaign_template_id", ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_email_campaign"),
    )
    op.create_index("ix_email_campaign_template_id", "email_campaign", ["template_id"], unique=False)
    op.create_table(
        "email_text",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("template_id", sa.Uuid(), nullable=False),
        sa.Column("language", sa.String(length=12), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("format", sa.String(length=4), nullable=False),
        sa.Column("subject", sa.String(length=500), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["template_id"], ["email_template.id"], name="fk_email_text_template_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_email_text"),
        sa.UniqueConstraint(
            "template_id", "language", "number", name="uq_email_text_template_id_language_number"
        ),
    )
    op.create_table(
        "email_delivery",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=True),
        sa.Column("key", sa.String(length=120), nullable=True),
        sa.Column("contact_id", sa.Uuid(), nullable=True),
        sa.Column("merged_from", sa.Uuid(), nullable=True),
        sa.Column("text_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(length=40), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=True),
        sa.Column("domain", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("code", sa.Integer(), nullable=False),
        sa.Column("enhanced", sa.String(length=12), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("held_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["email_campaign.id"], name="fk_email_delivery_campaign_id", ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name="fk_email_delivery_contact_id", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["text_id"], ["email_text.id"], name="fk_email_delivery_text_id", ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_email_delivery"),
        sa.UniqueConstraint("key", name="uq_email_delivery_key"),
    )
    op.create_index(
        "ix_email_delivery_campaign_id_state",
        "email_delivery",
        ["campaign_id", "state", "reason"],
        unique=False,
    )
    op.create_index("ix_email_delivery_contact_id", "email_delivery", ["contact_id"], unique=False)
    op.create_index(
        "ix_email_delivery_held",
        "email_delivery",
        ["held_by"],
        unique=False,
        sqlite_where=sa.text("held_by IS NOT NULL"),
        postgresql_where=sa.text("held_by IS NOT NULL"),
    )
    op.create_index(
        "ix_email_delivery_queued",
        "email_delivery",
        ["campaign_id", "id"],
        unique=False,
        sqlite_where=sa.text("state = 'queued'"),
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_index(
        "uq_email_delivery_campaign_id_contact_id",
        "email_delivery",
        ["campaign_id", "contact_id"],
        unique=True,
        sqlite_where=sa.text("merged_from IS NULL"),
        postgresql_where=sa.text("merged_from IS NULL"),
    )
    op.create_index(
        "uq_email_delivery_campaign_id_token", "email_delivery", ["campaign_id", "token"], unique=True
    )
    op.create_table(
        "email_event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("delivery_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("enhanced", sa.String(length=12), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["email_delivery.id"], name="fk_email_event_delivery_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_email_event"),
    )
    op.create_index("ix_email_event_delivery_id", "email_event", ["delivery_id"], unique=False)
    op.create_table(
        "email_values",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("delivery_id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("sealed_data", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name="fk_email_values_contact_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["email_delivery.id"], name="fk_email_values_delivery_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_email_values"),
    )
    op.create_index("ix_email_values_contact_id", "email_values", ["contact_id"], unique=False)
    op.create_index("ix_email_values_delivery_id", "email_values", ["delivery_id"], unique=False)


def downgrade() -> None:
    for table in (
        "email_event",
        "email_values",
        "email_delivery",
        "email_campaign",
        "email_text",
        "email_template",
        "email_line",
        "email_suppression",
        "email_standing",
    ):
        op.drop_table(table)
