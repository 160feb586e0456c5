"""Programmes with their rules, members' accounts, the ledger, what was bought, and what members hold.

The ledger is only added to: transactions, entries, allocations. A lot's `remaining` and `state` are caches that a
replay rebuilds. What the ledger points at cannot be deleted, not even by undoing the deed that made it. Of the
ledger only accounts carry a person; erasure takes the person off the account and leaves the numbers, so that a
balance of an old day stays what it was.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Date,
    Index,
    Integer,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped

import retinue.contacts  # noqa: F401  # contact_ref points at its table, which must be known first
from retinue import Access, UtcDateTime, contact_ref, field, json_type, key, personal, plugin_base, ref

DRAFT, ACTIVE, CLOSED = "draft", "active", "closed"
PROGRAMME_STATES = (DRAFT, ACTIVE, CLOSED)
PENDING, AVAILABLE, OVER = "pending", "available", "over"
LOT_STATES = (PENDING, AVAILABLE, OVER)
MEMBER_PENDING, MEMBER_AVAILABLE, MEMBER_OWED = "member:pending", "member:available", "member:receivable"
ISSUED, REDEEMED, EXPIRED, ADJUSTED = (
    "programme:issued",
    "programme:redeemed",
    "programme:expired",
    "programme:adjusted",
)
BUCKETS = (MEMBER_PENDING, MEMBER_AVAILABLE, MEMBER_OWED, ISSUED, REDEEMED, EXPIRED, ADJUSTED)
KINDS = ("earn", "confirm", "redeem", "expire", "clawback", "restore", "adjust", "close")
USES = ("spend", "expire", "grace", "clawback", "repay", "restore", "adjust")

_POINTS = personal("to keep the points a customer has collected", erase="keep")
_STANDING = personal("to see at a glance how loyal a customer is", erase="delete")
_HELD = personal("to keep what a customer was promised", erase="delete")


class Base(plugin_base("loyalty")):  # type: ignore[misc]  # a base class made at run time
    """Base of the plugin's tables."""

    __abstract__ = True


class Programme(Base):
    """One loyalty programme; several may run side by side."""

    __tablename__ = "loyalty_programme"
    __access__ = Access.everyone()
    __noun__ = "programme"

    id: Mapped[UUID] = key()
    key: Mapped[str] = field(String(40), label="Key", nullable=False, unique=True)
    name: Mapped[str] = field(String(100), label="Name", nullable=False)
    currency: Mapped[str] = field(String(3), label="Currency of purchases", nullable=False)
    zone: Mapped[str] = field(String(40), label="Time zone", default="UTC", nullable=False)
    state: Mapped[str] = field(
        String(6), label="State", kind="choice", choices=PROGRAMME_STATES, nullable=False
    )
    active_from: Mapped[datetime | None] = field(UtcDateTime, label="Counts since")
    created_at: Mapped[datetime] = field(UtcDateTime, label="Created", nullable=False)
    version: Mapped[int] = field(Integer, label="Version", default=1, nullable=False)


class RuleVersion(Base):
    """The rules of a programme from a moment on; never changed, new rules are a new version."""

    __tablename__ = "loyalty_rule_version"
    __access__ = Access.everyone()
    __noun__ = "programme_rules"

    id: Mapped[UUID] = key()
    programme_id: Mapped[UUID] = ref(
        "loyalty_programme.id", on_delete="CASCADE", label="Programme", index=False
    )
    number: Mapped[int] = field(Integer, label="Number", nullable=False)
    valid_from: Mapped[datetime] = field(UtcDateTime, label="From", nullable=False)
    rules: Mapped[dict[str, Any]] = field(json_type(), label="Rules", kind="json", nullable=False)
    created_at: Mapped[datetime] = field(UtcDateTime, label="Created", nullable=False)

    __table_args__ = (
        UniqueConstraint("programme_id", "number", name="uq_loyalty_rule_version_programme_id_number"),
    )


