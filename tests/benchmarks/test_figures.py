"""The figures of the core: import and list over 100,000 contacts, on both databases, as a member of a team.

Access rules, sealing, audit and hooks are on. The import reads a CSV and calls the service in batches,
each in a transaction of its own; lists and single requests go through HTTP to a real uvicorn process on
loopback, one client.
"""

import resource
import time

import pytest
from bench_kit import (
    BATCH,
    COUNT,
    PERMISSIONS,
    Client,
    Figures,
    median,
    raw_engine,
    raw_import,
    raw_list,
    read_drafts,
    served,
    write_csv,
)
from sqlalchemy import select

from retinue.contacts.models import Contact
from retinue.contacts.service import create_contacts, share_contact
from retinue.storage import Share
from retinue.testing.house import Crm, User

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
LEAST = {"sqlite": 5000, "postgresql": 4000}
"""Contacts imported per second, the CSV's parsing included, on a quiet machine of two cores."""
USERS = 10


def _team(crm: Crm) -> list[User]:
    """Return colleagues of five teams; each imports a share of the contacts."""
    return [crm.user(PERMISSIONS, team=f"team {n % 5}") for n in range(USERS)]


def _import(crm: Crm, users: list[User]) -> tuple[float, float]:
    """Import COUNT contacts; return contacts per second by the clock and by this process's CPU."""
    files = [write_csv(start, BATCH) for start in range(0, COUNT, BATCH)]
    started, cpu = time.perf_counter(), time.process_time()
    for place, text in enumerate(files):
        for drafts in read_drafts(text):
            with crm.store(users[place % USERS].actor) as store:
                create_contacts(store, drafts)
    return COUNT / (time.perf_counter() - started), COUNT / (time.process_time() - cpu)


def _share_some(crm: Crm, users: list[User]) -> None:
    """Share contacts of another team with the first user, so that the list has shares to look at."""
    with crm.store() as store:
        ids = store.scalars(select(Contact.id).where(Contact.owner_id == users[1].id).limit(50))
        for contact_id in ids:
            share_contact(store, contact_id, [Share("account", users[0].id)])


def test_figures_hold_at_100_000_contacts(crm: Crm, figures: Figures) -> None:
    kind, users = crm.house.database.kind, _team(crm)
    crm.house.database.engine.dispose()
    url = crm.house.config.database.url
    with raw_engine(url) as engine:
        raw_rate = raw_import(engine, 20_000)
        raw_page = raw_list(engine)
    by_clock, by_cpu = _import(crm, users)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    _share_some(crm, users)
    held = [
        figures.add(f"{kind}: import, by the clock", by_clock, LEAST[kind], "contacts/s", raw=raw_rate),
        figures.add(f"{kind}: peak memory after the import", memory, 300, "MB", most=True),
    ]
    figures.note(f"{kind}: import, by this process's CPU", by_cpu, "contacts/s", "≥ 9,000")
    with served(crm.house.config.folder, url, users[0].token) as client:
        p50, cpu = _list(client, figures, kind)
        held.append(figures.add(f"{kind}: list of 50, p50", p50, 8, "ms", raw=raw_page, most=True))
        figures.note(f"{kind}: list of 50, CPU of the server", cpu, "ms", "")
        _single_requests(client, figures, kind)
        figures.note(f"{kind}: server's memory after it all", client.server_memory(), "MB", "≤ 115")
    assert all(held), f"missed on {kind}: see the table"


def _list(client: Client, figures: Figures, kind: str) -> tuple[float, float]:
    """Measure the list with filter and sort, sealed e-mails and phones shown; return p50 and CPU."""
    path = "/contacts?city=M%C4%9Bsto%203&sort=name&limit=50"
    page = client.call("GET", path)
    assert len(page["items"]) == 50
    assert page["items"][0]["values"]["emails"]
    median(lambda: client.call("GET", path), 50)
    before = client.server_cpu()
    p50, p95 = median(lambda: client.call("GET", path), 300)
    figures.note(f"{kind}: list of 50, p95", p95, "ms", "≤ 5 ms")
    return p50, (client.server_cpu() - before) / 300 * 1000


def _single_requests(client: Client, figures: Figures, kind: str) -> None:
    """Measure the other goals: create, open with 20 interactions, log, search by a part of the name."""
    made = iter(range(10_000_000, 20_000_000))

    def create() -> dict:
        number = next(made)
        draft = {
            "given_name": "Jan",
            "family_name": f"Nový{number}",
            "emails": [{"value": f"n{number}@novy.cz"}],
        }
        return client.call("POST", "/contacts", draft)

    contact = create()
    timeline = f"/contacts/{contact['id']}/interactions"
    note = {"kind": "note", "body": "Called, wants an offer."}
    for _ in range(20):
        client.call("POST", timeline, note)

    def open_it() -> None:
        client.call("GET", f"/contacts/{contact['id']}")
        client.call("GET", f"{timeline}?limit=20")

    figures.note(f"{kind}: create, p50", median(create, 100)[0], "ms", "≤ 2.6 ms")
    figures.note(
        f"{kind}: open with 20 interactions, two requests, p50", median(open_it, 100)[0], "ms", "≤ 3 ms"
    )
    log = median(lambda: client.call("POST", timeline, note), 100)[0]
    figures.note(f"{kind}: log an interaction, p50", log, "ms", "≤ 2.6 ms")
    search = median(lambda: client.call("GET", "/contacts/search?q=vo%C5%99%C3%A1k77"), 30)[0]
    figures.note(f"{kind}: search part of a name, p50", search, "ms", "≤ 8 PostgreSQL, ≤ 25 SQLite")
