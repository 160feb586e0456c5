"""The log of consents, its proof and the gate before every sending."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from gdpr_kit import TEXT, begin, moment, person, say
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from retinue.contacts import merge_contacts, restrict_contact
from retinue_gdpr.clock import add_months, add_working_days
from retinue_gdpr.models import ConsentEvent, Purpose, Wording
from retinue_gdpr.service import chain_faults, expire_consents, verify_consents


def refused(crm: Any, purpose: str, *ids: UUID) -> dict[UUID, str]:
    with crm.store(readonly=True) as store:
        found = store.hooks.contact_refusals(store=store, contact_ids=list(ids), purpose=purpose)
    return {refusal.contact_id: refusal.code for refusal in found}


def test_consent_is_logged_and_withdrawn(crm: Any) -> None:
    """GD-01: a consent with text, channel, time and proof; its withdrawal is a new row and the old one stays."""
    begin(crm)
    contact_id, api = person(crm), crm.user().client
    given_ = say(crm, contact_id, "newsletter", "given", evidence="signed paper 17")[0]
    assert (given_["number"], given_["channel"], given_["language"], given_["evidence"]) == (
        1,
        "email",
        "en",
        "signed paper 17",
    )
    assert [c["covers"] for c in api.get(f"/gdpr/contacts/{contact_id}/consents").json()] == [True]
    withdrawn = say(crm, contact_id, "newsletter", "withdrawn")[0]
    assert withdrawn["prior_id"] == given_["id"]
    events = api.get(f"/gdpr/contacts/{contact_id}/consent-events").json()
    assert [e["event"] for e in events] == ["given", "withdrawn"]
    assert [c["state"] for c in api.get(f"/gdpr/contacts/{contact_id}/consents").json()] == ["withdrawn"]
    assert refused(crm, "email.newsletter", contact_id) == {contact_id: "withdrawn"}


def test_gate_asks_purpose_by_channel_and_keeps_the_reason(crm: Any) -> None:
    """GD-10: no consent for SMS sends 0, e-mail with consent sends 1; each refusal has its reason; service mail passes."""
    begin(crm)
    one, two = person(crm, "Ada"), person(crm, "Ben")
    say(crm, one, "marketing", "given", evidence="phone call")
    say(crm, two, "marketing", "refused")
    assert refused(crm, "sms.marketing", one, two) == {one: "no-consent", two: "no-consent"}
    assert refused(crm, "email.marketing", one, two) == {two: "refused"}
    assert refused(crm, "email.service", one, two) == {}
    assert refused(crm, "email.unheard_of", one) == {one: "purpose-unknown"}
    assert refused(crm, "post.marketing", one) == {one: "purpose-closed"}
    api = crm.user().client
    body = {"purpose": "sms.marketing", "contact_ids": [str(one), str(two)], "keep": True}
    answer = api.post("/gdpr/gate", body).json()
    assert answer["allowed"] == []
    kept = api.get(f"/gdpr/contacts/{two}/refusals").json()
    assert [(r["purpose"], r["code"], r["reason"]) for r in kept] == [
        ("sms.marketing", "no-consent", "Offers: no consent")
    ]


def test_new_version_of_a_purpose_needs_a_new_consent(crm: Any) -> None:
    """GD-x11: old consents do not cover a purpose that means something else now."""
    ids, contact_id = begin(crm), person(crm)
    say(crm, contact_id, "newsletter", "given")
    assert refused(crm, "email.newsletter", contact_id) == {}
    api = crm.user().client
    changed = api.patch(f"/gdpr/purposes/{ids['newsletter']}", {"description": "And to profile you."})
    assert changed.json()["number"] == 2
    assert refused(crm, "email.newsletter", contact_id) == {contact_id: "consent-old"}
    say(crm, contact_id, "newsletter", "renewed")
    assert refused(crm, "email.newsletter", contact_id) == {}
    assert api.patch(f"/gdpr/purposes/{ids['newsletter']}", {"name": "News", "version": 1}).status_code == 409


def test_consent_ends_by_itself(crm: Any) -> None:
    """A consent whose time is over does not cover, before any job has noted it; the job writes an event for it."""
    begin(crm)
    contact_id = person(crm)
    with crm.store() as store:
        past = store.now - timedelta(days=2)
        over = (store.now - timedelta(days=1)).isoformat()
    say(crm, contact_id, "newsletter", "given", occurred_at=past.isoformat(), expires_at=over)
    assert refused(crm, "email.newsletter", contact_id) == {contact_id: "consent-expired"}
    with crm.store() as store:
        assert expire_consents(store, {}) == 1
        assert expire_consents(store, {}) == 0
        assert verify_consents(store)["good"]


def test_proof_shows_what_was_agreed_to_on_a_day(crm: Any) -> None:
    """GD-x10, GD-x9: the text shown, its hash, time, method and actor; still there after the withdrawal."""
    begin(crm)
    contact_id, api = person(crm), crm.user().client
    say(crm, contact_id, "newsletter", "given", occurred_at="2026-03-01T10:00:00Z")
    say(crm, contact_id, "newsletter", "withdrawn", occurred_at="2026-05-01T10:00:00Z")
    path = f"/gdpr/contacts/{contact_id}/consent-proof"
    proof = api.get(path, params={"purpose": "newsletter", "at": "2026-04-01T00:00:00Z"}).json()
    assert (proof["event"]["event"], proof["event"]["method"], proof["event"]["actor_kind"]) == (
        "given",
        "written",
        "token",
    )
    assert proof["text"] == f"{TEXT} (newsletter)"
    assert proof["digest_holds"]
    assert proof["chain_holds"]
    later = api.get(path, params={"purpose": "newsletter", "at": "2026-06-01T00:00:00Z"}).json()
    assert later["event"]["event"] == "withdrawn"
    assert api.get(path, params={"purpose": "newsletter", "at": "2026-01-01T00:00:00Z"}).status_code == 404
    receipt = api.get(f"/gdpr/consent-events/{proof['event']['id']}/receipt").json()
    assert api.post("/gdpr/receipts/check", receipt).json() == {"good": True}
    receipt["receipt"]["purpose"] = "marketing"
    assert api.post("/gdpr/receipts/check", receipt).json() == {"good": False}


def test_one_changed_byte_is_found(crm: Any) -> None:
    """GD-x10: an event, a text or a missing last event: verification says so."""
    begin(crm)
    contact_id = person(crm)
    say(crm, contact_id, "newsletter", "given", evidence="paper")
    say(crm, contact_id, "marketing", "given", evidence="paper")
    with crm.store(readonly=True) as store:
        assert list(chain_faults(store, contact_id)) == []

    def tampered(statement: Any) -> int:
        found = 0
        with contextlib.suppress(_Undo), crm.store() as store:
            store.raw_connection().execute(statement)
            found = len(list(chain_faults(store, contact_id)))
            raise _Undo
        return found

    log, texts = ConsentEvent.__table__, Wording.__table__
    for values in (
        {"method": "verbal"},
        {"digest": "0" * 64},
        {"occurred_at": moment("2020-01-01T00:00:00+00:00")},
    ):
        assert tampered(update(log).where(log.c.place == 1).values(values)), values
    assert tampered(update(texts).values(body="I agree to everything."))
    assert tampered(log.delete().where(log.c.place == 2))


class _Undo(Exception):
    pass


def test_restricted_person_gets_nothing_but_what_law_demands(crm: Any) -> None:
    """GD-x13: out of every audience, service letters too; a legal duty still reaches."""
    begin(crm)
    contact_id, api = person(crm), crm.user().client
    assert (
        api.post("/gdpr/purposes", {"key": "tax", "name": "Tax", "basis": "legal_obligation"}).status_code
        == 201
    )
    with crm.store() as store:
        restrict_contact(store, contact_id)
    assert refused(crm, "email.service", contact_id) == {contact_id: "restricted"}
    assert refused(crm, "email.tax", contact_id) == {}


def test_objection_is_enough_where_interest_is_the_basis(crm: Any) -> None:
    begin(crm)
    contact_id, api = person(crm), crm.user().client
    api.post(
        "/gdpr/purposes",
        {"key": "survey", "name": "Surveys", "basis": "legitimate_interests", "channels": ["email"]},
    )
    assert refused(crm, "email.survey", contact_id) == {}
    say(crm, contact_id, "survey", "objected")
    assert refused(crm, "email.survey", contact_id) == {contact_id: "objected"}


def test_wrong_consents_are_refused_with_their_places(crm: Any) -> None:
    """Bundling, a text of another purpose, the future, no proof: each named."""
    begin(crm)
    contact_id, api = person(crm), crm.user().client
    other = api.get("/gdpr/wordings", params={"kind": "consent"}).json()[0]
    name = "marketing" if "(newsletter)" in other["body"] else "newsletter"
    drafts = [
        {"purpose": "nothing", "event": "given", "method": "written"},
        {"purpose": name, "event": "given", "method": "written", "wording_id": other["id"]},
        {"purpose": "service", "event": "given", "method": "verbal"},
        {"purpose": name, "event": "given", "method": "written", "occurred_at": "2990-01-01T00:00:00Z"},
    ]
    answer = api.post(f"/gdpr/contacts/{contact_id}/consents", {"events": drafts})
    assert answer.status_code == 422
    assert [p["pointer"] for p in answer.json()["errors"]] == [
        "/events/0/purpose", "/events/1/wording_id", "/events/2/evidence", "/events/3/occurred_at",
    ]  # fmt: skip
    reader = crm.user({"contact.read": "all", "consent.read": "all"}).client
    assert reader.post(f"/gdpr/contacts/{contact_id}/consents", {"events": drafts[:1]}).status_code == 403


def test_merge_combines_by_the_stricter(crm: Any) -> None:
    """GD-x17: a refusal of either stands, a consent that only one gave comes along, requests and holds follow."""
    begin(crm)
    stays, goes, api = person(crm, "Jan"), person(crm, "Honza"), crm.user().client
    say(crm, stays, "newsletter", "given")
    say(crm, goes, "newsletter", "withdrawn")
    say(crm, goes, "marketing", "given")
    asked = api.post(
        "/gdpr/requests", {"kind": "access", "contact_id": str(goes), "verified_how": "passport"}
    ).json()
    hold = api.post("/gdpr/holds", {"contact_id": str(goes), "basis": "a claim"}).json()
    with crm.store() as store:
        merge_contacts(store, stays, [goes])
    assert refused(crm, "email.newsletter", stays) == {stays: "withdrawn"}
    assert refused(crm, "email.marketing", stays) == {}
    assert api.get(f"/gdpr/requests/{asked['id']}").json()["contact_id"] == str(stays)
    assert [h["id"] for h in api.get("/gdpr/holds", params={"contact_id": str(stays)}).json()] == [hold["id"]]
    with crm.store(readonly=True) as store:
        assert verify_consents(store, stays)["good"]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["given", "withdrawn", "refused", "renewed"]), st.integers(0, 60)),
        max_size=8,
    )
)
def test_state_is_the_fold_of_the_log(folding: Any, steps: list[tuple[str, int]]) -> None:
    """Property: whatever order things are recorded in, what was said last stands, and the chain is whole."""
    folding(steps)


@pytest.fixture
def folding(crm: Any) -> Any:
    from retinue_gdpr.service import Said, log_events, show_consents

    ids, count = begin(crm), iter(range(10_000))

    def check(steps: list[tuple[str, int]]) -> None:
        contact_id = person(crm, f"fold{next(count)}")
        with crm.store() as store:
            purpose, start = store.get(Purpose, ids["newsletter"]), store.now - timedelta(days=90)
            for event, day in steps:
                said = Said(
                    purpose=purpose,
                    channel="email",
                    event=event,
                    method="written",
                    occurred_at=start + timedelta(days=day),
                )
                log_events(store, contact_id, [said])
            shown = show_consents(store, contact_id)
            last = max(enumerate(steps), key=lambda step: (step[1][1], step[0]), default=None)
            assert [row["state"] for row in shown] == ([last[1][0]] if last else [])
            assert list(chain_faults(store, contact_id)) == []

    return check


def test_terms_end_with_the_month() -> None:
    """GD-x7: 31 January and a month is 28 February; working days step over weekends."""
    from datetime import date

    assert add_months(date(2026, 1, 31), 1) == date(2026, 2, 28)
    assert add_months(date(2026, 3, 15), 3) == date(2026, 6, 15)
    assert add_months(date(2026, 3, 31), -13) == date(2025, 2, 28)
    assert add_working_days(date(2026, 11, 20), 10) == date(2026, 12, 4)
