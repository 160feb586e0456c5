"""What the tests of lists share: a catalogue as the app makes it, a plugin's facet, and people to list."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, String, and_, true
from sqlalchemy.orm import Mapped

import retinue.access.models
import retinue.lists.models  # noqa: F401  # both are imported for their tables
from retinue.contacts.models import Contact, ContactLookup, ContactTag, Tag
from retinue.lists import Catalogue, Link, Lookup
from retinue.lists.compile import Reader
from retinue.lists.dates import Day
from retinue.lists.expressions import contains_text
from retinue.lists.tree import MAX_DEPTH, depth_of
from retinue.storage import Access, Database, Store, contact_ref, field, fold, new_id, plugin_base

TODAY = date(2026, 6, 30)
Loyalty = plugin_base("loyalty")


class LoyaltyAccount(Loyalty):
    """A facet: one row per contact, of a plugin."""

    __tablename__ = "loyalty_account"
    __access__ = Access.through("contact_id")
    __audited__ = False  # a table of tests

    id: Mapped[UUID] = field(Integer, label="Number", primary_key=True)
    contact_id: Mapped[UUID] = contact_ref()
    tier: Mapped[str | None] = field(String(20), label="Tier", kind="choice", choices=("silver", "gold"))
    points: Mapped[int] = field(Integer, label="Points", nullable=False)


CUSTOM = (
    ("seats", "integer", None),
    ("budget", "decimal", None),
    ("trial", "boolean", None),
    ("renewal", "date", None),
    ("plan", "choice", ["free", "paid"]),
    ("pains", "multi_choice", ["price", "speed", "help"]),
    ("branch", "text", None),
    ("revenue", "integer", None),
)


def definitions(rows: Iterable[tuple[str, str, Any]] = CUSTOM) -> list[SimpleNamespace]:
    return [
        SimpleNamespace(key=k, label=k.title(), kind=kind, choices=choices, protection="open")
        for k, kind, choices in rows
    ]


def _search(text: str, _token: Callable[[str, str], bytes]) -> Any:
    return and_(true(), *(contains_text(Contact.search_text, word) for word in fold(text).split()))


def contact_catalogue(*, custom: Any = None, loyalty: bool = False) -> Catalogue:
    """Return the catalogue of contacts, put together as an installation does it."""
    made = (
        Catalogue.from_model(
            Contact,
            instead={"emails": 'Use "email" or "email_domain" instead', "phones": 'Use "phone" instead'},
            order_by={"name": Contact.sort_name},
            permission="contact.read",
            sort="name",
            columns=("name", "city"),
        )
        .with_tags(Link(ContactTag.contact_id, ContactTag.tag_id, Tag.id, Tag.name, Tag.folded))
        .with_age(Contact.birth_date)
        .with_search(_search)
        .with_custom(Contact.custom, custom if custom is not None else definitions())
        .with_lookup("email", "E-mail", _lookup("email", lambda text: [text.strip().lower()]))
        .with_lookup(
            "email_domain", "Mail domain", _lookup("email_domain", lambda text: [text.lower().lstrip("@")])
        )
    )
    return made.with_facet(LoyaltyAccount, name="loyalty") if loyalty else made


def _lookup(kind: str, spellings: Callable[[str], list[str]]) -> Lookup:
    where = ContactLookup.kind == kind
    return Lookup(ContactLookup.contact_id, ContactLookup.token, kind, where, spellings)


def day(zone: str = "UTC", today: date = TODAY) -> Day:
    return Day(today, Day.at(datetime(2026, 6, 30, 12, tzinfo=UTC), zone).zone)


def reader(actor: Any, zone: str = "UTC", today: date = TODAY) -> Reader:
    return Reader(actor, day(zone, today), lambda kind, text: f"{kind}:{text}".encode())


def add_contact(store: Store, name: str, **values: Any) -> UUID:
    """Add a contact named `name`; `tags`, `email` and `loyalty` are put into their own tables."""
    tags, email = values.pop("tags", ()), values.pop("email", None)
    owner = values.pop("owner", None)
    contact = Contact(
        id=new_id(),
        name=name,
        sort_name=values.pop("sort_name", fold(name)),
        search_text=fold(name),
        owner_id=owner,
        access_id=store.access_set(owner, values.get("team_id")),
        created_at=values.pop("created_at", store.now),
        updated_at=store.now,
        **values,
    )
    if email:
        contact.emails = [{"value": email, "label": "work"}]
    store.add(contact)
    store.flush()
    for kind, text in (("email", email), ("email_domain", email and email.split("@")[1])):
        if text:
            store.add(ContactLookup(contact_id=contact.id, kind=kind, token=store.blind_token(kind, text)))
    for tag in tags:
        store.add(ContactTag(contact_id=contact.id, tag_id=_tag(store, tag), added_at=store.now))
    store.flush()
    return contact.id


def _tag(store: Store, name: str) -> UUID:
    from sqlalchemy import select

    found = store.first(select(Tag.id).where(Tag.folded == fold(name)))
    if found is None:
        found = new_id()
        store.add(Tag(id=found, name=name, folded=fold(name)))
        store.flush()
    return found


def make_loyalty(database: Database) -> None:
    """Create the facet's table."""
    with database.transaction() as connection:
        Loyalty.metadata.create_all(connection)


def fits(tree: Any) -> bool:
    """Say whether a generated tree is within the limit of depth."""
    return depth_of(tree) <= MAX_DEPTH
