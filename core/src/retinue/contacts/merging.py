"""Merging: several records of one contact become one, and can be taken apart again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from sqlalchemy import select

from retinue.contacts.drafts import search_text, sort_name
from retinue.contacts.models import Contact, ContactTag
from retinue.contacts.service import renew_lookups, true_names
from retinue.errors import Invalid, Problem

if TYPE_CHECKING:
    from retinue.storage import Store

MAX_MERGE: Final = 20
FIELDS: Final = (
    "kind", "name", "given_name", "family_name", "middle_name", "title_before", "title_after", "sex", "birth_date",
    "language", "country", "region", "city", "postal_code", "job_title", "business_line", "website", "status", "source",
    "preferred_channel", "time_zone", "opening_hours", "contact_windows", "occasions", "note",
)  # fmt: skip
_LISTS: Final = {"emails": "value", "phones": "e164", "socials": "value"}


def merge_contacts(
    store: Store, survivor_id: UUID, merged_ids: Sequence[UUID], *, picks: Mapping[str, UUID] | None = None
) -> Contact:
    """Merge contacts into `survivor_id` and return it.

    `picks` says for a field from which of the records its value comes; without a pick the survivor's value stays
    and empty ones are filled. Lists, tags, interactions, relations and what plugins hold move over. Reverting the
    change set restores every record as it was.
    """
    merged_ids = [i for i in dict.fromkeys(merged_ids) if i != survivor_id]
    if not 0 < len(merged_ids) < MAX_MERGE:
        raise Invalid(
            "nothing to merge", problems=[Problem("/merged", f"name 1 to {MAX_MERGE - 1} other contacts")]
        )
    survivor = store.get(Contact, survivor_id, lock=True)
    merged = [store.get(Contact, i, lock=True) for i in merged_ids]
    store.require("contact.merge", survivor, *merged)
    store.deed("contact.merge")
    store.unseal([survivor, *merged])
    _fill_fields(store, survivor, merged, picks or {})
    _join_lists(survivor, merged)
    _move_tags(store, survivor, merged)
    survivor.updated_at = store.now
    store.flush()
    renew_lookups(store, survivor)
    store.hooks.contacts_merged(store=store, survivor=survivor, merged=merged)
    _refresh_last_interaction(survivor, merged)
    for contact in merged:
        contact.removed_at, contact.merged_into = store.now, survivor.id
    store.flush()
    return survivor


def _fill_fields(
    store: Store, survivor: Contact, merged: Sequence[Contact], picks: Mapping[str, UUID]
) -> None:
    records = {c.id: c for c in (survivor, *merged)}
    wrong = [n for n, i in picks.items() if n not in FIELDS or i not in records]
    if wrong:
        raise Invalid(
            "a pick is not valid", problems=[Problem(f"/picks/{n}", "no such field or record") for n in wrong]
        )
    for name in FIELDS:
        if name in picks:
            value = getattr(records[picks[name]], name)
        else:
            value = next(
                (v for c in records.values() if (v := getattr(c, name)) not in (None, "", [], {})), None
            )
        if getattr(survivor, name) != value:
            setattr(survivor, name, value)
    for name in ("custom", "custom_sealed"):
        joined: dict[str, Any] = {}
        for contact in reversed(list(records.values())):
            joined.update(getattr(contact, name) or {})
        if joined != (getattr(survivor, name) or {}):
            setattr(survivor, name, joined)
    names = true_names(store, survivor)
    survivor.sort_name, survivor.search_text = sort_name(names), search_text(names)


def _join_lists(survivor: Contact, merged: Sequence[Contact]) -> None:
    for name, key in _LISTS.items():
        joined = {
            entry[key].casefold(): entry for c in reversed((survivor, *merged)) for entry in getattr(c, name)
        }
        ordered = list({e[key].casefold(): None for c in (survivor, *merged) for e in getattr(c, name)})
        value = [joined[k] for k in ordered]
        if value != getattr(survivor, name):
            setattr(survivor, name, value)
    addresses = [a for c in (survivor, *merged) for a in c.addresses]
    unique = [a for place, a in enumerate(addresses) if a not in addresses[:place]]
    if unique != survivor.addresses:
        survivor.addresses = unique


def _move_tags(store: Store, survivor: Contact, merged: Sequence[Contact]) -> None:
    held = set(store.scalars(select(ContactTag.tag_id).where(ContactTag.contact_id == survivor.id)))
    for row in store.scalars(select(ContactTag).where(ContactTag.contact_id.in_([c.id for c in merged]))):
        if row.tag_id in held:
            store.remove(row)
        else:
            held.add(row.tag_id)
            row.contact_id = survivor.id
    store.flush()


def _refresh_last_interaction(survivor: Contact, merged: Sequence[Contact]) -> None:
    moments = [c.last_interaction_at for c in (survivor, *merged) if c.last_interaction_at]
    if moments and max(moments) != survivor.last_interaction_at:
        survivor.last_interaction_at = max(moments)
