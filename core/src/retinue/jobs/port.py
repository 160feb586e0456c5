"""`Jobs`: what the rest of the house holds. Enqueue in the caller's transaction, stop, replay, release."""

from __future__ import annotations

import threading
from collections.abc import Collection
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import Connection, Engine, select, update
from sqlalchemy.engine import URL

from retinue.actor import Actor
from retinue.errors import Conflict
from retinue.jobs.builtin import built_in_jobs, built_in_schedules
from retinue.jobs.checks import check_delay, check_key, check_name, check_payload
from retinue.jobs.ledger import call_again, insert_job, now
from retinue.jobs.models import DEAD, FINISHED, PARKED, RUNNING, STOPPED, WAITING, job, metadata
from retinue.jobs.service import show_job
from retinue.jobs.settings import Gate, JobSettings, check_journal, own_engine, reading_engine
from retinue.jobs.spec import Registry

if TYPE_CHECKING:
    from retinue.jobs.engine import Switchboard


class Jobs:
    """The port. `database` is the URL that the store uses too, or an engine that has it.

    `gate` is what a thread of this process holds while it uses an SQLite file: the store's, if there is one.
    """

    def __init__(
        self,
        database: str | URL | Engine,
        registry: Registry | None = None,
        settings: JobSettings | None = None,
        *,
        gate: Gate | None = None,
    ) -> None:
        self.url = database.url if isinstance(database, Engine) else database
        self.settings = settings or JobSettings()
        self._registry = self._complete(registry or Registry())
        self._gate = gate or threading.RLock()
        self._making = threading.RLock()

    def _complete(self, registry: Registry) -> Registry:
        return registry.with_(built_in_jobs(), built_in_schedules(self.settings.retention_days))

    @property
    def registry(self) -> Registry:
        """Return the jobs and schedules in force, core's own among them."""
        return self._registry

    def swap(self, registry: Registry) -> None:
        """Put another epoch's jobs in force, at once and for every thread; what runs ends as it began.

        Jobs that were parked for lack of a name run again after `release_parked`, or by the next sweep.
        """
        self._registry = self._complete(registry)

    @cached_property
    def engine(self) -> Engine:
        """Return the room's own engine, for bookkeeping outside any store's transaction."""
        with self._making:
            return self.__dict__.get("engine") or own_engine(self.url, self.settings, self._gate)

    @cached_property
    def reader(self) -> Engine:
        """Return an engine for looks from inside a handler's transaction."""
        return reading_engine(self.url)

    @cached_property
    def switchboard(self) -> Switchboard:
        """Return the way to the durable engine; the first use imports it."""
        from retinue.jobs.engine import Switchboard  # noqa: PLC0415  # lazy: 0.4 s that `--help` must not pay

        with self._making:
            return self.__dict__.get("switchboard") or Switchboard(self.engine)

    def migrate(self) -> None:
        """Create or upgrade the tables of this room and of the durable engine."""
        from retinue.jobs.engine import migrate  # noqa: PLC0415  # lazy: as above

        with self.engine.begin() as connection:
            metadata.create_all(connection)
        check_journal(self.engine)
        migrate(self.engine.url.render_as_string(hide_password=False))
        self.switchboard.open_queues()

    def close(self) -> None:
        """Let go of connections."""
        if "switchboard" in self.__dict__:
            self.switchboard.close()
        if "engine" in self.__dict__:
            self.engine.dispose()

    def enqueue(
        self,
        connection: Connection,
        name: str,
        payload: dict[str, Any],
        *,
        key: str | None = None,
        delay: float = 0.0,
        actor: Actor | None = None,
        schedule: str | None = None,
    ) -> UUID:
        """Put a job into the transaction of `connection` and return its id: committed, it runs once.

        A second job with the same name and `key` is the first one: nothing is added. The payload carries ids.
        """
        check_name(name, self.registry.jobs)
        values: dict[str, Any] = {"payload": check_payload(payload, self.settings.payload_limit)}
        delay = check_delay(delay)
        if key is not None:
            values["key"] = check_key(key)
        if actor is not None:
            values |= {"actor_kind": actor.kind, "actor_id": actor.id}
        spec = self.registry.jobs.get(name)
        values |= {
            "name": name,
            "plugin": name.split(".")[0],
            "queue": spec.queue if spec else "default",
            "payload_version": spec.payload_version if spec else 1,
            "schedule": schedule,
        }
        job_id, row = insert_job(connection, values, delay)
        if row is not None:
            self.switchboard.put(connection, row, delay)
        return job_id

    def stop(self, connection: Connection, job_id: UUID) -> str:
        """Stop a job: at once if it is not running, else after the step it is in; returns the state now."""
        at_rest = (job.c.id == job_id, job.c.state.in_((WAITING, PARKED)))
        stopped = update(job).where(*at_rest).values(state=STOPPED, finished_at=now(), run=job.c.run + 1)
        if connection.execute(stopped).rowcount:
            return STOPPED
        asked = update(job).where(job.c.id == job_id, job.c.state == RUNNING).values(stop_requested=True)
        if connection.execute(asked).rowcount:
            return RUNNING
        info = show_job(connection, job_id)
        raise Conflict(f"Job {job_id} is {info.state}; only a job that waits or runs can be stopped.")

    def replay(self, connection: Connection, job_id: UUID) -> None:
        """Start a dead or stopped job again, with all its tries; a batch job goes on where it was."""
        which = (job.c.id == job_id, job.c.state.in_((DEAD, STOPPED)))
        if not call_again(
            connection, self.switchboard, which, {"attempts": 0, "losses": 0, "stop_requested": False}
        ):
            info = show_job(connection, job_id)
            why = "has done its work" if info.state in FINISHED else f"is {info.state}"
            raise Conflict(f"Job {job_id} {why}; only a dead or stopped job can be replayed.")

    def release_parked(self, connection: Connection, names: Collection[str] | None = None) -> int:
        """Let parked jobs of the names in force (or of those of them in `names`) run; returns how many.

        At most a thousand of each name at a time; the workers' sweep takes the rest along.
        """
        parked = select(job.c.name).where(job.c.state == PARKED).distinct()
        known = [self.registry.jobs.get(name) for name in connection.execute(parked).scalars().all()]
        released = 0
        for spec in known:
            if spec is None or (names is not None and spec.name not in names):
                continue
            which = (
                job.c.state == PARKED,
                job.c.name == spec.name,
                job.c.payload_version <= spec.payload_version,
            )
            some = select(job.c.id).where(*which).limit(1000).scalar_subquery()
            released += call_again(connection, self.switchboard, (*which, job.c.id.in_(some)))
        return released
