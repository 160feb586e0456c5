"""Templates and their texts, campaigns, one delivery for each recipient with what happened to it, and who is not written to.

A delivery holds no address: it holds the blind token of the one it goes to, and the address is read from the contact when
the letter is made. An address that was changed meanwhile is not written to, and an erased person leaves a number behind.
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

KINDS = ("letter", "document", "offer", "quote", "invitation", "newsletter")
FORMATS = ("html", "mjml")
QUEUED, RESERVED, STARTED, SENT, DOUBT = "queued", "reserved", "started", "sent", "in_doubt"
REFUSED, FAILED, BOUNCED, CANCELLED = "refused", "failed", "bounced", "cancelled"
STATES = (QUEUED, RESERVED, STARTED, SENT, DOUBT, REFUSED, FAILED, BOUNCED, CANCELLED)
OPEN_STATES = (QUEUED, RESERVED, STARTED)
DRAFT, PLANNED, PREPARING, SENDING, PAUSED = "draft", "planned", "preparing", "sending", "paused"
HELD, STOPPED, DONE = "held", "stopped", "done"
CAMPAIGN_STATES = (DRAFT, PLANNED, PREPARING, SENDING, PAUSED, HELD, STOPPED, DONE, CANCELLED)
AT_MOST_ONCE, AT_LEAST_ONCE = "at_most_once", "at_least_once"
POLICIES = (AT_MOST_ONCE, AT_LEAST_ONCE)
BOUNCE, SOFT_BOUNCE, COMPLAINT, UNSUBSCRIBE = "bounce", "soft_bounce", "complaint", "unsubscribe"
EVENTS = (BOUNCE, SOFT_BOUNCE, COMPLAINT, UNSUBSCRIBE)
UNSUBSCRIBED, HARD_BOUNCE, SOFT_BOUNCES, COMPLAINED, BY_HAND = (
    "unsubscribed", "hard_bounce", "soft_bounces", "complaint", "by_hand",
)  # fmt: skip
REASONS = (UNSUBSCRIBED, HARD_BOUNCE, SOFT_BOUNCES, COMPLAINED, BY_HAND)

_WHICH = personal("to know which letter a person got at which address", export=False)
_BLOCK = personal("to honour that an address must not be written to", erase="keep", export=False)
_STANDING = personal("to see at a glance what a person was sent last", erase="delete")
_VALUES = personal("to fill in the letter", erase="delete")


class Base(plugin_base("email")):  # type: ignore[misc]  # a base class made at run time
    """Base of the plugin's tables."""

    __abstract__ = True


class Template(Base):
    """A letter that can be sent: what kind it is, for which purpose people are asked, and which words it is given."""

    __tablename__ = "email_template"
    __access__ = Access.everyone()
    __noun__ = "email_template"

    id: Mapped[UUID] = key("Template")
    key: Mapped[str] = field(String(60), label="Key", nullable=False, unique=True)
    name: Mapped[str] = field(String(120), label="Name", nullable=False)
    kind: Mapped[str] = field(String(12), label="Kind", kind="choice", choices=KINDS, nullable=False)
    purpose: Mapped[str] = field(String(40), label="Purpose", nullable=False)
    language: Mapped[str] = field(String(12), label="Language that stands in for others", nullable=False)
    words: Mapped[list[str]] = field(
        json_type(), label="Words given with each letter", kind="list", nullable=False
    )
    retired_at: Mapped[datetime | None] = field(UtcDateTime, label="Put away")
    created_at: Mapped[datetime] = field(UtcDateTime, label="Created", nullable=False)
    version: Mapped[int] = field(Integer, label="Version", default=1, nullable=False)


