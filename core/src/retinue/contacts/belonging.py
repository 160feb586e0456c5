"""Custom fields that go with a plugin: their values are taken off the contacts, and given back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from sqlalchemy import select

from retinue.contacts.models import Contact, CustomField
from retinue.storage import among

if TYPE_CHECKING:
    from retinue.storage import Store

_BATCH: Final = 500
Value = tuple[UUID, str, Any]
"""A contact's id, the key of a custom field, its value."""


def plugin_fields(store: Store, plugin: str) -> list[CustomField]:
    """Return the custom fields that go with a plugin."""
    return store.scalars(select(CustomField).where(CustomField.plugin == plugin).order_by(CustomField.key))


def read_plugin_values(store: Store, plugin: str) -> Iterator[Value]:
    """Yield every value of the plugin's custom fields, of removed contacts too."""
    declared = plugin_fields(store, plugin)
    for contact in _all_contacts(store) if declared else ():
        for field in declared:
            held = getattr(contact, _place(field)) or {}
            if field.key in held:
                yield contact.id, field.key, held[field.key]


def take_plugin_values(store: Store, plugin: str) -> int:
    """Take the values of the plugin's custom fields off all contacts; returns how many."""
    declared, taken = plugin_fields(store, plugin), 0
    for contact in _all_contacts(store) if declared else ():
        for field in declared:
            held = dict(getattr(contact, _place(field)) or {})
            if field.key in held:
                del held[field.key]
                setattr(contact, _place(field), held)
                taken += 1
    _raw(store).flush()
    store.session.info.pop("contact_rules", None)
    return taken


def give_plugin_values(store: Store, plugin: str, values: Iterable[Value]) -> int:
    """Give contacts that are still there their values of the plugin's custom fields back; returns how many."""
    declared = {field.key: field for field in plugin_fields(store, plugin)}
    by_contact: dict[UUID, dict[str, Any]] = {}
    for contact_id, key, value in values:
        by_contact.setdefault(contact_id, {})[key] = value
    ids, given, raw = list(by_contact), 0, _raw(store)
    for start in range(0, len(ids), _BATCH):
        page = raw.scalars(select(Contact).where(among(Contact.id, ids[start : start + _BATCH])))
        raw.unseal(page)
        for contact in page:
            for key, value in by_contact[contact.id].items():
                if key in declared:
                    place = _place(declared[key])
                    setattr(contact, place, {**(getattr(contact, place) or {}), key: value})
                    given += 1
        raw.flush()
    store.session.info.pop("contact_rules", None)
    return given


def _place(field: CustomField) -> str:
    return "custom" if field.protection == "open" else "custom_sealed"


def _raw(store: Store) -> Store:
    return store.raw("values of a plugin's custom fields")


def _all_contacts(store: Store) -> Iterator[Contact]:
    raw, last = _raw(store), UUID(int=0)
    while page := raw.scalars(select(Contact).where(Contact.id > last).order_by(Contact.id).limit(_BATCH)):
        last = page[-1].id
        raw.unseal(page)
        yield from page
        raw.flush()
