"""Relations and the decision-making unit over HTTP, on both databases."""

from __future__ import annotations


def make(api, name, **draft):
    answer = api.post("/contacts", {"name": name, **draft})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def relate(api, from_id, to_id, kind, **more):
    answer = api.post(f"/contacts/{from_id}/relations", {"kind": kind, "to_id": to_id, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def links(api, contact_id):
    answer = api.get(f"/contacts/{contact_id}/relations")
    assert answer.status_code == 200, answer.text
    return [(link["kind"], link["other_id"]) for link in answer.json()]


def unit(api, contact_id):
    return api.get(f"/contacts/{contact_id}/decision-unit").json()


def test_decision_making_unit_lists_who_decides_and_who_influences_whom(crm):
    """C-04"""
    api = crm.user().client
    firm = make(api, "Firm", kind="organisation")
    p1, p2, p3 = (make(api, f"P{n}") for n in (1, 2, 3))
    first = relate(api, firm, p1, "decided_by", role="decider", involvement=80, interest=50)
    second = relate(api, firm, p2, "decided_by", role="influencer", involvement=60)
    third = relate(api, p3, firm, "decides_for", role="user", involvement=10)
    edge = {"from_relation_id": second, "to_relation_id": first}
    for _ in range(2):
        assert api.post("/relation-influences", edge).status_code == 201
    assert [(m["name"], m["relation"]["role"], m["relation"]["involvement"]) for m in unit(api, firm)] == [
        ("P1", "decider", 80),
        ("P2", "influencer", 60),
        ("P3", "user", 10),
    ]
    assert [(m["influences"], m["influenced_by"]) for m in unit(api, firm)] == [
        ([], [p2]),
        ([p1], []),
        ([], []),
    ]
    removed = api.post(f"/relations/{second}/remove")
    assert (removed.status_code, removed.json()) == (200, {"edges": 1})
    assert api.get(f"/contacts/{p2}").status_code == 200
    assert [(m["contact_id"], m["influenced_by"]) for m in unit(api, firm)] == [(p1, []), (p3, [])]
    foreign = relate(api, p1, p2, "colleague_of")
    answer = api.post("/relation-influences", {"from_relation_id": foreign, "to_relation_id": third})
    assert answer.status_code == 422
    change_set = api.get("/change-sets").json()["items"]
    undone = next(c for c in change_set if c["action"] in ("relation_influence.remove", "relation.remove"))
    assert api.post(f"/change-sets/{undone['id']}/revert").json()["kept"] == []
    assert [m["influences"] for m in unit(api, firm)] == [[], [p1], []]


def test_relation_reads_from_both_ends_and_moves_with_a_merge(crm):
    """C-05"""
    api = crm.user().client
    a, b, c = (make(api, name) for name in "ABC")
    relate(api, a, b, "manager_of")
    assert (links(api, a), links(api, b)) == ([("manager_of", b)], [("managed_by", a)])
    assert api.post(f"/contacts/{b}/relations", {"kind": "managed_by", "to_id": a}).status_code == 409
    assert api.post(f"/contacts/{c}/merge", {"merged": [a]}).status_code == 200
    assert (links(api, c), links(api, b)) == ([("manager_of", b)], [("managed_by", c)])


def test_merge_leaves_no_double_and_no_relation_to_itself(crm):
    """C-05: the survivor had the relation already, and one to the merged contact; undo gives all back."""
    api = crm.user().client
    a, b, c = (make(api, name) for name in "ABC")
    relate(api, a, b, "colleague_of")
    relate(api, c, b, "colleague_of")
    relate(api, a, c, "relative_of")
    assert api.post(f"/contacts/{c}/merge", {"merged": [a]}).status_code == 200
    assert (links(api, c), links(api, b)) == ([("colleague_of", b)], [("colleague_of", c)])
    change_set = api.get("/change-sets").json()["items"][0]["id"]
    assert api.post(f"/change-sets/{change_set}/revert").json()["kept"] == []
    assert sorted(links(api, a)) == sorted([("colleague_of", b), ("relative_of", c)])
    assert sorted(links(api, c)) == sorted([("colleague_of", b), ("relative_of", a)])


def test_symmetrical_relation_stands_once_whoever_says_it(crm):
    api = crm.user().client
    a, b = make(api, "A"), make(api, "B")
    relate(api, b, a, "colleague_of")
    assert api.post(f"/contacts/{a}/relations", {"kind": "colleague_of", "to_id": b}).status_code == 409
    assert (links(api, a), links(api, b)) == ([("colleague_of", b)], [("colleague_of", a)])


def test_own_kind_of_relation_reads_from_either_end(crm):
    api = crm.user().client
    a, b = make(api, "A"), make(api, "B")
    kind = {"name": "mentor_of", "inverse": "mentee_of", "label": "Mentor of", "inverse_label": "Mentee of"}
    assert api.post("/relation-kinds", kind).status_code == 201
    assert api.post("/relation-kinds", {"name": "mentee_of"}).status_code == 422
    relate(api, b, a, "mentee_of")
    assert (links(api, a), links(api, b)) == ([("mentor_of", b)], [("mentee_of", a)])


def test_bad_relation_is_refused_by_name(crm):
    api = crm.user().client
    a, b = make(api, "A"), make(api, "B")
    for draft, pointers in (
        ({"kind": "nonsense", "to_id": b}, {"/kind"}),
        ({"kind": "colleague_of", "to_id": a}, {"/to_id"}),
        ({"kind": "decided_by", "to_id": b, "role": "boss", "involvement": 101}, {"/role", "/involvement"}),
    ):
        answer = api.post(f"/contacts/{a}/relations", draft)
        assert answer.status_code == 422
        assert {e["pointer"] for e in answer.json()["errors"]} == pointers


def test_relation_with_a_hidden_contact_is_not_shown_and_cannot_be_made(crm):
    """C-13: seeing one end is not enough, its name would be given away."""
    rights = dict.fromkeys(
        ("contact.read", "contact.create", "relation.read", "relation.create", "relation.change"), "own"
    )
    limited, api = crm.user(rights), crm.user().client
    mine = make(limited.client, "mine")
    hidden, seen = make(api, "hidden"), make(limited.client, "seen")
    relation = relate(api, mine, hidden, "manager_of")
    relate(limited.client, mine, seen, "colleague_of")
    assert links(limited.client, mine) == [("colleague_of", seen)]
    assert limited.client.patch(f"/relations/{relation}", {"note": "x"}).status_code == 404
    answer = limited.client.post(f"/contacts/{mine}/relations", {"kind": "referred", "to_id": hidden})
    assert answer.status_code == 404
