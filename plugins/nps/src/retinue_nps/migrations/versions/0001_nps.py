"""Surveys, editions, invitations, answers, follow-ups, reviews, and the facet."""

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
        "nps_rest",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name="fk_nps_rest_contact_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_nps_rest"),
        sa.UniqueConstraint("contact_id", name="uq_nps_rest_contact_id"),
    )
    op.create_table(
        "nps_standing",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("last_score", sa.SmallInteger(), nullable=False),
        sa.Column("last_answered", sa.DateTime(timezone=True), nullable=False),
        sa.Column("group", sa.String(length=9), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name="fk_nps_standing_contact_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_nps_standing"),
        sa.UniqueConstraint("contact_id", name="uq_nps_standing_contact_id"),
    )
    op.create_index("ix_nps_standing_group", "nps_standing", ["group"], unique=False)
    op.create_index("ix_nps_standing_last_answered", "nps_standing", ["last_answered"], unique=False)
    op.create_index("ix_nps_standing_last_score", "nps_standing", ["last_score"], unique=False)
    op.create_table(
        "nps_survey",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("kind", sa.String(length=13), nullable=False),
        sa.Column("status", sa.String(length=6), nullable=False),
        sa.Column("anonymous", sa.Boolean(), nullable=False),
        sa.Column("trigger", sa.String(length=80), nullable=False),
        sa.Column("delay_hours", sa.Integer(), nullable=False),
        sa.Column("rest_days", sa.Integer(), nullable=False),
        sa.Column("open_days", sa.Integer(), nullable=False),
        sa.Column("edit_hours", sa.Integer(), nullable=False),
        sa.Column("follow_hours", sa.Integer(), nullable=False),
        sa.Column("review_url", sa.String(length=500), nullable=False),
        sa.Column("reward", sa.Boolean(), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_nps_survey"),
        sa.UniqueConstraint("key", name="uq_nps_survey_key"),
    )
    op.create_table(
        "nps_answer",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("survey_id", sa.Uuid(), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=True),
        sa.Column("invitation_id", sa.Uuid(), nullable=True),
        sa.Column("mark", sa.LargeBinary(length=32), nullable=True),
        sa.Column("score", sa.SmallInteger(), nullable=True),
        sa.Column(
            "values",
            JSON,
            nullable=False,
        ),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("way", sa.String(length=12), nullable=False),
        sa.Column("merged_from", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name="fk_nps_answer_contact_id", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["survey_id"], ["nps_survey.id"], name="fk_nps_answer_survey_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_nps_answer"),
        sa.UniqueConstraint("invitation_id", name="uq_nps_answer_invitation_id"),
        sa.UniqueConstraint("mark", name="uq_nps_answer_mark"),
    )
    op.create_index("ix_nps_answer_contact_id", "nps_answer", ["contact_id"], unique=False)
    op.create_index(
        "ix_nps_answer_survey_id_on_day", "nps_answer", ["survey_id", "on_day", "score"], unique=False
    )
    op.create_table(
        "nps_edition",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("survey_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("measure", sa.String(length=4), nullable=False),
        sa.Column(
            "questions",
            JSON,
            nullable=False,
        ),
        sa.Column(
            "texts",
            JSON,
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["survey_id"], ["nps_survey.id"], name="fk_nps_edition_survey_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_nps_edition"),
        sa.UniqueConstraint("survey_id", "number", name="uq_nps_edition_survey_id_number"),
    )
    op.create_table(
        "nps_invitation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("survey_id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("cause", sa.String(length=80), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("merged_from", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name="fk_nps_invitation_contact_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["survey_id"], ["nps_survey.id"], name="fk_nps_invitation_survey_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_nps_invitation"),
        sa.UniqueConstraint(
            "survey_id", "contact_id", "cause", name="uq_nps_invitation_survey_id_contact_id_cause"
        ),
    )
    op.create_index("ix_nps_invitation_contact_id", "nps_invitation", ["contact_id", "sent_at"], unique=False)
    op.create_index(
        "ix_nps_invitation_state_due_at", "nps_invitation", ["state", "due_at", "id"], unique=False
    )
    op.create_index(
        "ix_nps_invitation_survey_id_state", "nps_invitation", ["survey_id", "state"], unique=False
    )
    op.create_table(
        "nps_comment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("answer_id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("merged_from", sa.Uuid(), nullable=True),
        sa.Column("sealed_data", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["answer_id"], ["nps_answer.id"], name="fk_nps_comment_answer_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name="fk_nps_comment_contact_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_nps_comment"),
        sa.UniqueConstraint("answer_id", name="uq_nps_comment_answer_id"),
    )
    op.create_index("ix_nps_comment_contact_id", "nps_comment", ["contact_id"], unique=False)
    op.create_table(
        "nps_follow_up",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("answer_id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("interaction_id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.String(length=7), nullable=False),
        sa.Column("score", sa.SmallInteger(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("contacted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("merged_from", sa.Uuid(), nullable=True),
        sa.Column("later_score", sa.SmallInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["answer_id"], ["nps_answer.id"], name="fk_nps_follow_up_answer_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name="fk_nps_follow_up_contact_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_nps_follow_up"),
        sa.UniqueConstraint("answer_id", name="uq_nps_follow_up_answer_id"),
    )
    op.create_index("ix_nps_follow_up_contact_id", "nps_follow_up", ["contact_id"], unique=False)
    op.create_index("ix_nps_follow_up_state_due_at", "nps_follow_up", ["state", "due_at"], unique=False)
    op.create_table(
        "nps_note",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("answer_id", sa.Uuid(), nullable=False),
        sa.Column("sealed_data", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["answer_id"], ["nps_answer.id"], name="fk_nps_note_answer_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_nps_note"),
        sa.UniqueConstraint("answer_id", name="uq_nps_note_answer_id"),
    )
    op.create_table(
        "nps_review",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("answer_id", sa.Uuid(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("merged_from", sa.Uuid(), nullable=True),
        sa.Column("publish", sa.Boolean(), nullable=False),
        sa.Column("sealed_data", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["answer_id"], ["nps_answer.id"], name="fk_nps_review_answer_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name="fk_nps_review_contact_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_nps_review"),
        sa.UniqueConstraint("contact_id", name="uq_nps_review_contact_id"),
    )
    op.create_index("ix_nps_review_answer_id", "nps_review", ["answer_id"], unique=False)


def downgrade() -> None:
    op.drop_table("nps_review")
    op.drop_table("nps_note")
    op.drop_table("nps_follow_up")
    op.drop_table("nps_comment")
    op.drop_table("nps_invitation")
    op.drop_table("nps_edition")
    op.drop_table("nps_answer")
    op.drop_table("nps_survey")
    op.drop_table("nps_standing")
    op.drop_table("nps_rest")
