"""The figures of gdpr, through its services on SQLite: the copy and the erasure of a large person, a dry run over many."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from bench_kit import Figures

from retinue.actor import Actor
from retinue.contacts import create_contacts
from retinue.interactions import record_interactions
from retinue.testing.house import Crm
from retinue_gdpr import copying, erasing, retention

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.parametrize("config", ["sqlite"], indirect=True),
]
ROWS, MANY, BATCH = 10_000, 100_000, 5000
DAY = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="session")
def plugins_on() -> tuple[str, ...]:
    """Every plugin that keeps rows of people."""
    return ("orders", "loyalty", "webhooks", "io", "gdpr")


def _people(crm: Crm, count: int) -> list:
    made: list = []
    for start in range(0, count, BATCH):
        with crm.store() as store:
            drafts = [{"given_name": f"G{n}"} for n in range(start, min(start + BATCH, count))]
            made += create_contacts(store, drafts, on_duplicate="allow").ids
    return made


def test_copy_and_erasure_of_a_person_with_10_000_rows(crm: Crm, figures: Figures) -> None:
    """GD-x6, GD-09: the copy in at most 10 s, the erasure in at most 1 s."""
    person, *_ = _people(crm, 1)
    for start in range(0, ROWS, BATCH):
        said = [
            {"contact_id": person, "kind": "call", "at": DAY + timedelta(minutes=n), "body": f"word {n}"}
            for n in range(start, start + BATCH)
        ]
        with crm.store() as store:
            record_interactions(store, said)
    started = time.perf_counter()
    with crm.store() as store:
        content = copying.build_copy(store, person)
    copied = figures.add("gdpr: copy of 10,000 rows", time.perf_counter() - started, 10, "s", most=True)
    assert len(content) > ROWS
    started = time.perf_counter()
    with crm.store() as store:
        manifest = erasing.erase_person(store, person, grounds="figures")
    erased = figures.add("gdpr: erasure of 10,000 rows", time.perf_counter() - started, 1, "s", most=True)
    assert manifest.tables["interaction"] == ROWS
    assert copied
    assert erased


def test_dry_run_of_retention_over_100_000_contacts(crm: Crm, figures: Figures) -> None:
    """GD-x14: whom a rule concerns among 100,000, in at most 10 s, though all of them are due."""
    _people(crm, MANY)
    with crm.store() as store:
        rule = retention.create_rule(
            store, {"key": "all", "name": "All", "anchor": "created_at", "months": 1, "action": "erase"}
        ).id
        later = store.now.date() + timedelta(days=60)
    started = time.perf_counter()
    with crm.store(Actor.system("bench"), readonly=True) as store:
        found = retention.preview_rule(store, rule, today=later)
    held = figures.add("gdpr: dry run over 100,000", time.perf_counter() - started, 10, "s", most=True)
    assert found["due"] == MANY
    assert held
