"""Tables of the contacts room: the card, its blind index, tags, custom fields, mandatory fields."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    Date,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.orm import Mapped

from retinue.storage import (
    Access,
    Base,
    Derived,
    Sealed,
    UtcDateTime,
    contact_ref,
    field,
    json_type,
    key,
    personal,
    ref,
    sealed,
)

KINDS: Final = ("person", "organisation")
SEXES: Final = ("female", "male", "other")
CHANNELS: Final = ("email", "phone", "sms", "messenger", "post", "visit")

_IDENTIFY = personal("to know who the contact is")
_REACH = personal("to reach the contact")
_SERVE = personal("to serve the contact well")


_PARTS: Final = ("given_name", "family_name", "middle_name", "title_before", "title_after")
DERIVED: Final[Mapping[str, Derived]] = {
    "name": Derived(_PARTS),
    "sort_name": Derived(("name", *_PARTS)),
    "search_text": Derived(("name", *_PARTS, "city", "job_title"), instead="sort_name"),
}
"""Whoever may not see a part of the name does not see it in the whole, and finds nobody by a city that is hidden."""


class Contact(Base, Sealed):
    """A person or an organisation we know."""

    __tablename__ = "contact"
    __access__ = Access.contacts()
    __subject__ = "id"
    __derived_from__ = DERIVED

    id: Mapped[UUID] = key("Contact")
    kind: Mapped[str] = field(
        String(12), label="Kind", kind="choice", choices=KINDS, nullable=False, default="person"
    )
    name: Mapped[str] = field(String(300), label="Name", privacy=_IDENTIFY, nullable=False)
    given_name: Mapped[str | None] = field(String(150), label="Given name", privacy=_IDENTIFY)
    family_name: Mapped[str | None] = field(String(150), label="Family name", privacy=_IDENTIFY)
    middle_name: Mapped[str | None] = field(String(150), label="Middle name or patronymic", privacy=_IDENTIFY)
    title_before: Mapped[str | None] = field(String(60), label="Title before the name", privacy=_IDENTIFY)
    title_after: Mapped[str | None] = field(String(60), label="Title after the name", privacy=_IDENTIFY)
    sex: Mapped[str | None] = field(String(10), label="Sex", kind="choice", choices=SEXES, privacy=_SERVE)
    birth_date: Mapped[date | None] = field(Date, label="Birth date", privacy=_SERVE)
    language: Mapped[str | None] = field(String(12), label="Language", privacy=_SERVE)
    country: Mapped[str | None] = field(String(2), label="Country", privacy=_SERVE)
    region: Mapped[str | None] = field(String(100), label="Region", privacy=_SERVE)
    city: Mapped[str | None] = field(String(100), label="City", privacy=_SERVE)
    postal_code: Mapped[str | None] = field(String(20), label="Postal code", privacy=_SERVE)
    job_title: Mapped[str | None] = field(String(150), label="Job title", privacy=_SERVE)
    business_line: Mapped[str | None] = field(String(150), label="Line of business", privacy=_SERVE)
    website: Mapped[str | None] = field(String(300), label="Web site", kind="url", privacy=_REACH)
    status: Mapped[str | None] = field(String(60), label="Status", privacy=_SERVE)
    source: Mapped[str | None] = field(String(100), label="Source", privacy=_SERVE)
    preferred_channel: Mapped[str | None] = field(
        String(12), label="Preferred channel", kind="choice", choices=CHANNELS, privacy=_REACH
    )
    time_zone: Mapped[str | None] = field(String(64), label="Time zone", privacy=_REACH)
    opening_hours: Mapped[dict[str, Any] | None] = field(
        json_type(), label="Working hours", kind="json", privacy=_REACH, filterable=False
    )
    contact_windows: Mapped[dict[str, Any] | None] = field(
        json_type(), label="When to contact", kind="json", privacy=_REACH, filterable=False
    )
    occasions: Mapped[list[dict[str, Any]] | None] = field(
        json_type(), label="Days to remember", kind="json", privacy=_SERVE, filterable=False
    )
    custom: Mapped[dict[str, Any]] = field(
        json_type(),
        label="Custom fields",
        kind="json",
        privacy=_SERVE,
        filterable=False,
        nullable=False,
        default=dict,
    )

    emails = sealed(
        label="E-mail addresses", kind="email_list", privacy=_REACH, protection="lookup", default=[]
    )
    phones = sealed(label="Phones", kind="phone_list", privacy=_REACH, protection="lookup", default=[])
    addresses = sealed(label="Addresses", kind="address_list", privacy=_REACH, default=[])
    socials = sealed(label="Social accounts", kind="social_list", privacy=_REACH, default=[])
    note = sealed(label="Note", kind="long_text", privacy=_SERVE)
    custom_sealed = sealed(label="Sealed custom fields", kind="json", privacy=_SERVE, default={})

    owner_id: Mapped[UUID | None] = field(Uuid, label="Owner", kind="account")
    team_id: Mapped[UUID | None] = field(Uuid, label="Team", kind="team")
    access_id: Mapped[int] = field(BigInteger, label="Access set", nullable=False, filterable=False)
    sort_name: Mapped[str] = field(
        String(300), label="Sort name", privacy=_IDENTIFY, nullable=False, derived=True, filterable=False
    )
    search_text: Mapped[str] = field(
        Text, label="Search text", privacy=_IDENTIFY, nullable=False, derived=True, filterable=False
    )
    last_interaction_at: Mapped[datetime | None] = field(
        UtcDateTime, label="Last interaction", derived=True, privacy=_SERVE
    )
    created_at: Mapped[datetime] = field(UtcDateTime, label="Created", nullable=False, derived=True)
    updated_at: Mapped[datetime] = field(UtcDateTime, label="Changed", nullable=False, derived=True)
    version: Mapped[int] = field(
        Integer, label="Version", nullable=False, derived=True, filterable=False, default=1
    )
    removed_at: Mapped[datetime | None] = field(UtcDateTime, label="Removed", filterable=False)
    restricted_at: Mapped[datetime | None] = field(UtcDateTime, label="Restricted", filterable=False)
    merged_into: Mapped[UUID | None] = field(Uuid, label="Merged into", kind="contact", filterable=False)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012  # SQLAlchemy's own name for mapper settings
    __table_args__ = (
        Index("ix_contact_list", "sort_name", "id"),
        Index("ix_contact_access", "access_id", "sort_name", "id"),
        Index("ix_contact_city", "city", "sort_name", "id"),
        Index("ix_contact_owner", "owner_id", "last_interaction_at", "id"),
        Index("ix_contact_last_interaction", "last_interaction_at", "id"),
        Index("ix_contact_created", "created_at", "id"),
        Index("ix_contact_updated", "updated_at", "id"),
    )


_merged: Any = Contact.merged_into.is_not(None)
Index("ix_contact_merged_into", Contact.merged_into, sqlite_where=_merged, postgresql_where=_merged)


class ContactLookup(Base):
    """Blind index: tokens of a contact's e-mails and phones, for exact look-ups of sealed values.

    Rows stand in the order of their contacts, and only the narrow index of tokens, which are as good as random, is
    written all over: an import of 100,000 contacts is a third faster for it.
    """

    __tablename__ = "contact_lookup"
    __derived_from__ = {"token": Derived(("contact.emails", "contact.phones"))}  # noqa: RUF012  # read only, as a ClassVar of the base
    __access__ = Access.through("contact_id")
    __audited__ = False  # follows from the contact's own values

    contact_id: Mapped[UUID] = contact_ref(primary_key=True, index=False)
    token: Mapped[bytes] = field(
        LargeBinary,
        label="Token",
        privacy=personal("to find the contact", erase="delete", export=False),
        primary_key=True,
        index=True,
    )
    kind: Mapped[str] = field(String(14), label="What the token is of", nullable=False)


class Tag(Base):
    """A word put on contacts: a feature asked for, a pain, a churn reason, a segment mark."""

    __tablename__ = "tag"
    __access__ = Access.everyone()

    id: Mapped[UUID] = key("Tag")
    name: Mapped[str] = field(String(80), label="Name", nullable=False)
    folded: Mapped[str] = field(String(80), label="Folded name", nullable=False, unique=True, derived=True)
    colour: Mapped[str | None] = field(String(20), label="Colour")


class ContactTag(Base):
    """A tag on a contact."""

    __tablename__ = "contact_tag"
    __access__ = Access.through("contact_id")

    id: Mapped[UUID] = key()
    contact_id: Mapped[UUID] = contact_ref(index=False)
    tag_id: Mapped[UUID] = ref("tag.id", on_delete="CASCADE", label="Tag", kind="tag")
    added_at: Mapped[datetime] = field(UtcDateTime, label="Added", nullable=False)

    __table_args__ = (UniqueConstraint("contact_id", "tag_id"),)


class CustomField(Base):
    """A typed field declared at run time; its values stand in the contact's ``custom`` or, sealed, in its blob."""

    __tablename__ = "custom_field"
    __noun__ = "field"
    __access__ = Access.everyone()

    id: Mapped[UUID] = key("Custom field")
    key: Mapped[str] = field(String(50), label="Key", nullable=False, unique=True)
    label: Mapped[str] = field(String(100), label="Label", nullable=False)
    kind: Mapped[str] = field(String(14), label="Kind", nullable=False)
    choices: Mapped[list[str] | None] = field(json_type(), label="Choices")
    protection: Mapped[str] = field(String(8), label="Protection", nullable=False, default="open")
    is_personal: Mapped[bool] = field(Boolean, label="Personal data", nullable=False, default=True)
    purpose: Mapped[str] = field(String(200), label="Purpose", nullable=False, default="")
    position: Mapped[int] = field(Integer, label="Position", nullable=False, default=0)
    plugin: Mapped[str | None] = field(String(40), label="Plugin it goes with")


class FieldRule(Base):
    """What an installation demands of a field, the same for forms, API, web forms and imports."""

    __tablename__ = "field_rule"
    __noun__ = "field"
    __access__ = Access.everyone()

    id: Mapped[UUID] = key("Field rule")
    name: Mapped[str] = field(String(60), label="Field", nullable=False, unique=True)
    required: Mapped[bool] = field(Boolean, label="Mandatory", nullable=False, default=False)
    kind: Mapped[str | None] = field(String(12), label="Only for this kind of contact")
    plugin: Mapped[str | None] = field(String(40), label="Plugin it goes with")