class Account(Base):
    """A member of a programme. After a merge an account hangs below the one that stays: one wallet of several."""

    __tablename__ = "loyalty_account"
    __access__ = Access.through("contact_id", optional=True)
    __noun__ = "loyalty_account"

    id: Mapped[UUID] = key()
    programme_id: Mapped[UUID] = ref(
        "loyalty_programme.id", on_delete="RESTRICT", label="Programme", index=False
    )
    contact_id: Mapped[UUID | None] = contact_ref(on_delete="SET NULL", nullable=True)
    merged_into_id: Mapped[UUID | None] = ref(
        "loyalty_account.id", on_delete="SET NULL", label="Joined to", nullable=True
    )
    owed: Mapped[int] = field(
        BigInteger, label="Points owed", privacy=_POINTS, default=0, derived=True, nullable=False
    )
    level: Mapped[str] = field(
        String(40), label="Level", privacy=_POINTS, default="", derived=True, nullable=False
    )
    free_deliveries: Mapped[int] = field(
        Integer, label="Free deliveries had", default=0, derived=True, nullable=False
    )
    opened_at: Mapped[datetime] = field(UtcDateTime, label="Member since", nullable=False)

    __table_args__ = (
        Index(
            "uq_loyalty_account_programme_id_contact_id",
            "programme_id",
            "contact_id",
            unique=True,
            sqlite_where=merged_into_id.is_(None),
            postgresql_where=merged_into_id.is_(None),
        ),
        CheckConstraint("owed >= 0", name="owed"),
    )


class Transaction(Base):
    """Something that moved points; `key` is its name, so that it happens once."""

    __tablename__ = "loyalty_transaction"
    __access__ = Access.system()
    __audited__ = False  # the ledger is its own record

    id: Mapped[UUID] = key()
    programme_id: Mapped[UUID] = ref(
        "loyalty_programme.id", on_delete="RESTRICT", label="Programme", index=False
    )
    account_id: Mapped[UUID] = ref("loyalty_account.id", on_delete="RESTRICT", label="Account", index=False)
    kind: Mapped[str] = field(String(10), label="Kind", kind="choice", choices=KINDS, nullable=False)
    key: Mapped[str] = field(String(120), label="Key", nullable=False)
    source_ref: Mapped[str] = field(String(120), label="What for", default="", nullable=False)
    points: Mapped[int] = field(BigInteger, label="Points", privacy=_POINTS, nullable=False)
    occurred_at: Mapped[datetime] = field(UtcDateTime, label="Happened", nullable=False)
    recorded_at: Mapped[datetime] = field(UtcDateTime, label="Recorded", nullable=False)
    reverses_id: Mapped[UUID | None] = ref(
        "loyalty_transaction.id", on_delete="RESTRICT", label="Takes back", nullable=True
    )
    fingerprint: Mapped[str] = field(String(64), label="What came in", filterable=False, nullable=False)
    detail: Mapped[dict[str, Any] | None] = field(json_type(), label="Detail", kind="json")

    __table_args__ = (
        UniqueConstraint("programme_id", "key", name="uq_loyalty_transaction_programme_id_key"),
        Index("ix_loyalty_transaction_account_id_occurred_at", "account_id", "occurred_at"),
        Index("ix_loyalty_transaction_source_ref", "source_ref"),
    )


class Lot(Base):
    """Points that were earned together; `remaining` and `state` follow from the allocations and transactions."""

    __tablename__ = "loyalty_lot"
    __access__ = Access.system()
    __audited__ = False  # the ledger is its own record

    id: Mapped[UUID] = key()
    account_id: Mapped[UUID] = ref("loyalty_account.id", on_delete="RESTRICT", label="Account", index=False)
    transaction_id: Mapped[UUID] = ref("loyalty_transaction.id", on_delete="RESTRICT", label="Transaction")
    earned_at: Mapped[datetime] = field(UtcDateTime, label="Earned", nullable=False)
    available_at: Mapped[datetime] = field(UtcDateTime, label="Usable from", nullable=False)
    expires_at: Mapped[datetime | None] = field(UtcDateTime, label="Expires", index=True)
    original: Mapped[int] = field(BigInteger, label="Points", privacy=_POINTS, nullable=False)
    remaining: Mapped[int] = field(BigInteger, label="Left", privacy=_POINTS, nullable=False)
    state: Mapped[str] = field(String(9), label="State", kind="choice", choices=LOT_STATES, nullable=False)

    __table_args__ = (
        CheckConstraint("remaining >= 0 AND remaining <= original", name="remaining"),
        Index(
            "ix_loyalty_lot_account_id_state",
            "account_id",
            "state",
            "remaining",
            "available_at",
            "expires_at",
        ),
        Index("ix_loyalty_lot_state_available_at", "state", "available_at"),
    )


