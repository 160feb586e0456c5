"""Requests with their steps, manifests of erasure, holds, retention rules with their runs, reviews, and breaches."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Boolean, Date, Index, Integer, LargeBinary, String, Text, UniqueConstraint, Uuid
from sqlalchemy.orm import Mapped

from retinue import Access, Sealed, UtcDateTime, contact_ref, field, json_type, key, personal, ref, sealed
from retinue_gdpr.models import Base

ACCESS, PORTABILITY, RECTIFICATION, ERASURE = "access", "portability", "rectification", "erasure"
RESTRICTION, OBJECTION, WITHDRAWAL = "restriction", "objection", "withdrawal"
KINDS = (ACCESS, PORTABILITY, RECTIFICATION, ERASURE, RESTRICTION, OBJECTION, WITHDRAWAL)
NEEDLESS, UNLAWFUL, REVOKED, ACHIEVED = "needless", "unlawful", "withdrawn", "achieved"
GROUNDS = (NEEDLESS, UNLAWFUL, REVOKED, ACHIEVED)
"""Why data are to be erased: not needed or wrongly got, processed unlawfully, consent withdrawn, purpose achieved."""
UNVERIFIED, OPEN, PAUSED, COMPLETED, REFUSED, PARTIAL, FAILED, DUPLICATE, CANCELLED = (
    "unverified", "open", "paused", "completed", "refused", "partial", "error", "duplicate", "cancelled",
)  # fmt: skip
STATES = (UNVERIFIED, OPEN, PAUSED, COMPLETED, REFUSED, PARTIAL, FAILED, DUPLICATE, CANCELLED)
ERASE, REVIEW, RESTRICT = "erase", "review", "restrict"
ACTIONS = (ERASE, REVIEW, RESTRICT)
ANCHORS = ("last_interaction_at", "created_at", "updated_at")
DECISIONS = ("pending", "erased", "partial", "reviewed", "restricted", "kept", "failed")

_ASKED = personal("to answer what the person asked for", erase="blank")
_HELD = personal("to keep what a law or a claim demands", erase="delete")


class Request(Base, Sealed):
    """What somebody asks for about their data, from receipt to answer, under a clock."""

    __tablename__ = "gdpr_request"
    __access__ = Access.through("contact_id", optional=True)
    __noun__ = "request"
    __revertible__ = False
    __subject__: ClassVar[str | None] = "subject_id"

    id: Mapped[UUID] = key("Request")
    contact_id: Mapped[UUID | None] = contact_ref(on_delete="SET NULL", nullable=True)
    subject_id: Mapped[UUID] = field(Uuid, label="Under whose key", nullable=False, filterable=False)
    kind: Mapped[str] = field(String(13), label="Right", kind="choice", choices=KINDS, nullable=False)
    grounds: Mapped[str] = field(String(10), label="Why to erase", default="", nullable=False)
    state: Mapped[str] = field(
        String(10), label="State", kind="choice", choices=STATES, nullable=False, index=True
    )
    channel: Mapped[str] = field(String(12), label="Came by", default="", nullable=False)
    token: Mapped[bytes | None] = field(
        LargeBinary, label="Keyed hash of the address", filterable=False,
        privacy=personal("to tell a repeated request", erase="blank", export=False),
    )  # fmt: skip
    received_on: Mapped[date] = field(Date, label="Received", nullable=False)
    due_on: Mapped[date] = field(Date, label="Due", nullable=False, index=True)
    extended_on: Mapped[date | None] = field(Date, label="Extended")
    paused_on: Mapped[date | None] = field(Date, label="Paused")
    verified_at: Mapped[datetime | None] = field(UtcDateTime, label="Identity checked")
    verified_how: Mapped[str] = field(String(60), label="Checked how", default="", nullable=False)
    duplicate_of_id: Mapped[UUID | None] = ref(
        "gdpr_request.id", on_delete="SET NULL", label="Repeats", nullable=True, index=False
    )
    attempts: Mapped[int] = field(Integer, label="Tries", default=0, nullable=False)
    failure: Mapped[str] = field(String(300), label="What went wrong", default="", nullable=False)
    closed_at: Mapped[datetime | None] = field(UtcDateTime, label="Closed")
    created_at: Mapped[datetime] = field(UtcDateTime, label="Created", nullable=False)
    version: Mapped[int] = field(Integer, label="Version", default=1, nullable=False)

    address = sealed(label="Address of the asker", privacy=_ASKED, kind="text", default="")
    message = sealed(label="What they wrote", privacy=_ASKED, kind="long_text", default="")
    reason = sealed(label="Reason of the answer", privacy=_ASKED, kind="long_text", default="")

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012  # SQLAlchemy's own name for mapper settings
    __table_args__ = (Index("ix_gdpr_request_token", "token"),)


class Step(Base):
    """What a request meant for one plugin: how many rows, and how it went."""

    __tablename__ = "gdpr_step"
    __access__ = Access.through("request_id", parent="gdpr_request")
    __audited__ = False  # follows from the deed, which is audited

    id: Mapped[UUID] = key()
    request_id: Mapped[UUID] = ref("gdpr_request.id", on_delete="CASCADE", label="Request")
    plugin: Mapped[str] = field(String(63), label="Plugin", nullable=False)
    state: Mapped[str] = field(String(10), label="State", nullable=False)
    rows: Mapped[int] = field(Integer, label="Rows", default=0, nullable=False)
    at: Mapped[datetime] = field(UtcDateTime, label="When", nullable=False)


class Manifest(Base):
    """The proof of an erasure: how many rows went from which table, what was kept and why; signed. No personal data."""

    __tablename__ = "gdpr_manifest"
    __access__ = Access.everyone()
    __noun__ = "manifest"
    __revertible__ = False

    id: Mapped[UUID] = key("Manifest")
    subject_id: Mapped[UUID] = field(Uuid, label="Erased contact", nullable=False, index=True)
    request_id: Mapped[UUID | None] = field(Uuid, label="Request", index=True)
    rule_id: Mapped[UUID | None] = field(Uuid, label="Retention rule")
    change_set_id: Mapped[UUID] = field(Uuid, label="Change set", nullable=False)
    at: Mapped[datetime] = field(UtcDateTime, label="When", nullable=False)
    grounds: Mapped[str] = field(String(120), label="Grounds", nullable=False)
    tables: Mapped[dict[str, Any]] = field(json_type(), label="Rows", kind="json", nullable=False)
    kept: Mapped[list[Any]] = field(json_type(), label="Kept", kind="json", nullable=False)
    signature: Mapped[str] = field(String(64), label="Signature", nullable=False)


class Hold(Base, Sealed):
    """A reason in law to keep data that would otherwise go: all of a person, or the rows of some tables."""

    __tablename__ = "gdpr_hold"
    __access__ = Access.through("contact_id")
    __noun__ = "hold"

    id: Mapped[UUID] = key("Hold")
    contact_id: Mapped[UUID] = contact_ref()
    basis: Mapped[str] = field(String(120), label="Legal basis", privacy=_HELD, nullable=False)
    tables: Mapped[list[str]] = field(json_type(), label="Tables", kind="json", nullable=False)
    until: Mapped[date | None] = field(Date, label="Until", privacy=_HELD, index=True)
    created_at: Mapped[datetime] = field(UtcDateTime, label="Set", nullable=False)
    lifted_at: Mapped[datetime | None] = field(UtcDateTime, label="Lifted")
    stands_in: Mapped[bool] = field(Boolean, label="For an erased person", default=False, nullable=False)
    version: Mapped[int] = field(Integer, label="Version", default=1, nullable=False)

    reason = sealed(label="Reason", privacy=_HELD, kind="long_text", default="")


class Rule(Base):
    """How long the data of a group of contacts are kept, counted from what, and what happens then."""

    __tablename__ = "gdpr_rule"
    __access__ = Access.everyone()
    __noun__ = "retention"

    id: Mapped[UUID] = key("Retention rule")
    key: Mapped[str] = field(String(40), label="Key", nullable=False, unique=True)
    name: Mapped[str] = field(String(120), label="Name", nullable=False)
    filter: Mapped[dict[str, Any] | None] = field(json_type(), label="Group", kind="json")
    anchor: Mapped[str] = field(
        String(20), label="Counted from", kind="choice", choices=ANCHORS, nullable=False
    )
    months: Mapped[int] = field(Integer, label="Months", nullable=False)
    action: Mapped[str] = field(String(8), label="Then", kind="choice", choices=ACTIONS, nullable=False)
    grounds: Mapped[str] = field(String(200), label="Grounds", default="", nullable=False)
    active: Mapped[bool] = field(Boolean, label="Runs by itself", default=False, nullable=False)
    created_at: Mapped[datetime] = field(UtcDateTime, label="Created", nullable=False)
    version: Mapped[int] = field(Integer, label="Version", default=1, nullable=False)


class Run(Base):
    """One run of a rule, with its signed report."""

    __tablename__ = "gdpr_run"
    __access__ = Access.everyone()
    __noun__ = "retention_run"
    __revertible__ = False

    id: Mapped[UUID] = key("Run")
    rule_id: Mapped[UUID] = ref("gdpr_rule.id", on_delete="CASCADE", label="Rule")
    started_at: Mapped[datetime] = field(UtcDateTime, label="Started", nullable=False)
    finished_at: Mapped[datetime | None] = field(UtcDateTime, label="Finished")
    due: Mapped[int] = field(Integer, label="Due", default=0, nullable=False)
    done: Mapped[int] = field(Integer, label="Done", default=0, nullable=False)
    kept: Mapped[int] = field(Integer, label="Kept", default=0, nullable=False)
    failed: Mapped[int] = field(Integer, label="Failed", default=0, nullable=False)
    report: Mapped[dict[str, Any] | None] = field(json_type(), label="Report", kind="json")
    signature: Mapped[str] = field(String(64), label="Signature", default="", nullable=False)


class Decision(Base):
    """What a run decided about one contact, by which rule and why."""

    __tablename__ = "gdpr_decision"
    __access__ = Access.everyone()
    __audited__ = False  # a log of its own

    id: Mapped[UUID] = key()
    run_id: Mapped[UUID] = ref("gdpr_run.id", on_delete="CASCADE", label="Run", index=False)
    rule_id: Mapped[UUID] = field(Uuid, label="Rule", nullable=False)
    subject_id: Mapped[UUID] = field(Uuid, label="Contact", nullable=False, index=True)
    decision: Mapped[str] = field(
        String(10), label="Decision", kind="choice", choices=DECISIONS, nullable=False
    )
    code: Mapped[str] = field(String(60), label="Because", default="", nullable=False)
    at: Mapped[datetime] = field(UtcDateTime, label="When", nullable=False)

    __table_args__ = (UniqueConstraint("run_id", "subject_id", name="uq_gdpr_decision_run_id_subject_id"),)


class Review(Base):
    """A task: somebody has to look whether a contact's data are still right."""

    __tablename__ = "gdpr_review"
    __access__ = Access.through("contact_id")
    __noun__ = "review"

    id: Mapped[UUID] = key()
    contact_id: Mapped[UUID] = contact_ref()
    rule_id: Mapped[UUID] = ref("gdpr_rule.id", on_delete="CASCADE", label="Rule")
    created_at: Mapped[datetime] = field(UtcDateTime, label="Since", nullable=False)
    done_at: Mapped[datetime | None] = field(UtcDateTime, label="Done")


