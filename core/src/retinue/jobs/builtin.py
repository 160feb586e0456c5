"""Core's own jobs: finished jobs do not stay for ever."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, delete, select
from datetime import timedelta

from retinue.jobs.ledger import now
from retinue.jobs.models import FINISHED, job
from retinue.jobs.spec import DONE, BatchJob, JobSpec, RunningJob, Schedule

BATCH: Final = 1000


class PurgeJobs(BatchJob):
    """Delete finished jobs older than the payload's `days`, a batch per transaction."""

    def step(self, store: Connection, payload: dict[str, Any], state: Any, job_: RunningJob) -> Any:
        """Delete the next batch; the state is how many are gone."""
        limit = now() - timedelta(days=int(payload["days"]))
        old = select(job.c.id).where(job.c.state.in_(FINISHED), job.c.finished_at < limit).limit(BATCH)
        gone = store.execute(delete(job).where(job.c.id.in_(old.scalar_subquery()))).rowcount
        total = int(state or 0) + gone
        job_.progress(total)
        return total if gone == BATCH else DONE


BUILT_IN_JOBS: Final = (
    JobSpec(name="core.purge_jobs", handler=PurgeJobs(), plugin="core", timeout=60.0, inside=True),
)
BUILT_IN_SCHEDULES: Final = (
    Schedule(name="core.purge_jobs", job="core.purge_jobs", cron="40 3 * * *", missed="run_once", payload={"days": 30}),
)
