"""The timeline over HTTP, on both databases: added, corrected by linked entries, withdrawn, never changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def make(api, **draft):
    answer = api.post("/contacts", {"given_name": "Jiří", "family_name": "Novák", **draft})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def record(api, contact_id, at, kind="call", **more):
    answer = api.post(f"/contacts/{contact_id}/interactions", {"kind": kind, "at": at, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


def timeline(api, contact_id, **params):
    answer = api.get(f"/contacts/{contact_id}/interactions", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


def last(api, contact_id):
    value = api.get(f"/contacts/{contact_id}").json()["last_interaction_at"]
    return value and value[:10]


def test_timeline_is_newest_first_and_entries_are_only_corrected(crm):
    """C-08"""
    user = crm.user()
    api, contact_id = user.client, make(user.client)
    for day in ("02", "03", "01"):
        record(
            api, contact_id, f"2026-05-{day}T10:00:00+02:00", body=f"day {day}", duration=125, direction="in"
        )
    found = timeline(api, contact_id)
    assert [entry["body"] for entry in found] == ["day 03", "day 02", "day 01"]
    assert {(e["duration"], e["direction"], e["author_id"]) for e in found} == {(125, "in", str(user.id))}
    old = found[1]
    for method in ("PUT", "PATCH", "DELETE"):
        answer = api.call(method, f"/interactions/{old['id']}", json={"duration": 1})
        assert (method, answer.status_code) == (method, 405)
        assert "GET" in answer.headers["allow"]
    corrected = api.post(f"/interactions/{old['id']}/corrections", {"duration": 90})
    assert corrected.status_code == 201, corrected.text
    assert (corrected.json()["corrects_id"], corrected.json()["duration"]) == (old["id"], 90)
    shown = timeline(api, contact_id)
    assert [(e["body"], e["duration"]) for e in shown] == [("day 03", 125), ("day 02", 90), ("day 01", 125)]
    kept = {e["id"]: e for e in timeline(api, contact_id, withdrawn=True)}
    assert (kept[old["id"]]["duration"], kept[old["id"]]["hidden"]) == (125, True)
    assert api.post(f"/interactions/{old['id']}/corrections", {"duration": 1}).status_code == 409


def test_last_interaction_follows_what_counts(crm):
    """C-09"""
    api = crm.user().client
    contact_id = make(api)
    assert last(api, contact_id) is None
    record(api, contact_id, "2026-05-01T09:00:00Z", kind="meeting")
    second = record(api, contact_id, "2026-06-15T09:00:00Z")
    record(api, contact_id, "2026-06-30T09:00:00Z", kind="note", body="internal")
    assert last(api, contact_id) == "2026-06-15"
    withdrawn = api.post(f"/interactions/{second['id']}/withdrawal", {"reason": "wrong person"})
    assert withdrawn.status_code == 204, withdrawn.text
    assert last(api, contact_id) == "2026-05-01"
    assert [e["kind"] for e in timeline(api, contact_id)] == ["note", "meeting"]
    trail = api.get("/audit", params={"contact_id": contact_id}).json()["items"]
    assert {"interaction.create", "interaction.change"} <= {entry["action"] for entry in trail}
    reasons = [
        e["body"] for e in timeline(api, contact_id, withdrawn=True) if e["withdraws_id"] == second["id"]
    ]
    assert reasons == ["wrong person"]


def test_correction_of_the_date_moves_the_last_interaction(crm):
    """C-09: a correction takes the old entry's place, in both directions of time."""
    api = crm.user().client
    contact_id = make(api)
    entry = record(api, contact_id, "2026-06-15T09:00:00Z")
    for day in ("2026-03-01", "2026-06-20"):
        entry = api.post(f"/interactions/{entry['id']}/corrections", {"at": f"{day}T09:00:00Z"}).json()
        assert last(api, contact_id) == day


