"""The key store: one data key per subject, wrapped by the master key, in a database of its own.

It is backed up on its own cycle, so that dropping one key makes the person unreadable in every old backup of the
data. Rotation of the master key rewraps these small rows and never touches data.
"""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Uuid,
    bindparam,
    delete,
    func,
    inspect,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from retinue.actor import Actor
from retinue.errors import Misconfigured, NotFound, Unavailable
from retinue.storage.among import Among, Packed, among
from retinue.storage.declare import MODELS
from retinue.storage.direct import translated
from retinue.storage.ids import INDEX_SUBJECT, SYSTEM_SUBJECT
from retinue.storage.masters import KEY_BYTES, MasterKeys
from retinue.storage.types import UtcDateTime

if TYPE_CHECKING:
    from retinue.storage.database import Database

CACHE_SIZE: Final = 10_000
CACHE_SECONDS: Final = 300.0
_BATCH: Final = 500
_DIALECTS: Final[dict[str, Any]] = {"sqlite": sqlite, "postgresql": postgresql}

metadata = MetaData()
subject_key = Table(
    "subject_key",
    metadata,
    Column("subject_id", Uuid, primary_key=True),
    Column("wrapped", LargeBinary, nullable=False),
    Column("master", Integer, nullable=False, index=True),
    Column("created_at", UtcDateTime, nullable=False),
)

