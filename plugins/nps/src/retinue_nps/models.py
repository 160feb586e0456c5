"""Surveys with their editions, invitations, answers, what was written beside them, follow-ups, reviews, and the facet.

A survey that was asked is never changed: a change is a new edition, and each answer says which one it answers. An answer
outlives the person: erasure takes the contact off it and deletes what was written. An anonymous answer knows no contact,
no invitation and no hour, so that nobody joins it back.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    Date,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.orm import Mapped

import retinue.contacts  # noqa: F401  # contact_ref points at its table, which must be known first
from retinue import (
    Access,
    Sealed,
    UtcDateTime,
    contact_ref,
    field,
    json_type,
    key,
    personal,
    plugin_base,
    ref,
    sealed,
)
from retinue_nps.scoring import GROUPS

DRAFT, ACTIVE, CLOSED = "draft", "active", "closed"
STATUSES = (DRAFT, ACTIVE, CLOSED)
RELATIONAL, TRANSACTIONAL = "relational", "transactional"
KINDS = (RELATIONAL, TRANSACTIONAL)
WAITING, SENT, ANSWERED, SKIPPED, EXPIRED = "waiting", "sent", "answered", "skipped", "expired"
STATES = (WAITING, SENT, ANSWERED, SKIPPED, EXPIRED)
OPEN, DONE, CHANGED = "open", "done", "changed"
FOLLOW_STATES = (OPEN, DONE, CHANGED)

_ASKED = personal("to ask nobody too often", erase="delete")
_ANSWER = personal("to know how customers judge us", erase="keep")
_WORDS = personal("to act on what a customer wrote", erase="delete")


class Base(plugin_base("nps")):  # type: ignore[misc]  # a base class made at run time
    """Base of the plugin's tables."""

    __abstract__ = True


class Survey(Base):
    """One survey: when it is asked, of whom, and how long its links live."""

    __tablename__ = "nps_survey"
    __access__ = Access.everyone()
    __noun__ = "survey"
    __revertible__ = False

    id: Mapped[UUID] = key("Survey")
    key: Mapped[str] = field(String(60), label="Key", nullable=False, unique=True)
    name: Mapped[str] = field(String(120), label="Name", nullable=False)
    kind: Mapped[str] = field(String(13), label="Kind", kind="choice", choices=KINDS, nullable=False)
    status: Mapped[str] = field(String(6), label="Status", kind="choice", choices=STATUSES, nullable=False)
    anonymous: Mapped[bool] = field(Boolean, label="Anonymous", default=False, nullable=False)
    trigger: Mapped[str] = field(String(80), label="Asked after", default="", nullable=False)
    delay_hours: Mapped[int] = field(Integer, label="Hours after that", default=0, nullable=False)
    rest_days: Mapped[int] = field(Integer, label="Days of rest before", nullable=False)
    open_days: Mapped[int] = field(Integer, label="Days a link lives", default=30, nullable=False)
    edit_hours: Mapped[int] = field(
        Integer, label="Hours an answer can be changed", default=24, nullable=False
    )
    follow_hours: Mapped[int] = field(
        Integer, label="Hours to follow a low score up", default=24, nullable=False
    )
    review_url: Mapped[str] = field(String(500), label="Where to review us", default="", nullable=False)
    reward: Mapped[bool] = field(Boolean, label="Rewards an answer", default=False, nullable=False)
    edition: Mapped[int] = field(Integer, label="Edition", default=1, nullable=False)
    version: Mapped[int] = field(Integer, label="Version", default=1, nullable=False)
    created_at: Mapped[datetime] = field(UtcDateTime, label="Created", nullable=False)


class Edition(Base):
    """The questions and words of a survey as they were asked; never changed."""

    __tablename__ = "nps_edition"
    __access__ = Access.everyone()
    __noun__ = "survey"
    __revertible__ = False

    id: Mapped[UUID] = key()
    survey_id: Mapped[UUID] = ref("nps_survey.id", on_delete="CASCADE", label="Survey", index=False)
    number: Mapped[int] = field(Integer, label="Number", nullable=False)
    language: Mapped[str] = field(String(2), label="Language that stands in for others", nullable=False)
    measure: Mapped[str] = field(String(4), label="Measure", default="", nullable=False)
    questions: Mapped[list[Any]] = field(json_type(), label="Questions", kind="json", nullable=False)
    texts: Mapped[dict[str, Any]] = field(json_type(), label="Words by language", kind="json", nullable=False)
    created_at: Mapped[datetime] = field(UtcDateTime, label="Created", nullable=False)

    __table_args__ = (UniqueConstraint("survey_id", "number", name="uq_nps_edition_survey_id_number"),)


