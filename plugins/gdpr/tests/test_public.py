"""The public pages by signed links, consent forms, and the notices to new contacts."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from gdpr_kit import TEXT, begin, person, set_to
from sqlalchemy import select

from retinue.contacts import Contact, create_contacts
from retinue.errors import RetinueError
from retinue.web import make_link
from retinue_gdpr.models import Letter, Standing
from retinue_gdpr.notices import send_notices

TOPICS, CHANNELS = ("events", "marketing", "newsletter", "surveys"), ("email", "sms")


def link(crm: Any, kind: str, **more: Any) -> str:
    """Make a signed link over the API; returns its path."""
    answer = crm.user().client.post("/gdpr/links", {"kind": kind, **more})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["url"]).rsplit(":8000", 1)[1]


def allowed(crm: Any, contact_id: UUID) -> set[str]:
    """Return the topics with their channels in which the gate lets a contact be written to."""
    found = set()
    with crm.store(readonly=True) as store:
        for purpose in (f"{channel}.{topic}" for topic in TOPICS for channel in CHANNELS):
            if not store.hooks.contact_refusals(store=store, contact_ids=[contact_id], purpose=purpose):
                found.add(purpose)
    return found


def test_preference_centre_switches_topics_by_channel(crm: Any) -> None:
    """GD-03, GD-x9, GD-x15: four topics in two channels; one off is skipped next, the other seven stay; nothing else changes."""
    begin(crm)
    contact_id, api = person(crm), crm.user().client
    for key in ("events", "surveys"):
        body = {"key": key, "name": key, "basis": "consent", "channels": list(CHANNELS), "topic": True}
        assert api.post("/gdpr/purposes", body).status_code == 201
    path = link(crm, "preferences", contact_id=str(contact_id))
    page = crm.client.get(path)
    assert page.text.count('name="want"') == 8
    assert " checked" not in page.text
    assert "Eva" not in page.text
    assert "eva@" not in page.text
    assert (page.headers["cache-control"], page.headers["referrer-policy"]) == ("no-store", "no-referrer")
    every = [f"{topic}:{channel}" for topic in TOPICS for channel in CHANNELS]
    assert crm.client.post(path, data={"want": every}).text.count(" checked") == 8
    assert len(allowed(crm, contact_id)) == 8
    fewer = [one for one in every if one != "marketing:sms"]
    crm.client.post(path, data={"want": fewer, "given_name": "Mallory", "email": "m@example.cz"})
    assert allowed(crm, contact_id) == {f"{c}.{t}" for t in TOPICS for c in CHANNELS} - {"sms.marketing"}
    with crm.store(readonly=True) as store:
        contact = store.get(Contact, contact_id)
        assert (contact.name, contact.emails[0]["value"]) == ("Eva", "eva@example.cz")
    assert len(api.get(f"/gdpr/contacts/{contact_id}/consent-events").json()) == 9
    crm.client.post(path, data={"none": "1"})
    assert allowed(crm, contact_id) == set()


def test_link_opens_one_thing_until_its_end(crm: Any) -> None:
    """GD-03, GD-x15: tampered, expired or for another purpose: 403; of a person who is gone: 404; none needs a login."""
    begin(crm)
    contact_id = person(crm)
    path = link(crm, "preferences", contact_id=str(contact_id))
    token = path.rsplit("/", 1)[1]
    for place in (3, len(token) // 2, -2):
        other = "A" if token[place] != "A" else "B"
        spoilt = token[:place] + other + token[place:][1:]
        assert crm.client.get(f"/privacy/preferences/{spoilt}").status_code == 403
        assert crm.client.post(f"/privacy/preferences/{spoilt}", data={"none": "1"}).status_code == 403
    for kind in ("form", "request", "confirm", "copy"):
        assert crm.client.get(f"/privacy/{kind}/{token}").status_code == 403
    with crm.store(readonly=True) as store:
        old = make_link(store, "preferences", contact_id, lasts=timedelta(seconds=-1))
    assert crm.client.get(f"/privacy/preferences/{old}").status_code == 403
    assert crm.user().client.post("/gdpr/links", {"kind": "preferences"}).status_code == 422
    assert (
        crm.user({"contact.read": "all"}).client.post("/gdpr/links", {"kind": "request"}).status_code == 403
    )
    crm.user().client.post(f"/gdpr/contacts/{contact_id}/restrict")
    assert crm.client.get(path).status_code == 404


def form(crm: Any, *purposes: str, key: str = "signup", **more: Any) -> dict[str, Any]:
    """Draft a form."""
    body = {"key": key, "title": "Our news", "language": "en", "purposes": list(purposes), **more}
    answer = crm.user().client.post("/gdpr/forms", body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def test_law_wants_a_text_of_its_own_before_a_form_is_published(crm: Any) -> None:
    """GD-06: under ru-152fz a form without its consent text cannot be published; eu-gdpr is not affected."""
    begin(crm)
    api = crm.user().client
    body = {"key": "events", "name": "Events", "basis": "consent", "channels": ["email"]}
    api.post("/gdpr/purposes", body)
    path = f"/gdpr/forms/{form(crm, 'newsletter', 'events')['id']}"
    set_to(crm, profile="ru-152fz")
    refused = api.post(f"{path}/publish")
    assert [(e["pointer"], e["code"]) for e in refused.json()["errors"]] == [("/purposes/1", "text-missing")]
    set_to(crm, profile="eu-gdpr")
    assert api.post(f"{path}/publish").status_code == 200
    assert api.patch(path, {"title": "Other"}).status_code == 409
    assert api.post(f"{path}/close").status_code == 200
    changed = api.patch(path, {"title": "Other", "version": 3})
    assert (changed.status_code, changed.json()["title"]) == (200, "Other")
    assert api.patch(path, {"title": "Late", "version": 3}).status_code in (409, 412)
    wrong = api.post("/gdpr/forms", {"key": "x", "title": "X", "purposes": ["service", "nothing"]})
    assert [e["pointer"] for e in wrong.json()["errors"]] == ["/purposes/0", "/purposes/1"]


def test_form_wants_the_tick_and_keeps_the_text(crm: Any) -> None:
    """GD-07: without the tick 422; with it a consent with text version and form; nobody can speak for a known address."""
    begin(crm)
    api, made = crm.user().client, form(crm, "newsletter")
    api.post(f"/gdpr/forms/{made['id']}/publish")
    path = link(crm, "form", form="signup")
    page = crm.client.get(path)
    assert TEXT in page.text
    assert " checked" not in page.text
    sent = {"email": "new@example.cz", "name": "Nora", "purpose": "newsletter"}
    refused = crm.client.post(path, data=sent)
    assert refused.status_code == 422
    assert 'role="alert"' in refused.text
    assert crm.client.post(path, data={**sent, "terms": "1"}).status_code == 200
    with crm.store(readonly=True) as store:
        nora = store.scalars(select(Contact).where(Contact.name == "Nora"))[0]
    (event,) = [
        e for e in api.get(f"/gdpr/contacts/{nora.id}/consent-events").json() if e["channel"] == "email"
    ]
    assert (event["form_id"], event["method"], event["event"]) == (made["id"], "form", "given")
    assert event["wording_id"]
    known = crm.client.post(path, data={**sent, "name": "Mallory", "terms": "1"})
    assert known.status_code == 200
    with crm.store(readonly=True) as store:
        assert [c.name for c in store.scalars(select(Contact))] == ["Nora"]
        letters = store.legal("x").scalars(select(Letter).where(Letter.kind == "confirm"))
        store.unseal(letters)
        own = re.search(r":8000(\S+)", letters[0].body).group(1)  # type: ignore[union-attr]  # it has one
    assert crm.client.post(own, data={"purpose": "newsletter", "terms": "1"}).status_code == 200
    assert crm.client.post(own, data={"purpose": "newsletter", "terms": "1"}).status_code == 409
    api.post(f"/gdpr/forms/{made['id']}/close")
    assert crm.client.get(path).status_code == 404


def test_request_by_the_public_page_waits_for_its_confirmation(crm: Any) -> None:
    """A request for somebody else comes to nothing; the answer does not say whether an address is known; a replay is refused."""
    contact_id, api = person(crm), crm.user().client
    path = link(crm, "request")
    assert crm.client.post(path, data={"kind": "erasure"}).status_code == 422
    assert crm.client.post(path, data={"kind": "theft", "email": "eva@example.cz"}).status_code == 422
    first = crm.client.post(path, data={"kind": "erasure", "email": "eva@example.cz"})
    second = crm.client.post(path, data={"kind": "erasure", "email": "nobody@example.cz"})
    assert (first.status_code, first.text) == (second.status_code, second.text)
    states = {r["contact_id"]: r["state"] for r in api.get("/gdpr/requests").json()}
    assert states == {str(contact_id): "unverified", None: "unverified"}
    letter = next(x for x in api.get("/gdpr/letters").json() if x["kind"] == "confirm")
    confirm = letter["body"].rsplit(":8000", 1)[1].strip()
    assert crm.client.get(confirm).status_code == 200
    assert "unverified" in {r["state"] for r in api.get("/gdpr/requests").json() if r["contact_id"]}
    assert crm.client.post(confirm).status_code == 200
    assert crm.client.post(confirm).status_code == 409
    assert [r["state"] for r in api.get("/gdpr/requests").json() if r["contact_id"]] == ["open"]


def test_own_link_asks_for_its_holder_whatever_address_is_typed(crm: Any) -> None:
    """A request for someone else: by a link of one's own, with another's address, it is still about the holder."""
    mallory, eva, api = person(crm, "Mallory"), person(crm), crm.user().client
    path = link(crm, "request", contact_id=str(mallory))
    assert crm.client.post(path, data={"kind": "erasure", "email": "eva@example.cz"}).status_code == 200
    (request,) = api.get("/gdpr/requests").json()
    assert (request["contact_id"], request["state"], request["verified_how"]) == (
        str(mallory),
        "open",
        "link",
    )
    assert api.post(f"/gdpr/requests/{request['id']}/carry-out", {}).json()["state"] == "completed"
    assert api.get(f"/contacts/{eva}").json()["given_name"] == "Eva"


@pytest.mark.parametrize(
    ("language", "subject", "words"),
    [
        ("cs", "Potvrďte prosím svou žádost", "přístup k údajům"),
        ("de-AT", "Bitte bestätigen Sie Ihre Anfrage", "Auskunft"),
        ("ru", "Подтвердите ваш запрос", "доступ к данным"),
        ("tr", "Lütfen isteğinizi onaylayın", "verilere erişim"),
        ("fr", "Please confirm your request", "access"),
    ],
)
def test_letter_to_confirm_speaks_the_language_of_the_person(
    crm: Any, language: str, subject: str, words: str
) -> None:
    """The letter that asks for a confirmation, in the contact's language, else in English."""
    person(crm, language=language)
    assert (
        crm.client.post(link(crm, "request"), data={"kind": "access", "email": "eva@example.cz"}).status_code
        == 200
    )
    (letter,) = [x for x in crm.user().client.get("/gdpr/letters").json() if x["kind"] == "confirm"]
    assert letter["subject"] == subject
    assert words in letter["body"]


