"""Retention rules with dry run, run and signed report; records of processing; breaches under their clock."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from gdpr_kit import begin, moment, person
from sqlalchemy import select

from retinue.actor import Actor
from retinue.contacts import Contact
from retinue.interactions import record_interaction
from retinue_gdpr import retention
from retinue_gdpr.duty_models import Run

TODAY = "2026-11-21"


def spoken(crm: Any, name: str, day: str, **draft: Any) -> UUID:
    """Create a contact that was last spoken with on `day`."""
    made = person(crm, name, **draft)
    with crm.store() as store:
        values = {"kind": "call", "subject": "a call", "at": moment(f"{day}T12:00:00+00:00")}
        record_interaction(store, made, values)
    return made


def rule(crm: Any, **more: Any) -> str:
    """Create a rule; returns its path."""
    draft = {
        "key": "prospects", "name": "Prospects", "anchor": "last_interaction_at", "months": 24, "action": "erase",
        "grounds": "the purpose has ended", **more,
    }  # fmt: skip
    answer = crm.user().client.post("/gdpr/rules", draft)
    assert answer.status_code == 201, answer.text
    return f"/gdpr/rules/{answer.json()['id']}"


def run(crm: Any, path: str) -> dict[str, Any]:
    """Run a rule to its end, as its job does."""
    with crm.store() as store:
        run_id = retention.start_run(store, UUID(path.rsplit("/", 1)[1]), job=False).id
    more = True
    while more:
        with crm.store() as store:
            more = retention.step_run(store, run_id)
    found: dict[str, Any] = crm.user().client.get(f"/gdpr/runs/{run_id}/check").json()
    return found


def due(crm: Any, path: str, today: str = TODAY) -> dict[str, bool]:
    """Return who is due, each with whether they are kept."""
    answer = crm.user().client.get(f"{path}/preview", params={"today": today})
    assert answer.status_code == 200, answer.text
    return {item["name"]: item["kept"] for item in answer.json()["items"]}


def test_rule_of_a_group_counts_from_the_last_interaction(crm: Any) -> None:
    """GD-04: prospects 24 months after the last interaction: 20 November is due, 22 November is not; others are no prospects."""
    spoken(crm, "Due", "2024-11-20", source="prospect")
    spoken(crm, "Not", "2024-11-22", source="prospect")
    spoken(crm, "Customer", "2020-01-01", source="shop")
    path = rule(crm, filter={"field": "source", "op": "eq", "value": "prospect"})
    assert due(crm, path) == {"Due": False}
    assert due(crm, path, "2026-11-22") == {"Due": False, "Not": False}
    api = crm.user().client
    assert api.patch(path, {"months": 36, "version": 1}).json()["version"] == 2
    assert api.patch(path, {"months": 12, "version": 1}).status_code in (409, 412)
    assert due(crm, path) == {}
    bad = {"key": "x", "name": "X", "anchor": "last_interaction_at", "months": 1, "action": "erase"}
    assert (
        api.post("/gdpr/rules", {**bad, "filter": {"field": "nothing", "op": "eq", "value": 1}}).status_code
        == 422
    )
    assert api.post("/gdpr/rules", {**bad, "months": 0}).status_code == 422


def test_update_rule_asks_for_a_review_once(crm: Any) -> None:
    """GD-04: twelve months without a change: a review task, one for each contact; done, it leaves the list."""
    old, api = spoken(crm, "Old", "2024-01-01"), crm.user().client
    path = rule(crm, key="fresh", months=12, action="review")
    assert run(crm, path)["report"]["decisions"] == {"reviewed": 1}
    assert run(crm, path)["report"]["decisions"] == {"reviewed": 1}
    (review,) = api.get("/gdpr/reviews").json()
    assert (review["contact_id"], review["rule"]) == (str(old), "Prospects")
    assert api.post(f"/gdpr/reviews/{review['id']}/done").status_code < 300
    assert api.post(f"/gdpr/reviews/{review['id']}/done").status_code == 409
    assert api.get("/gdpr/reviews").json() == []


def test_run_erases_whom_the_dry_run_named_and_signs_it(crm: Any) -> None:
    """GD-x14, GD-05: those named go, who is held or not due stays, each decision has its rule; the report is signed."""
    for name in ("Ada", "Bob"):
        spoken(crm, name, "2020-01-01")
    held, fresh = spoken(crm, "Held", "2020-01-01"), person(crm, "Fresh")
    api, path = crm.user().client, rule(crm, months=36)
    hold = api.post("/gdpr/holds", {"contact_id": str(held), "basis": "open invoice"}).json()
    assert due(crm, path) == {"Ada": False, "Bob": False, "Held": True}
    checked = run(crm, path)
    assert checked["good"]
    assert checked["report"]["decisions"] == {"erased": 2, "kept": 1}
    decisions = api.get(f"/gdpr/runs/{checked['run_id']}/decisions").json()
    assert {d["rule_id"] for d in decisions} == {path.rsplit("/", 1)[1]}
    assert [d["code"] for d in decisions if d["decision"] == "kept"] == ["hold"]
    with crm.store(readonly=True) as store:
        assert set(store.scalars(select(Contact.id))) == {held, fresh}
    assert len(api.get("/gdpr/manifests").json()) == 2
    api.post(f"/gdpr/holds/{hold['id']}/lift")
    assert due(crm, path) == {"Held": False}
    with crm.store() as store:
        store.get(Run, UUID(checked["run_id"])).report = {**checked["report"], "decisions": {"erased": 3}}
    assert not api.get(f"/gdpr/runs/{checked['run_id']}/check").json()["good"]


def test_open_invoice_keeps_a_customer_until_it_is_paid(crm: Any) -> None:
    """GD-05: under a rule of 36 months a customer who owes stays, with the reason and the rule in the log, and a request of
    theirs is refused with it; paid, they are due and go; the sale stays in the books, nameless."""
    debtor, other = spoken(crm, "Debtor", "2020-01-01"), spoken(crm, "Paid", "2020-01-01")
    api, path = crm.user().client, rule(crm, months=36)
    draft = {"currency": "EUR", "placed_at": "2020-01-01T10:00:00Z", "total_minor": 25000}
    owed = api.post("/orders", {**draft, "number": "A-1", "contact_id": str(debtor)}).json()
    api.post("/orders", {**draft, "number": "A-2", "contact_id": str(other), "payment": "paid"})
    items = {
        i["name"]: (i["kept"], i["reason"])
        for i in api.get(f"{path}/preview", params={"today": TODAY}).json()["items"]
    }
    assert items["Debtor"] == (True, "not paid: A-1")
    assert not items["Paid"][0]
    checked = run(crm, path)
    assert checked["report"]["decisions"] == {"erased": 1, "kept": 1}
    decisions = api.get(f"/gdpr/runs/{checked['run_id']}/decisions").json()
    assert [(d["subject_id"], d["code"], d["rule_id"]) for d in decisions if d["decision"] == "kept"] == [
        (str(debtor), "invoice-open", path.rsplit("/", 1)[1])
    ]
    body = {"kind": "erasure", "contact_id": str(debtor), "verified_how": "passport"}
    asked = api.post("/gdpr/requests", body).json()
    refused = api.post(f"/gdpr/requests/{asked['id']}/carry-out", {})
    assert (refused.status_code, "not paid: A-1" in refused.json()["detail"]) == (409, True)
    assert api.get(f"/gdpr/requests/{asked['id']}").json()["state"] == "open"
    assert api.post(f"/orders/{owed['id']}/pay", {}).status_code == 200
    assert due(crm, path) == {"Debtor": False}
    assert run(crm, path)["report"]["decisions"] == {"erased": 1}
    assert {o["number"]: (o["contact_id"], o["total_minor"]) for o in api.get("/orders").json()["items"]} == {
        "A-1": (None, 25000), "A-2": (None, 25000),
    }  # fmt: skip


def test_one_run_of_a_rule_at_a_time_and_active_rules_run_by_themselves(crm: Any) -> None:
    """The nightly job starts what is active and due, and nothing twice."""
    spoken(crm, "Ada", "2020-01-01")
    path = rule(crm, action="restrict", active=True)
    rule(crm, key="still", action="erase")
    with crm.store() as store:
        assert retention.apply_rules(store, {}) == 1
    with crm.store() as store:
        assert retention.apply_rules(store, {}) == 0
    assert crm.user().client.post(f"{path}/run").status_code == 409
    (only,) = crm.user().client.get("/gdpr/runs").json()
    with crm.store() as store:
        assert not retention.step_run(store, UUID(only["id"]))
    assert crm.user().client.get("/contacts").json()["items"] == []


def test_records_of_processing_have_every_field_of_the_article(crm: Any) -> None:
    """GD-x19: Art. 30(1)(a) to (g) for each purpose, generated; the same state, the same document."""
    begin(crm)
    rule(crm)
    api = crm.user().client
    document = api.get("/gdpr/records").json()["document"]
    assert document == api.get("/gdpr/records").json()["document"]
    assert [r["key"] for r in document["records"]] == ["marketing", "newsletter", "service"]
    for record in document["records"]:
        for letter in "abcdefg":
            names = [key for key in record if key.startswith(f"{letter}_")]
            assert names
            assert all(record[name] for name in names)
    assert any("24 months" in line for line in document["records"][0]["f_time_limits"])
    tables = {entry["table"] for entry in document["data"]}
    assert {"contact", "interaction", "orders_order", "gdpr_consent_event"} <= tables
    purpose = next(p for p in api.get("/gdpr/purposes").json() if p["key"] == "service")
    api.patch(f"/gdpr/purposes/{purpose['id']}", {"record": {"recipients": ["the carrier"]}})
    after = api.get("/gdpr/records").json()["document"]
    assert [k for k in after if after[k] != document[k]] == ["records"]
    assert after["records"][2]["d_recipients"] == ["the carrier"]


def test_records_are_kept_and_compared_place_by_place(crm: Any) -> None:
    """GD-x19: nothing kept, nothing to compare; unchanged is not kept twice; each change is named with both values."""
    begin(crm)
    api = crm.user().client
    assert api.get("/gdpr/records/changes").json() == []
    first = api.post("/gdpr/records/versions").json()
    assert api.post("/gdpr/records/versions").json()["number"] == first["number"] == 1
    assert api.get("/gdpr/records/changes").json() == []
    purpose = next(p for p in api.get("/gdpr/purposes").json() if p["key"] == "service")
    api.patch(f"/gdpr/purposes/{purpose['id']}", {"record": {"recipients": ["the carrier"]}})
    (change,) = api.get("/gdpr/records/changes").json()
    assert change == {
        "place": "records/service/d_recipients",
        "before": "none",
        "after": "the carrier",
    }
    api.post("/gdpr/purposes", {"key": "parties", "name": "Parties", "basis": "consent", "channels": []})
    places = {c["place"]: c["before"] for c in api.get("/gdpr/records/changes").json()}
    assert places["records/parties/basis"] is None
    assert api.post("/gdpr/records/versions").json()["number"] == 2
    assert [v["number"] for v in api.get("/gdpr/records/versions").json()] == [2, 1]
    reader = crm.user({"ropa.read": "all"}).client
    assert reader.post("/gdpr/records/versions").status_code == 403


def test_records_say_of_each_purpose_its_own_data_and_terms(crm: Any) -> None:
    """GD-x19: (a) to (g) of Art. 30(1) for each purpose; a newsletter needs no orders, service does; a plugin that is off has
    none; what the record names takes their place, and what does not exist is refused."""
    begin(crm)
    rule(crm, months=36)
    api = crm.user().client

    def records() -> dict[str, dict[str, Any]]:
        document = api.get("/gdpr/records").json()["document"]
        return {one["key"]: one for one in document["records"]}

    found = records()
    asked = (
        "a_controller",
        "b_purpose",
        "c_subjects",
        "c_categories",
        "d_recipients",
        "e_transfers",
        "f_time_limits",
        "g_security",
    )
    assert [(key, part) for key, one in found.items() for part in asked if not one[part]] == []
    service, news = (" ".join(found[key]["c_categories"]) for key in ("service", "newsletter"))
    assert "to know what a customer bought" in service
    assert "to know what a customer bought" not in news
    assert "E-mail addresses" in news
    assert "to prove what the person agreed to" in news
    assert "to prove what the person agreed to" not in service
    terms = {key: found[key]["f_time_limits"] for key in ("service", "newsletter")}
    assert terms["service"][0] != terms["newsletter"][0]
    assert [limit for limit in terms["service"] if "orders_order" in limit]
    assert [limit for limit in terms["newsletter"] if "orders_order" in limit] == []
    assert all("36 months after last_interaction_at" in " ".join(limits) for limits in terms.values())
    (purpose,) = [p for p in api.get("/gdpr/purposes").json() if p["key"] == "newsletter"]
    path = f"/gdpr/purposes/{purpose['id']}"
    wrong = api.patch(path, {"record": {"data": ["contact", "orders_nothing"]}})
    assert [e["pointer"] for e in wrong.json()["errors"]] == ["/record/data/1"]
    assert api.patch(path, {"record": {"data": ["orders"]}}).status_code == 200
    assert "E-mail addresses" not in " ".join(records()["newsletter"]["c_categories"])
    assert "to know what a customer bought" in " ".join(records()["newsletter"]["c_categories"])
    for name in ("loyalty", "orders"):
        crm.house.disable(Actor.system("test"), name)
    crm.rebuild()
    assert "to know what a customer bought" not in " ".join(records()["service"]["c_categories"])
    assert api.patch(path, {"record": {"data": ["orders"], "transfers": "Norway"}}).status_code == 200, (
        "it is named already"
    )


def test_breach_runs_its_clock_and_a_late_notice_needs_reasons(crm: Any) -> None:
    """GD-x8: known 1 May 10:00, to be told by 4 May 10:00; told later, the reasons are asked for; closed is closed."""
    api = crm.user().client
    made = api.post("/gdpr/breaches", {"title": "Lost laptop", "aware_at": "2026-05-01T10:00:00Z"}).json()
    assert moment(made["due_at"]) == moment("2026-05-04T10:00:00+00:00")
    path, late = f"/gdpr/breaches/{made['id']}", "2026-05-04T10:00:01Z"
    refused = api.patch(path, {"notified_at": late})
    assert (refused.status_code, [e["pointer"] for e in refused.json()["errors"]]) == (
        422,
        ["/delay_reasons"],
    )
    assert api.patch(path, {"notified_at": "2026-05-01T09:00:00Z"}).status_code == 422
    told = api.patch(path, {"notified_at": late, "delay_reasons": "the owner was abroad", "closed": True})
    assert (told.status_code, told.json()["version"]) == (200, 2)
    assert api.patch(path, {"title": "x"}).status_code == 409
    with crm.store(readonly=True) as store:
        future = (store.now + timedelta(hours=1)).isoformat()
    assert api.post("/gdpr/breaches", {"title": "x", "aware_at": future}).status_code == 422
    assert crm.user({"contact.read": "all"}).client.get("/gdpr/breaches").status_code == 403