class LetterText(Base):
    """A template in one language; never changed, a new text is a new number, so that what was sent can be shown."""

    __tablename__ = "email_text"
    __access__ = Access.everyone()
    __noun__ = "email_text"
    __revertible__ = False

    id: Mapped[UUID] = key("Text")
    template_id: Mapped[UUID] = ref("email_template.id", on_delete="CASCADE", label="Template", index=False)
    language: Mapped[str] = field(String(12), label="Language", nullable=False)
    number: Mapped[int] = field(Integer, label="Number", nullable=False)
    format: Mapped[str] = field(String(4), label="Format", kind="choice", choices=FORMATS, nullable=False)
    subject: Mapped[str] = field(String(500), label="Subject", nullable=False)
    source: Mapped[str] = field(Text, label="Source", nullable=False, filterable=False)
    html: Mapped[str] = field(Text, label="HTML part", nullable=False, filterable=False, derived=True)
    text: Mapped[str] = field(Text, label="Text part", nullable=False, filterable=False)
    created_at: Mapped[datetime] = field(UtcDateTime, label="Created", nullable=False)

    __table_args__ = (
        UniqueConstraint(
            "template_id", "language", "number", name="uq_email_text_template_id_language_number"
        ),
    )


class Trigger(Base):
    """An event of another plugin that sends a template by itself."""

    __tablename__ = "email_trigger"
    __access__ = Access.everyone()
    __noun__ = "email_template"
    __revertible__ = False

    id: Mapped[UUID] = key()
    event: Mapped[str] = field(String(80), label="Event", nullable=False)
    template_id: Mapped[UUID] = ref("email_template.id", on_delete="CASCADE", label="Template")
    active: Mapped[bool] = field(Boolean, label="Active", default=True, nullable=False)
    created_at: Mapped[datetime] = field(UtcDateTime, label="Created", nullable=False)

    __table_args__ = (UniqueConstraint("event", "template_id", name="uq_email_trigger_event_template_id"),)


class AccountLetter(Base, Sealed):
    """A link for a new password on its way to somebody of the staff; it goes out of here before it is sent."""

    __tablename__ = "email_account_letter"
    __access__ = Access.system()
    __audited__ = False  # technical: lives for minutes; the asking and the use of a link are recorded by core
    __revertible__ = False
    __subject__ = None

    id: Mapped[UUID] = key()
    account_id: Mapped[UUID] = field(Uuid, label="Account", kind="account", nullable=False)
    expires_at: Mapped[datetime] = field(UtcDateTime, label="Ends", nullable=False)

    link = sealed(label="Link", kind="text")


class Campaign(Base):
    """One template on its way to everybody whom a saved view found when it was started."""

    __tablename__ = "email_campaign"
    __access__ = Access.everyone()
    __noun__ = "campaign"
    __revertible__ = False

    id: Mapped[UUID] = key("Campaign")
    name: Mapped[str] = field(String(120), label="Name", nullable=False)
    template_id: Mapped[UUID] = ref("email_template.id", on_delete="RESTRICT", label="Template")
    texts: Mapped[dict[str, str]] = field(json_type(), label="Texts by language", kind="json", nullable=False)
    view_id: Mapped[UUID | None] = field(Uuid, label="Audience")
    purpose: Mapped[str] = field(String(40), label="Purpose", nullable=False)
    state: Mapped[str] = field(
        String(10), label="State", kind="choice", choices=CAMPAIGN_STATES, nullable=False
    )
    reason: Mapped[str] = field(String(300), label="Why it stands still", default="", nullable=False)
    policy: Mapped[str] = field(
        String(14), label="Letters in doubt", kind="choice", choices=POLICIES, nullable=False
    )
    start_at: Mapped[datetime | None] = field(UtcDateTime, label="Planned for")
    started_by: Mapped[UUID | None] = field(Uuid, label="Started by", kind="account")
    expected: Mapped[int | None] = field(Integer, label="Recipients expected")
    hold: Mapped[bool] = field(
        Boolean, label="Wait once the audience is fixed", default=False, nullable=False
    )
    total: Mapped[int] = field(Integer, label="Recipients", default=0, nullable=False)
    created_at: Mapped[datetime] = field(UtcDateTime, label="Created", nullable=False)
    started_at: Mapped[datetime | None] = field(UtcDateTime, label="Started")
    finished_at: Mapped[datetime | None] = field(UtcDateTime, label="Finished")
    version: Mapped[int] = field(Integer, label="Version", default=1, nullable=False)


