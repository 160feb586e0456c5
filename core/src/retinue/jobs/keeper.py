"""What must happen again and again beside the work: beat, sweep, cron tick. Any worker may do all of it.

Each deed is a compare-and-set, so it does not matter how many workers try it at a time.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects import postgresql, sqlite

from retinue.jobs.cron import last_before, next_after
from retinue.jobs.engine import Call
from retinue.jobs.ledger import call_again, now
from retinue.jobs.models import RUNNING, WAITING, job, job_executor, job_schedule
from retinue.jobs.places import clock, split_places
from retinue.jobs.port import Jobs
from retinue.jobs.spec import Schedule

GRACE_SECONDS: Final = 60.0
"""How late a scheduled run may be without counting as missed."""
_LOOK_BACK: Final = timedelta(seconds=60)
_FORGET_AFTER: Final = timedelta(hours=24)
_log: Final = logging.getLogger(__name__)


def sweep(jobs: Jobs) -> int:
    """Give the work of dead executors and expired leases to the living; returns how many jobs that were.

    Also lets parked jobs run whose plugin is here, and calls again for jobs whose call got lost.
    """
    with jobs.engine.begin() as connection:
        _living, dead = split_places(connection, jobs.settings.dead_after)
        moved = take_from(connection, jobs, dead)
        moved += _expired(connection, jobs)
        moved += jobs.release_parked(connection)
    moved += drop_calls(jobs, dead)
    return moved + _call_forgotten(jobs)


def take_from(connection: Connection, jobs: Jobs, executors: list[str]) -> int:
    """Let the jobs that these executors were running wait for somebody else."""
    if not executors:
        return 0
    which = (job.c.state == RUNNING, job.c.executor.in_(executors))
    return call_again(connection, jobs.switchboard, which, {"losses": job.c.losses + 1})


def drop_calls(jobs: Jobs, executors: list[str]) -> int:
    """Take back the calls these executors held and had not begun; their jobs get new ones."""
    held = jobs.switchboard.held_by(executors)
    moved = _call_all(jobs, {call for text in held if (call := Call.parse(text))})
    jobs.switchboard.drop(held)
    return moved


def _call_all(jobs: Jobs, calls: set[Call]) -> int:
    """Put new calls in place of these, for the jobs that still wait for them."""
    moved = 0
    for run in {call.run for call in calls}:
        ids = [call.job_id for call in calls if call.run == run]
        with jobs.engine.begin() as connection:
            which = (job.c.id.in_(ids), job.c.run == run, job.c.state == WAITING)
            moved += call_again(connection, jobs.switchboard, which)
    return moved


def _expired(connection: Connection, jobs: Jobs) -> int:
    """Take jobs from executors that hold them beyond the lease; the fence keeps the late ones out."""
    which = (job.c.state == RUNNING, job.c.lease_until < now())
    note = {"error_type": "LeaseExpired", "error_trace": None, "losses": job.c.losses + 1}
    return call_again(connection, jobs.switchboard, which, note)


def _call_forgotten(jobs: Jobs) -> int:
    """Call again for jobs that have been due for a while and that the engine knows nothing of."""
    due = select(job.c.id, job.c.run).where(job.c.state == WAITING, job.c.due_at < now() - _LOOK_BACK)
    with jobs.engine.connect() as connection:
        calls = [Call(*row) for row in connection.execute(due.order_by(job.c.due_at).limit(200))]
    return _call_all(jobs, set(calls) - jobs.switchboard.known(calls)) if calls else 0


def forget(jobs: Jobs) -> None:
    """Delete what the engine and the places keep of the day before yesterday; the jobs' own rows stay."""
    while jobs.switchboard.forget(now() - _FORGET_AFTER) >= 500:
        pass
    with jobs.engine.begin() as connection:
        gone = job_executor.c.stopped_at < clock(connection) - timedelta(days=7)
        connection.execute(job_executor.delete().where(gone))


def tick(jobs: Jobs, moment: datetime | None = None) -> int:
    """Start every schedule that is due; returns how many jobs that were."""
    started = 0
    with jobs.engine.begin() as connection:
        moment = moment or clock(connection)
        rows = {row.name: row for row in connection.execute(select(job_schedule))}
    for schedule in jobs.registry.schedules.values():
        row = rows.get(schedule.name)
        if row is None or row.rule != schedule.rule:
            with jobs.engine.begin() as connection:
                _plan(connection, schedule, moment)
        elif row.next_at <= moment:
            with jobs.engine.begin() as connection:
                started += _start(connection, jobs, schedule, (row.next_at, moment))
    return started


def _plan(connection: Connection, schedule: Schedule, moment: datetime) -> None:
    """Work out the first time of a schedule that is new or has a new rule."""
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    values = {"rule": schedule.rule, "next_at": next_after(schedule.cron, schedule.zone, moment)}
    statement = insert(job_schedule).values(name=schedule.name, **values)
    changed = job_schedule.c.rule != schedule.rule
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values, where=changed))


def _start(connection: Connection, jobs: Jobs, schedule: Schedule, times: tuple[datetime, datetime]) -> int:
    """Move the schedule on and enqueue its job; 0 if another worker did, or the run is skipped."""
    due, moment = times
    following = next_after(schedule.cron, schedule.zone, moment)
    mine = (job_schedule.c.name == schedule.name, job_schedule.c.next_at == due)
    moved = update(job_schedule).where(*mine).values(next_at=following, last_at=moment)
    if not connection.execute(moved).rowcount:
        return 0
    latest = last_before(schedule.cron, schedule.zone, due, moment)
    if schedule.missed == "skip" and (moment - latest).total_seconds() > GRACE_SECONDS:
        _log.warning("schedule %s was missed and is skipped until %s", schedule.name, following.isoformat())
        return 0
    key = f"{schedule.name} {latest.isoformat()}"
    jobs.enqueue(connection, schedule.job, dict(schedule.payload), key=key, schedule=schedule.name)
    return 1
