"""Every change of a job's row, in the order of its life. Nothing here begins or ends a transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Connection, Row, select, update
from sqlalchemy.dialects import postgresql, sqlite

from retinue.jobs.models import PARKED, RUNNING, WAITING, job
from retinue.storage.ids import new_id


class Caller(Protocol):
    """Who can put a wake-up call into a transaction."""

    def put(self, connection: Connection, call: Any, row: Any, delay: float = 0.0) -> None:
        """Put a call for the job `row` into the transaction."""


_CALL = (job.c.id, job.c.run, job.c.queue, job.c.name, job.c.payload_version)
_FREE: dict[str, Any] = {"claim": None, "executor": None, "lease_until": None}


def now() -> datetime:
    """Return this machine's time, aware."""
    return datetime.now(UTC)


def insert_job(connection: Connection, values: dict[str, Any]) -> tuple[UUID, Row[Any] | None]:
    """Insert a job; returns its id and its row, or the id of the job that has this name and key, and None."""
    moment = now()
    job_id = new_id()
    row = {
        "id": job_id,
        "key": str(job_id),
        "state": WAITING,
        "run": 1,
        "created_at": moment,
        "due_at": moment + timedelta(seconds=values.pop("delay", 0.0)),
        **values,
    }
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = insert(job).values(row).on_conflict_do_nothing(index_elements=["name", "key"]).returning(*_CALL)
    inserted = connection.execute(statement).one_or_none()
    if inserted is not None:
        return job_id, inserted
    same = (job.c.name == row["name"]) & (job.c.key == row["key"])
    existing: UUID = connection.execute(select(job.c.id).where(same)).scalar_one()
    return existing, None


def claim_job(connection: Connection, job_id: UUID, run: int, executor: str, seconds: float) -> Row[Any] | None:
    """Take the job for `seconds`; None if this call is out of date. Whoever had it before is fenced off."""
    moment = now()
    statement = (
        update(job)
        .where(job.c.id == job_id, job.c.run == run, job.c.state.in_((WAITING, RUNNING)))
        .values(
            state=RUNNING,
            claim=uuid4(),
            executor=executor,
            lease_until=moment + timedelta(seconds=seconds),
            started_at=moment,
            parked_at=None,
        )
        .returning(*job.c)
    )
    return connection.execute(statement).one_or_none()


def write_step(connection: Connection, row: Row[Any], seconds: float, values: dict[str, Any]) -> bool | None:
    """Note a step's state beside its effects; returns whether a stop was asked for, None if the claim is lost."""
    statement = (
        update(job)
        .where(job.c.id == row.id, job.c.claim == row.claim)
        .values(lease_until=now() + timedelta(seconds=seconds), attempts=0, losses=0, **values)
        .returning(job.c.stop_requested)
    )
    return connection.execute(statement).scalar_one_or_none()


def finish_job(connection: Connection, row: Row[Any], state: str, values: dict[str, Any]) -> bool:
    """End the job (done, dead, stopped); returns False if the claim is lost, so that nothing may be kept."""
    statement = (
        update(job)
        .where(job.c.id == row.id, job.c.claim == row.claim)
        .values(state=state, finished_at=now(), **_FREE, **values)
    )
    return connection.execute(statement).rowcount == 1


def call_again(
    connection: Connection, caller: Caller, which: Sequence[ColumnElement[bool]], *, delay: float = 0.0, **values: Any
) -> int:
    """Make the jobs that match wait for a new call and put it in; returns how many matched."""
    due = now() + timedelta(seconds=delay)
    fresh = {"state": WAITING, "run": job.c.run + 1, "due_at": due, "parked_at": None, "finished_at": None}
    statement = update(job).where(*which).values({**fresh, **_FREE, **values}).returning(*_CALL)
    rows = connection.execute(statement).all()
    for row in rows:
        caller.put(connection, (row.id, row.run), row, delay)
    return len(rows)


def park_job(connection: Connection, job_id: UUID, run: int) -> bool:
    """Set a job aside that nobody here can run; it stays visible and loses nothing."""
    statement = (
        update(job)
        .where(job.c.id == job_id, job.c.run == run, job.c.state.in_((WAITING, RUNNING)))
        .values(state=PARKED, parked_at=now(), **_FREE)
    )
    return connection.execute(statement).rowcount == 1

