"""The tables of the room. They stand alone in this file, so that joining storage's own base is one change."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    Boolean,
    Column,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    false,
)

from retinue.storage.types import UtcDateTime, json_type

metadata = MetaData()

WAITING: Final = "waiting"  # enqueued, delayed or between two tries
RUNNING: Final = "running"  # claimed by an executor, until `lease_until`
PARKED: Final = "parked"  # nobody here knows the name: the plugin is off, missing or too old
DONE_STATE: Final = "done"
DEAD: Final = "dead"  # all tries used up: a person decides
STOPPED: Final = "stopped"  # a person stopped it; what was committed stays
FINISHED: Final = (DONE_STATE, DEAD, STOPPED)
STATES: Final = (WAITING, RUNNING, PARKED, *FINISHED)

# One row per job, the truth about it. The engine's own row is only a wake-up call, named `<id>.<run>`:
# a call whose `run` is not the row's is out of date and does nothing. `claim` is the fence: a handler's
# transaction commits only while the row still carries the claim under which it began.
job = Table(
    "job",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", String(100), nullable=False),
    Column("key", String(200), nullable=False),
    Column("plugin", String(50), nullable=False),
    Column("queue", String(30), nullable=False),
    Column("payload", json_type(), nullable=False),  # ids, never personal data
    Column("payload_version", Integer, nullable=False),
    Column("actor_kind", String(10)),
    Column("actor_id", Uuid),
    Column("schedule", String(100)),  # the schedule that started it, if one did
    Column("state", String(10), nullable=False),
    Column("run", Integer, nullable=False),
    Column("claim", Uuid),
    Column("executor", String(100)),
    Column("attempts", Integer, nullable=False, server_default="0"),  # failures since the last progress
    Column("losses", Integer, nullable=False, server_default="0"),  # crashes and expired leases since then
    Column("cursor", json_type()),  # where a batch job goes on, written with the step's effects
    Column("result", json_type()),
    Column("progress_done", Integer, nullable=False, server_default="0"),
    Column("progress_total", Integer),
    Column("progress_message", String(200), nullable=False, server_default=""),
    Column("stop_requested", Boolean, nullable=False, server_default=false()),
    Column("error_type", String(200)),
    Column("error_trace", Text),  # frames and types, never a message: messages carry values
    Column("created_at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    Column("lease_until", UtcDateTime),
    Column("parked_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
    UniqueConstraint("name", "key", name="uq_job_name_key"),
    Index("ix_job_state_name", "state", "name"),
    Index("ix_job_finished_at", "finished_at"),
)

# One row per place a worker can take: `<host>/<number>`. `process` tells who sits there now.
job_executor = Table(
    "job_executor",
    metadata,
    Column("id", String(100), primary_key=True),
    Column("machine", String(200), nullable=False),
    Column("process", String(100), nullable=False),
    Column("sitting", Uuid, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("beat_at", UtcDateTime, nullable=False),
    Column("stopped_at", UtcDateTime),
)

# When each schedule is due next. What it starts and in which zone is said by the code, not by the row.
job_schedule = Table(
    "job_schedule",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("rule", String(200), nullable=False),  # cron and zone as they were when `next_at` was worked out
    Column("next_at", UtcDateTime, nullable=False),
    Column("last_at", UtcDateTime),
)
