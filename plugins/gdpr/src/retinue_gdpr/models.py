"""Purposes and their texts, the log of consents, what is known of each person, letters, and who must not return.

The log is only added to: what a person has agreed to now is the fold of their events, kept in `Consent` so that the
gate can ask it for a whole audience at once. Each event carries the hash of the one before it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, Index, Integer, LargeBinary, String, Text, UniqueConstraint, Uuid
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

CONSENT, CONTRACT, LEGAL = "consent", "contract", "legal_obligation"
VITAL, PUBLIC_TASK, INTERESTS = "vital_interests", "public_task", "legitimate_interests"
BASES = (CONSENT, CONTRACT, LEGAL, VITAL, PUBLIC_TASK, INTERESTS)
CHANNELS = ("email", "sms", "phone", "messenger", "post", "push", "visit")
GIVEN, REFUSED, WITHDRAWN, EXPIRED, RENEWED, OBJECTED = (
    "given",
    "refused",
    "withdrawn",
    "expired",
    "renewed",
    "objected",
)
EVENTS = (GIVEN, REFUSED, WITHDRAWN, EXPIRED, RENEWED, OBJECTED)
METHODS = ("form", "double_opt_in", "verbal", "written", "import", "preferences", "request", "merge", "clock")
TEXT_KINDS = ("consent", "notice")
QUEUED, TAKEN, OUTBOX, SENT = "queued", "taken", "outbox", "sent"
LETTER_STATES = (QUEUED, TAKEN, OUTBOX, SENT)
REASONS = ("erased", "objection", "complaint", "restricted", "manual")

_PROOF = personal("to prove what the person agreed to", erase="delete")
_DUTY = personal("to tell the person what is kept and why", erase="delete")
_BLOCK = personal("to honour that the person must not be contacted again", erase="keep", export=False)


class Base(plugin_base("gdpr")):  # type: ignore[misc]  # a base class made at run time
    """Base of the plugin's tables."""

    __abstract__ = True


class Purpose(Base):
    """What personal data are used for: its lawful basis, its channels, and what a record of processing says of it."""

    __tablename__ = "gdpr_purpose"
    __access__ = Access.everyone()
    __noun__ = "purpose"

    id: Mapped[UUID] = key("Purpose")
    key: Mapped[str] = field(String(40), label="Key", nullable=False, unique=True)
    name: Mapped[str] = field(String(120), label="Name", nullable=False)
    description: Mapped[str] = field(Text, label="What for", default="", nullable=False)
    basis: Mapped[str] = field(String(20), label="Lawful basis", kind="choice", choices=BASES, nullable=False)
    channels: Mapped[list[str]] = field(json_type(), label="Channels", kind="json", nullable=False)
    topic: Mapped[bool] = field(Boolean, label="In the preference centre", default=False, nullable=False)
    number: Mapped[int] = field(Integer, label="Version of the purpose", default=1, nullable=False)
    valid_months: Mapped[int | None] = field(Integer, label="Months a consent lasts")
    record: Mapped[dict[str, Any]] = field(
        json_type(), label="Record of processing", kind="json", nullable=False
    )
    retired_at: Mapped[datetime | None] = field(UtcDateTime, label="Retired")
    created_at: Mapped[datetime] = field(UtcDateTime, label="Created", nullable=False)
    version: Mapped[int] = field(Integer, label="Version", default=1, nullable=False)


class Wording(Base):
    """The exact text of a consent or a notice in one language; once it stands it is never changed."""

    __tablename__ = "gdpr_wording"
    __access__ = Access.everyone()
    __noun__ = "wording"
    __revertible__ = False

    id: Mapped[UUID] = key("Text")
    kind: Mapped[str] = field(String(8), label="Kind", kind="choice", choices=TEXT_KINDS, nullable=False)
    purpose_id: Mapped[UUID | None] = ref(
        "gdpr_purpose.id", on_delete="RESTRICT", label="Purpose", nullable=True, index=False
    )
    number: Mapped[int] = field(Integer, label="Number", nullable=False)
    language: Mapped[str] = field(String(12), label="Language", nullable=False)
    subject: Mapped[str] = field(String(200), label="Heading", default="", nullable=False)
    body: Mapped[str] = field(Text, label="Text", nullable=False)
    digest: Mapped[str] = field(String(64), label="SHA-256", nullable=False, index=True)
    created_at: Mapped[datetime] = field(UtcDateTime, label="Created", nullable=False)

    __table_args__ = (
        UniqueConstraint(
            "kind", "purpose_id", "language", "number", name="uq_gdpr_wording_kind_purpose_id_language_number"
        ),
    )


