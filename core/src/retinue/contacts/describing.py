"""Contacts as plain values for the wire: hidden fields are absent, never empty."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from retinue.contacts.calendar import age_on, is_open, next_allowed, next_occasion
from retinue.contacts.models import Contact
from retinue.contacts.queries import tags_of

if TYPE_CHECKING:
    from retinue.storage import Store

FIELDS: Final = (
    "id", "kind", "name", "given_name", "family_name", "middle_name", "title_before", "title_after", "sex", "birth_date",
    "language", "country", "region", "city", "postal_code", "job_title", "business_line", "website", "status", "source",
    "preferred_channel", "time_zone", "opening_hours", "contact_windows", "occasions", "emails", "phones", "addresses",
    "socials", "note", "owner_id", "team_id", "last_interaction_at", "created_at", "updated_at", "version",
)  # fmt: skip


def describe_contacts(store: Store, contacts: Iterable[Contact]) -> list[dict[str, Any]]:
    """Return contacts as the actor may read them, with tags, custom fields and age, in three statements for all."""
    rows = list(contacts)
    store.unseal(rows)
    hidden = store.scope.variant.hidden_columns("contact")
    tags = tags_of(store, [row.id for row in rows]) if "tags" not in hidden else {}
    shown = [name for name in FIELDS if name not in hidden]
    today = store.now.date()
    return [_describe(row, shown, tags, today) for row in rows]


def _describe(row: Contact, shown: Sequence[str], tags: dict[Any, list[str]], today: Any) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in shown}
    values["custom"] = {**(row.custom or {}), **(row.custom_sealed or {})}
    if row.id in tags:
        values["tags"] = tags[row.id]
    if "birth_date" in values:
        values["age"] = age_on(row.birth_date, today) if row.birth_date else None
    return values


def describe_contact(store: Store, contact: Contact, *, looked_at: bool = False) -> dict[str, Any]:
    """Return one contact as the actor may read it; with `looked_at` it is noted that they saw the card."""
    if looked_at:
        store.database.reads.note(store, contact.id)
    return describe_contacts(store, [contact])[0]


def read_facts(store: Store, contact: Contact, at: datetime) -> dict[str, Any]:
    """Return what follows from a contact's dates at `at` (aware): age, open or not, when it may be contacted."""
    hidden = store.scope.variant.hidden_columns("contact")
    born = None if "birth_date" in hidden else contact.birth_date
    windows = contact.contact_windows or {}
    occasions = [*(contact.occasions or [])]
    if born:
        occasions.insert(0, {"label": "birthday", "month": born.month, "day": born.day})
    return {
        "at": at,
        "age": age_on(born, at.date()) if born else None,
        "is_open": is_open(contact.opening_hours, at) if contact.opening_hours else None,
        "next_allowed": {channel: next_allowed(hours, at) for channel, hours in windows.items()},
        "occasions": [{**o, "next": next_occasion(o, at.date()).isoformat()} for o in occasions],
    }
