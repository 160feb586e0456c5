"""The durable engine (DBOS Transact), and the only file that knows it.

It is used as a dispenser of wake-up calls: who may run which call now, on which process, after which delay.
A call is named `<job id>.<run>` and carries nothing else. What a job is, how far it is and whether it is done
stands in our own `job` row, written in the transaction of the job's effects. Importing this file imports the
engine (about 0.4 s), so it is imported by whoever enqueues or works, and by nobody else.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from dbos import DBOS, DBOSClient, EnqueueOptions, WorkflowSerializationFormat
from sqlalchemy import Connection, Engine

from retinue.errors import Misconfigured
from retinue.jobs.spec import QUEUES

PROTOCOL: Final = "retinue-jobs-1"
"""Our application version: raised only when the meaning of a call changes, never by enabling a plugin."""

_APP: Final = "retinue"
_WORKFLOW: Final = "run_job"
_SCHEMA: Final = "dbos"
_PENDING: Final = "PENDING"
_OVER: Final = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]
Answer = Callable[[str, int, UUID, int], None]
_answer: Answer | None = None


class Call(NamedTuple):
    """One wake-up call: run this job, if `run` is still the run its row waits for."""

    job_id: UUID
    run: int

    @property
    def text(self) -> str:
        """Return the call's id at the engine."""
        return f"{self.job_id}.{self.run}"

    @classmethod
    def parse(cls, text: str) -> Call | None:
        """Return the call behind the engine's id, None if it is none of ours."""
        head, _, run = text.rpartition(".")
        try:
            return cls(UUID(head), int(run))
        except ValueError:
            return None


# The one generic workflow of this protocol. It must not raise: the engine would keep the exception.
@DBOS.workflow(
    name=_WORKFLOW,
    max_recovery_attempts=None,
    serialization_type=WorkflowSerializationFormat.PORTABLE,
    validate_args=lambda args, kwargs: (args, kwargs),  # text and numbers: nothing to coerce by type hints
)
def run_job(name: str, payload_version: int, args: dict[str, Any]) -> None:
    """Answer the call for job ``args["job"]``, run ``args["run"]``."""
    if _answer is not None:
        _answer(name, payload_version, UUID(args["job"]), int(args["run"]))


def migrate(url: str) -> None:
    """Create or upgrade the engine's own tables."""
    _quiet()
    DBOS.migrate(url, schema=_SCHEMA)


class Switchboard:
    """The enqueuing side: puts calls into the caller's transaction, looks after lost and old ones."""

    def __init__(self, engine: Engine) -> None:
        _quiet()
        self._client = DBOSClient(
            system_database_engine=engine, dbos_system_schema=_SCHEMA, application_name=_APP, lazy=True
        )

    def open_queues(self) -> None:
        """Write the queues down, so that the first worker finds them when it starts and not when it looks again."""
        for name, queue in QUEUES.items():
            self._client.register_queue(
                name,
                worker_concurrency=queue.held,
                polling_interval_sec=queue.poll,
                application_name=_APP,
            )

    def put(self, connection: Connection, row: Any, delay: float = 0.0) -> None:
        """Put a call for the job `row` into the transaction of `connection`."""
        call = Call(row.id, row.run)
        options: EnqueueOptions = {
            "workflow_name": _WORKFLOW,
            "queue_name": row.queue,
            "workflow_id": call.text,
            "app_version": PROTOCOL,
            "serialization_type": WorkflowSerializationFormat.PORTABLE,
        }
        if delay > 0:
            options["delay_seconds"] = delay
        args = {"job": str(call.job_id), "run": call.run}
        self._client.enqueue_in_transaction(connection, options, row.name, row.payload_version, args)

    def held_by(self, executors: Iterable[str], limit: int = 2000) -> list[str]:
        """Return the ids of the calls these executors took and have not finished."""
        names = list(executors)
        if not names:
            return []
        found = self._client.list_workflows(
            status=_PENDING, executor_id=names, limit=limit, load_input=False, load_output=False
        )
        return [call.workflow_id for call in found]

    def known(self, calls: Iterable[Call]) -> set[Call]:
        """Return those of `calls` that the engine still means to deliver."""
        wanted = {call.text: call for call in calls}
        found = self._client.list_workflows(
            workflow_ids=list(wanted),
            status=["ENQUEUED", "DELAYED", _PENDING],
            load_input=False,
            load_output=False,
        )
        return {wanted[call.workflow_id] for call in found}

    def drop(self, ids: list[str]) -> None:
        """Take calls back that nobody is to deliver any more."""
        if ids:
            self._client.cancel_workflows(ids)

    def forget(self, before: datetime, limit: int = 500) -> int:
        """Delete calls that were over `before`; returns how many."""
        found = self._client.list_workflows(
            status=_OVER,
            completed_before=before.isoformat(),
            limit=limit,
            load_input=False,
            load_output=False,
        )
        if found:
            self._client.delete_workflows([call.workflow_id for call in found])
        return len(found)

    def close(self) -> None:
        """Let go of the engine."""
        self._client.destroy()


class Exchange:
    """The working side: delivers calls to `answer` on threads. One per process, as the engine wants it."""

    def __init__(self, engine: Engine, executor_id: str, answer: Answer) -> None:
        global _answer
        if _answer is not None:
            raise Misconfigured("This process already runs a worker.", remedy="Start another process.")
        _quiet()
        _answer = answer
        try:
            self._dbos = DBOS(
                config={
                    "name": _APP,
                    "system_database_engine": engine,
                    "dbos_system_schema": _SCHEMA,
                    "application_version": PROTOCOL,
                    "executor_id": executor_id,
                    "use_listen_notify": False,
                    # nobody sends notifications here, so a look costs nothing, and the end waits for the one under way
                    "notification_listener_polling_interval_sec": 0.1,
                    "run_migrations": False,
                    "enable_otlp": False,
                    "log_level": "WARNING",
                    "scheduler_polling_interval_sec": 3600.0,
                }
            )
            DBOS.launch()
            for name, queue in QUEUES.items():
                DBOS.register_queue(name, worker_concurrency=queue.held, polling_interval_sec=queue.poll)
        except BaseException:
            self.close()
            raise

    def stop_taking(self) -> None:
        """Take no new calls; those at work go on."""
        for event in self._dbos.background_thread_stop_events:
            event.set()

    def close(self) -> None:
        """Shut the engine down; calls still at work can no longer report to it."""
        global _answer
        DBOS.destroy()
        _answer = None


def _quiet() -> None:
    """Let the engine log into the application's log, warnings and above, instead of to the terminal."""
    log = logging.getLogger("dbos")
    if not log.handlers:
        log.addHandler(logging.NullHandler())
    log.setLevel(logging.WARNING)
