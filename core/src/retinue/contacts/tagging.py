"""Tags on contacts, added and replaced set-wise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast
from uuid import UUID

from sqlalchemy import select

from retinue.contacts.models import ContactTag, Tag
from retinue.errors import Invalid, NotFound, Problem
from retinue.storage import among, fold, new_id

if TYPE_CHECKING:
    from retinue.storage import Store


def ensure_tags(store: Store, names: Sequence[str]) -> dict[str, UUID]:
    """Return the id of each tag by its folded name, making those that are new; needs tag.create for that."""
    wanted = {fold(name): name.strip() for name in dict.fromkeys(names)}
    tags = store.rows(select(Tag.folded, Tag.id).where(among(Tag.folded, wanted)))
    known: dict[str, UUID] = dict(tags)
    fresh = [{"id": new_id(), "name": wanted[f], "folded": f} for f in wanted if f not in known]
    if fresh:
        store.require("tag.create")
        store.insert_many(Tag, fresh)
        known.update((str(row["folded"]), cast("UUID", row["id"])) for row in fresh)
    return known


def tag_contacts(store: Store, tags: Mapping[UUID, Sequence[str]], *, new: bool = False) -> int:
    """Add tags to contacts; one that is there already stays one. Returns how many were added.

    `new` contacts were made just now and have no tags to look for.
    """
    if not tags:
        return 0
    ids = ensure_tags(store, [name for names in tags.values() for name in names])
    links = select(ContactTag.contact_id, ContactTag.tag_id)
    there = () if new else store.rows(links.where(among(ContactTag.contact_id, tags)))
    known = {(contact_id, tag_id) for contact_id, tag_id in there}
    wanted = dict.fromkeys((c, ids[fold(name)]) for c, names in tags.items() for name in names)
    rows = [{"contact_id": c, "tag_id": t, "added_at": store.now} for c, t in wanted if (c, t) not in known]
    store.insert_many(ContactTag, rows)
    return len(rows)


def untag_contacts(store: Store, contact_ids: Sequence[UUID], name: str) -> int:
    """Take a tag off contacts; returns from how many."""
    tag = store.first(select(Tag).where(Tag.folded == fold(name)))
    if tag is None:
        return 0
    chosen = select(ContactTag).where(ContactTag.tag_id == tag.id, ContactTag.contact_id.in_(contact_ids))
    rows = store.scalars(chosen)
    for row in rows:
        store.remove(row)
    store.flush()
    return len(rows)


def replace_tags(store: Store, contact_id: UUID, names: Sequence[str]) -> None:
    """Make the tags of a contact exactly `names`."""
    tag_contacts(store, {contact_id: names})
    kept = {fold(name) for name in names}
    chosen = (
        select(ContactTag, Tag.folded)
        .join(Tag, Tag.id == ContactTag.tag_id)
        .where(ContactTag.contact_id == contact_id)
    )
    for row, folded in store.rows(chosen):
        if folded not in kept:
            store.remove(row)
    store.flush()


def list_tags(store: Store) -> list[Tag]:
    """Return all tags by name."""
    return store.scalars(select(Tag).order_by(Tag.folded))


def change_tag(store: Store, tag_id: UUID, *, name: str | None = None, colour: str | None = None) -> Tag:
    """Rename or recolour a tag, for all contacts that have it."""
    store.require("tag.change")
    tag = store.get(Tag, tag_id)
    if name is not None:
        other = store.first(select(Tag).where(Tag.folded == fold(name), Tag.id != tag_id))
        if other is not None or not name.strip():
            raise Invalid("the name is taken or empty", problems=[Problem("/name", "choose another name")])
        tag.name, tag.folded = name.strip(), fold(name)
    if colour is not None:
        tag.colour = colour
    store.flush()
    return tag


def remove_tag(store: Store, tag_id: UUID) -> None:
    """Remove a tag from all contacts and for good; a revert of the change set brings it back."""
    store.require("tag.remove")
    tag = store.find(Tag, tag_id)
    if tag is None:
        raise NotFound(f"tag {tag_id} does not exist")
    system = store.system("remove a tag everywhere")
    for row in system.scalars(select(ContactTag).where(ContactTag.tag_id == tag_id)):
        system.remove(row)
    system.flush()
    store.remove(tag)
    store.flush()
