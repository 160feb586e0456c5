"""People, templates and a courier into a fake server, in a line each."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from retinue import new_id
from retinue.contacts import create_contacts
from retinue.jobs import DONE
from retinue_email import audience, templates
from retinue_email.courier import Courier, Post
from retinue_email.transport import FakeTransport

SETTINGS = {
    "from_address": "news@crm.example", "from_name": "Example", "site_url": "https://crm.example",
    "bounce_domain": "bounce.crm.example", "host": "mail.invalid",
}  # fmt: skip
HTML = '<p>Dear {{ given | default:"customer" }}</p><p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p>'


def set_up(crm: Any, **values: Any) -> None:
    """Set the sender, and more."""
    answer = crm.user().client.patch("/plugins/email/settings", {"values": {**SETTINGS, **values}})
    assert answer.status_code == 200, answer.text


def people(crm: Any, *names: str, **more: Any) -> list[UUID]:
    """Create a person with an address for each name."""
    drafts = [
        {"given_name": name, "family_name": "R", "emails": [{"value": f"{name.lower()}@example.org"}], **more}
        for name in names
    ]
    with crm.store() as store:
        return list(create_contacts(store, drafts, on_duplicate="allow").ids)


def make_template(crm: Any, key: str = "hello", **more: Any) -> UUID:
    """Create a template in English."""
    text = {"language": "en", "subject": 'Hello, {{ given | default:"you" }}!', "source": HTML}
    draft = {
        "key": key,
        "name": key.title(),
        "kind": "newsletter",
        "purpose": "news",
        "texts": [text],
        **more,
    }
    with crm.store() as store:
        return templates.create_template(store, draft)["id"]


def deliver(crm: Any, fake: FakeTransport, lines: int = 1) -> int:
    """Send what is due into the fake."""
    with crm.house.store(crm.user().actor, plugin="email", readonly=True) as store:
        opener = store.opener("email")
    return Courier(Post(fake, lines)).deliver(opener)


def states(crm: Any, **query: Any) -> list[tuple[str, str]]:
    """Return state and reason of the letters, the oldest first."""
    rows = crm.user().client.get("/email/letters", params={"limit": 200, **query}).json()["items"]
    return [(row["state"], row["reason"]) for row in reversed(rows)]


def make_view(crm: Any, given_name: str = "", **more: Any) -> str:
    """Save a view of everybody, or of those with a name, and return its id."""
    test = {"field": "given_name", "op": "eq", "value": given_name} if given_name else {}
    made = crm.user().client.post(
        "/views", {"name": f"V{new_id().hex}", "visibility": "public", "filter": test, **more}
    )
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


def prepare(crm: Any, user: Any, started: Any) -> int:
    """Fix a campaign's audience as who started it, as the job does; returns in how many pieces."""
    payload = {"campaign_id": started["id"], "version": started["version"]}
    state: Any = None
    pieces = 0
    while state is not DONE:
        with crm.house.store(user.actor, plugin="email") as store:
            state = audience.prepare_piece(store, payload, state)
        pieces += 1
    return pieces
