"""The copy of their data that a person may demand: made from the declarations, whoever owns the tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from sqlalchemy import select

from retinue.contacts.models import Contact
from retinue.storage import MODELS, Held, fields_of, is_about, personal_registry

if TYPE_CHECKING:
    from retinue.storage import Store

FORMAT: Final = 1
"""The version of the copy's form; it grows when a reader of the old form could not read the new one."""


@dataclass(frozen=True, slots=True)
class CopySection:
    """One kind of record about the person, with the label of each field."""

    name: str
    plugin: str
    records: Sequence[Mapping[str, Any]]
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ContactCopy:
    """Everything that is kept about one person, as plain data."""

    contact_id: UUID
    made_at: datetime
    sections: Sequence[CopySection]
    format: int = FORMAT


def copy_contact(store: Store, contact_id: UUID) -> ContactCopy:
    """Return all that is kept about a contact: a section for each table that declares personal data, then what plugins add.

    A plugin's section of the same name as a table takes the place of the table's. What the asking person may not see
    elsewhere is in it too, since it is the data subject's own; hence the permission of its own, ``contact.export``.
    """
    contact = store.get(Contact, contact_id)
    store.require("contact.export", contact)
    given: dict[str, list[Mapping[str, Any]]] = {}
    for export in store.hooks.contact_exports(store=store, contact_ids=[contact_id]):
        given.setdefault(export.section, []).extend(export.records)
    system = store.system("copy a contact's data")
    tables = {name: _section(system, MODELS[name], contact_id) for name in _personal_tables(store)}
    sections = [made for name, made in tables.items() if made and name not in given]
    sections += [CopySection(name, "", [_plain(r) for r in records]) for name, records in given.items()]
    counts = {section.name: len(section.records) for section in sections}
    store.record("contact.export", contact_id=contact_id, detail={"records": counts})
    return ContactCopy(contact_id, store.now, sections)


def list_held(store: Store) -> list[Held]:
    """Return every column with personal data of core and of the plugins that are on, by plugin and table."""
    loaded = _loaded(store)
    return [held for held in personal_registry() if not held.plugin or held.plugin in loaded]


def _loaded(store: Store) -> set[str]:
    plugins = store.declared.get("plugins")
    return set(plugins.loaded) if plugins else set()


def _personal_tables(store: Store) -> list[str]:
    """Return the tables to copy from, persons first; those of plugins that are off are left out."""
    loaded = _loaded(store)
    found = [
        name
        for name, model in MODELS.items()
        if any(each.privacy.export for each in fields_of(model).values())
        and (model.__plugin__ is None or model.__plugin__ in loaded)
    ]
    return sorted(found, key=lambda name: (name != "contact", MODELS[name].__plugin__ or "", name))


def _section(system: Store, model: type[Any], contact_id: UUID) -> CopySection | None:
    """Return the records of one table, None where no row is about the person."""
    about = is_about(model.__table__, [contact_id])
    if about is None:
        return None
    rows = system.scalars(select(model).where(about))
    if not rows:
        return None
    declared = {name: each for name, each in fields_of(model).items() if each.privacy.export}
    if hasattr(model, "sealed_data"):
        system.unseal(rows)
    records = [{name: _plain(getattr(row, name)) for name in declared} for row in rows]
    labels = {name: each.label for name, each in declared.items()}
    return CopySection(model.__table__.name, model.__plugin__ or "", records, labels)


def _plain(value: Any) -> Any:
    """Return `value` as JSON has it; decimals as text, so that no digit is lost."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(each) for each in value]
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal | UUID) else value