class Breach(Base):
    """A breach of security, under its clock: what happened, whom it concerns, who was told and when."""

    __tablename__ = "gdpr_breach"
    __access__ = Access.everyone()
    __noun__ = "breach"

    id: Mapped[UUID] = key("Breach")
    title: Mapped[str] = field(String(160), label="Title", nullable=False)
    aware_at: Mapped[datetime] = field(UtcDateTime, label="Known since", nullable=False)
    due_at: Mapped[datetime] = field(UtcDateTime, label="Authority to be told by", nullable=False)
    nature: Mapped[str] = field(Text, label="What happened", default="", nullable=False)
    categories: Mapped[list[str]] = field(
        json_type(), label="Categories of data", kind="json", nullable=False
    )
    people: Mapped[int | None] = field(Integer, label="People, about")
    records: Mapped[int | None] = field(Integer, label="Records, about")
    consequences: Mapped[str] = field(Text, label="Likely consequences", default="", nullable=False)
    measures: Mapped[str] = field(Text, label="Measures", default="", nullable=False)
    high_risk: Mapped[bool] = field(Boolean, label="High risk for people", default=False, nullable=False)
    notified_at: Mapped[datetime | None] = field(UtcDateTime, label="Authority told")
    delay_reasons: Mapped[str] = field(Text, label="Reasons of the delay", default="", nullable=False)
    told_at: Mapped[datetime | None] = field(UtcDateTime, label="People told")
    closed_at: Mapped[datetime | None] = field(UtcDateTime, label="Closed")
    version: Mapped[int] = field(Integer, label="Version", default=1, nullable=False)


