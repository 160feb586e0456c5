"""Purposes, the log of consents, letters, requests, holds, retention, breaches."""

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
        "gdpr_breach",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(length=160), nullable=False),
        sa.Column("aware_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("nature", sa.Text(), nullable=False),
        sa.Column("categories", JSON, nullable=False),
        sa.Column("people", sa.Integer(), nullable=True),
        sa.Column("records", sa.Integer(), nullable=True),
        sa.Column("consequences", sa.Text(), nullable=False),
        sa.Column("measures", sa.Text(), nullable=False),
        sa.Column("high_risk", sa.Boolean(), nullable=False),
        sa.Column("notified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("delay_reasons", sa.Text(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_gdpr_breach"),
    )
    op.create_table(
        "gdpr_form",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("language", sa.String(length=12), nullable=False),
        sa.Column("purposes", JSON, nullable=False),
        sa.Column("source", sa.String(length=100), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_gdpr_form"),
        sa.UniqueConstraint("key", name="uq_gdpr_form_key"),
    )
    op.create_table(
        "gdpr_hold",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("basis", sa.String(length=120), nullable=False),
        sa.Column("tables", JSON, nullable=False),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stands_in", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sealed_data", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name="fk_gdpr_hold_contact_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_gdpr_hold"),
    )
    op.create_index("ix_gdpr_hold_contact_id", "gdpr_hold", ["contact_id"], unique=False)
    op.create_index("ix_gdpr_hold_until", "gdpr_hold", ["until"], unique=False)
    op.create_table(
        "gdpr_manifest",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=True),
        sa.Column("rule_id", sa.Uuid(), nullable=True),
        sa.Column("change_set_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("grounds", sa.String(length=120), nullable=False),
        sa.Column("tables", JSON, nullable=False),
        sa.Column("kept", JSON, nullable=False),
        sa.Column("signature", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_gdpr_manifest"),
    )
    op.create_index("ix_gdpr_manifest_request_id", "gdpr_manifest", ["request_id"], unique=False)
    op.create_index("ix_gdpr_manifest_subject_id", "gdpr_manifest", ["subject_id"], unique=False)
    op.create_table(
        "gdpr_purpose",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("basis", sa.String(length=20), nullable=False),
        sa.Column("channels", JSON, nullable=False),
        sa.Column("topic", sa.Boolean(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("valid_months", sa.Integer(), nullable=True),
        sa.Column("record", JSON, nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_gdpr_purpose"),
        sa.UniqueConstraint("key", name="uq_gdpr_purpose_key"),
    )
    op.create_table(
        "gdpr_refusal",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(length=60), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name="fk_gdpr_refusal_contact_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_gdpr_refusal"),
    )
    op.create_index("ix_gdpr_refusal_contact_id", "gdpr_refusal", ["contact_id"], unique=False)
    op.create_index("ix_gdpr_refusal_purpose", "gdpr_refusal", ["purpose"], unique=False)
    op.create_table(
        "gdpr_request",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=True),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=13), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("channel", sa.String(length=12), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=True),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("extended_on", sa.Date(), nullable=True),
        sa.Column("paused_on", sa.Date(), nullable=True),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("verified_how", sa.String(length=60), nullable=False),
        sa.Column("duplicate_of_id", sa.Uuid(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("failure", sa.String(length=300), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sealed_data", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name="fk_gdpr_request_contact_id", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["duplicate_of_id"],
            ["gdpr_request.id"],
            name="fk_gdpr_request_duplicate_of_id",
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_gdpr_request"),
    )
    op.create_index("ix_gdpr_request_contact_id", "gdpr_request", ["contact_id"], unique=False)
    op.create_index("ix_gdpr_request_due_on", "gdpr_request", ["due_on"], unique=False)
    op.create_index("ix_gdpr_request_state", "gdpr_request", ["state"], unique=False)
    op.create_index("ix_gdpr_request_token", "gdpr_request", ["token"], unique=False)
    op.create_table(
        "gdpr_rule",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("filter", JSON, nullable=True),
        sa.Column("anchor", sa.String(length=20), nullable=False),
        sa.Column("months", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(length=8), nullable=False),
        sa.Column("grounds", sa.String(length=200), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_gdpr_rule"),
        sa.UniqueConstraint("key", name="uq_gdpr_rule_key"),
    )
    op.create_table(
        "gdpr_standing",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.String(length=100), nullable=False),
        sa.Column("outside", sa.Boolean(), nullable=False),
        sa.Column("notice_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("notified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("head", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name="fk_gdpr_standing_contact_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_gdpr_standing"),
        sa.UniqueConstraint("contact_id", name="uq_gdpr_standing_contact_id"),
    )
    op.create_index("ix_gdpr_standing_notice_due_at", "gdpr_standing", ["notice_due_at"], unique=False)
    op.create_index("ix_gdpr_standing_notified_at", "gdpr_standing", ["notified_at"], unique=False)
    op.create_table(
        "gdpr_suppression",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("reason", sa.String(length=10), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_gdpr_suppression"),
        sa.UniqueConstraint("token", "reason", name="uq_gdpr_suppression_token_reason"),
    )
    op.create_table(
        "gdpr_consent",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("purpose_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(length=12), nullable=False),
        sa.Column("state", sa.String(length=9), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name="fk_gdpr_consent_contact_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["purpose_id"], ["gdpr_purpose.id"], name="fk_gdpr_consent_purpose_id", ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_gdpr_consent"),
        sa.UniqueConstraint(
            "contact_id", "purpose_id", "channel", name="uq_gdpr_consent_contact_id_purpose_id_channel"
        ),
    )
    op.create_index("ix_gdpr_consent_expires_at", "gdpr_consent", ["expires_at"], unique=False)
    op.create_index(
        "ix_gdpr_consent_purpose_id_channel",
        "gdpr_consent",
        ["purpose_id", "channel", "contact_id"],
        unique=False,
    )
    op.create_table(
        "gdpr_review",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("rule_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name="fk_gdpr_review_contact_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["rule_id"], ["gdpr_rule.id"], name="fk_gdpr_review_rule_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_gdpr_review"),
    )
    op.create_index("ix_gdpr_review_contact_id", "gdpr_review", ["contact_id"], unique=False)
    op.create_index("ix_gdpr_review_rule_id", "gdpr_review", ["rule_id"], unique=False)
    op.create_table(
        "gdpr_run",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("rule_id", sa.Uuid(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("kept", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("report", JSON, nullable=True),
        sa.Column("signature", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["rule_id"], ["gdpr_rule.id"], name="fk_gdpr_run_rule_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_gdpr_run"),
    )
    op.create_index("ix_gdpr_run_rule_id", "gdpr_run", ["rule_id"], unique=False)
    op.create_table(
        "gdpr_step",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("plugin", sa.String(length=63), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["request_id"], ["gdpr_request.id"], name="fk_gdpr_step_request_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_gdpr_step"),
    )
    op.create_index("ix_gdpr_step_request_id", "gdpr_step", ["request_id"], unique=False)
    op.create_table(
        "gdpr_wording",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("purpose_id", sa.Uuid(), nullable=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(length=12), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["purpose_id"], ["gdpr_purpose.id"], name="fk_gdpr_wording_purpose_id", ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_gdpr_wording"),
        sa.UniqueConstraint(
            "kind", "purpose_id", "language", "number", name="uq_gdpr_wording_kind_purpose_id_language_number"
        ),
    )
    op.create_index("ix_gdpr_wording_digest", "gdpr_wording", ["digest"], unique=False)
    op.create_table(
        "gdpr_consent_event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("purpose_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=12), nullable=False),
        sa.Column("event", sa.String(length=9), nullable=False),
        sa.Column("method", sa.String(length=13), nullable=False),
        sa.Column("wording_id", sa.Uuid(), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=12), nullable=False),
        sa.Column("form_id", sa.Uuid(), nullable=True),
        sa.Column("jurisdiction", sa.String(length=12), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("prior_id", sa.Uuid(), nullable=True),
        sa.Column("actor_kind", sa.String(length=10), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("sealed_data", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name="fk_gdpr_consent_event_contact_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["purpose_id"], ["gdpr_purpose.id"], name="fk_gdpr_consent_event_purpose_id", ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["wording_id"], ["gdpr_wording.id"], name="fk_gdpr_consent_event_wording_id", ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_gdpr_consent_event"),
        sa.UniqueConstraint("contact_id", "place", name="uq_gdpr_consent_event_contact_id_place"),
    )
    op.create_index("ix_gdpr_consent_event_purpose_id", "gdpr_consent_event", ["purpose_id"], unique=False)
    op.create_index("ix_gdpr_consent_event_wording_id", "gdpr_consent_event", ["wording_id"], unique=False)
    op.create_table(
        "gdpr_decision",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("rule_id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("decision", sa.String(length=10), nullable=False),
        sa.Column("code", sa.String(length=60), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["gdpr_run.id"], name="fk_gdpr_decision_run_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_gdpr_decision"),
        sa.UniqueConstraint("run_id", "subject_id", name="uq_gdpr_decision_run_id_subject_id"),
    )
    op.create_index("ix_gdpr_decision_subject_id", "gdpr_decision", ["subject_id"], unique=False)
    op.create_table(
        "gdpr_letter",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("language", sa.String(length=12), nullable=False),
        sa.Column("state", sa.String(length=6), nullable=False),
        sa.Column("wording_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sealed_data", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name="fk_gdpr_letter_contact_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["wording_id"], ["gdpr_wording.id"], name="fk_gdpr_letter_wording_id", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_gdpr_letter"),
        sa.UniqueConstraint("key", name="uq_gdpr_letter_key"),
    )
    op.create_index("ix_gdpr_letter_contact_id", "gdpr_letter", ["contact_id"], unique=False)
    op.create_index("ix_gdpr_letter_state", "gdpr_letter", ["state"], unique=False)


def downgrade() -> None:
    op.drop_table("gdpr_letter")
    op.drop_table("gdpr_decision")
    op.drop_table("gdpr_consent_event")
    op.drop_table("gdpr_wording")
    op.drop_table("gdpr_step")
    op.drop_table("gdpr_run")
    op.drop_table("gdpr_review")
    op.drop_table("gdpr_consent")
    op.drop_table("gdpr_suppression")
    op.drop_table("gdpr_standing")
    op.drop_table("gdpr_rule")
    op.drop_table("gdpr_request")
    op.drop_table("gdpr_refusal")
    op.drop_table("gdpr_purpose")
    op.drop_table("gdpr_manifest")
    op.drop_table("gdpr_hold")
    op.drop_table("gdpr_form")
    op.drop_table("gdpr_breach")
