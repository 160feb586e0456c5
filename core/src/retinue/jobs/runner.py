"""Running one job: claim; handler and outcome in one transaction; done, another try, or a dead letter."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Row, select

from retinue.actor import as_plugin
from retinue.errors import describe_error
from retinue.jobs.ledger import call_again, claim_job, finish_job, park_job, write_step
from retinue.jobs.models import DEAD, DONE_STATE, RUNNING, STOPPED, WAITING, job
from retinue.jobs.port import Jobs
from retinue.jobs.spec import DONE, GiveUp, JobSpec, RunningJob, StopJob, wants_job

OpenStore = Callable[[RunningJob], AbstractContextManager[Any]]
ConnectionOf = Callable[[Any], Connection]
_log: Final = logging.getLogger(__name__)
_LOOK_SECONDS: Final = 1.0


class ClaimLost(Exception):
    """Somebody else has the job by now: the transaction must be undone."""


class Work:
    """A job at work: what its handler sees (`RunningJob`), and what the runner writes for it."""

    def __init__(self, row: Row[Any], spec: JobSpec, runner: Runner) -> None:
        self.row, self.spec, self._runner = row, spec, runner
        self.id: UUID = row.id
        self.name: str = row.name
        self.key: str = row.key
        self.plugin: str = row.plugin
        self.attempt: int = row.attempts + row.losses + 1
        self.payload_version: int = row.payload_version
        self.actor: tuple[str, UUID | None] | None = (
            (row.actor_kind, row.actor_id) if row.actor_kind else None
        )
        self.failures: int = row.attempts
        self.noted: dict[str, Any] = {}
        self.stop_asked = bool(row.stop_requested)
        self._looked = time.monotonic()

    def progress(self, done: int, total: int | None = None, message: str = "") -> None:
        """Note how far it is; written with the transaction that is open now."""
        self.noted = {"progress_done": done, "progress_total": total, "progress_message": message[:200]}

    @property
    def stopping(self) -> bool:
        """Say whether a person asked the job to stop or the worker closes; looks at most once a second."""
        if not self.stop_asked and time.monotonic() - self._looked > _LOOK_SECONDS:
            self._looked = time.monotonic()
            with self._runner.jobs.reader.connect() as connection:
                asked = select(job.c.stop_requested).where(job.c.id == self.id)
                self.stop_asked = bool(connection.execute(asked).scalar_one_or_none())
        return self.stop_asked or self._runner.closing.is_set()

    def arguments(self, *given: Any) -> tuple[Any, ...]:
        """Return what the handler is called with."""
        return (*given, self) if wants_job(self.spec) else given


class Runner:
    """Runs jobs for one executor. `open_store` opens the transaction of a job's handler as its actor."""

    def __init__(self, jobs: Jobs, executor: str, open_store: OpenStore, connection_of: ConnectionOf) -> None:
        self.jobs, self.executor = jobs, executor
        self.closing = threading.Event()
        self.peers = False  # whether another executor could take what waits here
        self._open, self._connection_of = open_store, connection_of
        self._slots = {
            "default": threading.BoundedSemaphore(jobs.settings.concurrency),
            "long": threading.BoundedSemaphore(64),  # the engine holds its number down
        }
        self._active: set[UUID] = set()
        self._lock = threading.Lock()
        self._left = 0.0

    @property
    def active(self) -> int:
        """Return how many jobs are at work or wait for a slot."""
        return len(self._active)

    def answer(self, name: str, version: int, job_id: UUID, run: int) -> None:
        """Answer one call. Never raises: what cannot be written now is found by the sweep."""
        with self._lock:
            self._active.add(job_id)
        try:
            self._answer(self.jobs.registry.jobs.get(name), version, job_id, run)
        except Exception as error:  # the engine would store the exception, and with it values of rows
            _log.error("job %s (%s) could not be handled: %s", job_id, name, type(error).__name__)
        finally:
            with self._lock:
                self._active.discard(job_id)

    def _answer(self, spec: JobSpec | None, version: int, job_id: UUID, run: int) -> None:
        if spec is None or version > spec.payload_version:
            with self.jobs.engine.begin() as connection:
                if park_job(connection, job_id, run):
                    _log.warning("job %s is parked: no enabled plugin of this process knows it", job_id)
            return
        if not self._take_slot(spec.queue):
            self.hand_back(job_id, run)
            return
        try:
            self._claim_and_work(job_id, run, spec)
        finally:
            self._slots[spec.queue].release()

    def _take_slot(self, queue: str) -> bool:
        """Wait for a slot; False if the worker closes, or others could do it while this one is full."""
        waited = 0.0
        while not self.closing.is_set():
            if self._slots[queue].acquire(timeout=0.5):
                if not self.closing.is_set():
                    return True
                self._slots[queue].release()
                return False
            waited += 0.5
            if waited >= 3.0 and self.peers:
                return False
        return False

    def hand_back(self, job_id: UUID, run: int) -> None:
        """Give a job that was not begun, or stands between two steps, to whoever comes next."""
        which = (job.c.id == job_id, job.c.run == run, job.c.state.in_((WAITING, RUNNING)))
        with self.jobs.engine.begin() as connection:
            call_again(connection, self.jobs.switchboard, which)

    def _claim_and_work(self, job_id: UUID, run: int, spec: JobSpec) -> None:
        with self.jobs.engine.begin() as connection:
            row = claim_job(connection, (job_id, run), self.executor, spec.timeout)
        if row is None:
            return
        work = Work(row, spec, self)
        try:
            if row.stop_requested:
                raise StopJob
            if row.losses > self.jobs.settings.losses:
                raise GiveUp(f"lost {row.losses} times to a crash or an expired lease")
            self._work(work)
        except ClaimLost:
            _log.warning(
                "job %s (%s) was given to another worker; its work here is undone", job_id, spec.name
            )
        except Exception as error:  # whatever a handler raises is a failed try, and nothing else
            if isinstance(error, StopJob) and (work.stop_asked or self.closing.is_set()):
                self._stopped(work)
            else:
                self._failed(work, error)

    def _work(self, work: Work) -> None:
        with as_plugin(None if work.spec.plugin == "retinue" else work.spec.plugin):
            self._handle(work)

    def _handle(self, work: Work) -> None:
        if not work.spec.in_steps:
            with self._transaction(work) as (store, connection):
                result = work.spec.handler(*work.arguments(store, work.row.payload))  # type: ignore[operator]  # not a BatchJob
                self._finish(connection, work, {"result": result} if isinstance(result, dict) else {})
            return
        state, running = work.row.cursor, True
        while running:
            with self._transaction(work) as (store, connection):
                state = work.spec.handler.step(*work.arguments(store, work.row.payload, state))  # type: ignore[union-attr]  # a BatchJob
                running = state is not DONE
                if not running:
                    self._finish(connection, work, {})
                    return
                asked = write_step(connection, work.row, state, seconds=work.spec.timeout, noted=work.noted)
                if asked is None:
                    raise ClaimLost
                work.failures = 0
                work.stop_asked = work.stop_asked or asked
            if work.stopping:
                raise StopJob
            self._let_others()

    def _let_others(self) -> None:
        """Leave an SQLite file to others between two steps.

        It has no queue: who waits looks again after up to 0.1 s, and would never find it free. Threads at the
        gate are quicker, and are let in after every step.
        """
        if self.jobs.engine.dialect.name == "sqlite":
            long = time.monotonic() - self._left > 1.0
            time.sleep(0.11 if long else 0.001)
            self._left = time.monotonic() if long else self._left

    def _finish(self, connection: Connection, work: Work, values: dict[str, Any]) -> None:
        if not finish_job(connection, work.row, DONE_STATE, {**work.noted, **values}):
            raise ClaimLost

    @contextmanager
    def _transaction(self, work: Work) -> Iterator[tuple[Any, Connection]]:
        """Open the store of one transaction, with the connection on which the outcome is written."""
        if work.spec.inside:
            with self.jobs.engine.begin() as connection:
                yield connection, connection
            return
        with self._open(work) as store:
            yield store, self._connection_of(store)

    def _stopped(self, work: Work) -> None:
        if not work.stop_asked:
            self.hand_back(work.id, work.row.run)
            return
        with self.jobs.engine.begin() as connection:
            finish_job(connection, work.row, STOPPED, {"run": job.c.run + 1})

    def _failed(self, work: Work, error: Exception) -> None:
        spec = work.spec
        limit = self.jobs.settings.retries if spec.retries is None else spec.retries
        attempts = work.failures + 1
        note: dict[str, Any] = {
            "attempts": attempts,
            "error_type": type(error).__name__[:200],
            "error_trace": describe_error(error),
        }
        with self.jobs.engine.begin() as connection:
            dead = attempts > limit or isinstance(error, GiveUp)
            if dead:
                kept = finish_job(connection, work.row, DEAD, {"run": job.c.run + 1, **note})
            else:
                which = (job.c.id == work.id, job.c.claim == work.row.claim, job.c.state == RUNNING)
                delay = backoff(spec, attempts)
                kept = bool(call_again(connection, self.jobs.switchboard, which, note, delay=delay))
        if kept:
            end = "it is a dead letter now" if dead else "it will be tried again"
            _log.warning("job %s (%s) failed with %s: %s", work.id, spec.name, type(error).__name__, end)


def backoff(spec: JobSpec, attempts: int) -> float:
    """Return how many seconds to wait after that many failures: doubling, capped, give or take a tenth."""
    plain = min(spec.backoff_cap, spec.backoff_first * 2.0 ** min(attempts - 1, 60))
    return plain * random.uniform(0.9, 1.1)  # noqa: S311  # spreading load, not a secret
