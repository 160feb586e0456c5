"""Contacts over HTTP, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime

PRAGUE_9_TO_18 = {
    "zone": "Europe/Prague",
    "days": {d: [["09:00", "18:00"]] for d in ("mon", "tue", "wed", "thu", "fri", "sat")},
}


def make(api, **draft):
    answer = api.post("/contacts", {"given_name": "Jiří", "family_name": "Novák", **draft})
    assert answer.status_code == 201, answer.text
    return answer.json()


def facts(api, contact, at):
    return api.get(f"/contacts/{contact['id']}/facts", params={"at": at}).json()


def names(api, **params):
    answer = api.get("/contacts", params={"fields": "name", **params})
    assert answer.status_code == 200, answer.text
    return [row["values"]["name"] for row in answer.json()["items"]]


def test_create_keeps_lists_in_order_and_tells_age(crm):
    """C-01"""
    api = crm.user().client
    contact = make(
        api,
        birth_date="1990-07-01",
        phones=[{"value": "+420 225 006 555"}, {"value": "+420 777 123 456", "label": "mobile"}],
        emails=[{"value": "second@example.cz"}, {"value": "first@example.cz"}],
    )
    read = api.get(f"/contacts/{contact['id']}").json()
    assert [p["value"] for p in read["phones"]] == ["+420 225 006 555", "+420 777 123 456"]
    assert [e["value"] for e in read["emails"]] == ["second@example.cz", "first@example.cz"]
    assert [facts(api, contact, f"{d}T12:00:00+00:00")["age"] for d in ("2026-06-30", "2026-07-01")] == [
        35,
        36,
    ]


def test_organisation_is_open_by_its_hours(crm):
    """C-02"""
    api = crm.user().client
    hours = {
        "zone": "Europe/Prague",
        "days": {d: [["09:00", "17:00"]] for d in ("mon", "tue", "wed", "thu", "fri")},
    }
    made = api.post(
        "/contacts", {"kind": "organisation", "name": "Dvořák a synové", "opening_hours": hours}
    ).json()
    assert facts(api, made, "2026-11-20T10:00:00+01:00")["is_open"] is True
    assert facts(api, made, "2026-11-21T10:00:00+01:00")["is_open"] is False


def test_occasions_find_the_next_day_leap_years_included(crm):
    """C-06"""
    api = crm.user().client
    contact = make(api, occasions=[{"label": "Programmers' day", "day_of_year": 256}])
    nexts = [facts(api, contact, f"{y}-11-21T10:00:00+00:00")["occasions"][0]["next"] for y in (2026, 2027)]
    assert nexts == ["2027-09-13", "2028-09-12"]


def test_next_allowed_moment_is_the_start_of_the_next_window(crm):
    """C-07"""
    api = crm.user().client
    contact = make(api, contact_windows={"phone": PRAGUE_9_TO_18}, preferred_channel="phone")
    allowed = facts(api, contact, "2026-11-20T19:30:00+01:00")["next_allowed"]["phone"]
    assert datetime.fromisoformat(allowed) == datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


def test_mandatory_field_is_asked_for_in_every_way_in(crm):
    """C-10"""
    api = crm.user().client
    field = {"key": "industry", "label": "Industry", "kind": "text"}
    assert api.post("/custom-fields", field).status_code == 201
    assert api.put("/field-rules", {"name": "custom.industry", "required": True}).status_code == 200
    single = api.post("/contacts", {"name": "A"})
    batch = api.post(
        "/contacts/batch", {"create": [{"name": "B"}, {"name": "C", "custom": {"industry": "steel"}}]}
    )
    assert (single.status_code, batch.status_code) == (422, 422)
    assert single.json()["errors"][0]["pointer"] == "/custom/industry"
    assert batch.json()["errors"][0]["pointer"] == "/0/custom/industry"
    assert names(api) == []


def test_custom_field_is_typed_filterable_and_leaves_an_export(crm):
    """C-11"""
    api = crm.user().client
    field = api.post("/custom-fields", {"key": "seats", "label": "Seats", "kind": "integer"}).json()
    wrong = api.post("/contacts", {"name": "A", "custom": {"seats": "ten"}})
    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["pointer"] == "/custom/seats"
    right = make(api, custom={"seats": 10})
    make(api, given_name="Petr", custom={"seats": 9})
    assert names(api, seats__gte="10") == ["Jiří Novák"]
    asked = api.post(f"/custom-fields/{field['id']}/remove")
    assert asked.status_code == 409
    assert asked.json()["values"] == 2
    gone = api.post(f"/custom-fields/{field['id']}/remove", params={"confirm": "seats"})
    assert gone.status_code == 200, gone.text
    assert gone.json()["values"][right["id"]] == 10
    assert api.get(f"/contacts/{right['id']}").json()["custom"] == {}


def test_tags_stand_once_and_combine_in_filters(crm):
    """C-12"""
    api = crm.user().client
    made = {
        n: make(api, given_name=n, tags=t)
        for n, t in (("a", ["A"]), ("b", ["A", "B"]), ("c", ["B"]), ("d", ["A"]))
    }
    ids = [made["a"]["id"]]
    for _ in range(2):
        assert api.post("/tags/apply", {"contacts": ids, "add": ["a"]}).status_code == 200
    assert api.get(f"/contacts/{ids[0]}").json()["tags"] == ["A"]
    tree = '{"and": [{"field": "tag", "op": "has", "value": "A"}, {"not": {"field": "tag", "op": "has", "value": "B"}}]}'
    assert names(api, filter=tree) == ["a Novák", "d Novák"]


def test_hidden_field_is_absent_and_cannot_be_asked_about(crm):
    """C-14"""
    admin = crm.user().client
    admin.post("/custom-fields", {"key": "revenue", "label": "Revenue", "kind": "integer"})
    contact = make(admin, custom={"revenue": 100}, city="Praha")
    limited = crm.user(
        {"contact.read": "all", "contact.change": "all"},
        hidden_fields=["contact.custom.revenue", "contact.city"],
    ).client
    read = limited.get(f"/contacts/{contact['id']}").json()
    assert "city" not in read
    assert "revenue" not in read["custom"]
    for params in ({"revenue__gte": "1"}, {"sort": "revenue"}, {"city": "Praha"}, {"sort": "-city"}):
        assert limited.get("/contacts", params=params).status_code == 422
    changed = limited.patch(f"/contacts/{contact['id']}", {"job_title": "CEO", "custom": {}})
    assert changed.status_code == 200, changed.text
    assert admin.get(f"/contacts/{contact['id']}").json()["custom"] == {"revenue": 100}
    assert limited.patch(f"/contacts/{contact['id']}", {"city": "Brno"}).status_code == 403


def test_search_finds_folded_names_and_bare_digits(crm):
    """C-22"""
    api = crm.user().client
    make(api, phones=[{"value": "+420 225 006 555"}])
    make(api, given_name="Ayşe", family_name="Işık")
    make(api, given_name="Пётр", family_name="Белов")
    make(api, given_name="Jörg", family_name="Straßer")

    def find(text):
        return [c["name"] for c in api.get("/contacts/search", params={"q": text}).json()]

    assert find("novak") == ["Jiří Novák"]
    assert find("420225006555") == ["Jiří Novák"]
    assert find("225 006 555") == ["Jiří Novák"]
    assert find("IŞIK") == ["Ayşe Işık"]
    assert find("петр") == ["Пётр Белов"]
    assert find("strasser") == ["Jörg Straßer"]
    assert find("%") == []


def test_second_writer_of_the_same_version_gets_the_current_values(crm):
    """C-21"""
    api = crm.user().client
    contact = make(api)
    first = api.patch(f"/contacts/{contact['id']}", {"city": "Praha", "version": 1})
    second = api.patch(f"/contacts/{contact['id']}", {"city": "Brno", "version": 1})
    third = api.patch(f"/contacts/{contact['id']}", {"city": "Brno"}, headers={"If-Match": '"v1"'})
    assert (first.status_code, second.status_code, third.status_code) == (200, 409, 412)
    assert second.json()["current"]["city"] == "Praha"
    assert first.headers["etag"] == '"v2"'


def test_duplicate_is_refused_with_the_candidate(crm):
    """C-24"""
    api = crm.user().client
    known = make(api, emails=[{"value": "Jiri.Novak@example.cz"}])
    again = api.post("/contacts", {"name": "J. N.", "emails": [{"value": "jiri.novak@EXAMPLE.cz"}]})
    assert again.status_code == 409
    assert again.json()["candidates"] == [known["id"]]
    allowed = {"name": "J. N.", "emails": [{"value": "jiri.novak@EXAMPLE.cz"}], "on_duplicate": "allow"}
    assert api.post("/contacts", allowed).status_code == 201


def test_hidden_duplicate_of_somebody_else_is_not_given_away(crm):
    mine, theirs = (crm.user({"contact.read": "own", "contact.create": "own"}).client for _ in range(2))
    make(theirs, emails=[{"value": "secret@example.cz"}])
    assert (
        mine.post("/contacts", {"name": "A", "emails": [{"value": "secret@example.cz"}]}).status_code == 201
    )


def test_merge_moves_everything_and_undo_restores_both(crm):
    """C-24, C-05"""
    api = crm.user().client
    survivor, merged, third = (
        make(api, given_name="B"),
        make(api, given_name="A", tags=["x", "y"], emails=[{"value": "a@x.cz"}]),
        make(api, given_name="T"),
    )
    for n in range(4):
        path = f"/contacts/{merged['id']}/interactions"
        assert (
            api.post(
                path, {"kind": "call", "at": f"2026-05-0{n + 1}T10:00:00Z", "body": f"secret {n}"}
            ).status_code
            == 201
        )
    assert (
        api.post(
            f"/contacts/{merged['id']}/relations", {"kind": "manager_of", "to_id": third["id"]}
        ).status_code
        == 201
    )
    answer = api.post(f"/contacts/{survivor['id']}/merge", {"merged": [merged["id"]]})
    assert answer.status_code == 200, answer.text
    assert sorted(answer.json()["tags"]) == ["x", "y"]
    timeline = api.get(f"/contacts/{survivor['id']}/interactions").json()["items"]
    assert [i["body"] for i in timeline] == ["secret 3", "secret 2", "secret 1", "secret 0"]
    assert api.get(f"/contacts/{merged['id']}").status_code == 404
    links = api.get(f"/contacts/{third['id']}/relations").json()
    assert [(link["kind"], link["other_id"]) for link in links] == [("managed_by", survivor["id"])]
    change_set = api.get("/change-sets").json()["items"][0]
    assert change_set["action"] == "contact.merge"
    reverted = api.post(f"/change-sets/{change_set['id']}/revert")
    assert reverted.status_code == 200, reverted.text
    assert reverted.json()["kept"] == []
    back = api.get(f"/contacts/{merged['id']}").json()
    assert sorted(back["tags"]) == ["x", "y"]
    assert back["emails"] == [{"value": "a@x.cz"}]
    again = api.get(f"/contacts/{merged['id']}/interactions").json()["items"]
    assert [i["body"] for i in again] == ["secret 3", "secret 2", "secret 1", "secret 0"]
    assert api.get(f"/contacts/{survivor['id']}/interactions").json()["items"] == []
    assert api.get(f"/contacts/{survivor['id']}").json()["emails"] == []
    found = api.get("/contacts/search", params={"q": "a@x.cz"}).json()
    assert [c["id"] for c in found] == [merged["id"]]


def test_removed_contact_comes_back_with_a_revert(crm):
    api = crm.user().client
    contact = make(api, tags=["vip"])
    assert api.delete(f"/contacts/{contact['id']}").status_code == 204
    assert api.get(f"/contacts/{contact['id']}").status_code == 404
    assert names(api) == []
    change_set = api.get("/change-sets").json()["items"][0]
    assert api.post(f"/change-sets/{change_set['id']}/revert").status_code == 200
    assert api.get(f"/contacts/{contact['id']}").json()["tags"] == ["vip"]


def test_batch_is_one_change_set_and_reverts_as_one(crm):
    api = crm.user().client
    old = make(api)
    batch = api.post(
        "/contacts/batch",
        {
            "create": [{"name": f"N{n}"} for n in range(3)],
            "change": [{"id": old["id"], "city": "Brno"}],
            "label": "spring",
        },
    )
    assert batch.status_code == 200, batch.text
    assert len(names(api)) == 4
    assert api.post(f"/change-sets/{batch.json()['change_set_id']}/revert").status_code == 200
    assert names(api) == ["Jiří Novák"]
    assert api.get(f"/contacts/{old['id']}").json()["city"] is None


def test_revert_keeps_what_was_changed_since(crm):
    api = crm.user().client
    contact = make(api)
    first = api.patch(f"/contacts/{contact['id']}", {"city": "Praha", "job_title": "CEO"})
    assert first.status_code == 200
    change_set = api.get("/change-sets").json()["items"][0]
    api.patch(f"/contacts/{contact['id']}", {"city": "Brno"})
    reverted = api.post(f"/change-sets/{change_set['id']}/revert").json()
    assert len(reverted["kept"]) == 1
    now = api.get(f"/contacts/{contact['id']}").json()
    assert (now["city"], now["job_title"]) == ("Brno", None)


def test_bad_draft_names_every_field_at_once(crm):
    api = crm.user().client
    answer = api.post(
        "/contacts/batch",
        {
            "create": [
                {
                    "emails": [{"value": "nobody"}],
                    "phones": [{"value": "abc"}],
                    "birth_date": "1990-07-01",
                    "country": "CZ",
                }
            ]
        },
    )
    assert answer.status_code == 422
    assert {e["pointer"] for e in answer.json()["errors"]} == {"/0/emails/0/value", "/0/phones/0/value"}


def test_erased_contact_leaves_a_tombstone_without_personal_data(crm, config):
    user = crm.user()
    contact = make(
        user.client, emails=[{"value": "canary-3141@example.cz"}], note="canary-2718", city="Canarycity"
    )
    user.client.post(f"/contacts/{contact['id']}/interactions", {"kind": "call", "body": "canary-1618"})
    from uuid import UUID

    from sqlalchemy import select

    from retinue.contacts.erasing import erase_contact
    from retinue.storage import AuditEntry

    with crm.store(user.actor) as store:
        removed = erase_contact(store, UUID(contact["id"]), reason="asked for")
    assert removed["interaction"] == 1
    assert user.client.get(f"/contacts/{contact['id']}").status_code == 404
    with crm.store() as store:
        entries = store.scalars(select(AuditEntry).where(AuditEntry.contact_id == UUID(contact["id"])))
        opened = store.open_sealed("audit_entry", [(e.id, e.contact_id, e.sealed_data) for e in entries])
        assert all(values == {} for values in opened)
        rows = store.raw_connection().exec_driver_sql("SELECT * FROM contact").all()
    assert "Canarycity" not in repr(rows)
    assert "Novák" not in repr(rows)
