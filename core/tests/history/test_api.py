"""The audit and undo over HTTP, on both databases."""

from __future__ import annotations

from uuid import UUID

from retinue.contacts import change_contact

READ = {"contact.read": "own", "contact.create": "own", "contact.change": "own", "audit.read": "own"}


def make(api, **draft):
    answer = api.post("/contacts", {"given_name": "Jiří", "family_name": "Novák", **draft})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def trail(api, **params):
    answer = api.get("/audit", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


def test_change_through_a_plugin_is_one_row_with_old_and_new(crm):
    """C-23"""
    admin, u2 = crm.user().client, crm.user()
    contact_id = make(u2.client, phones=[{"value": "+420 225 006 555"}])
    with crm.house.store(u2.actor, plugin="p") as store:
        change_contact(store, UUID(contact_id), {"phones": [{"value": "+420 777 123 456"}]}, version=1)
    (entry,) = trail(admin, contact_id=contact_id, action="contact.change")
    assert (entry["actor_id"], entry["plugin"], entry["fields"]) == (str(u2.id), "p", ["phones"])
    old, new = entry["values"]["phones"]
    assert (old[0]["value"], new[0]["value"]) == ("+420 225 006 555", "+420 777 123 456")
    for method in ("PUT", "PATCH", "DELETE", "POST"):
        assert admin.call(method, "/audit", json={}).status_code == 405
        assert admin.call(method, f"/audit/{entry['id']}", json={}).status_code in (404, 405)
    assert trail(admin, contact_id=contact_id, action="contact.change") == [entry]


def test_audit_shows_only_what_its_reader_may_see(crm):
    """C-14, C-23: a hidden field is hidden in its history too; a foreign contact has none."""
    admin = crm.user()
    contact_id = make(admin.client, city="Praha", job_title="CEO")
    admin.client.patch(f"/contacts/{contact_id}", {"city": "Brno", "job_title": "CFO"})
    everyones = {"contact.read": "all", "audit.read": "all"}
    clerk = crm.user(everyones, hidden_fields=["contact.city"]).client
    (entry,) = trail(clerk, contact_id=contact_id, action="contact.change")
    assert (entry["fields"], entry["values"]) == (["job_title"], {"job_title": ["CEO", "CFO"]})
    stranger = crm.user(READ).client
    assert stranger.get("/audit", params={"contact_id": contact_id}).status_code == 404
    assert trail(stranger) == []
    mine = make(stranger)
    assert {e["contact_id"] for e in trail(stranger)} == {mine}
    sees_all_deeds = crm.user({"contact.read": "own", "audit.read": "all"}).client
    foreign = [e for e in trail(sees_all_deeds) if e["contact_id"] == contact_id]
    assert foreign
    assert all(e["values"] is None for e in foreign)


def test_audit_pages_hold_every_entry_once(crm):
    admin = crm.user().client
    made = [{"name": f"N{n}"} for n in range(9)]
    done = admin.post("/contacts/batch", {"create": made, "label": "nine"}).json()["change_set_id"]
    seen, cursor = [], None
    while True:
        answer = admin.get(
            "/audit", params={"change_set_id": done, "limit": 4, **({"cursor": cursor} if cursor else {})}
        )
        page = answer.json()
        seen += [e["id"] for e in page["items"]]
        cursor = page.get("next")
        if not cursor:
            break
    assert len(seen) == len(set(seen)) == 9
    (listed,) = [c for c in admin.get("/change-sets").json()["items"] if c["id"] == done]
    assert (listed["label"], listed["entries"], listed["action"]) == ("nine", 9, "contact.batch")


def test_undo_reaches_as_far_as_the_permission(crm):
    rights = {**READ, "change_set.read": "own", "change_set.revert": "own"}
    mine, other, admin = crm.user(rights).client, crm.user(rights).client, crm.user().client
    contact_id = make(mine, city="Praha")
    mine.patch(f"/contacts/{contact_id}", {"city": "Brno"})
    (done,) = [c for c in mine.get("/change-sets").json()["items"] if c["action"] == "contact.change"]
    assert other.get("/change-sets").json()["items"] == []
    assert other.get(f"/change-sets/{done['id']}").status_code == 404
    assert other.post(f"/change-sets/{done['id']}/revert").status_code == 404
    undone = mine.post(f"/change-sets/{done['id']}/revert")
    assert (undone.status_code, undone.json()["undone"], undone.json()["kept"]) == (200, 1, [])
    assert mine.get(f"/contacts/{contact_id}").json()["city"] == "Praha"
    again = admin.post(f"/change-sets/{done['id']}/revert")
    assert (again.status_code, again.json()["by"]) == (409, undone.json()["change_set_id"])
    back = mine.post(f"/change-sets/{undone.json()['change_set_id']}/revert")
    assert back.status_code == 200, back.text
    assert mine.get(f"/contacts/{contact_id}").json()["city"] == "Brno"


def test_undone_creation_of_a_tagged_contact_leaves_nothing(crm):
    """The most common undo: a contact typed twice, an import of the wrong file."""
    admin = crm.user().client
    contact_id = make(admin, tags=["vip"], emails=[{"value": "a@x.cz"}])
    done = next(c for c in admin.get("/change-sets").json()["items"] if c["action"] == "contact.create")
    undone = admin.post(f"/change-sets/{done['id']}/revert")
    assert (undone.status_code, undone.json()["kept"]) == (200, []), undone.text
    assert admin.get(f"/contacts/{contact_id}").status_code == 404
    assert admin.post("/contacts", {"name": "again", "emails": [{"value": "a@x.cz"}]}).status_code == 201
