"""What protection costs, measured side by side in one run: row scope, sealing, audit (A9, B6, C4)."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from goal_kit import Goal
from sqlalchemy import func, select
from storage_kit import add_contact

from retinue.actor import Actor
from retinue.contacts.models import Contact, Tag
from retinue.storage import Database, Share, Store, new_id, new_ids
from retinue.storage.direct import insert_direct
from retinue.testing.fixtures import person

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
SYSTEM = Actor.system("test")


def _median(call: Callable[[], Any], times: int = 200) -> float:
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        call()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def _pair(one: Callable[[], Any], other: Callable[[], Any]) -> tuple[float, float]:
    """Return the least of five medians of each, taken in turns, so that a busy machine hits both."""
    pairs = [(_median(one, 100), _median(other, 100)) for _ in range(5)]
    return min(p[0] for p in pairs), min(p[1] for p in pairs)


def _crowd(database: Database, count: int) -> Actor:
    """Fill the table with contacts of 200 people, one in twenty shared with me; return me."""
    me, people, team = new_id(), [new_id() for _ in range(200)], new_id()
    with database.store(SYSTEM) as store:
        plain = [store.access_set(p, team if n % 20 == 0 else new_id()) for n, p in enumerate(people)]
        lent = [store.access_set(p, None, [Share("account", me, "read")]) for p in people]
        shared = {
            "kind": "person",
            "custom": {},
            "version": 1,
            "created_at": store.now,
            "updated_at": store.now,
        }
        for start in range(0, count, 10_000):
            rows = [
                {"id": i, "name": f"n{n}", "sort_name": f"n{n:07}", "search_text": f"n{n}", "city": f"c{n % 50}",
                 "owner_id": people[n % 200], "access_id": (lent if n % 20 == 0 else plain)[n % 200]}
                for n, i in enumerate(new_ids(min(10_000, count - start)), start)
            ]  # fmt: skip
            insert_direct(store.raw_connection(), Contact.__table__, rows, shared)  # type: ignore[arg-type]
    with database.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("ANALYZE")
    return person("contact.read=team", account=me, teams=frozenset({team}))


@pytest.mark.goal("bench-acl")
def test_row_scope_costs_little(database: Database, goal: Goal) -> None:
    """A9: a list of fifty, scoped against unscoped in one run, and a count over 100,000 with shares."""
    kind, me = database.kind, _crowd(database, 100_000)
    page = select(Contact.id, Contact.name, Contact.city).order_by(Contact.sort_name, Contact.id).limit(50)
    with database.store(me, readonly=True) as mine, database.store(SYSTEM, readonly=True) as every:
        assert len(mine.rows(page)) == 50
        scoped, bare = _pair(lambda: mine.rows(page), lambda: every.rows(page))
        count = select(func.count()).select_from(Contact)
        seen = mine.scalar(count)
        counted = _median(lambda: mine.scalar(count), 30)
    assert seen == 5_000
    goal.note(f"{kind}: list of 50, unscoped", bare * 1e6, "µs", "")
    goal.note(f"{kind}: list of 50, scoped", scoped * 1e6, "µs", "")
    if kind == "sqlite":
        goal.at_most(f"{kind}: more for the scope", (scoped / bare - 1) * 100, 15, "%")
    else:
        goal.at_most(f"{kind}: more for the scope", (scoped - bare) * 1e6, 150, "µs")
    goal.at_most(f"{kind}: count over 100,000 with shares", counted * 1e3, 10, "ms")


@pytest.mark.goal("bench-crypt")
def test_sealed_values_of_a_page_open_at_once(database: Database, goal: Goal) -> None:
    """B6: fifty rows with three sealed fields each: opening them, keys warm and keys cold."""
    with database.store(SYSTEM) as store:
        values = {"emails": [{"value": "a@x.cz"}], "phones": [{"e164": "+420777"}], "note": "n" * 60}
        ids = [add_contact(store, f"n{n}", **values).id for n in range(50)]
    table: Any = Contact.__table__
    with database.store(SYSTEM, readonly=True) as store:
        blobs = store.rows(select(table.c.id, table.c.id, table.c.sealed_data).where(table.c.id.in_(ids)))

        def cold() -> None:
            store.keys.forget(ids)
            store.open_sealed("contact", blobs)

        warm = min(_median(lambda: store.open_sealed("contact", blobs), 100) for _ in range(3))
        chilled = min(_median(cold, 100) for _ in range(3))
    goal.at_most(f"{database.kind}: 50 rows of 3 sealed fields, keys warm", warm * 1e3, 0.25, "ms")
    goal.at_most(f"{database.kind}: the same, keys cold, key store asked", chilled * 1e3, 0.5, "ms")


@pytest.mark.goal("bench-audit")
def test_audit_costs_writers_little(database: Database, goal: Goal, monkeypatch: pytest.MonkeyPatch) -> None:
    """C4: eight writers, one row a transaction, with and without its entry, in turns."""
    rates: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(3):
        for audited in (True, False):
            monkeypatch.setattr(Tag, "__audited__", audited)
            rates[audited].append(_writes(database))
    cost = (1 - max(rates[True]) / max(rates[False])) * 100
    goal.note(f"{database.kind}: transactions with audit", max(rates[True]), "/s", "")
    goal.note(f"{database.kind}: transactions without", max(rates[False]), "/s", "")
    goal.at_most(f"{database.kind}: throughput lost to the audit, one row a transaction", cost, 10, "%")


def _writes(database: Database, writers: int = 8, each: int = 60) -> float:
    def write() -> None:
        for _ in range(each):
            with database.store(SYSTEM) as store:
                _add_tag(store)

    threads = [threading.Thread(target=write) for _ in range(writers)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return writers * each / (time.perf_counter() - started)


def _add_tag(store: Store) -> None:
    name = new_id().hex
    store.add(Tag(name=name, folded=name))
