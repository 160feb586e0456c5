"""A worker in a process of its own, and the jobs it knows. The tests load this file too."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, create_engine, func, select

from retinue.jobs import DONE, BatchJob, Jobs, JobSettings, JobSpec, Registry

QUICK = JobSettings(tick=0.1, beat=0.5, sweep=0.3, dead_after=3.0)
tables = MetaData()
# No unique constraint: a doubled effect must be able to show itself.
effect = Table(
    "effect",
    tables,
    Column("id", Integer, primary_key=True),
    Column("job", Integer, nullable=False),
    Column("step", Integer, nullable=False),
    Column("executor", String(100)),
)


def note_effect(store: Connection, payload: dict[str, Any], job: Any) -> None:
    store.execute(
        effect.insert().values(job=payload["n"], step=payload.get("step", 0), executor=str(os.getpid()))
    )


def sleep_long(store: Connection, payload: dict[str, Any], job: Any) -> None:
    time.sleep(payload["seconds"])
    note_effect(store, payload, job)


def kill_process(store: Connection, payload: dict[str, Any]) -> None:
    os.kill(os.getpid(), 9)


class ThreeSteps(BatchJob):
    def step(self, store: Connection, payload: dict[str, Any], state: Any, job: Any) -> Any:
        step = state or 0
        note_effect(store, {"n": payload["n"], "step": step}, job)
        job.progress(step + 1, 3)
        return DONE if step == 2 else step + 1


class ManySteps(BatchJob):
    def step(self, store: Connection, payload: dict[str, Any], state: Any, job: Any) -> Any:
        row = state or 0
        note_effect(store, {"n": payload["n"], "step": row}, job)
        job.progress(row + 1, payload["rows"], "rows")
        time.sleep(payload.get("seconds", 0.0))
        return row + 1 if row + 1 < payload["rows"] else DONE


def registry() -> Registry:
    one = JobSpec(name="demo.note_effect", handler=note_effect, plugin="demo")
    three = JobSpec(name="demo.take_steps", handler=ThreeSteps(), plugin="demo")
    many = JobSpec(name="demo.import_rows", handler=ManySteps(), plugin="demo", queue="long")
    slow = JobSpec(name="demo.sleep_long", handler=sleep_long, plugin="demo", queue="long")
    fatal = JobSpec(name="demo.kill_process", handler=kill_process, plugin="demo")
    return Registry([one, three, many, slow, fatal])


SQLITE = {"isolation_level": "IMMEDIATE", "timeout": 30}


def stores(jobs: Jobs) -> Any:
    """Return an `open_store` whose stores are connections of an engine apart from the room's own."""
    engine = create_engine(jobs.url, connect_args=SQLITE if str(jobs.url).startswith("sqlite") else {})

    @contextmanager
    def open_store(_job: Any) -> Iterator[Connection]:
        with engine.begin() as connection:
            yield connection

    open_store.engine = engine  # type: ignore[attr-defined]
    return open_store


def count_effects(jobs: Jobs) -> tuple[int, int]:
    """Return how many effects there are, and how many different ones."""
    with jobs.engine.connect() as connection:
        pairs = connection.execute(
            select(effect.c.job, effect.c.step, func.count()).group_by(effect.c.job, effect.c.step)
        ).all()
    return sum(row[2] for row in pairs), len(pairs)


def main() -> None:
    from retinue.jobs.worker import Worker

    jobs = Jobs(sys.argv[1], registry(), QUICK)
    Worker(jobs, stores(jobs), lambda store: store).run()


if __name__ == "__main__":
    main()
