"""The figures of loyalty, through its service on SQLite: earning, a large member's balance, replay of the ledger."""

import os
import time
from datetime import UTC, datetime, timedelta
from statistics import median

import pytest
from bench_kit import Figures

from retinue import new_id
from retinue.actor import Actor
from retinue.contacts import create_contacts
from retinue.testing.house import Crm
from retinue_loyalty import members, programmes, service, verifying
from retinue_loyalty.accounts import find_accounts
from retinue_loyalty.models import Entry, Lot, Transaction

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.parametrize("config", ["sqlite"], indirect=True),
]
ENTRIES = int(os.environ.get("RETINUE_BENCH_ENTRIES", "1000000"))
BATCH = 1000
DAY = datetime(2026, 1, 1, tzinfo=UTC)
RULES = {
    "earn": {"points": 1, "per_minor": 100, "expires": {"months": 24}},
    "tiers": {"window": {"months": 12}, "levels": [{"key": "silver", "threshold": 100}]},
}


def _open(crm: Crm, count: int) -> tuple:
    """Turn the plugin on and return a programme and `count` contacts."""
    crm.house.enable(Actor.system("bench"), "loyalty")
    with crm.store() as store:
        draft = {"key": "club", "name": "Club", "currency": "EUR", "state": "active", "rules": RULES}
        programme = programmes.create_programme(store, draft)["id"]
        people = [{"given_name": f"G{n}", "family_name": f"F{n}"} for n in range(count)]
        return programme, list(create_contacts(store, people, on_duplicate="allow").ids)


def _drafts(ids: list, start: int, count: int) -> list:
    return [
        {
            "contact_id": ids[n % len(ids)],
            "points": 10,
            "key": f"k{n}",
            "at": DAY + timedelta(seconds=n),
        }
        for n in range(start, start + count)
    ]


def test_earning(crm: Crm, figures: Figures) -> None:
    """At least 2,000 earns a second in batches of 1,000 and 300 singly, each single one in its own transaction."""
    programme, ids = _open(crm, 500)
    with crm.store() as store:  # the members' first points open their accounts
        service.earn_points(store, programme, _drafts(ids, 0, 500))
    cpu, started = time.process_time(), time.perf_counter()
    for batch in range(5):
        with crm.store() as store:
            service.earn_points(store, programme, _drafts(ids, 1000 + batch * BATCH, BATCH))
    by_clock, by_cpu = (
        5 * BATCH / (time.perf_counter() - started),
        5 * BATCH / (time.process_time() - cpu),
    )
    held = figures.add("loyalty: earns in batches", by_clock, 2000, "earns/s")
    figures.note("loyalty: earns in batches, by CPU time", by_cpu, "earns/s", "")
    cpu, started = time.process_time(), time.perf_counter()
    for n in range(400):
        with crm.store() as store:
            service.earn_points(store, programme, _drafts(ids, 10_000 + n, 1))
    by_clock, by_cpu = (400 / (time.perf_counter() - started), 400 / (time.process_time() - cpu))
    held &= figures.add("loyalty: single earns", by_clock, 300, "earns/s")
    figures.note("loyalty: single earns, by CPU time", by_cpu, "earns/s", "")
    assert held


def test_balance_and_replay(crm: Crm, figures: Figures) -> None:
    """The balance of a member with 10,000 entries under 2 ms; a ledger of 1,000,000 entries replayed within 60 s."""
    programme, ids = _open(crm, 200)
    with crm.store() as store:
        service.earn_points(store, programme, _drafts(ids, 0, 200))
        service.earn_points(store, programme, _drafts(ids[:1], 1000, 5000))
    with crm.store(readonly=True) as store:
        account = find_accounts(store, programme, ids[:1])[ids[0]]
        taken, cpu = [], time.process_time()
        for _ in range(50):
            started = time.perf_counter()
            assert members.balance_of(store, [account], store.now)["balance"] == 50010
            taken.append((time.perf_counter() - started) * 1000)
    figures.note("loyalty: balance, by CPU time", (time.process_time() - cpu) * 20, "ms", "")
    held = figures.add("loyalty: balance of 10,000 entries, median", median(taken), 2, "ms", most=True)
    _fill(crm, programme, ids)
    with crm.store(readonly=True) as store:
        proof = verifying.verify_ledger(store)
    assert proof.good, proof.breaches
    figures.note("loyalty: entries replayed", float(proof.entries), "entries", "")
    held &= figures.add(
        "loyalty: replay of 1,000,000 entries", proof.seconds * 1e6 / proof.entries, 60, "s", most=True
    )
    assert held


def _fill(crm: Crm, programme: object, ids: list) -> None:
    """Write earnings straight into the ledger until it has ENTRIES entries: the replay is measured, not this."""
    with crm.store(readonly=True) as store:
        accounts = list(find_accounts(store, programme, ids).values())
    for start in range(0, ENTRIES // 2, 20_000):
        rows = range(start, min(start + 20_000, ENTRIES // 2))
        transactions = [
            {
                "id": new_id(), "programme_id": programme, "account_id": accounts[n % len(accounts)], "kind": "earn",
                "key": f"fill-{n}", "source_ref": "", "points": 5, "occurred_at": DAY, "recorded_at": DAY,
                "reverses_id": None, "fingerprint": "", "detail": None,
            }
            for n in rows
        ]  # fmt: skip
        lots = [
            {
                "account_id": row["account_id"], "transaction_id": row["id"], "earned_at": DAY, "available_at": DAY,
                "expires_at": None, "original": 5, "remaining": 5, "state": "available",
            }
            for row in transactions
        ]  # fmt: skip
        entries = [
            {"transaction_id": row["id"], "account_id": row["account_id"], "bucket": bucket, "amount": amount}
            for row in transactions
            for bucket, amount in (("member:available", 5), ("programme:issued", -5))
        ]
        with crm.store() as store:
            store.insert_many(Transaction, transactions)
            store.insert_many(Lot, lots)
            store.insert_many(Entry, entries)
