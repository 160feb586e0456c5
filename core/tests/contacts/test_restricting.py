"""Restricted contacts: unseen by every statement, kept, copied and erased all the same; records kept without the person."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select

from retinue.contacts import (
    Contact,
    copy_contact,
    create_contact,
    erase_contact,
    lift_restriction,
    move_records,
    restrict_contact,
    search_contacts,
)
from retinue.errors import Denied, Invalid, NotFound
from retinue.interactions import Interaction, record_interaction


def _person(crm: Any, name: str = "Restricted") -> UUID:
    with crm.store() as store:
        draft = {"kind": "person", "given_name": name, "emails": [{"value": f"{name.lower()}@example.cz"}]}
        contact = create_contact(store, draft, on_duplicate="allow")
        record_interaction(store, contact.id, {"kind": "call", "body": "asked to be left alone"})
        return contact.id


def test_restricted_contact_is_unseen_until_lifted(crm: Any) -> None:
    """GD-x13: absent from every read, of the system too, with what hangs on it; lifting brings both back."""
    admin, contact_id = crm.user(), _person(crm)
    entries = select(func.count()).select_from(Interaction).where(Interaction.contact_id == contact_id)
    with crm.store(admin.actor) as store:
        restrict_contact(store, contact_id)
        restrict_contact(store, contact_id)
    assert admin.client.get(f"/contacts/{contact_id}").status_code == 404
    with crm.store() as store:
        assert search_contacts(store, "Restricted") == []
        assert store.find(Contact, contact_id) is None
        assert store.system("a job").scalar(entries) == 0
        assert store.legal("keep").scalar(entries) == 1
        copied = copy_contact(store.legal("copy"), contact_id)
        assert "asked to be left alone" in repr(copied)
    with crm.store(admin.actor) as store:
        lift_restriction(store, contact_id)
    assert admin.client.get(f"/contacts/{contact_id}").status_code == 200
    with crm.store() as store:
        assert store.scalar(entries) == 1


def test_restricting_needs_its_permission_and_its_reach(crm: Any) -> None:
    contact_id = _person(crm, "Guarded")
    for held in ({"contact.read": "all"}, {"contact.read": "all", "contact.restrict": "own"}):
        with pytest.raises(Denied), crm.store(crm.user(held).actor) as store:
            restrict_contact(store, contact_id)
    with crm.store() as store, pytest.raises(NotFound):
        restrict_contact(store, UUID(int=9))


def test_restricted_contact_can_be_erased(crm: Any) -> None:
    contact_id = _person(crm, "Leaving")
    with crm.store() as store:
        restrict_contact(store, contact_id)
    with crm.store() as store:
        assert erase_contact(store.legal("erase"), contact_id)["interaction"] == 1
    with crm.store() as store:
        assert store.raw("look").get(Contact, contact_id).name == "Erased"


def test_records_move_to_a_stand_in_that_is_erased_later(crm: Any) -> None:
    """GD-x12: what the law keeps stays readable under a key of its own; the person is shredded; the end erases it."""
    contact_id = _person(crm, "Invoiced")
    with crm.store() as store:
        stand_in = move_records(store, contact_id, ["interaction"])
        erase_contact(store, contact_id)
    with crm.store() as store:
        legal = store.legal("audit by the tax office")
        kept = legal.scalars(select(Interaction).where(Interaction.contact_id == stand_in))
        assert [entry.body for entry in kept] == ["asked to be left alone"]
        assert legal.get(Contact, stand_in).name == "Erased"
        assert store.find(Contact, stand_in) is None
        with pytest.raises(Invalid):
            move_records(store, contact_id, ["audit_entry"])
    with crm.store() as store:
        assert erase_contact(store.legal("over"), stand_in) == {"interaction": 1}