class Invitation(Base):
    """That a contact is to be asked, was asked, or why not; `cause` is what it was for, once each."""

    __tablename__ = "nps_invitation"
    __access__ = Access.through("contact_id")
    __noun__ = "invitation"
    __audited__ = False  # each row is its own record
    __revertible__ = False

    id: Mapped[UUID] = key("Invitation")
    survey_id: Mapped[UUID] = ref("nps_survey.id", on_delete="CASCADE", label="Survey", index=False)
    contact_id: Mapped[UUID] = contact_ref(index=False)
    cause: Mapped[str] = field(String(80), label="Because of", nullable=False, privacy=_ASKED)
    state: Mapped[str] = field(String(8), label="State", kind="choice", choices=STATES, nullable=False)
    reason: Mapped[str] = field(String(40), label="Reason", default="", nullable=False)
    due_at: Mapped[datetime] = field(UtcDateTime, label="Due", nullable=False)
    sent_at: Mapped[datetime | None] = field(UtcDateTime, label="Sent", privacy=_ASKED)
    created_at: Mapped[datetime] = field(UtcDateTime, label="Created", nullable=False)
    merged_from: Mapped[UUID | None] = field(Uuid, label="Whose it was before a merge", filterable=False)

    __table_args__ = (
        UniqueConstraint(
            "survey_id", "contact_id", "cause", name="uq_nps_invitation_survey_id_contact_id_cause"
        ),
        Index("ix_nps_invitation_contact_id", "contact_id", "sent_at"),
        Index("ix_nps_invitation_state_due_at", "state", "due_at", "id"),
        Index("ix_nps_invitation_survey_id_state", "survey_id", "state"),
    )


class Rest(Base):
    """When a contact was last asked anything, by whichever survey and way."""

    __tablename__ = "nps_rest"
    __access__ = Access.through("contact_id")
    __audited__ = False  # follows from the invitations
    __revertible__ = False

    id: Mapped[UUID] = key()
    contact_id: Mapped[UUID] = contact_ref(unique=True, index=False)
    sent_at: Mapped[datetime] = field(UtcDateTime, label="Last asked", nullable=False, privacy=_ASKED)


class Answer(Base):
    """One answer; anonymous ones have a random id, a day instead of an hour, and neither contact nor invitation."""

    __tablename__ = "nps_answer"
    __access__ = Access.through("contact_id", optional=True)
    __noun__ = "survey_answer"
    __audited__ = (
        False  # each row is its own record, and an audit would join anonymous ones back by the clock
    )
    __revertible__ = False

    id: Mapped[UUID] = key("Answer")
    survey_id: Mapped[UUID] = ref("nps_survey.id", on_delete="CASCADE", label="Survey", index=False)
    edition: Mapped[int] = field(Integer, label="Edition", nullable=False)
    contact_id: Mapped[UUID | None] = contact_ref(on_delete="SET NULL", nullable=True)
    invitation_id: Mapped[UUID | None] = field(Uuid, label="Invitation", unique=True)
    mark: Mapped[bytes | None] = field(LargeBinary(32), label="Used link", unique=True)
    score: Mapped[int | None] = field(SmallInteger, label="Score", privacy=_ANSWER)
    values: Mapped[dict[str, Any]] = field(
        json_type(), label="Answers by question", kind="json", privacy=_ANSWER, nullable=False
    )
    on_day: Mapped[date] = field(Date, label="Day", privacy=_ANSWER, nullable=False)
    answered_at: Mapped[datetime | None] = field(UtcDateTime, label="Answered", privacy=_ANSWER)
    changed_at: Mapped[datetime | None] = field(UtcDateTime, label="Changed", privacy=_ANSWER)
    language: Mapped[str] = field(String(2), label="Language", default="", nullable=False)
    way: Mapped[str] = field(String(12), label="Way", default="", nullable=False)
    merged_from: Mapped[UUID | None] = field(Uuid, label="Whose it was before a merge", filterable=False)

    __table_args__ = (Index("ix_nps_answer_survey_id_on_day", "survey_id", "on_day", "score"),)