class Series(Base):
    """Regular letters: which template goes to which view on which days, and when next."""

    __tablename__ = "email_series"
    __access__ = Access.everyone()
    __noun__ = "campaign"
    __revertible__ = False

    id: Mapped[UUID] = key("Regular letters")
    name: Mapped[str] = field(String(120), label="Name", nullable=False)
    template_id: Mapped[UUID] = ref("email_template.id", on_delete="RESTRICT", label="Template")
    view_id: Mapped[UUID] = field(Uuid, label="Audience", nullable=False)
    days: Mapped[list[str]] = field(json_type(), label="Days of the week", kind="list", nullable=False)
    month_day: Mapped[int | None] = field(Integer, label="Day of the month")
    clock: Mapped[str] = field(String(5), label="Hour", nullable=False)
    zone: Mapped[str] = field(String(64), label="Time zone", nullable=False)
    active: Mapped[bool] = field(Boolean, label="Active", default=True, nullable=False)
    reason: Mapped[str] = field(String(300), label="Why the last did not go", default="", nullable=False)
    next_at: Mapped[datetime | None] = field(UtcDateTime, label="Next")
    created_at: Mapped[datetime] = field(UtcDateTime, label="Created", nullable=False)
    version: Mapped[int] = field(Integer, label="Version", default=1, nullable=False)


class Delivery(Base):
    """One letter for one recipient, and how far it is; `key` is its name where another system asked for it."""

    __tablename__ = "email_delivery"
    __access__ = Access.through("contact_id", optional=True)
    __noun__ = "email"
    __audited__ = False  # a ledger of its own: its states are its record

    id: Mapped[UUID] = key("Letter")
    campaign_id: Mapped[UUID | None] = ref(
        "email_campaign.id", on_delete="RESTRICT", label="Campaign", nullable=True, index=False
    )
    key: Mapped[str | None] = field(String(120), label="Key", unique=True)
    contact_id: Mapped[UUID | None] = contact_ref(on_delete="SET NULL", nullable=True)
    merged_from: Mapped[UUID | None] = field(Uuid, label="Written to, before a merge", filterable=False)
    text_id: Mapped[UUID] = ref("email_text.id", on_delete="RESTRICT", label="Text", index=False)
    purpose: Mapped[str] = field(String(40), label="Purpose", nullable=False)
    token: Mapped[bytes | None] = field(
        LargeBinary, label="Token of the address", privacy=_WHICH, filterable=False
    )
    domain: Mapped[bytes | None] = field(
        LargeBinary, label="Token of the mail domain", privacy=_WHICH, filterable=False
    )
    state: Mapped[str] = field(String(10), label="State", kind="choice", choices=STATES, nullable=False)
    reason: Mapped[str] = field(String(40), label="Reason", default="", nullable=False)
    attempts: Mapped[int] = field(Integer, label="Attempts", default=0, nullable=False)
    code: Mapped[int] = field(Integer, label="Code of the server", default=0, nullable=False)
    enhanced: Mapped[str] = field(String(12), label="Enhanced code", default="", nullable=False)
    not_before: Mapped[datetime | None] = field(UtcDateTime, label="Not before")
    held_by: Mapped[UUID | None] = field(Uuid, label="Line that holds it", filterable=False)
    created_at: Mapped[datetime] = field(UtcDateTime, label="Created", nullable=False)
    sent_at: Mapped[datetime | None] = field(UtcDateTime, label="Sent")

    __table_args__ = (
        Index(
            "uq_email_delivery_campaign_id_contact_id", "campaign_id", "contact_id", unique=True,
            sqlite_where=merged_from.is_(None), postgresql_where=merged_from.is_(None),
        ),
        Index("uq_email_delivery_campaign_id_token", "campaign_id", "token", unique=True),
        Index("ix_email_delivery_campaign_id_state", "campaign_id", "state", "reason"),
        Index(
            "ix_email_delivery_queued", "campaign_id", "id",
            sqlite_where=state == QUEUED, postgresql_where=state == QUEUED,
        ),
        Index(
            "ix_email_delivery_held", "held_by",
            sqlite_where=held_by.is_not(None), postgresql_where=held_by.is_not(None),
        ),
    )  # fmt: skip


