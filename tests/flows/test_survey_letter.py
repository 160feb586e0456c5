"""From an invitation to an answer by letter: two plugins that know nothing of each other."""

from __future__ import annotations

import email
import email.policy
import re
from typing import Any
from uuid import UUID

import pytest

from retinue.actor import Actor
from retinue.jobs import list_jobs
from retinue.testing.house import Crm, User

ROOT = Actor.system("test")
SENDER = {"from_address": "news@crm.example", "site_url": "https://crm.example", "host": "mail.invalid"}
HTML = (
    '<p>Dear {{ given | default:"customer" }}</p><p><a href="{{ nps.link }}?score=9">9</a></p>'
    '<p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p>'
)


def _ready(crm: Crm, reader: User) -> tuple[str, str]:
    """Let the event of being asked send a letter with the link; return the survey and the contact."""
    api = reader.client
    assert api.patch("/plugins/email/settings", {"values": SENDER}).status_code == 200
    text = {"language": "en", "subject": "A word?", "source": HTML}
    template = {"key": "ask", "name": "Ask", "kind": "newsletter", "purpose": "survey", "texts": [text]}
    made = api.post("/email/templates", template)
    assert made.status_code == 201, made.text
    answer = api.post("/email/triggers", {"event": "survey.asked", "template_id": made.json()["id"]})
    assert answer.status_code == 201, answer.text
    survey = api.post("/surveys", {"key": "relation", "name": "R", "pattern": "nps"}).json()["id"]
    assert api.post(f"/surveys/{survey}/open").status_code == 200
    person = {"given_name": "Ada", "family_name": "R", "emails": [{"value": "ada@example.org"}]}
    return survey, api.post("/contacts", person).json()["id"]


def _letters(crm: Crm) -> list[Any]:
    """Do what the workers do, into a server that keeps what it gets; return the letters."""
    from retinue_email import triggers
    from retinue_email.courier import Courier, Post
    from retinue_email.transport import FakeTransport

    with crm.store() as store:
        payloads = [job.payload for job in list_jobs(store, name=triggers.ORDER)]
    for payload in payloads:
        with crm.house.store(ROOT, plugin="email") as store:
            triggers.order_letters(store.system("job"), payload)
    fake = FakeTransport()
    with crm.house.store(ROOT, plugin="email", readonly=True) as store:
        opener = store.opener("email")
    Courier(Post(fake, 1)).deliver(opener)
    return [
        email.message_from_bytes(raw, policy=email.policy.default) for _sender, _recipient, raw in fake.sent
    ]


@pytest.mark.parametrize("config", ["sqlite"], indirect=True)
def test_letter_carries_the_readers_own_link_and_its_answer_is_theirs(crm: Crm) -> None:
    """NP-01, EM-03: whoever is asked gets a letter, a click chooses the score, and sending it is the answer."""
    for name in ("email", "nps"):
        crm.house.enable(ROOT, name)
    crm.rebuild()
    reader = crm.user("all")
    survey, contact = _ready(crm, reader)
    invited = reader.client.post(f"/surveys/{survey}/invitations", {"contact_ids": [contact]})
    assert [one["state"] for one in invited.json()] == ["sent"]
    (letter,) = _letters(crm)
    html = letter.get_body(("html",)).get_content()
    found = re.search(r'href="http://localhost:8000(/survey/[^"?]+)\?score=9"', html)
    assert found, html
    shown = crm.client.get(found[1], params={"score": "9"}).text
    assert re.search(r'value="9"\s+checked', shown)
    page = re.search(r'name="page" value="([^"]+)"', shown)
    assert page
    assert crm.client.post(found[1], data={"page": page[1], "score": "9"}).status_code == 200
    (answer,) = reader.client.get(f"/surveys/{survey}/answers").json()["items"]
    assert (UUID(answer["contact_id"]), answer["score"]) == (UUID(contact), 9)