class ConsentEvent(Base, Sealed):
    """One thing a person said about one purpose in one channel; never changed, chained to the one before."""

    __tablename__ = "gdpr_consent_event"
    __access__ = Access.through("contact_id")
    __noun__ = "consent"
    __revertible__ = False

    id: Mapped[UUID] = key()
    contact_id: Mapped[UUID] = contact_ref(index=False)
    place: Mapped[int] = field(Integer, label="Place in the person's log", nullable=False)
    purpose_id: Mapped[UUID] = ref("gdpr_purpose.id", on_delete="RESTRICT", label="Purpose")
    number: Mapped[int] = field(Integer, label="Version of the purpose", nullable=False)
    channel: Mapped[str] = field(String(12), label="Channel", default="", nullable=False)
    event: Mapped[str] = field(
        String(9), label="Event", kind="choice", choices=EVENTS, privacy=_PROOF, nullable=False
    )
    method: Mapped[str] = field(
        String(13), label="How", kind="choice", choices=METHODS, privacy=_PROOF, nullable=False
    )
    wording_id: Mapped[UUID | None] = ref(
        "gdpr_wording.id", on_delete="RESTRICT", label="Text shown", nullable=True
    )
    digest: Mapped[str] = field(String(64), label="SHA-256 of the text", default="", nullable=False)
    language: Mapped[str] = field(String(12), label="Language", default="", nullable=False)
    form_id: Mapped[UUID | None] = field(Uuid, label="Form")
    jurisdiction: Mapped[str] = field(String(12), label="Jurisdiction", default="", nullable=False)
    occurred_at: Mapped[datetime] = field(UtcDateTime, label="Said", privacy=_PROOF, nullable=False)
    recorded_at: Mapped[datetime] = field(UtcDateTime, label="Recorded", nullable=False)
    expires_at: Mapped[datetime | None] = field(UtcDateTime, label="Ends")
    prior_id: Mapped[UUID | None] = field(Uuid, label="Event before it")
    actor_kind: Mapped[str] = field(String(10), label="Kind of actor", nullable=False)
    actor_id: Mapped[UUID | None] = field(Uuid, label="Recorded by")
    previous: Mapped[str] = field(String(64), label="Hash before", default="", nullable=False)
    hash: Mapped[str] = field(String(64), label="Hash", nullable=False)

    evidence = sealed(label="Evidence", privacy=_PROOF, kind="text", default="")
    address = sealed(label="Network address", privacy=_PROOF, kind="text", default="")
    agent = sealed(label="Browser", privacy=_PROOF, kind="text", default="")

    __table_args__ = (UniqueConstraint("contact_id", "place", name="uq_gdpr_consent_event_contact_id_place"),)


class Consent(Base):
    """What a person says now about one purpose in one channel: the fold of their events."""

    __tablename__ = "gdpr_consent"
    __access__ = Access.through("contact_id")
    __audited__ = False  # follows from the log

    id: Mapped[UUID] = key()
    contact_id: Mapped[UUID] = contact_ref(index=False)
    purpose_id: Mapped[UUID] = ref("gdpr_purpose.id", on_delete="RESTRICT", label="Purpose", index=False)
    channel: Mapped[str] = field(String(12), label="Channel", default="", nullable=False)
    state: Mapped[str] = field(
        String(9), label="State", kind="choice", choices=EVENTS, privacy=_PROOF, nullable=False
    )
    number: Mapped[int] = field(Integer, label="Version of the purpose", nullable=False)
    since: Mapped[datetime] = field(UtcDateTime, label="Since", privacy=_PROOF, nullable=False)
    expires_at: Mapped[datetime | None] = field(UtcDateTime, label="Ends", index=True)
    event_id: Mapped[UUID] = field(Uuid, label="Event", nullable=False)

    __table_args__ = (
        UniqueConstraint(
            "contact_id", "purpose_id", "channel", name="uq_gdpr_consent_contact_id_purpose_id_channel"
        ),
        Index("ix_gdpr_consent_purpose_id_channel", "purpose_id", "channel", "contact_id"),
    )


