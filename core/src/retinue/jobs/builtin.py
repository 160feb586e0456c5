"""Core's own jobs: finished jobs do not stay for ever."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Connection, delete, or_, select

from retinue.jobs.ledger import now
from retinue.jobs.models import DONE_STATE, FINISHED, job
from retinue.jobs.spec import DONE, BatchJob, JobSpec, RunningJob, Schedule

BATCH: Final = 1000
_EVERY_HOURS: Final = 6


class PurgeJobs(BatchJob):
    """Delete jobs that finished more than the payload's `hours` ago, a batch per transaction.

    Runs of schedules that went well go after a day: nobody asks for last week's minutes.
    """

    def step(self, store: Connection, payload: dict[str, Any], state: Any, job_: RunningJob) -> Any:
        """Delete the next batch; the state is how many are gone."""
        limit, day = now() - timedelta(hours=int(payload["hours"])), now() - timedelta(days=1)
        routine = job.c.schedule.is_not(None) & (job.c.state == DONE_STATE) & (job.c.finished_at < day)
        old = (
            select(job.c.id)
            .where(job.c.state.in_(FINISHED), or_(job.c.finished_at < limit, routine))
            .limit(BATCH)
        )
        gone = store.execute(delete(job).where(job.c.id.in_(old.scalar_subquery()))).rowcount
        total = int(state or 0) + gone
        job_.progress(total)
        return total if gone == BATCH else DONE


def built_in_jobs() -> tuple[JobSpec, ...]:
    """Return core's own jobs."""
    return (
        JobSpec(name="retinue.purge_jobs", handler=PurgeJobs(), plugin="retinue", timeout=60.0, inside=True),
    )


def built_in_schedules(retention_days: int) -> tuple[Schedule, ...]:
    """Return core's own schedules; the purge comes often enough that no job outlives `retention_days`."""
    return (
        Schedule(
            name="retinue.purge_jobs",
            job="retinue.purge_jobs",
            cron=f"40 */{_EVERY_HOURS} * * *",
            missed="run_once",
            payload={"hours": retention_days * 24 - _EVERY_HOURS - 1},
        ),
    )
