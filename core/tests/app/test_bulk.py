"""One deed for many contacts: at once, as a job, and taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from retinue.app import bulk

if TYPE_CHECKING:
    from retinue.testing.house import Crm


def _people(crm: Crm, user: object, count: int) -> list[str]:
    drafts = [{"given_name": "Jana", "family_name": f"Malá {n}", "city": "Brno"} for n in range(count)]
    return user.client.post("/contacts/batch", {"create": drafts}).json()["created"]  # type: ignore[attr-defined]


def _tagged(user: object) -> int:
    return user.client.get("/contacts?tag=spring&include=count").json()["count"]  # type: ignore[attr-defined]


def test_named_contacts_are_tagged_at_once_and_taken_back(crm: Crm) -> None:
    user = crm.user()
    ids = _people(crm, user, 5)
    made = user.client.post("/contacts/bulk", {"action": "tag", "tag": "spring", "ids": ids[:3]}).json()
    assert (made["job_id"], made["total"], made["done"], made["skipped"]) == (None, 3, 3, 0)
    assert _tagged(user) == 3
    assert user.client.post(f"/change-sets/{made['change_set_id']}/revert").status_code == 200
    assert _tagged(user) == 0


def test_whole_list_is_changed_by_a_job_in_one_change_set(crm: Crm, monkeypatch: pytest.MonkeyPatch) -> None:
    """All in the view, not only the page; progress is the asker's to see, and nobody else's."""
    monkeypatch.setattr(bulk, "AT_ONCE", 2)
    monkeypatch.setattr(bulk, "_STEP", 2)
    user, other = crm.user(), crm.user({"contact.read": "all"})
    _people(crm, user, 5)
    wanted = {"filter": {"field": "city", "op": "eq", "value": "Brno"}}
    made = user.client.post("/contacts/bulk", {"action": "tag", "tag": "spring", "list": wanted}).json()
    assert made["total"] == 5
    assert made["job_id"]
    with crm.house.work():
        _wait(user, made["job_id"])
    progress = user.client.get(f"/contacts/bulk/{made['job_id']}").json()
    assert (progress["state"], progress["done"], progress["total"]) == ("done", 5, 5)
    assert other.client.get(f"/contacts/bulk/{made['job_id']}").status_code == 404
    assert _tagged(user) == 5
    assert user.client.get("/views").json() == []
    assert user.client.post(f"/change-sets/{made['change_set_id']}/revert").status_code == 200
    assert _tagged(user) == 0


def _wait(user: object, job_id: str) -> None:
    import time

    for _ in range(100):
        if user.client.get(f"/contacts/bulk/{job_id}").json()["state"] == "done":  # type: ignore[attr-defined]
            return
        time.sleep(0.1)


def test_contacts_beyond_reach_are_left_out_and_counted(crm: Crm) -> None:
    boss = crm.user()
    clerk = crm.user(
        {"contact.read": "all", "contact.change": "own", "contact.create": "own", "tag.create": "all"}
    )
    theirs, own = _people(crm, boss, 2), _people(crm, clerk, 1)
    made = clerk.client.post(
        "/contacts/bulk", {"action": "tag", "tag": "spring", "ids": [*theirs, *own]}
    ).json()
    assert (made["done"], made["skipped"]) == (1, 2)
    assert clerk.client.post("/contacts/bulk", {"action": "remove", "ids": own}).status_code == 403


def test_incomplete_deed_names_what_is_missing(crm: Crm) -> None:
    answer = crm.user().client.post("/contacts/bulk", {"action": "tag"})
    assert answer.status_code == 422
    assert {e["pointer"] for e in answer.json()["errors"]} == {"/tag", "/ids"}