class Entry(Base):
    """One side of a transaction: so many points into a bucket, or out of it."""

    __tablename__ = "loyalty_entry"
    __access__ = Access.system()
    __audited__ = False  # the ledger is its own record

    id: Mapped[UUID] = key()
    transaction_id: Mapped[UUID] = ref("loyalty_transaction.id", on_delete="RESTRICT", label="Transaction")
    account_id: Mapped[UUID] = ref("loyalty_account.id", on_delete="RESTRICT", label="Account")
    bucket: Mapped[str] = field(String(18), label="Bucket", kind="choice", choices=BUCKETS, nullable=False)
    amount: Mapped[int] = field(BigInteger, label="Points", privacy=_POINTS, nullable=False)


class Allocation(Base):
    """So many points of a lot that a transaction took; one that gives back is below nothing."""

    __tablename__ = "loyalty_allocation"
    __access__ = Access.system()
    __audited__ = False  # the ledger is its own record

    id: Mapped[UUID] = key()
    transaction_id: Mapped[UUID] = ref("loyalty_transaction.id", on_delete="RESTRICT", label="Transaction")
    lot_id: Mapped[UUID] = ref("loyalty_lot.id", on_delete="RESTRICT", label="Lot")
    kind: Mapped[str] = field(String(8), label="Kind", kind="choice", choices=USES, nullable=False)
    amount: Mapped[int] = field(BigInteger, label="Points", privacy=_POINTS, nullable=False)


class Qualifying(Base):
    """What counts for levels: another currency than the points that are spent; a refund is a row below nothing."""

    __tablename__ = "loyalty_qualifying"
    __access__ = Access.system()
    __audited__ = False  # the ledger is its own record

    id: Mapped[UUID] = key()
    account_id: Mapped[UUID] = ref("loyalty_account.id", on_delete="RESTRICT", label="Account", index=False)
    transaction_key: Mapped[str] = field(String(120), label="Key", nullable=False)
    amount: Mapped[int] = field(BigInteger, label="Amount", privacy=_POINTS, nullable=False)
    occurred_at: Mapped[datetime] = field(UtcDateTime, label="Happened", nullable=False)
    counts_at: Mapped[datetime] = field(UtcDateTime, label="Its window counts from", nullable=False)

    __table_args__ = (
        UniqueConstraint(
            "account_id", "transaction_key", name="uq_loyalty_qualifying_account_id_transaction_key"
        ),
    )


class Purchase(Base):
    """A purchase as the programme knows it: what it was worth in points, and what has become of it."""

    __tablename__ = "loyalty_purchase"
    __access__ = Access.system()
    __audited__ = False  # follows from the orders and is renewed with them

    id: Mapped[UUID] = key()
    account_id: Mapped[UUID] = ref("loyalty_account.id", on_delete="RESTRICT", label="Account")
    programme_id: Mapped[UUID] = ref(
        "loyalty_programme.id", on_delete="RESTRICT", label="Programme", index=False
    )
    order_ref: Mapped[str] = field(String(120), label="Order", nullable=False)
    total_minor: Mapped[int] = field(BigInteger, label="Total", privacy=_POINTS, nullable=False)
    refunded_minor: Mapped[int] = field(BigInteger, label="Refunded", default=0, nullable=False)
    worth: Mapped[str] = field(String(60), label="Worth in points, exactly", nullable=False)
    points: Mapped[int] = field(BigInteger, label="Points it has now", privacy=_POINTS, nullable=False)
    paid_at: Mapped[datetime] = field(UtcDateTime, label="Paid", nullable=False)
    completed: Mapped[bool] = field(Boolean, label="Arrived", default=False, nullable=False)
    cancelled: Mapped[bool] = field(Boolean, label="Called off", default=False, nullable=False)

    __table_args__ = (
        UniqueConstraint("programme_id", "order_ref", name="uq_loyalty_purchase_programme_id_order_ref"),
    )


class TierStep(Base):
    """A change of level: which, since when, and why."""

    __tablename__ = "loyalty_tier_step"
    __access__ = Access.system()
    __audited__ = False  # follows from the ledger

    id: Mapped[UUID] = key()
    account_id: Mapped[UUID] = ref("loyalty_account.id", on_delete="CASCADE", label="Account", index=False)
    day: Mapped[date] = field(Date, label="Since", nullable=False)
    level: Mapped[str] = field(String(40), label="Level", default="", nullable=False)
    reason: Mapped[str] = field(String(10), label="Reason", nullable=False)

    __table_args__ = (
        UniqueConstraint("account_id", "day", "level", name="uq_loyalty_tier_step_account_id_day_level"),
    )


