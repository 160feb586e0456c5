"""Restricting what is done with a person's data, and keeping records that the law demands without the person."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import or_, select

from retinue.contacts.erasing import ERASED_NAME, _pointing
from retinue.contacts.models import Contact
from retinue.errors import Invalid, NotFound, Problem
from retinue.storage import MODELS

if TYPE_CHECKING:
    from retinue.storage import Store


def restrict_contact(store: Store, contact_id: UUID) -> Contact:
    """Restrict a contact: from now on no statement but those of `Store.legal` sees it, or what hangs on it.

    It stays stored. Raises NotFound for one that is not there; a second time changes nothing.
    """
    store.require("contact.restrict")
    contact = _known(store, contact_id)
    store.deed("contact.restrict")
    if contact.restricted_at is None:
        contact.restricted_at = store.now
    store.legal("restrict").flush()
    return contact


def lift_restriction(store: Store, contact_id: UUID) -> Contact:
    """Lift the restriction of a contact: everybody who saw it before sees it again."""
    store.require("contact.restrict")
    contact = _known(store, contact_id)
    store.deed("contact.lift_restriction")
    contact.restricted_at = None
    store.legal("restrict").flush()
    return contact


def get_legally(store: Store, contact_id: UUID, purpose: str, *, lock: bool = False) -> Contact:
    """Return a contact though it be restricted, to those who would see it otherwise; raises NotFound to all others."""
    contact = store.legal(purpose).get(Contact, contact_id, lock=lock)
    scope = store.scope
    if scope.variant.read_scoped and contact.access_id not in scope.readable:
        raise NotFound(f"contact {contact_id} does not exist")
    return contact


def _known(store: Store, contact_id: UUID) -> Contact:
    contact = get_legally(store, contact_id, "restrict", lock=True)
    store.require("contact.restrict", contact)
    return contact


def move_records(store: Store, contact_id: UUID, tables: Collection[str]) -> UUID:
    """Move a person's rows of `tables` to a nameless stand-in, which is restricted, and return its id.

    For what a law says to keep although the person is erased: the stand-in has nothing of the person, values that are
    sealed are sealed again under its own key, and erasing it in the end removes the rows. Raises Invalid for a
    table that does not point at a contact.
    """
    store.require("contact.erase")
    wrong = [t for t in tables if t == "contact" or t not in MODELS or not _pointing(MODELS[t].__table__)]
    if wrong:
        problems = [Problem(f"/tables/{name}", "no table with rows about a contact") for name in wrong]
        raise Invalid("a table cannot be held", problems=problems)
    legal = store.legal("keep records")
    stand_in = Contact(
        name=ERASED_NAME, kind="person", sort_name="", search_text="", custom={}, created_at=store.now,
        updated_at=store.now, restricted_at=store.now, access_id=store.access_set(None, None),
    )  # fmt: skip
    legal.add(stand_in)
    legal.flush()
    made: UUID = stand_in.id
    for name in tables:
        _move(legal, MODELS[name], contact_id, made)
    legal.flush()
    return made


def _move(legal: Store, model: type[Any], contact_id: UUID, made: UUID) -> None:
    columns = _pointing(model.__table__)
    attributes = [model.__mapper__.get_property_by_column(column).key for column in columns]
    for row in legal.scalars(select(model).where(or_(*(column == contact_id for column in columns)))):
        for name in attributes:
            if getattr(row, name) == contact_id:
                setattr(row, name, made)
