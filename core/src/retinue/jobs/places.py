"""Who works here: one row per place, a beat, and the question whether the one who sat there is dead.

A place has a stable id, `<host>/<number>`: a process that starts takes the first one on its host whose last
owner is gone. On the same machine a dead process is known at once; on another one it is silence that tells.
"""

from __future__ import annotations

import os
import socket
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid4

from sqlalchemy import Connection, Row, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from retinue.errors import Unavailable
from retinue.jobs.ledger import now
from retinue.jobs.models import job_executor as executor

PLACES: Final = 999


class Place(NamedTuple):
    """A place that is taken: its id, and the token of this sitting."""

    id: str
    sitting: UUID


def clock(connection: Connection) -> datetime:
    """Return the database's time, so that machines whose clocks differ judge alike."""
    if connection.dialect.name == "sqlite":
        return now()
    moment: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    return moment


def machine_id() -> str:
    """Return what tells this machine's process numbers from another's: host, boot and process namespace."""
    host = socket.gethostname()
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        space = Path("/proc/self/ns/pid").readlink().name
    except OSError:  # not Linux: only the beat tells who lives
        return host
    return f"{host} {boot} {space}"[:200]


def process_id(pid: int | None = None) -> str:
    """Return number and start time of a process, "" if there is none (or no /proc to ask)."""
    pid = os.getpid() if pid is None else pid
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else f"{pid}:{fields[19]}"


def is_alive(row: Row[Any], moment: datetime, dead_after: float) -> bool:
    """Say whether the process that sits at `row` still works."""
    if row.stopped_at is not None:
        return False
    if " " in row.machine and row.machine == machine_id() and row.process:
        return process_id(int(row.process.split(":")[0])) == str(row.process)
    return bool(row.beat_at > moment - timedelta(seconds=dead_after))


def take_place(connection: Connection, dead_after: float) -> Place:
    """Take the first free place of this host; raises Unavailable if all are taken."""
    host = socket.gethostname()[:90]
    moment = clock(connection)
    known = {row.id: row for row in connection.execute(select(executor))}
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    for number in range(1, PLACES + 1):
        place = Place(f"{host}/{number}", uuid4())
        values = {
            "machine": machine_id(),
            "process": process_id(),
            "sitting": place.sitting,
            "started_at": moment,
            "beat_at": moment,
            "stopped_at": None,
        }
        row = known.get(place.id)
        if row is None:
            added = (
                insert(executor)
                .values(id=place.id, **values)
                .on_conflict_do_nothing()
                .returning(executor.c.id)
            )
            if connection.execute(added).one_or_none() is not None:
                return place
        elif not is_alive(row, moment, dead_after):
            taken = (
                update(executor)
                .where(executor.c.id == place.id, executor.c.sitting == row.sitting)
                .values(values)
            )
            if connection.execute(taken).rowcount:
                return place
    raise Unavailable(f"All {PLACES} places of {host} are taken by workers.")


def beat(connection: Connection, place: Place) -> bool:
    """Show that the place is taken; False if somebody took it over."""
    mine = (executor.c.id == place.id, executor.c.sitting == place.sitting)
    shown = update(executor).where(*mine).values(beat_at=clock(connection), stopped_at=None)
    return connection.execute(shown).rowcount == 1


def leave_place(connection: Connection, place: Place) -> None:
    """Give the place up."""
    mine = (executor.c.id == place.id, executor.c.sitting == place.sitting)
    connection.execute(update(executor).where(*mine).values(stopped_at=clock(connection)))


def split_places(connection: Connection, dead_after: float) -> tuple[list[str], list[str]]:
    """Return the ids of the living and of the dead executors."""
    moment = clock(connection)
    living: list[str] = []
    dead: list[str] = []
    for row in connection.execute(select(executor)):
        (living if is_alive(row, moment, dead_after) else dead).append(row.id)
    return living, dead
