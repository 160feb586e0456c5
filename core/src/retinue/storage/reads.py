"""Who looked at whose card: noted in memory when it happens, written in batches, so that looking costs nothing."""

from __future__ import annotations

import logging
import threading
from collections import deque
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from sqlalchemy import String, Uuid, delete
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped

from retinue.actor import Actor
from retinue.errors import RetinueError
from retinue.storage.declare import Access, Base, field, key
from retinue.storage.ids import new_id
from retinue.storage.types import UtcDateTime

if TYPE_CHECKING:
    from retinue.storage.database import Database
    from retinue.storage.store import Store

_log: Final = logging.getLogger(__name__)
_MOST: Final = 10_000
"""How many entries wait in memory while the database is away; the oldest go first."""


class ReadEntry(Base):
    """One look at a contact's card: by whom and when."""

    __tablename__ = "read_entry"
    __access__ = Access.system()
    __audited__ = False  # a log of its own

    id: Mapped[UUID] = key()
    at: Mapped[datetime] = field(UtcDateTime, label="When", nullable=False, index=True)
    actor_kind: Mapped[str] = field(String(10), label="Kind of actor", nullable=False)
    actor_id: Mapped[UUID | None] = field(Uuid, label="Actor", index=True)
    actor_name: Mapped[str] = field(String(200), label="Actor's name", nullable=False, default="")
    contact_id: Mapped[UUID] = field(Uuid, label="Contact", kind="contact", nullable=False, index=True)


class ReadLog:
    """The looks of this process that are not written yet. `days` is how long they are kept; 0 notes none."""

    def __init__(self, database: Database) -> None:
        self.database, self.days = database, 0
        self._waiting: deque[dict[str, Any]] = deque(maxlen=_MOST)
        self._writing = threading.Lock()

    def note(self, store: Store, contact_id: UUID) -> None:
        """Note that the actor of `store` sees a contact's card; what the system does by itself is no look."""
        who = store.author
        if self.days and who.kind != "system":
            self._waiting.append(
                {
                    "id": new_id(), "at": store.now, "actor_kind": who.kind, "actor_id": who.id,
                    "actor_name": who.name[:200], "contact_id": contact_id,
                }
            )  # fmt: skip

    @property
    def waiting(self) -> list[dict[str, Any]]:
        """Return what is noted and not written yet."""
        return list(self._waiting)

    def write(self, *, after: float = 0) -> int:
        """Write what waits, in one transaction, once the oldest look is `after` seconds old; returns how many.

        While the database is away they wait on.
        """
        with self._writing:
            newest = datetime.now(UTC) - timedelta(seconds=after)
            if not self._waiting or (after and self._waiting[0]["at"] > newest):
                return 0
            rows = [self._waiting.popleft() for _ in range(len(self._waiting))]
            try:
                with self.database.store(Actor.system("note reads")) as store:
                    store.system("note reads").insert_many(ReadEntry, rows)
            except (RetinueError, SQLAlchemyError) as fault:
                self._waiting.extendleft(reversed(rows))
                _log.warning("who looked at what could not be written yet: %s", type(fault).__name__)
                return 0
            return len(rows)


def forget_reads(store: Store, days: int) -> None:
    """Remove looks older than `days`."""
    old = store.now - timedelta(days=days)
    store.system("forget reads").change(delete(ReadEntry).where(ReadEntry.at < old))
