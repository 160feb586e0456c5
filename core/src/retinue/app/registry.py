"""From what plugins contribute to the jobs and schedules that workers know."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from retinue.app.chores import core_jobs, core_schedules
from retinue.jobs import BatchJob, JobSpec, Registry
from retinue.jobs import Schedule as JobSchedule
from retinue.plugins import Job, PluginSet, Schedule


def make_registry(plugins: PluginSet, *, pin: Any) -> Registry:
    """Return core's jobs and those of `plugins`; a job runs with the house of `pin`, whatever is swapped meanwhile."""
    jobs, schedules = [replace(spec, pin=pin) for spec in core_jobs()], list(core_schedules())
    for owned in plugins.declared(Job):
        item: Job = owned.item
        jobs.append(
            JobSpec(
                name=item.name,
                handler=_handler(plugins.resolve(owned.plugin, item.run)),
                plugin=owned.plugin,
                retries=item.retries,
                timeout=item.timeout,
                queue=item.queue,
                payload_version=item.payload_version,
                pin=pin,
            )
        )
    for planned in plugins.declared(Schedule):
        it: Schedule = planned.item
        schedules.append(
            JobSchedule(
                name=it.name, job=it.job, cron=it.cron, zone=it.zone, missed=it.missed, payload=it.payload
            )
        )
    return Registry(jobs, schedules)


def _handler(found: Any) -> Any:
    return found() if isinstance(found, type) and issubclass(found, BatchJob) else found
