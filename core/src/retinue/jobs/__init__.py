"""Work after commit: enqueued in the caller's transaction, run once, by any worker that lives."""

from __future__ import annotations

from retinue.jobs.inline import run_inline
from retinue.jobs.port import Jobs
from retinue.jobs.service import JobInfo, count_jobs, list_jobs, show_job
from retinue.jobs.settings import JobSettings
from retinue.jobs.spec import DONE, BatchJob, GiveUp, JobSpec, Registry, RunningJob, Schedule, StopJob

__all__ = [
    "DONE",
    "BatchJob",
    "GiveUp",
    "JobInfo",
    "JobSettings",
    "JobSpec",
    "Jobs",
    "Registry",
    "RunningJob",
    "Schedule",
    "StopJob",
    "count_jobs",
    "list_jobs",
    "run_inline",
    "show_job",
]
