"""Who looked at whose card, and what they took away."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select

from retinue.actor import Actor
from retinue.contacts import create_contact
from retinue.storage import ReadEntry, forget_reads


def _people(crm: Any, count: int) -> list[str]:
    with crm.store() as store:
        return [str(create_contact(store, {"given_name": f"G{n}"}).id) for n in range(count)]


def _rows(crm: Any) -> int:
    with crm.store(readonly=True) as store:
        return int(store.system("look").scalar(select(func.count()).select_from(ReadEntry)))


def test_views_and_exports_of_an_account_are_reported(crm: Any) -> None:
    """GD-12: each view of a card is one row, written in a batch; the last 30 days of u2: 14 views of 7 cards, 1 export."""
    people, u2, boss = _people(crm, 7), crm.user(), crm.user()
    for _ in range(2):
        for contact_id in people:
            assert u2.client.get(f"/contacts/{contact_id}").status_code == 200
    u2.client.get("/contacts")
    boss.client.get(f"/contacts/{people[0]}")
    with crm.store(u2.actor) as store:
        store.record("contact.export", detail={"count": 7})
    path = f"/audit/reads/{u2.id}"
    before = boss.client.get(path).json()
    assert crm.house.database.reads.write() == 15
    assert crm.house.database.reads.write() == 0
    assert _rows(crm) == 15
    found = boss.client.get(path, params={"days": 30}).json()
    assert found == {**before, "since": found["since"]}
    assert (found["views"], found["contacts"], found["exports"]) == (14, 7, 1)
    assert {look["contact_id"] for look in found["latest"]} == set(people)
    reader = crm.user({"audit.read": "own", "contact.read": "all"})
    assert reader.client.get(path).status_code == 404
    assert reader.client.get(f"/audit/reads/{reader.id}").json()["views"] == 0
    assert crm.user({"contact.read": "all"}).client.get(path).status_code == 403


def test_looks_are_switched_off_forgotten_and_not_lost(crm: Any) -> None:
    """GD-12: 0 days note nothing; the system's own reading is no look; what cannot be written waits; old ones go."""
    (contact_id,), user, log = _people(crm, 1), crm.user(), crm.house.database.reads
    log.days = 0
    user.client.get(f"/contacts/{contact_id}")
    assert log.waiting == []
    log.days = 1
    with crm.store() as store:
        log.note(store, contact_id)
    assert log.waiting == []
    user.client.get(f"/contacts/{contact_id}")
    assert log.write(after=60) == 0, "it is too fresh to be written alone"
    assert len(log.waiting) == 1
    log._waiting[0]["actor_kind"] = None  # what the database refuses stands for one that is away
    assert log.write() == 0
    log._waiting[0]["actor_kind"] = "person"
    assert log.write() == 1
    with crm.store(Actor.system("test")) as store:
        forget_reads(store, 1)
        assert _count(store) == 1
        forget_reads(store, -1)
        assert _count(store) == 0


def _count(store: Any) -> int:
    return int(store.system("look").scalar(select(func.count()).select_from(ReadEntry)))
