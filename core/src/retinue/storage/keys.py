"""The key store: one data key per subject, wrapped by the master key, in a database of its own.

It is backed up on its own cycle, so that dropping one key makes the person unreadable in every old backup of the
data. Rotation of the master key rewraps these small rows and never touches data.
"""

from __future__ import annotations

import base64
import binascii
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
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
    delete,
    func,
    select,
    update,
)

from retinue.actor import Actor
from retinue.errors import Misconfigured, NotFound, Unavailable
from retinue.storage.among import among
from retinue.storage.declare import MODELS
from retinue.storage.direct import translated
from retinue.storage.ids import INDEX_SUBJECT, SYSTEM_SUBJECT
from retinue.storage.sealing import open_bytes, seal_bytes
from retinue.storage.types import UtcDateTime

if TYPE_CHECKING:
    from retinue.storage.database import Database

CACHE_SIZE: Final = 10_000
CACHE_SECONDS: Final = 300.0
KEY_BYTES: Final = 32
_BATCH: Final = 500

metadata = MetaData()
subject_key = Table(
    "subject_key",
    metadata,
    Column("subject_id", Uuid, primary_key=True),
    Column("wrapped", LargeBinary, nullable=False),
    Column("master", Integer, nullable=False, index=True),
    Column("created_at", UtcDateTime, nullable=False),
)


class MasterKeys:
    """The master keys by version; the highest wraps, the others still open what they wrapped."""

    def __init__(self, versions: Mapping[int, bytes]) -> None:
        for version, raw in versions.items():
            if len(raw) != KEY_BYTES:
                raise Misconfigured(
                    f"master key {version} has {len(raw)} bytes instead of {KEY_BYTES}", code="master-key"
                )
        self._keys = {version: AESGCM(raw) for version, raw in versions.items()}
        self.current = max(versions)
        self._raw = dict(versions)

    @classmethod
    def generate(cls) -> MasterKeys:
        """Return a first master key from the operating system's random source."""
        return cls({1: os.urandom(KEY_BYTES)})

    @classmethod
    def parse(cls, text: str, origin: str) -> MasterKeys:
        """Read lines of ``version:base64``; raises Misconfigured naming `origin` and the line, never its content."""
        versions: dict[int, bytes] = {}
        for number, line in enumerate(text.splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            version, _, raw = line.strip().partition(":")
            try:
                versions[int(version)] = base64.b64decode(raw, validate=True)
            except (ValueError, binascii.Error):
                raise Misconfigured(
                    f"{origin}, line {number}: not a master key (expected `1:` and base64)", code="master-key"
                ) from None
        if not versions:
            raise Misconfigured(
                f"{origin} holds no master key", code="master-key", remedy="Restore it from your backup."
            )
        return cls(versions)

    @classmethod
    def load(cls, path: Path) -> MasterKeys:
        """Read the master key file; raises Misconfigured if it is lost or open to other users."""
        if not path.exists():
            raise Misconfigured(
                f"the master key {path} is not there",
                code="master-key-lost",
                remedy="Restore it from your backup, or set RETINUE_MASTER_KEY. Without it sealed values stay closed; "
                "nothing was changed.",
            )
        if os.name == "posix" and path.stat().st_mode & 0o077:
            raise Misconfigured(
                f"the master key {path} can be read by others", remedy=f"Run: chmod 600 {path}"
            )
        return cls.parse(path.read_text(encoding="utf-8"), str(path))

    def render(self) -> str:
        """Return the text of a master key file."""
        return "".join(f"{v}:{base64.b64encode(raw).decode()}\n" for v, raw in sorted(self._raw.items()))

    def with_next(self) -> MasterKeys:
        """Return these keys and a fresh one of the next version, which wraps from then on."""
        return MasterKeys({**self._raw, self.current + 1: os.urandom(KEY_BYTES)})

    def wrap(self, subject: UUID, raw: bytes) -> tuple[bytes, int]:
        """Return a data key wrapped for `subject`, and the version that wrapped it."""
        return seal_bytes(self._keys[self.current], raw, b"subject-key\x00" + subject.bytes), self.current

    def unwrap(self, subject: UUID, wrapped: bytes, version: int) -> bytes:
        """Return the data key of `subject`; raises Misconfigured if the master key is missing or another."""
        key = self._keys.get(version)
        if key is None:
            raise Misconfigured(
                f"master key version {version} is not there", code="master-key", remedy="Restore its line."
            )
        try:
            return open_bytes(key, wrapped, b"subject-key\x00" + subject.bytes)
        except (InvalidTag, ValueError):
            raise Misconfigured(
                "the master key does not open the key store: it belongs to another installation, or the store is damaged",
                code="master-key-wrong",
                remedy="Put the right master key back; nothing was changed.",
            ) from None


class KeyStore:
    """Data keys by subject, with a bounded cache of ready ciphers."""

    def __init__(self, engine: Engine, masters: MasterKeys) -> None:
        self.engine = engine
        self.masters = masters
        self._cache: OrderedDict[UUID, tuple[AESGCM, float]] = OrderedDict()
        self._lock = threading.Lock()
        self.index_key = b""

    def prepare(self) -> None:
        """Create the table and core's own two keys, and prove that the master key fits."""
        metadata.create_all(self.engine)
        with self.engine.connect() as connection:
            known = set(
                connection.scalars(
                    select(subject_key.c.subject_id).where(
                        subject_key.c.subject_id.in_((SYSTEM_SUBJECT, INDEX_SUBJECT))
                    )
                )
            )
        self.create_keys(s for s in (SYSTEM_SUBJECT, INDEX_SUBJECT) if s not in known)
        self.ciphers([SYSTEM_SUBJECT])
        self.index_key = self._raw_keys([INDEX_SUBJECT])[INDEX_SUBJECT]

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
        """Shred: delete the subject's key for good; returns whether there was one."""
        with self.engine.begin() as connection:
            done = connection.execute(delete(subject_key).where(subject_key.c.subject_id == subject)).rowcount
        self.forget([subject])
        return bool(done)

    def forget(self, subjects: Iterable[UUID]) -> None:
        """Drop cached ciphers, as every process must do once a key is shredded."""
        with self._lock:
            for subject in subjects:
                self._cache.pop(subject, None)

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
        found: dict[UUID, bytes] = {}
        try:
            with self.engine.connect() as connection:
                wanted = select(subject_key).where(among(subject_key.c.subject_id, subjects))
                for row in connection.execute(wanted):
                    found[row.subject_id] = self.masters.unwrap(row.subject_id, row.wrapped, row.master)
        except OSError as fault:
            raise Unavailable(f"the key store does not answer: {fault}") from fault
        return found

    def _remember(self, fresh: dict[UUID, AESGCM]) -> None:
        now = time.monotonic()
        with self._lock:
            for subject, cipher in fresh.items():
                self._cache[subject] = (cipher, now)
                self._cache.move_to_end(subject)
            while len(self._cache) > CACHE_SIZE:
                self._cache.popitem(last=False)


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
    try:
        known = database.keys._raw_keys([SYSTEM_SUBJECT, INDEX_SUBJECT, *ids])
    except (Misconfigured, Unavailable) as fault:
        return [fault.detail]
    faults += [
        f"contact {contact_id} has no key: its sealed values cannot be read"
        for contact_id in ids
        if contact_id not in known
    ]
    return faults


__all__ = ["KeyStore", "MasterKeys", "check_keys", "subject_key"]