class LetterValues(Base, Sealed):
    """What a single letter was given to be filled in with; gone as soon as the letter is."""

    __tablename__ = "email_values"
    __access__ = Access.system()
    __audited__ = False  # it lives from the order to the sending

    id: Mapped[UUID] = key()
    delivery_id: Mapped[UUID] = ref("email_delivery.id", on_delete="CASCADE", label="Letter")
    contact_id: Mapped[UUID] = contact_ref()
    values: Any = sealed(label="Values", kind="json", privacy=_VALUES, default={})


class DeliveryEvent(Base):
    """Something that came back for a letter: a bounce, a complaint, a wish to get no more. Only added."""

    __tablename__ = "email_event"
    __access__ = Access.through("delivery_id", parent="email_delivery")
    __audited__ = False  # a log of its own

    id: Mapped[UUID] = key()
    delivery_id: Mapped[UUID] = ref("email_delivery.id", on_delete="CASCADE", label="Letter")
    kind: Mapped[str] = field(String(12), label="What", kind="choice", choices=EVENTS, nullable=False)
    at: Mapped[datetime] = field(UtcDateTime, label="When", nullable=False)
    enhanced: Mapped[str] = field(String(12), label="Enhanced code", default="", nullable=False)
    source: Mapped[str] = field(String(40), label="Where it was heard", nullable=False)


class Line(Base):
    """One line of sending of a living process; when it is not seen any more, what it held is taken over."""

    __tablename__ = "email_line"
    __access__ = Access.system()
    __audited__ = False  # it lives as long as its process

    id: Mapped[UUID] = key()
    seen_at: Mapped[datetime] = field(UtcDateTime, label="Last seen", nullable=False)


class Pace(Base):
    """When the next letter to a mail domain with a limit may begin: one row for all processes."""

    __tablename__ = "email_pace"
    __access__ = Access.system()
    __audited__ = False  # a clock

    id: Mapped[UUID] = key()
    domain: Mapped[bytes] = field(LargeBinary, label="Token of the mail domain", nullable=False, unique=True)
    next_at: Mapped[datetime] = field(UtcDateTime, label="Next letter", nullable=False)


class Suppression(Base):
    """An address that is not written to: at all (`scope` is empty), or not for one purpose. Only its token is kept."""

    __tablename__ = "email_suppression"
    __access__ = Access.system()
    __audited__ = False  # each row says itself who added it, why and when

    id: Mapped[UUID] = key()
    token: Mapped[bytes] = field(
        LargeBinary, label="Token of the address", privacy=_BLOCK, nullable=False, filterable=False
    )
    scope: Mapped[str] = field(String(40), label="Purpose", default="", nullable=False)
    reason: Mapped[str] = field(String(12), label="Reason", kind="choice", choices=REASONS, nullable=False)
    source: Mapped[str] = field(String(60), label="Where it was heard", nullable=False)
    created_at: Mapped[datetime] = field(UtcDateTime, label="Since", nullable=False)

    __table_args__ = (UniqueConstraint("token", "scope", name="uq_email_suppression_token_scope"),)


class Standing(Base):
    """What a contact was sent last, as fields of the contact."""

    __tablename__ = "email_standing"
    __access__ = Access.through("contact_id")
    __audited__ = False  # follows from the deliveries

    id: Mapped[UUID] = key()
    contact_id: Mapped[UUID] = contact_ref(index=False, unique=True)
    last_sent_at: Mapped[datetime | None] = field(
        UtcDateTime, label="Last letter sent", privacy=_STANDING, index=True, derived=True
    )
    sent: Mapped[int] = field(
        Integer, label="Letters sent", privacy=_STANDING, default=0, nullable=False, derived=True
    )
    bounced: Mapped[bool] = field(
        Boolean, label="Last letter came back", privacy=_STANDING, default=False, nullable=False, derived=True
    )