shredded_subject = Table(
    "shredded_subject",
    metadata,
    Column("subject_id", Uuid, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
)
"""Whose keys were dropped: what tells a restored backup whom it must forget again."""

_KEY: Final = subject_key.c
_WANTED: Final = select(_KEY.subject_id, _KEY.wrapped, _KEY.master).where(
    Among(_KEY.subject_id.expression, bindparam("subjects", type_=Packed(_KEY.subject_id.type)))
)
"""The keys of many subjects, made ready once: it is asked at every page whose people are not in the cache."""


class KeyStore:
    """Data keys by subject, with a bounded cache of ready ciphers.

    `reload` reads the master keys anew; it is called once for a key that a newer one wrapped, so that a rotation
    elsewhere needs no restart here.
    """

    def __init__(
        self, engine: Engine, masters: MasterKeys, *, reload: Callable[[], MasterKeys] | None = None
    ) -> None:
        self.engine = engine
        self.masters = masters
        self._reload = reload
        self._cache: OrderedDict[UUID, tuple[AESGCM, float]] = OrderedDict()
        self._lock = threading.Lock()
        self.index_key = b""

    def prepare(self, *, fresh: bool = True) -> None:
        """Create the tables and core's own two keys, and prove that the master key fits.

        Without `fresh` there are data already: an empty key store is then a lost one, and Misconfigured says so.
        """
        if not fresh and not inspect(self.engine).has_table(subject_key.name):
            self._refuse_empty()
        metadata.create_all(self.engine)
        with self.engine.connect() as connection:
            known = set(
                connection.scalars(
                    select(subject_key.c.subject_id).where(
                        subject_key.c.subject_id.in_((SYSTEM_SUBJECT, INDEX_SUBJECT))
                    )
                )
            )
        if not fresh and len(known) < 2:
            self._refuse_empty()
        self.create_keys(s for s in (SYSTEM_SUBJECT, INDEX_SUBJECT) if s not in known)
        self.ciphers([SYSTEM_SUBJECT])
        self.index_key = self._raw_keys([INDEX_SUBJECT])[INDEX_SUBJECT]

    def _refuse_empty(self) -> None:
        raise Misconfigured(
            "the key store is empty, but the database holds data that its keys have sealed",
            code="keys-lost",
            remedy="Restore the key store from its own backup, or correct keys.url. Nothing was changed.",
        )

    def create_keys(self, subjects: Iterable[UUID]) -> None:
        """Make and store a data key for each new subject; committed before any data that need it."""
        rows, fresh = [], {}
        for subject in subjects:
            raw = os.urandom(KEY_BYTES)
            rows.append((subject, *self.masters.wrap(subject, raw)))
            fresh[subject] = AESGCM(raw)
        if not rows:
            return
        with self.engine.begin() as connection:
            done = _insert_keys(connection, rows)
        if done == len(rows):  # a subject that had a key already keeps it, so only certain winners are cached
            self._remember(fresh)

    def ciphers(self, subjects: Iterable[UUID]) -> dict[UUID, AESGCM]:
        """Return the cipher of each subject that has a key, asking the store once for what the cache lacks."""
        found, missing, now = {}, [], time.monotonic()
        with self._lock:
            for subject in set(subjects):
                entry = self._cache.get(subject)
                if entry and now - entry[1] < CACHE_SECONDS:
                    found[subject] = entry[0]
                else:
                    missing.append(subject)
        if missing:
            fresh = {s: AESGCM(raw) for s, raw in self._raw_keys(missing).items()}
            self._remember(fresh)
            found.update(fresh)
        return found

    def cipher(self, subject: UUID) -> AESGCM:
        """Return the cipher of one subject; raises NotFound if its key was dropped."""
        found = self.ciphers([subject])
        if subject not in found:
            raise NotFound(f"the key of {subject} is gone: its data were erased", code="erased")
        return found[subject]

    def drop_key(self, subject: UUID) -> bool:
        """Shred: delete the subject's key for good and remember that; returns whether there was one."""
        return self.drop_keys([subject]) == 1

    def drop_keys(self, subjects: Iterable[UUID]) -> int:
        """Shred the keys of many subjects, those already shredded too; returns how many there were."""
        ids, now, done = list(subjects), datetime.now(UTC), 0
        if not ids:
            return 0
        with self.engine.begin() as connection:
            for start in range(0, len(ids), _BATCH):
                part = ids[start : start + _BATCH]
                mine = among(subject_key.c.subject_id, part)
                done += connection.execute(delete(subject_key).where(mine)).rowcount
                told = _DIALECTS[connection.dialect.name].insert(shredded_subject).on_conflict_do_nothing()
                connection.execute(told, [{"subject_id": subject, "at": now} for subject in part])
        self.forget(ids)
        empty_journal(self.engine)
        return done

    def shredded(self, after: UUID | None = None, limit: int = 1000) -> list[UUID]:
        """Return subjects whose keys were dropped, by id, beginning behind `after`."""
        column = shredded_subject.c.subject_id
        chosen = select(column).order_by(column).limit(limit)
        with self.engine.connect() as connection:
            return list(connection.scalars(chosen if after is None else chosen.where(column > after)))

    def forget(self, subjects: Iterable[UUID]) -> None:
        """Drop cached ciphers, as every process must do once a key is shredded."""
        with self._lock:
            for subject in subjects:
                self._cache.pop(subject, None)

    def follow(self) -> None:
        """Read the master keys anew, if it is known from where: another process may have made a newer one."""
        if self._reload is not None:
            self.masters = self._reload()

    def rewrap(self, batch: int = _BATCH) -> int:
        """Rewrap one batch of keys under the current master key; returns how many are left to do.

        Each batch is one transaction, so a rotation that is cut off goes on where it stopped.
        """
        old = subject_key.c.master != self.masters.current
        with self.engine.begin() as connection:
            rows = connection.execute(
                select(subject_key).where(old).order_by(subject_key.c.subject_id).limit(batch)
            ).all()
            for row in rows:
                wrapped, version = self.masters.wrap(
                    row.subject_id, self.masters.unwrap(row.subject_id, row.wrapped, row.master)
                )
                same = (subject_key.c.subject_id == row.subject_id) & (subject_key.c.master == row.master)
                connection.execute(update(subject_key).where(same).values(wrapped=wrapped, master=version))
            return connection.scalar(select(func.count()).where(old)) or 0

    def count_by_master(self) -> dict[int, int]:
        """Return how many keys each master key version wraps."""
        with self.engine.connect() as connection:
            rows = connection.execute(
                select(subject_key.c.master, func.count()).group_by(subject_key.c.master)
            )
            return {row.master: row[1] for row in rows}

    def _raw_keys(self, subjects: list[UUID]) -> dict[UUID, bytes]:
        try:
            with self.engine.connect() as connection:
                rows = connection.execute(_WANTED, {"subjects": subjects}).all()
            return {subject: self._unwrap(subject, wrapped, master) for subject, wrapped, master in rows}
        except OSError as fault:
            raise Unavailable(f"the key store does not answer: {fault}") from fault

    def _unwrap(self, subject: UUID, wrapped: bytes, master: int) -> bytes:
        if self._reload is not None and master > self.masters.current:
            self.masters = self._reload()
        return self.masters.unwrap(subject, wrapped, master)

    def _remember(self, fresh: dict[UUID, AESGCM]) -> None:
        now = time.monotonic()
        with self._lock:
            for subject, cipher in fresh.items():
                self._cache[subject] = (cipher, now)
            while len(self._cache) > CACHE_SIZE:
                self._cache.popitem(last=False)


def empty_journal(engine: Engine) -> None:
    """Write SQLite's journal back and cut it: what was just deleted must not be readable in it.

    Somebody who reads at this moment keeps it; then the next time does it.
    """
    if engine.dialect.name != "sqlite":
        return
    pooled = engine.raw_connection()
    try:
        cursor = pooled.cursor()
        patience = cursor.execute("PRAGMA busy_timeout").fetchone()[0]
        cursor.execute("PRAGMA busy_timeout=0")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        cursor.execute(f"PRAGMA busy_timeout={patience}")
    finally:
        pooled.close()


_COLUMNS: Final = "subject_id, wrapped, master, created_at"
_INSERT: Final = {
    "sqlite": f"INSERT OR IGNORE INTO subject_key ({_COLUMNS}) VALUES (?, ?, ?, ?)",
    "postgresql": (
        f"INSERT INTO subject_key ({_COLUMNS}) SELECT i, w, m, %s::timestamptz "
        "FROM unnest(%s::uuid[], %s::bytea[], %s::int[]) AS k(i, w, m) ON CONFLICT DO NOTHING"
    ),
}


def _insert_keys(connection: Connection, rows: list[tuple[UUID, bytes, int]]) -> int:
    """Insert wrapped keys, leaving those alone that are there; returns how many were new."""
    now, dialect = datetime.now(UTC), connection.dialect.name
    cursor: Any = connection.connection.cursor()
    try:
        if dialect == "sqlite":
            at = now.strftime("%Y-%m-%d %H:%M:%S.%f")
            cursor.executemany(
                _INSERT[dialect], [(f"{s.int:032x}", wrapped, master, at) for s, wrapped, master in rows]
            )
        else:
            cursor.execute(_INSERT[dialect], (now, *(list(part) for part in zip(*rows, strict=True))))
        return int(cursor.rowcount)
    except Exception as fault:  # the driver's own errors, in SQLAlchemy's words as everywhere
        raise translated(fault, "subject_key") from fault
    finally:
        cursor.close()


def check_keys(database: Database, sample: int = 1000) -> list[str]:
    """Return what is wrong with the key store, looking at the newest `sample` contacts: no key, or one that does not open."""
    faults = []
    with database.store(Actor.system("check keys"), readonly=True) as store:
        model = MODELS["contact"]
        ids = store.scalars(select(model.id).order_by(model.id.desc()).limit(sample))
        forgotten = set(store.scalars(select(MODELS["shred_order"].subject_id)))
    try:
        known = database.keys._raw_keys([SYSTEM_SUBJECT, INDEX_SUBJECT, *ids])
    except (Misconfigured, Unavailable) as fault:
        return [fault.detail]
    faults += [
        f"contact {contact_id} has no key: its sealed values cannot be read"
        for contact_id in ids
        if contact_id not in known and contact_id not in forgotten
    ]
    return faults


__all__ = ["KeyStore", "MasterKeys", "check_keys", "subject_key"]