def test_own_kind_says_whether_it_counts(crm):
    api = crm.user().client
    contact_id = make(api)
    kind = {"name": "gift", "label": "Gift", "counts": False}
    assert api.post("/interaction-kinds", kind).status_code == 201
    assert api.post("/interaction-kinds", kind).status_code == 422
    record(api, contact_id, "2026-06-15T09:00:00Z", kind="gift")
    assert last(api, contact_id) is None
    assert "gift" in [k["name"] for k in api.get("/interaction-kinds").json()]


def test_batch_is_all_or_nothing_and_a_repeat_records_nothing(crm):
    """An import that was killed starts again: the source's own key keeps doubles out."""
    api = crm.user().client
    first, second = make(api), make(api, family_name="Dvořák")
    batch = [
        {
            "contact_id": c,
            "kind": "order",
            "at": "2026-01-05T10:00:00Z",
            "source_key": f"O{n}",
            "data": {"total": "100.00"},
        }
        for n, c in enumerate((first, second, first))
    ]
    bad = api.post(
        "/interactions/batch", {"interactions": [*batch, {"contact_id": first, "kind": "nonsense"}]}
    )
    assert bad.status_code == 422
    assert [e["pointer"] for e in bad.json()["errors"]] == ["/3/kind"]
    assert timeline(api, first) == []
    for _ in range(2):
        answer = api.post("/interactions/batch", {"interactions": batch})
        assert answer.status_code == 201, answer.text
    assert [len(timeline(api, c)) for c in (first, second)] == [2, 1]
    assert timeline(api, second)[0]["data"] == {"total": "100.00"}
    assert last(api, first) == "2026-01-05"


def test_bad_interaction_names_every_field(crm):
    api = crm.user().client
    contact_id = make(api)
    soon = (datetime.now(UTC) + timedelta(days=3)).isoformat()
    answer = api.post(f"/contacts/{contact_id}/interactions", {"kind": "x", "at": soon, "duration": -1})
    assert answer.status_code == 422
    assert {e["pointer"] for e in answer.json()["errors"]} == {"/kind", "/at", "/duration"}
    naive = api.post(f"/contacts/{contact_id}/interactions", {"kind": "call", "at": "2026-05-01T10:00:00"})
    assert naive.status_code == 422
    assert naive.json()["errors"][0]["pointer"] == "/at"


def test_pages_hold_every_entry_once_also_at_the_same_moment(crm):
    api = crm.user().client
    contact_id = make(api)
    entries = [
        {"contact_id": contact_id, "kind": "call", "at": "2026-05-01T10:00:00Z", "body": str(n)}
        for n in range(7)
    ]
    assert api.post("/interactions/batch", {"interactions": entries}).status_code == 201
    seen, cursor = [], None
    while True:
        params = {"limit": 3, **({"cursor": cursor} if cursor else {})}
        page = api.get(f"/contacts/{contact_id}/interactions", params=params).json()
        seen += [e["body"] for e in page["items"]]
        cursor = page.get("next")
        if not cursor:
            break
    assert sorted(seen) == [str(n) for n in range(7)]
    assert [e["kind"] for e in timeline(api, contact_id, kind="meeting,letter")] == []


def test_interaction_of_a_hidden_contact_does_not_exist(crm):
    """C-13: on every road to it."""
    mine = {f"interaction.{deed}": "own" for deed in ("read", "create", "correct", "withdraw")}
    stranger = crm.user({"contact.read": "own", **mine}).client
    api = crm.user().client
    contact_id = make(api)
    entry = record(api, contact_id, "2026-05-01T10:00:00Z")
    asked = [
        stranger.get(f"/interactions/{entry['id']}"),
        stranger.get(f"/contacts/{contact_id}/interactions"),
        stranger.post(f"/contacts/{contact_id}/interactions", {"kind": "call"}),
        stranger.post("/interactions/batch", {"interactions": [{"contact_id": contact_id, "kind": "call"}]}),
        stranger.post(f"/interactions/{entry['id']}/corrections", {"duration": 1}),
        stranger.post(f"/interactions/{entry['id']}/withdrawal", {}),
    ]
    assert [answer.status_code for answer in asked] == [404] * 6
    assert len(timeline(api, contact_id, withdrawn=True)) == 1
