"""A person says no while a letter to them waits: the gate is asked again when it is about to go out."""

from __future__ import annotations

import pytest

from retinue.contacts import create_contacts
from retinue.testing.house import Crm
from retinue_email import templates
from retinue_email.courier import Courier, Post
from retinue_email.transport import FakeTransport
from retinue_gdpr.purposes import ensure_beginnings


@pytest.fixture(scope="session")
def plugins_on() -> tuple[str, ...]:
    """Consent and e-mail."""
    return ("email", "gdpr")


def test_withdrawal_stops_the_letter_that_waits_already(crm: Crm) -> None:
    """GD-x9, GD-10: consent takes one press in the preference centre and so does withdrawing it; a letter ordered in between is
    refused with the reason, the one of another person goes out, and the consent of before can still be proven."""
    api = crm.user().client
    sender = {
        "from_address": "news@crm.example",
        "site_url": "https://crm.example",
        "bounce_domain": "b.crm.example",
    }
    assert (
        api.patch("/plugins/email/settings", {"values": {**sender, "host": "mail.invalid"}}).status_code
        == 200
    )
    text = {
        "language": "en",
        "subject": "News",
        "source": '<p>News. <a href="{{ unsubscribe_url }}">Leave</a></p>',
    }
    draft = {"key": "news", "name": "News", "kind": "newsletter", "purpose": "newsletter", "texts": [text]}
    with crm.store() as store:
        ensure_beginnings(store)
        people = [
            {"given_name": n, "emails": [{"value": f"{n.lower()}@example.org"}]} for n in ("Eva", "Ota")
        ]
        ids = create_contacts(store, people, on_duplicate="allow").ids
        templates.create_template(store, draft)
    paths = []
    for contact_id in ids:
        link = api.post("/gdpr/links", {"kind": "preferences", "contact_id": str(contact_id)}).json()
        paths.append("/privacy/" + link["url"].partition("/privacy/")[2])
        assert crm.client.post(paths[-1], data={"want": ["newsletter:email"]}).status_code == 200
        ordered = api.post("/email/letters", {"contact_id": str(contact_id), "template": "news"})
        assert (ordered.status_code, ordered.json()["state"]) == (201, "queued"), ordered.text
    with crm.store(readonly=True) as store:
        before = store.now.isoformat()
    assert crm.client.post(paths[0], data={"none": "1"}).status_code == 200
    fake = FakeTransport()
    with crm.house.store(crm.user().actor, plugin="email", readonly=True) as store:
        opener = store.opener("email")
    Courier(Post(fake, 1)).deliver(opener)
    assert [to for _, to, _ in fake.sent] == ["ota@example.org"]
    letters = {
        row["contact_id"]: (row["state"], row["reason"]) for row in api.get("/email/letters").json()["items"]
    }
    assert letters == {str(ids[0]): ("refused", "withdrawn"), str(ids[1]): ("sent", "")}
    proof = api.get(
        f"/gdpr/contacts/{ids[0]}/consent-proof", params={"purpose": "newsletter", "at": before}
    ).json()
    assert (proof["event"]["event"], proof["chain_holds"]) == ("given", True)