class LinkUse(Base):
    """One use of a signed link that is good for a few uses only; of the link its SHA-256 alone."""

    __tablename__ = "gdpr_link_use"
    __access__ = Access.through("contact_id")
    __audited__ = False  # what the link did is

    id: Mapped[UUID] = key()
    contact_id: Mapped[UUID] = contact_ref()
    mark: Mapped[str] = field(String(64), label="Link", nullable=False, index=True)
    used_at: Mapped[datetime] = field(
        UtcDateTime,
        label="Used",
        privacy=personal("to hand a copy to nobody else", erase="delete"),
        nullable=False,
    )


class RecordsVersion(Base):
    """The records of processing as they were on a day, kept to see what has changed since. No personal data."""

    __tablename__ = "gdpr_records_version"
    __access__ = Access.everyone()
    __noun__ = "records_version"
    __revertible__ = False

    id: Mapped[UUID] = key("Version of the records")
    number: Mapped[int] = field(Integer, label="Number", nullable=False, unique=True)
    document: Mapped[dict[str, Any]] = field(json_type(), label="Document", kind="json", nullable=False)
    digest: Mapped[str] = field(String(64), label="SHA-256", nullable=False)
    created_at: Mapped[datetime] = field(UtcDateTime, label="Kept", nullable=False)