# ---- notices ----
def written(crm: Any) -> int:
    with crm.store() as store:
        return send_notices(store, {})


def test_each_new_contact_gets_one_notice(crm: Any) -> None:
    """GD-02: one contact, one notice with source and purposes; a hundred, a hundred; again, none."""
    begin(crm)
    contact_id, api = person(crm, source="fair in Brno"), crm.user().client
    assert written(crm) == 1
    (letter,) = [x for x in api.get("/gdpr/letters").json() if x["contact_id"] == str(contact_id)]
    assert "fair in Brno" in letter["body"]
    assert "Newsletter (consent)" in letter["body"]
    entries = api.get(f"/contacts/{contact_id}/interactions").json()["items"]
    assert [e["kind"] for e in entries] == ["privacy_letter"]
    drafts = [{"given_name": f"G{n}", "emails": [{"value": f"g{n}@example.cz"}]} for n in range(100)]
    with crm.store() as store:
        create_contacts(store, drafts, on_duplicate="allow")
    assert written(crm) == 100
    with pytest.raises(RetinueError), crm.store() as store:
        create_contacts(store, drafts, on_duplicate="refuse")
    assert written(crm) == 0
    assert api.post(f"/gdpr/contacts/{contact_id}/notice").json() == {"count": 0}


def test_contact_from_outside_is_red_until_told(crm: Any) -> None:
    """GD-11: source linkedin and no notice within the term: on the red list; the notice sent: off it."""
    begin(crm)
    set_to(crm, notices="by_hand")
    contact_id, api = person(crm, source="LinkedIn"), crm.user().client
    person(crm, "Ota")
    assert written(crm) == 0
    assert api.get("/gdpr/notices/overdue").json() == []
    with crm.store() as store:
        for standing in store.scalars(select(Standing)):
            standing.notice_due_at = store.now - timedelta(days=1)
    red = api.get("/gdpr/notices/overdue").json()
    assert [(r["name"], r["outside"]) for r in red] == [("Eva", True), ("Ota", False)]
    assert api.post(f"/gdpr/contacts/{contact_id}/notice").json() == {"count": 1}
    (letter,) = api.get("/gdpr/letters").json()
    assert api.post(f"/gdpr/letters/{letter['id']}/sent").json()["sent_at"]
    assert api.post(f"/gdpr/letters/{letter['id']}/sent").status_code == 409
    assert [r["name"] for r in api.get("/gdpr/notices/overdue").json()] == ["Ota"]
