"""Double opt-in over two plugins: a form is filled in, a letter asks, and only the form behind its link is a consent."""

from __future__ import annotations

import email
import email.policy
import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from retinue.actor import Actor
from retinue.contacts import Contact
from retinue.testing.house import Crm, User

ROOT = Actor.system("test")
SENDER = {"from_address": "news@crm.example", "site_url": "https://crm.example", "host": "mail.invalid"}
LINK = re.compile(r"https?://[^\s]+(/privacy/form/[\w-]+)")


def _form(crm: Crm, reader: User) -> str:
    """Publish a form that is confirmed by letter; return the path of its open link."""
    api = reader.client
    assert api.patch("/plugins/email/settings", {"values": SENDER}).status_code == 200
    purpose = {"key": "news", "name": "News", "basis": "consent", "channels": ["email"]}
    made = api.post("/gdpr/purposes", purpose)
    assert made.status_code == 201, made.text
    draft = {"key": "join", "title": "Join", "purposes": ["news"], "confirm": True}
    form = api.post("/gdpr/forms", draft)
    assert (form.status_code, form.json()["confirm"]) == (201, True), form.text
    published = api.post(f"/gdpr/forms/{form.json()['id']}/publish")
    assert published.status_code == 200, published.text
    link = api.post("/gdpr/links", {"kind": "form", "form": "join"})
    assert link.status_code == 201, link.text
    found = LINK.search(str(link.json()))
    assert found, link.json()
    return found[1]


def _fill(crm: Crm, path: str, address: str = "") -> Any:
    assert crm.client.get(path).status_code == 200
    sent = {"terms": "1", "purpose": "news", **({"email": address} if address else {})}
    return crm.client.post(path, data=sent)


def _deliver(crm: Crm) -> list[Any]:
    """Send what is due into a server that keeps it; return the letters."""
    from retinue_email.courier import Courier, Post
    from retinue_email.transport import FakeTransport

    fake = FakeTransport()
    with crm.house.store(ROOT, plugin="email", readonly=True) as store:
        opener = store.opener("email")
    Courier(Post(fake, 1)).deliver(opener)
    return [email.message_from_bytes(raw, policy=email.policy.default) for _, _, raw in fake.sent]


def _may_be_written_to(crm: Crm, contact_id: Any) -> bool:
    with crm.store() as store:
        said = store.hooks.contact_refusals(store=store, contact_ids=[contact_id], purpose="email.news")
        return not list(said)


def _consents(crm: Crm) -> set[tuple[str, str]]:
    """Return what was said by anybody, and how."""
    from retinue_gdpr.models import ConsentEvent

    with crm.store() as store:
        return {(one.event, one.method) for one in store.system("test").scalars(select(ConsentEvent))}


@pytest.mark.parametrize("config", ["sqlite", "postgresql"], indirect=True)
def test_nothing_counts_before_the_letter_was_answered(crm: Crm) -> None:
    """EM-x16: subscribe → unconfirmed, 1 mail; 10 more in an hour → at most 1 further; confirm by POST → consent.

    The link is good for seven days; until then the contact is in no audience.
    """
    for name in ("email", "gdpr"):
        crm.house.enable(ROOT, name)
    crm.rebuild()
    reader = crm.user("all")
    path = _form(crm, reader)
    for _ in range(11):
        assert _fill(crm, path, "ada@example.org").status_code == 200
    with crm.store() as store:
        (contact_id,) = store.scalars(select(Contact.id))
    assert not _may_be_written_to(crm, contact_id)
    assert _consents(crm) == set()
    (letter,) = _deliver(crm)
    assert letter["To"].addresses[0].addr_spec == "ada@example.org"
    found = LINK.search(letter.get_body(("plain",)).get_content())
    assert found, letter
    assert not _may_be_written_to(crm, contact_id), "a letter that arrived is no consent"
    crm.client.get(found[1])
    assert not _may_be_written_to(crm, contact_id), "nor is a link that a program fetched"
    assert _fill(crm, found[1]).status_code == 200
    assert _may_be_written_to(crm, contact_id)
    from retinue_gdpr.preferences import _LASTS, CONFIRM

    assert _consents(crm) == {("given", "double_opt_in")}
    assert _LASTS[CONFIRM] == timedelta(days=7)
    assert _fill(crm, found[1]).status_code == 409, "the link was used"
