from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from retinue.actor import Actor
from retinue.jobs import DONE, BatchJob, Jobs, JobSpec, Registry
from retinue.jobs.models import metadata
from retinue.jobs.worker import Worker
from retinue.storage import AuditEntry, Database, MasterKeys

SYSTEM = Actor.system("test")


class Office:
    """A database with a store, and jobs that use its gate: what the house makes of the two rooms."""

    def __init__(self, bench: Any, tmp_path: Path) -> None:
        masters = MasterKeys.parse(MasterKeys.generate().render(), "test")
        self.database = Database.open(bench.url, f"sqlite:///{tmp_path / 'keys.db'}", masters)
        self.database.create_schema()
        self.handled: list[str] = []
        registry = Registry(
            [
                JobSpec(name="demo.record_deed", handler=self.record, plugin="demo"),
                JobSpec(name="demo.record_steps", handler=Steps(), plugin="demo"),
            ]
        )
        self.jobs = Jobs(bench.url, registry, bench.child.QUICK, gate=self.database.gate)

    def record(self, store: Any, payload: dict[str, Any], job: Any) -> None:
        store.record("demo.recorded", detail={"n": payload["n"]})
        if payload["n"] == 1:
            store.later("demo.record_deed", {"n": 2}, key="the second")
        self.handled.append(job.key)

    def store(self, _job: Any = None) -> Any:
        return self.database.store(SYSTEM, jobs=self.jobs)

    def worker(self) -> Worker:
        return Worker(self.jobs, self.store, lambda store: store.raw_connection())

    def recorded(self) -> list[int]:
        with self.database.store(SYSTEM, readonly=True) as store:
            entries = store.scalars(select(AuditEntry).where(AuditEntry.action == "demo.recorded"))
            return sorted(entry.detail["n"] for entry in entries)

    def close(self) -> None:
        self.jobs.close()
        self.database.close()


class Steps(BatchJob):
    def step(self, store: Any, payload: dict[str, Any], state: Any, job: Any) -> Any:
        reached = state or 0
        store.record("demo.recorded", detail={"n": reached})
        return DONE if reached == 4 else reached + 1


@pytest.fixture
def office(bench: Any, tmp_path: Path) -> Any:
    assert metadata.tables
    office = Office(bench, tmp_path)
    yield office
    office.close()


def enqueue_and_fail(office: Office) -> None:
    with office.store() as store:
        store.later("demo.record_deed", {"n": 0})
        raise KeyError


def test_job_of_a_store_runs_after_its_commit_and_in_a_store(bench: Any, office: Office) -> None:
    """JO-x1, through the store: rolled back, absent; committed, once; a job may enqueue the next."""
    with pytest.raises(KeyError):
        enqueue_and_fail(office)
    with office.store() as store:
        store.later("demo.record_deed", {"n": 1}, key="the first")
        store.later("demo.record_deed", {"n": 1}, key="the first")
    with office.worker():
        bench.wait(lambda: bench.counts()["done"] >= 2)
    assert office.recorded() == [1, 2]
    assert sorted(office.handled) == ["the first", "the second"]


def test_batch_job_writes_each_step_in_a_store_of_its_own(bench: Any, office: Office) -> None:
    with office.store() as store:
        job_id = store.later("demo.record_steps", {})
    with office.worker():
        bench.wait_state(job_id, "done")
    assert office.recorded() == [0, 1, 2, 3, 4]