class Standing(Base):
    """One row per person, for lists: when they were told, how long their log is and its last hash."""

    __tablename__ = "gdpr_standing"
    __access__ = Access.through("contact_id")
    __audited__ = False  # follows from letters and the log

    id: Mapped[UUID] = key()
    contact_id: Mapped[UUID] = contact_ref(unique=True, index=False)
    source: Mapped[str] = field(
        String(100), label="Where the data came from", privacy=_DUTY, default="", nullable=False
    )
    outside: Mapped[bool] = field(Boolean, label="Taken from outside", default=False, nullable=False)
    notice_due_at: Mapped[datetime | None] = field(UtcDateTime, label="Notice due", index=True)
    notified_at: Mapped[datetime | None] = field(UtcDateTime, label="Notice sent", privacy=_DUTY, index=True)
    events: Mapped[int] = field(Integer, label="Events of consent", default=0, nullable=False)
    head: Mapped[str] = field(String(64), label="Last hash", default="", nullable=False, filterable=False)


class Letter(Base, Sealed):
    """Something the company owes a person in words: a notice, an answer, a link. Sent by whoever can, else by hand."""

    __tablename__ = "gdpr_letter"
    __access__ = Access.through("contact_id")
    __noun__ = "letter"

    id: Mapped[UUID] = key()
    contact_id: Mapped[UUID] = contact_ref()
    kind: Mapped[str] = field(String(20), label="Kind", nullable=False)
    key: Mapped[str] = field(String(120), label="Key", nullable=False, unique=True)
    language: Mapped[str] = field(String(12), label="Language", default="en", nullable=False)
    state: Mapped[str] = field(
        String(6), label="State", kind="choice", choices=LETTER_STATES, nullable=False, index=True
    )
    wording_id: Mapped[UUID | None] = ref(
        "gdpr_wording.id", on_delete="SET NULL", label="Text", nullable=True, index=False
    )
    created_at: Mapped[datetime] = field(UtcDateTime, label="Written", privacy=_DUTY, nullable=False)
    sent_at: Mapped[datetime | None] = field(UtcDateTime, label="Sent", privacy=_DUTY)

    subject = sealed(label="Subject", privacy=_DUTY, kind="text", default="")
    body = sealed(label="Text", privacy=_DUTY, kind="long_text", default="")


class Suppression(Base):
    """An address that must not come back or be written to: a keyed hash of it, and why; never the address."""

    __tablename__ = "gdpr_suppression"
    __access__ = Access.everyone()
    __noun__ = "suppression"

    id: Mapped[UUID] = key()
    token: Mapped[bytes] = field(
        LargeBinary, label="Keyed hash", privacy=_BLOCK, nullable=False, filterable=False
    )
    reason: Mapped[str] = field(String(10), label="Reason", kind="choice", choices=REASONS, nullable=False)
    created_at: Mapped[datetime] = field(UtcDateTime, label="Since", nullable=False)

    __table_args__ = (UniqueConstraint("token", "reason", name="uq_gdpr_suppression_token_reason"),)


class KeptRefusal(Base):
    """A sending that did not happen, and why: what the gate said about one contact."""

    __tablename__ = "gdpr_refusal"
    __access__ = Access.through("contact_id")
    __audited__ = False  # a log of its own

    id: Mapped[UUID] = key()
    contact_id: Mapped[UUID] = contact_ref()
    purpose: Mapped[str] = field(String(60), label="Purpose", nullable=False, index=True)
    code: Mapped[str] = field(String(40), label="Code", privacy=_PROOF, nullable=False)
    reason: Mapped[str] = field(String(300), label="Reason", privacy=_PROOF, nullable=False)
    at: Mapped[datetime] = field(UtcDateTime, label="When", nullable=False)


class Form(Base):
    """A public form: which purposes it asks for, in which language, and whether it is out in the world."""

    __tablename__ = "gdpr_form"
    __access__ = Access.everyone()
    __noun__ = "consent_form"

    id: Mapped[UUID] = key("Form")
    key: Mapped[str] = field(String(40), label="Key", nullable=False, unique=True)
    title: Mapped[str] = field(String(120), label="Title", nullable=False)
    language: Mapped[str] = field(String(12), label="Language", default="en", nullable=False)
    purposes: Mapped[list[str]] = field(json_type(), label="Purposes", kind="json", nullable=False)
    source: Mapped[str] = field(String(100), label="Source of its contacts", default="", nullable=False)
    confirm: Mapped[bool] = field(Boolean, label="Confirmed by letter", default=False, nullable=False)
    published_at: Mapped[datetime | None] = field(UtcDateTime, label="Published")
    created_at: Mapped[datetime] = field(UtcDateTime, label="Created", nullable=False)
    version: Mapped[int] = field(Integer, label="Version", default=1, nullable=False)