class Offer(Base):
    """A promo code, or a personal offer when it names a contact: percent off, within a time, so often."""

    __tablename__ = "loyalty_offer"
    __access__ = Access.through("contact_id", optional=True)
    __noun__ = "offer"

    id: Mapped[UUID] = key()
    programme_id: Mapped[UUID] = ref("loyalty_programme.id", on_delete="CASCADE", label="Programme")
    contact_id: Mapped[UUID | None] = contact_ref(on_delete="CASCADE", nullable=True)
    code: Mapped[str] = field(String(40), label="Code", nullable=False, unique=True)
    name: Mapped[str] = field(String(100), label="Name", default="", nullable=False)
    percent: Mapped[str] = field(String(10), label="Percent off", nullable=False)
    starts_at: Mapped[datetime | None] = field(UtcDateTime, label="From")
    ends_at: Mapped[datetime | None] = field(UtcDateTime, label="Until")
    per_contact: Mapped[int] = field(Integer, label="Times per contact", default=1, nullable=False)
    in_all: Mapped[int | None] = field(Integer, label="Times in all")
    created_at: Mapped[datetime] = field(UtcDateTime, label="Created", nullable=False)


class OfferUse(Base):
    """An offer that was used; `number` counts a contact's uses, so that two at once cannot both be the first."""

    __tablename__ = "loyalty_offer_use"
    __access__ = Access.through("contact_id")
    __noun__ = "offer_use"

    id: Mapped[UUID] = key()
    offer_id: Mapped[UUID] = ref("loyalty_offer.id", on_delete="CASCADE", label="Offer", index=False)
    contact_id: Mapped[UUID] = contact_ref()
    number: Mapped[int] = field(Integer, label="Which use", nullable=False)
    key: Mapped[str] = field(String(120), label="Key", nullable=False)
    used_at: Mapped[datetime] = field(UtcDateTime, label="Used", privacy=_HELD, nullable=False)

    __table_args__ = (
        UniqueConstraint(
            "offer_id", "contact_id", "number", name="uq_loyalty_offer_use_offer_id_contact_id_number"
        ),
    )


class Referral(Base):
    """Who brought whom; rewarded with the first paid order of the one who was brought."""

    __tablename__ = "loyalty_referral"
    __access__ = Access.through("referrer_id", "referred_id")
    __noun__ = "referral"

    id: Mapped[UUID] = key()
    programme_id: Mapped[UUID] = ref(
        "loyalty_programme.id", on_delete="CASCADE", label="Programme", index=False
    )
    referrer_id: Mapped[UUID] = contact_ref()
    referred_id: Mapped[UUID] = contact_ref()
    created_at: Mapped[datetime] = field(UtcDateTime, label="Created", privacy=_HELD, nullable=False)
    rewarded_at: Mapped[datetime | None] = field(UtcDateTime, label="Rewarded")

    __table_args__ = (
        UniqueConstraint("programme_id", "referred_id", name="uq_loyalty_referral_programme_id_referred_id"),
    )


class Membership(Base):
    """A paid membership: perks until the paid period ends."""

    __tablename__ = "loyalty_membership"
    __access__ = Access.through("contact_id")
    __noun__ = "membership"

    id: Mapped[UUID] = key()
    programme_id: Mapped[UUID] = ref("loyalty_programme.id", on_delete="CASCADE", label="Programme")
    contact_id: Mapped[UUID] = contact_ref()
    starts_on: Mapped[date] = field(Date, label="Starts", privacy=_HELD, nullable=False)
    periods: Mapped[int] = field(Integer, label="Months paid", default=1, nullable=False)
    paid_until: Mapped[date] = field(Date, label="Paid until", nullable=False)
    cancelled_at: Mapped[datetime | None] = field(UtcDateTime, label="Cancelled")
    created_at: Mapped[datetime] = field(UtcDateTime, label="Recorded", nullable=False)


class Standing(Base):
    """A contact's row in the oldest active programme, for lists and filters."""

    __tablename__ = "loyalty_standing"
    __access__ = Access.through("contact_id")
    __audited__ = False  # follows from the ledger

    id: Mapped[UUID] = key()
    contact_id: Mapped[UUID] = contact_ref(unique=True, index=False)
    tier: Mapped[str] = field(
        String(40), label="Loyalty level", privacy=_STANDING, nullable=False, index=True
    )
    balance: Mapped[int] = field(
        BigInteger, label="Loyalty points", privacy=_STANDING, nullable=False, index=True
    )
    pending: Mapped[int] = field(BigInteger, label="Points on hold", privacy=_STANDING, nullable=False)
    expiring_soon: Mapped[int] = field(
        BigInteger, label="Points expiring soon", privacy=_STANDING, nullable=False, index=True
    )
