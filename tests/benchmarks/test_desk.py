"""The figures of the desk: list and contact page over 100,000 contacts, from a real server, one client."""

import pytest
from bench_kit import BATCH, COUNT, Client, Figures, median, read_drafts, served, write_csv
from sqlalchemy import select

from retinue.actor import Actor
from retinue.contacts.models import Contact
from retinue.contacts.service import create_contacts
from retinue.interactions.service import record_interactions
from retinue.testing.house import Crm

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.parametrize("config", ["sqlite"], indirect=True),
]
LIMIT = 25
"""Milliseconds of the server's own time, half of all requests."""


def _read(client: Client, path: str) -> str:
    """Return a page as a browser gets it."""
    client.connection.request("GET", path, headers={"Authorization": f"Bearer {client.token}"})
    answer = client.connection.getresponse()
    text = answer.read().decode("utf-8")
    assert answer.status == 200, (path, answer.status)
    return text


def test_pages_are_made_in_time(crm: Crm, figures: Figures) -> None:
    """Bar: list, contact page and home at most 25 ms; the server's CPU is counted, so that neighbours do not."""
    crm.house.enable(Actor.system("bench"), "desk")
    user = crm.user("all")
    for start in range(0, COUNT, BATCH):
        for drafts in read_drafts(write_csv(start, BATCH)):
            with crm.store(user.actor) as store:
                create_contacts(store, drafts)
    with crm.store() as store:
        contact = store.scalars(select(Contact.id).order_by(Contact.id).limit(1))[0]
        record_interactions(
            store, [{"contact_id": contact, "kind": "note", "body": f"{n}"} for n in range(20)]
        )
    crm.house.database.engine.dispose()
    pages = {
        "list of 50": "/contacts",
        "list of 50, filtered and sorted": "/contacts?city=M%C4%9Bsto%203&sort=-name",
        "contact with 20 interactions": f"/contacts/{contact}",
        "home": "/",
    }
    held = []
    with served(crm.house.config.folder, crm.house.config.database.url, user.token) as client:
        for name, path in pages.items():
            median(lambda at=path: _read(client, at), 20)
            before = client.server_cpu()
            p50, p95 = median(lambda at=path: _read(client, at), 200)
            cpu = (client.server_cpu() - before) / 200 * 1000
            held.append(figures.add(f"desk, {name}: CPU of the server", cpu, LIMIT, "ms", most=True))
            figures.note(f"desk, {name}: by the clock, p50", p50, "ms", "")
            figures.note(f"desk, {name}: by the clock, p95", p95, "ms", "")
    assert all(held), "missed: see the table"
