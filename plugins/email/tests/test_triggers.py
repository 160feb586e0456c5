"""Letters by themselves: one for each thing an event tells of, none for a file that is read in or a deed undone."""

from __future__ import annotations

from typing import Any

import pytest
from email_kit import deliver, make_template, people, set_up, states

from retinue import new_id
from retinue_email import triggers
from retinue_email.transport import FakeTransport


def _announce(crm: Any, contact_id: Any, *things: Any, event: str = "order.paid") -> list[dict[str, Any]]:
    """Announce an event, and return the payloads of the jobs it left."""
    left: list[dict[str, Any]] = []
    with crm.store() as store:
        items = [{"id": str(one), "contact_id": str(contact_id)} for one in things]
        store.hooks.events_announced(store=store, event=event, items=items)
        from retinue.jobs import list_jobs

        left = [job.payload for job in list_jobs(store, name=triggers.ORDER)]
    return left


def _run(crm: Any, payload: dict[str, Any]) -> int:
    with crm.house.store(crm.user().actor, plugin="email") as store:
        return triggers.order_letters(store.system("job"), payload)


def test_paid_order_sends_one_letter_however_often_it_is_told(crm: Any) -> None:
    """EM-03: order paid → 1 letter; told again → still 1; another order → another; switched off → none."""
    set_up(crm)
    user = crm.user()
    (ada,) = people(crm, "Ada")
    draft = {"event": "order.paid", "template_id": str(make_template(crm))}
    made = user.client.post("/email/triggers", draft).json()
    assert (made["template"], made["active"]) == ("hello", True)
    assert user.client.post("/email/triggers", draft).status_code == 409
    order, other = new_id(), new_id()
    payload = _announce(crm, ada, order)[0]
    assert [_run(crm, payload) for _ in range(3)] == [1, 0, 0]
    assert _run(crm, {**payload, "items": [{"id": str(other), "contact_id": str(ada)}]}) == 1
    fake = FakeTransport()
    assert deliver(crm, fake) == 2
    assert states(crm) == [("sent", ""), ("sent", "")]
    off = user.client.patch(f"/email/triggers/{made['id']}", {"active": False}).json()
    assert off["active"] is False
    assert _run(crm, {**payload, "items": [{"id": str(new_id()), "contact_id": str(ada)}]}) == 0
    assert [one["event"] for one in user.client.get("/email/triggers").json()] == ["order.paid"]


@pytest.mark.parametrize("config", ["sqlite"], indirect=True)
def test_file_read_in_strangers_and_other_events_write_to_nobody(crm: Any) -> None:
    """More than fifty things at once, an event of another name, a thing without a contact, one who is gone: no letter."""
    set_up(crm)
    user = crm.user()
    (ada,) = people(crm, "Ada")
    user.client.post("/email/triggers", {"event": "order.paid", "template_id": str(make_template(crm))})
    assert _announce(crm, ada, *(new_id() for _ in range(51))) == []
    assert _announce(crm, ada, new_id(), event="order.refunded") == []
    assert _announce(crm, None, new_id()) == []
    (payload,) = _announce(crm, new_id(), new_id())
    assert _run(crm, payload) == 0
    refused = user.client.post(
        "/email/triggers", {"event": "x.y", "template_id": str(make_template(crm, "own", words=["note"]))}
    )
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/template_id")
    assert states(crm) == []
