"""Running a handler at once, in the caller's transaction: for unit tests of handlers and nothing else."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from retinue.jobs.checks import check_payload
from retinue.jobs.settings import JobSettings
from retinue.jobs.spec import DONE, BatchJob, JobSpec, wants_job
from retinue.storage.ids import new_id


class InlineJob:
    """The `RunningJob` of a handler that is run inline; `noted` holds its last progress."""

    def __init__(self, spec: JobSpec, key: str) -> None:
        self.id: UUID = new_id()
        self.name, self.plugin, self.key = spec.name, spec.plugin, key
        self.attempt, self.payload_version = 1, spec.payload_version
        self.actor: tuple[str, UUID | None] | None = None
        self.stopping = False
        self.noted: tuple[int, int | None, str] | None = None

    def progress(self, done: int, total: int | None = None, message: str = "") -> None:
        """Note how far it is."""
        self.noted = (done, total, message)


def run_inline(spec: JobSpec, store: Any, payload: dict[str, Any], *, key: str = "inline") -> InlineJob:
    """Run the job's handler on `store`, a batch job step by step to its end. Errors reach the caller."""
    payload = check_payload(payload, JobSettings().payload_limit)
    job = InlineJob(spec, key)
    extra = (job,) if wants_job(spec) else ()
    if not isinstance(spec.handler, BatchJob):
        spec.handler(store, payload, *extra)
        return job
    state: Any = None
    while state is not DONE:
        state = spec.handler.step(store, payload, state, *extra)
    return job
