"""What the contacts room answers to hooks, as any plugin would."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select

from retinue.contacts.drafts import search_text, sort_name
from retinue.contacts.models import Contact, ContactTag, Tag
from retinue.contacts.service import renew_lookups
from retinue.plugins import ContactExport, hookimpl
from retinue.storage import Store, touched_contacts

_CHUNK = 500


@hookimpl
def change_sets_reverted(store: Store, change_set_ids: Sequence[UUID]) -> None:
    """Derive names for sorting and search and the blind index again."""
    ids = sorted({i for change_set in change_set_ids for i in touched_contacts(store, change_set)})
    system = store.system("derive contacts after a revert")
    for start in range(0, len(ids), _CHUNK):
        found = system.scalars(select(Contact).where(Contact.id.in_(ids[start : start + _CHUNK])))
        system.unseal(found)
        for contact in found:
            names = ("name", "given_name", "family_name", "middle_name", "city", "job_title")
            values = {name: getattr(contact, name) for name in names}
            contact.sort_name, contact.search_text = sort_name(values), search_text(values)
            renew_lookups(system, contact)
        system.flush()


@hookimpl
def contact_exports(store: Store, contact_ids: Sequence[UUID]) -> list[ContactExport]:
    """Give the tags of each contact by their names: the rows themselves hold ids only."""
    named = select(ContactTag.contact_id, Tag.name).join(Tag, Tag.id == ContactTag.tag_id)
    found: dict[UUID, list[dict[str, str]]] = {}
    chosen = named.where(ContactTag.contact_id.in_(contact_ids)).order_by(Tag.name)
    for contact_id, name in store.system("copy tags").rows(chosen):
        found.setdefault(contact_id, []).append({"name": name})
    return [ContactExport(contact_id, "tag", records) for contact_id, records in found.items()]
