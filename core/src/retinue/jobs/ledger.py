"""Every change of a job's row, in the order of its life. Nothing here begins or ends a transaction.

The statements are built once: building one costs more than SQLite needs to run it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final, Protocol
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Connection, Row, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite

from retinue.jobs.models import PARKED, RUNNING, WAITING, job
from retinue.storage.ids import new_id


class Caller(Protocol):
    """Who can put a wake-up call into a transaction."""

    def put(self, connection: Connection, row: Any, delay: float = 0.0) -> None:
        """Put a call for the job `row` into the transaction."""


_CALL: Final = (job.c.id, job.c.run, job.c.queue, job.c.name, job.c.payload_version)
_FREE: Final[dict[str, Any]] = {"claim": None, "executor": None, "lease_until": None}
_OF_CALL: Final = (job.c.id == bindparam("of_id"), job.c.run == bindparam("of_run"))
_OF_CLAIM: Final = (job.c.id == bindparam("of_id"), job.c.claim == bindparam("of_claim"))
_OPEN: Final = job.c.state.in_((WAITING, RUNNING))


def now() -> datetime:
    """Return this machine's time, aware."""
    return datetime.now(UTC)


@cache
def _insert(dialect: str) -> Any:
    insert = sqlite.insert if dialect == "sqlite" else postgresql.insert
    given: dict[str, Any] = {name: bindparam(name) for name in _GIVEN}
    statement = insert(job).values(state=WAITING, run=1, **given)
    return statement.on_conflict_do_nothing(index_elements=["name", "key"]).returning(*_CALL)


_GIVEN: Final = (
    *("id", "name", "key", "plugin", "queue", "payload", "payload_version"),
    *("actor_kind", "actor_id", "schedule", "created_at", "due_at"),
)


def insert_job(connection: Connection, values: dict[str, Any], delay: float) -> tuple[UUID, Row[Any] | None]:
    """Insert a job; returns its id and its row, or the id of the job that has this name and key, and None."""
    moment = now()
    job_id = new_id()
    given: dict[str, Any] = {
        "id": job_id,
        "key": str(job_id),
        "actor_kind": None,
        "actor_id": None,
        "schedule": None,
    }
    given |= {"created_at": moment, "due_at": moment + timedelta(seconds=delay)} | values
    inserted = connection.execute(_insert(connection.dialect.name), given).one_or_none()
    if inserted is not None:
        return job_id, inserted
    same = (job.c.name == given["name"]) & (job.c.key == given["key"])
    existing: UUID = connection.execute(select(job.c.id).where(same)).scalar_one()
    return existing, None


_CLAIM: Final = (
    update(job)
    .where(*_OF_CALL, _OPEN)
    .values(
        state=RUNNING,
        claim=bindparam("new_claim"),
        executor=bindparam("by"),
        lease_until=bindparam("until"),
        started_at=bindparam("moment"),
    )
    .returning(
        *(job.c.id, job.c.name, job.c.key, job.c.plugin, job.c.run, job.c.claim, job.c.payload),
        *(job.c.payload_version, job.c.actor_kind, job.c.actor_id, job.c.attempts, job.c.losses),
        *(job.c.cursor, job.c.stop_requested),
    )
)


def claim_job(
    connection: Connection, call: tuple[UUID, int], executor: str, seconds: float
) -> Row[Any] | None:
    """Take the job for `seconds`; None if this call is out of date. Whoever had it before is fenced off."""
    moment = now()
    given = {"of_id": call[0], "of_run": call[1], "new_claim": uuid4(), "by": executor}
    given |= {"until": moment + timedelta(seconds=seconds), "moment": moment}
    return connection.execute(_CLAIM, given).one_or_none()


_STEP: Final = (
    update(job)
    .where(*_OF_CLAIM)
    .values(
        lease_until=bindparam("until"),
        attempts=0,
        losses=0,
        cursor=bindparam("reached", type_=job.c.cursor.type),
    )
    .returning(job.c.stop_requested)
)


def write_step(
    connection: Connection, row: Row[Any], state: Any, *, seconds: float, noted: dict[str, Any]
) -> bool | None:
    """Note a step's state beside its effects; returns whether to stop, None if the claim is lost."""
    until = now() + timedelta(seconds=seconds)
    given = {"of_id": row.id, "of_claim": row.claim, "reached": state, "until": until}
    statement = _STEP.values(noted) if noted else _STEP
    return connection.execute(statement, given).scalar_one_or_none()


_FINISH: Final = (
    update(job)
    .where(*_OF_CLAIM)
    .values(state=bindparam("to_state"), finished_at=bindparam("moment"), **_FREE)
)


def finish_job(connection: Connection, row: Row[Any], state: str, values: dict[str, Any]) -> bool:
    """End the job (done, dead, stopped); returns False if the claim is lost, so that nothing may be kept."""
    given = {"of_id": row.id, "of_claim": row.claim, "to_state": state, "moment": now()}
    statement = _FINISH.values(values) if values else _FINISH
    return connection.execute(statement, given).rowcount == 1


def call_again(
    connection: Connection,
    caller: Caller,
    which: Sequence[ColumnElement[bool]],
    values: Mapping[str, Any] | None = None,
    *,
    delay: float = 0.0,
) -> int:
    """Make the jobs that match wait for a new call and put it in; returns how many matched."""
    due = now() + timedelta(seconds=delay)
    fresh = {"state": WAITING, "run": job.c.run + 1, "due_at": due, "parked_at": None, "finished_at": None}
    statement = update(job).where(*which).values({**fresh, **_FREE, **(values or {})}).returning(*_CALL)
    rows = connection.execute(statement).all()
    for row in rows:
        caller.put(connection, row, delay)
    return len(rows)


def park_job(connection: Connection, job_id: UUID, run: int) -> bool:
    """Set a job aside that nobody here can run; it stays visible and loses nothing."""
    statement = (
        update(job).where(*_OF_CALL, _OPEN).values(state=PARKED, parked_at=bindparam("moment"), **_FREE)
    )
    return connection.execute(statement, {"of_id": job_id, "of_run": run, "moment": now()}).rowcount == 1
