"""Retention rules with dry run, run and signed report; records of processing; breaches under their clock."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from gdpr_kit import begin, moment, person
from sqlalchemy import select

from retinue.contacts import Contact
from retinue.interactions import record_interaction
from retinue_gdpr import retention
from retinue_gdpr.duty_models import Run

SQLITE = pytest.mark.parametrize("config", ["sqlite"], indirect=True)
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


@SQLITE
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


@SQLITE
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


@SQLITE
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


@SQLITE
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
