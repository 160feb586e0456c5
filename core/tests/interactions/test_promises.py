"""Promises: open until kept, with what plugins know of among them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from retinue.actor import Actor
from retinue.contacts.service import create_contact
from retinue.errors import Conflict
from retinue.interactions.promises import keep_promise, list_promises
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
