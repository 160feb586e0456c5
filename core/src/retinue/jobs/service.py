"""Reading jobs, for the command and the API. Who may read them is asked by whoever calls."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, func, select

from retinue.errors import Invalid, NotFound
from retinue.jobs.models import STATES, job
from retinue.storage import Store


@dataclass(frozen=True, slots=True)
class JobInfo:
    """One job as people see it: everything but the payload's meaning."""

    id: UUID
    name: str
    key: str
    plugin: str
    queue: str
    state: str
    payload: dict[str, Any]
    actor: tuple[str, UUID | None] | None
    attempts: int
    losses: int
    done: int
    total: int | None
    message: str
    result: Any
    stop_requested: bool
    error_type: str | None
    error_trace: str | None
    executor: str | None
    created_at: datetime
    due_at: datetime
    started_at: datetime | None
    lease_until: datetime | None
    parked_at: datetime | None
    finished_at: datetime | None


def _info(row: Row[Any]) -> JobInfo:
    same = {name: getattr(row, name) for name in JobInfo.__dataclass_fields__ if hasattr(row, name)}
    return JobInfo(
        **same,
        actor=(row.actor_kind, row.actor_id) if row.actor_kind else None,
        done=row.progress_done,
        total=row.progress_total,
        message=row.progress_message,
    )


def show_job(connection: Connection, job_id: UUID) -> JobInfo:
    """Return one job; raises NotFound."""
    row = connection.execute(select(job).where(job.c.id == job_id)).one_or_none()
    if row is None:
        raise NotFound(
            f"There is no job {job_id}.", remedy="Finished jobs are removed after the retention time."
        )
    return _info(row)


def list_jobs(
    where: Store | Connection,
    *,
    state: str | None = None,
    name: str | None = None,
    plugin: str | None = None,
    before: UUID | None = None,
    limit: int = 50,
) -> list[JobInfo]:
    """Return jobs, newest first; `before` is the last id of the page before.

    A store needs the permission ``job.read``; a bare connection is core's own, which has asked.
    """
    connection = _opened(where)
    if state is not None and state not in STATES:
        raise Invalid(f"There is no job state {state!r}.", remedy=f"States: {', '.join(STATES)}.")
    statement = select(job).order_by(job.c.id.desc()).limit(min(max(limit, 1), 1000))
    for column, wanted in ((job.c.state, state), (job.c.name, name), (job.c.plugin, plugin)):
        if wanted is not None:
            statement = statement.where(column == wanted)
    if before is not None:
        statement = statement.where(job.c.id < before)
    return [_info(row) for row in connection.execute(statement)]


def _opened(where: Store | Connection) -> Connection:
    if isinstance(where, Connection):
        return where
    where.require("job.read")
    return where.raw_connection()


def count_jobs(connection: Connection) -> dict[str, int]:
    """Return how many jobs are in each state."""
    grouped = select(job.c.state, func.count().label("number")).group_by(job.c.state)
    counted = {row.state: row.number for row in connection.execute(grouped)}
    return {state: counted.get(state, 0) for state in STATES}
