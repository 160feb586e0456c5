"""Promises: open until kept, with what plugins know of among them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from retinue.actor import Actor
from retinue.contacts.models import Contact
from retinue.contacts.service import create_contact
from retinue.errors import Conflict
from retinue.interactions.promises import keep_promise, list_promises, open_promises
from retinue.interactions.service import record_interaction
from retinue.plugins import Hooks, Promise

if TYPE_CHECKING:
    from retinue.storage import Database
    from retinue.testing.house import Crm


def test_promise_is_open_until_kept_and_plugins_add_theirs(database: Database) -> None:
    """C-28: what is open is one list, whoever keeps it; the hook is asked with the contact."""
    asked: list[Any] = []

    def answer(store: Any, contact_ids: list[UUID]) -> list[Promise]:
        asked.append(contact_ids)
        return [Promise(contact_ids[0], "Send the invoice again", date(2026, 1, 2))]

    hooks = Hooks({"contact_promises": answer}, {"contact_promises": "ask"})
    with database.store(Actor.system("test"), hooks=hooks) as store:
        contact = create_contact(store, {"name": "Jan Dvořák"})
        for days in (9, 3):
            due = (date(2026, 1, 1) + timedelta(days=days)).isoformat()
            values = {"kind": "promise", "body": f"Call back {days}", "data": {"due": due}}
            kept = record_interaction(store, contact.id, values)
        found = list_promises(store, contact.id)
        assert [p.text for p in found] == ["Send the invoice again", "Call back 3", "Call back 9"]
        keep_promise(store, kept.id)
        assert [p.text for p in list_promises(store, contact.id)] == ["Send the invoice again", "Call back 9"]
        assert asked == [[contact.id], [contact.id]]
        assert contact.last_interaction_at is None
        with pytest.raises(Conflict):
            keep_promise(store, kept.id)


@pytest.mark.parametrize("config", ["sqlite"], indirect=True)
def test_promises_have_an_api_of_their_own(crm: Crm) -> None:
    api = crm.user().client
    contact = api.post("/contacts", {"name": "Jan Dvořák"}).json()["id"]
    draft = {"kind": "promise", "body": "Send the offer", "data": {"due": "2026-12-01"}}
    made = api.post(f"/contacts/{contact}/interactions", draft).json()
    (open_one,) = api.get(f"/contacts/{contact}/promises").json()
    assert open_one["due"] == "2026-12-01"
    assert open_one["interaction_id"] == made["id"]
    assert api.post(f"/interactions/{made['id']}/fulfilment").status_code == 201
    assert api.get(f"/contacts/{contact}/promises").json() == []
    assert api.post(f"/interactions/{made['id']}/fulfilment").status_code == 409


def test_open_promises_of_many_are_read_by_their_own_index(database: Database) -> None:
    """What is open for a set of contacts: kept ones, other kinds and other people's are not in it, nor read."""
    with database.store(Actor.system("test")) as store:
        made = []
        for name in ("Jan Dvořák", "Eva Malá"):
            contact = create_contact(store, {"name": name})
            record_interaction(store, contact.id, {"kind": "note", "body": "x"})
            for text in ("first", "second"):
                made.append(record_interaction(store, contact.id, {"kind": "promise", "body": text}))
        keep_promise(store, made[0].id)
        assert [row.id for row in open_promises(store, Contact.name == "Jan Dvořák")] == [made[1].id]
        assert {row.id for row in open_promises(store, Contact.id.is_not(None))} == {
            row.id for row in made[1:]
        }
    if database.kind == "sqlite":
        with database.engine.connect() as connection:
            plan = connection.exec_driver_sql(
                "EXPLAIN QUERY PLAN SELECT id FROM interaction WHERE kind = 'promise' ORDER BY at DESC, id DESC"
            ).all()
        assert "ix_interaction_promised" in str(plan)