class Comment(Sealed, Base):
    """What a known customer wrote beside a score; sealed with the customer's key."""

    __tablename__ = "nps_comment"
    __access__ = Access.through("contact_id")
    __noun__ = "survey_comment"
    __audited__ = False  # written with its answer
    __revertible__ = False

    id: Mapped[UUID] = key()
    answer_id: Mapped[UUID] = ref(
        "nps_answer.id", on_delete="CASCADE", label="Answer", unique=True, index=False
    )
    contact_id: Mapped[UUID] = contact_ref()
    merged_from: Mapped[UUID | None] = field(Uuid, label="Whose it was before a merge", filterable=False)

    texts: Any = sealed(label="What was written", kind="json", privacy=_WORDS, default={})


class Note(Sealed, Base):
    """What somebody unknown wrote beside a score; sealed with the installation's key."""

    __tablename__ = "nps_note"
    __access__ = Access.everyone()
    __noun__ = "survey_comment"
    __subject__ = None
    __audited__ = False  # written with its answer
    __revertible__ = False

    id: Mapped[UUID] = key()
    answer_id: Mapped[UUID] = ref(
        "nps_answer.id", on_delete="CASCADE", label="Answer", unique=True, index=False
    )

    texts: Any = sealed(label="What was written", kind="json", default={})


class FollowUp(Base):
    """A low score that somebody follows up: when it was seen, when the customer was first spoken to, what they say now."""

    __tablename__ = "nps_follow_up"
    __access__ = Access.through("contact_id")
    __noun__ = "follow_up"
    __audited__ = False  # the promise it stands on is in the timeline
    __revertible__ = False

    id: Mapped[UUID] = key("Follow-up")
    answer_id: Mapped[UUID] = ref(
        "nps_answer.id", on_delete="CASCADE", label="Answer", unique=True, index=False
    )
    contact_id: Mapped[UUID] = contact_ref()
    interaction_id: Mapped[UUID] = field(Uuid, label="Promise", nullable=False)
    owner_id: Mapped[UUID | None] = field(Uuid, label="Owner", kind="account")
    state: Mapped[str] = field(String(7), label="State", kind="choice", choices=FOLLOW_STATES, nullable=False)
    score: Mapped[int] = field(SmallInteger, label="Score", privacy=_ANSWER, nullable=False)
    opened_at: Mapped[datetime] = field(UtcDateTime, label="Opened", nullable=False)
    due_at: Mapped[datetime] = field(UtcDateTime, label="Due", nullable=False)
    contacted_at: Mapped[datetime | None] = field(UtcDateTime, label="First contact")
    closed_at: Mapped[datetime | None] = field(UtcDateTime, label="Closed")
    merged_from: Mapped[UUID | None] = field(Uuid, label="Whose it was before a merge", filterable=False)
    later_score: Mapped[int | None] = field(SmallInteger, label="Later score", privacy=_ANSWER)

    __table_args__ = (Index("ix_nps_follow_up_state_due_at", "state", "due_at"),)


class Review(Sealed, Base):
    """What a promoter was asked for once, and gave: words to publish, with the consent that stands beside them."""

    __tablename__ = "nps_review"
    __access__ = Access.through("contact_id")
    __noun__ = "review"
    __audited__ = False  # each row is its own record
    __revertible__ = False

    id: Mapped[UUID] = key("Review")
    contact_id: Mapped[UUID] = contact_ref(unique=True, index=False)
    answer_id: Mapped[UUID] = ref("nps_answer.id", on_delete="CASCADE", label="Answer")
    asked_at: Mapped[datetime] = field(UtcDateTime, label="Asked", privacy=_WORDS, nullable=False)
    given_at: Mapped[datetime | None] = field(UtcDateTime, label="Given", privacy=_WORDS)
    merged_from: Mapped[UUID | None] = field(Uuid, label="Whose it was before a merge", filterable=False)
    publish: Mapped[bool] = field(Boolean, label="May be published", default=False, nullable=False)

    words: Any = sealed(label="Words", kind="json", privacy=_WORDS, default={})


class Standing(Base):
    """The contact's last NPS answer, as fields of the contact."""

    __tablename__ = "nps_standing"
    __access__ = Access.through("contact_id")
    __audited__ = False  # follows from the answers

    id: Mapped[UUID] = key()
    contact_id: Mapped[UUID] = contact_ref(unique=True, index=False)
    last_score: Mapped[int] = field(
        SmallInteger, label="Last score", privacy=_WORDS, nullable=False, index=True
    )
    last_answered: Mapped[datetime] = field(
        UtcDateTime, label="Last answered", privacy=_WORDS, nullable=False, index=True
    )
    group: Mapped[str] = field(
        String(9),
        label="NPS group",
        kind="choice",
        choices=GROUPS,
        privacy=_WORDS,
        nullable=False,
        index=True,
    )
