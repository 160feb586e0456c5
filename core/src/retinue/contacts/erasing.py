"""Erasing a person: refusals, plugins, core's own rows, what is left over, and last the key."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import Column, MetaData, Table, Uuid, delete, func, inspect, or_, select, update

from retinue.contacts.models import Contact
from retinue.errors import Conflict
from retinue.plugins import PluginState
from retinue.plugins.migration_scripts import CORE, owner_of
from retinue.storage import MODELS, fields_of, find_resurrected, order_shredding
from retinue.storage.tables import let_go, references
from retinue.web import purge_idempotency_keys

if TYPE_CHECKING:
    from retinue.storage import Store

ERASED_NAME = "Erased"


def erase_contact(store: Store, contact_id: UUID, *, reason: str = "") -> dict[str, int]:
    """Erase a person for good and return how many rows went from each table.

    Raises Conflict if a plugin refuses (with its reason) or if rows about the person are left that nobody declared;
    then nothing was changed. Records merged into it go too. What stays is a tombstone without
    personal data and an audit whose values are closed.
    """
    contact = store.get(Contact, contact_id, lock=True)
    store.require("contact.erase", contact)
    refusals = store.hooks.erasure_refusals(store=store, contact_ids=[contact_id])
    if refusals:
        raise Conflict(
            "the contact may not be erased yet: " + "; ".join(r.reason for r in refusals),
            code="erasure-refused",
            extra={"refusals": [{"code": r.code, "reason": r.reason} for r in refusals]},
        )
    store.deed("contact.erase", reason[:200])
    merged = store.raw("erase").scalars(select(Contact.id).where(Contact.merged_into == contact_id))
    store.hooks.contacts_erased(store=store, contact_ids=[contact_id])
    store.flush()
    removed = {**dict(_erase_rows(store, contact_id)), **dict(_erase_unloaded(store, contact_id))}
    _blank(store, contact)
    for merged_id in merged:
        for name, count in erase_contact(
            store.raw("erase what was merged"), merged_id, reason=reason
        ).items():
            removed[name] = removed.get(name, 0) + count
    purge_idempotency_keys(
        store.system("erase"), everything=True
    )  # kept answers may repeat what was just erased
    left = dict(_left_over(store, contact_id))
    if left:
        raise Conflict(
            "rows about this contact are left in: " + ", ".join(sorted(left)),
            code="erasure-leftovers",
            remedy="Enable the plugin they belong to, or uninstall it with its data. Nothing was changed.",
            extra={"tables": left},
        )
    store.record("contact.erase", contact_id=contact_id, detail={"rows": removed})
    order_shredding(store, contact_id)
    store.session.expunge(contact)
    return removed


def erase_again(store: Store) -> int:
    """Erase the people whom a restored backup brought back; returns how many. A second run finds nobody."""
    store.require("contact.erase")
    found = find_resurrected(store.database, store)
    raw = store.raw("forget again")  # they may lie in the bin
    for contact_id in found:
        erase_contact(raw, contact_id, reason="erased before, brought back by a restored backup")
    return len(found)


def _pointing(table: Any) -> list[Any]:
    return [c for c in table.columns if any(f.column.table.name == "contact" for f in c.foreign_keys)]


def _erase_rows(store: Store, contact_id: UUID) -> Iterator[tuple[str, int]]:
    """Delete the rows of core's and the loaded plugins' tables that stand for the contact."""
    connection = store.raw_connection()
    present = set(
        inspect(connection).get_table_names()
    )  # a plugin that is loaded elsewhere has no table here
    known = store.system("erase").scalars(select(PluginState.name))
    for name, model in MODELS.items():
        columns = _pointing(model.__table__)
        if not columns or name == "contact" or name not in present or _is_off(store, name, known):
            continue
        gone = connection.execute(
            delete(model.__table__).where(or_(*(c == contact_id for c in columns)))
        ).rowcount
        if gone:
            yield name, gone


def _erase_unloaded(store: Store, contact_id: UUID) -> Iterator[tuple[str, int]]:
    """Let go of the rows of plugins that are off or whose code is gone, as their tables' own references say.

    Only of plugins that the database remembers: rows in any other table stop the erasure, with the table's name.
    """
    connection = store.raw_connection()
    known = store.system("erase").scalars(select(PluginState.name))
    for reference in references(connection):
        if reference.target != "contact" or owner_of(reference.table, known) == CORE:
            continue
        if reference.table in MODELS and not _is_off(store, reference.table, known):
            continue
        if gone := let_go(connection, reference, contact_id):
            yield reference.table, gone


def find_unloaded(store: Store, contact_id: UUID) -> dict[str, int]:
    """Return how many rows about a person the tables of plugins hold that are off, or whose code is gone, by table."""
    store.require("contact.erase")
    connection = store.raw_connection()
    found: dict[str, int] = {}
    known = store.system("erase").scalars(select(PluginState.name))
    for reference in references(connection):
        if reference.target != "contact" or not _is_off(store, reference.table, known):
            continue
        column = Column(reference.columns[0], Uuid)
        bare = Table(reference.table, MetaData(), column)
        count = connection.scalar(select(func.count()).select_from(bare).where(column == contact_id))
        if count:
            found[reference.table] = found.get(reference.table, 0) + count
    return found


def _is_off(store: Store, table: str, known: Collection[str]) -> bool:
    """Say whether a table belongs to a plugin of this database that is off: its module may be imported all the same."""
    owner, loaded = owner_of(table, known), store.declared.get("plugins")
    return owner != CORE and owner not in (loaded.loaded if loaded else ())


def _blank(store: Store, contact: Contact) -> None:
    table: Any = Contact.__table__
    values: dict[str, Any] = {}
    for name, declared in fields_of(Contact).items():
        if declared.privacy.personal and declared.privacy.erase == "blank" and name in table.c:
            values[name] = None if table.c[name].nullable else {} if name == "custom" else ""
    values.update(
        name=ERASED_NAME, sealed_data=None, owner_id=None, team_id=None, access_id=store.access_set(None, None),
        removed_at=store.now, restricted_at=None, merged_into=None, version=contact.version + 1, updated_at=store.now,
    )  # fmt: skip
    connection = store.raw_connection()
    connection.execute(update(table).where(table.c.id == contact.id).values(values))
    connection.execute(update(table).where(table.c.merged_into == contact.id).values(merged_into=None))


def _left_over(store: Store, contact_id: UUID) -> Iterator[tuple[str, int]]:
    """Ask the database itself, so that tables of plugins that are off are seen too."""
    connection = store.raw_connection()
    inspector = inspect(connection)
    for name in inspector.get_table_names():
        for foreign in inspector.get_foreign_keys(name):
            if foreign["referred_table"] != "contact" or name == "contact":
                continue
            column = Column(foreign["constrained_columns"][0], Uuid)
            bare = Table(name, MetaData(), column)
            count = connection.scalar(select(func.count()).select_from(bare).where(column == contact_id))
            if count:
                yield name, count
