"""The chain over the audit: entries are sealed in batches off the write path, each seal bound to the one before.

A seal holds the Merkle root (RFC 9162) of at most SEAL_ROWS entries, so an alteration is located to within that many.
Whoever writes the database can rewrite the whole chain; that the newest seal is still the one it was, only a
checkpoint kept elsewhere proves.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import BigInteger, Integer, String, Text, Uuid, func, insert, select
from sqlalchemy.orm import Mapped

from retinue.storage.audit import AuditEntry
from retinue.storage.collecting import collecting_later
from retinue.storage.declare import Access, Base
from retinue.storage.declare import field as column
from retinue.storage.types import UtcDateTime

if TYPE_CHECKING:
    from retinue.storage.database import Database
    from retinue.storage.store import Store

SEAL_ROWS: Final = 1000
"""Entries under one seal: an alteration is located to within this many."""


class AuditSeal(Base):
    """A seal over the next entries: Merkle root, count and the hash of the seal before."""

    __tablename__ = "audit_seal"
    __access__ = Access.system()
    __audited__ = False  # it is the audit

    number: Mapped[int] = column(Integer, label="Number", primary_key=True, autoincrement=False)
    first_turn: Mapped[int] = column(BigInteger, label="First turn", nullable=False)
    last_turn: Mapped[int] = column(BigInteger, label="Last turn", nullable=False)
    last_id: Mapped[UUID] = column(Uuid, label="Last entry", nullable=False)
    entries: Mapped[int] = column(Integer, label="Entries", nullable=False)
    root: Mapped[str] = column(String(64), label="Merkle root", nullable=False)
    previous: Mapped[str] = column(String(64), label="Hash of the seal before", nullable=False)
    hash: Mapped[str] = column(String(64), label="Hash of this seal", nullable=False)
    at: Mapped[datetime] = column(UtcDateTime, label="When", nullable=False)
    note: Mapped[str] = column(Text, label="Note", nullable=False, default="")


class AuditTurn(Base):
    """How far the audit's turns are ahead of the transaction ids of a PostgreSQL it was restored into."""

    __tablename__ = "audit_turn"
    __access__ = Access.system()
    __audited__ = False  # it is the audit

    id: Mapped[int] = column(Integer, label="Number", primary_key=True, autoincrement=False)
    ahead: Mapped[int] = column(BigInteger, label="Turns ahead", nullable=False)


_GENESIS: Final = "0" * 64
_encode = msgspec.json.Encoder(order="deterministic").encode
_decode = msgspec.json.Decoder().decode
_sha256 = hashlib.sha256
_NAMES: Final = [c.name for c in AuditEntry.__table__.columns]
_JSON: Final = [_NAMES.index(name) for name in ("fields", "detail")]
_PLACE: Final = (_NAMES.index("turn"), _NAMES.index("id"))
_TEXTS: Final = {
    "at": "to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')",
    "fields": "fields::text",
    "detail": "detail::text",
}
_CHUNK: Final = 5000

Place = tuple[int, str]
"""Turn and id of an entry (32 hexadecimal digits): where it stands in the audit."""
Leaves = tuple[list[Place], list[bytes]]
"""Where some entries stand, in order, and the hash of each."""


def _selected(dialect: str) -> str:
    """Return the columns as the same texts on both databases, since a leaf is made of them."""
    if dialect == "sqlite":
        return ", ".join(_NAMES)
    uuids = {c.name for c in AuditEntry.__table__.columns if isinstance(c.type, Uuid)}
    parts = (f"replace({n}::text, '-', '')" if n in uuids else _TEXTS.get(n, n) for n in _NAMES)
    return ", ".join(parts)


def read_leaves(store: Store, after: Place = (0, ""), horizon: int | None = None) -> Iterator[Leaves]:
    """Yield the hashes of the entries behind the position `after` and before the turn `horizon`, some thousands at a time.

    Rows come straight from the driver: a million of them are read and hashed in seconds.
    """
    connection = store.raw_connection()
    store.database.hold(connection)
    dialect = connection.dialect.name
    bound = "" if horizon is None else f" AND turn < {int(horizon)}"
    statement = (
        f"SELECT {_selected(dialect)} FROM audit_entry WHERE turn >= {int(after[0])}{bound} ORDER BY turn, id"
    )
    driver: Any = connection.connection.driver_connection
    cursor = driver.cursor() if dialect == "sqlite" else driver.cursor(name="retinue_leaves")
    try:
        cursor.execute(statement)
        turn_at, id_at = _PLACE
        while True:
            with collecting_later():
                rows = cursor.fetchmany(_CHUNK)
                places = [(row[turn_at], row[id_at]) for row in rows]
                first = bisect_right(places, after)
                hashes = [_leaf(row) for row in rows[first:]]
            if not rows:
                return
            yield places[first:], hashes
    finally:
        cursor.close()


def _leaf(row: Any) -> bytes:
    values, (fields, detail) = list(row), _JSON
    if values[fields] is not None:
        values[fields] = _canonical(values[fields])
    if values[detail] is not None:
        values[detail] = _canonical(values[detail])
    return _sha256(b"\x00" + _encode(values)).digest()


@lru_cache(maxsize=4096)
def _canonical(text: str) -> str:
    """Return JSON the way both databases' texts agree on: PostgreSQL orders keys and spaces its own way."""
    return _encode(_decode(text)).decode()


def merkle_root(leaves: list[bytes]) -> bytes:
    """Return the Merkle tree hash of `leaves` (RFC 9162, section 2.1: distinct prefixes for leaf and node)."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    level = leaves
    while len(level) > 1:
        pairs = [_sha256(b"\x01" + a + b).digest() for a, b in zip(level[::2], level[1::2], strict=False)]
        level = pairs + ([level[-1]] if len(level) % 2 else [])
    return level[0]


_SEALED: Final = ("number", "first_turn", "last_turn", "last_id", "entries", "root", "previous")


def _seal_hash(row: dict[str, Any]) -> str:
    values = [row[n].hex if isinstance(row[n], UUID) else row[n] for n in _SEALED]
    return hashlib.sha256(_encode(values)).hexdigest()


def seal_audit(store: Store) -> int:
    """Seal every committed entry that has no seal yet; returns how many seals were made.

    On PostgreSQL entries of transactions still open are left for the next time, since they may commit below
    what was sealed: the horizon is the oldest transaction that still runs.
    """
    last = store.system("seal audit").first(select(AuditSeal).order_by(AuditSeal.number.desc()).limit(1))
    number, previous = (last.number, last.hash) if last else (0, _GENESIS)
    made = []
    for places, hashes in _groups(read_leaves(store, _end_of(last), seal_horizon(store))):
        number += 1
        row = {
            "number": number,
            "first_turn": places[0][0],
            "last_turn": places[-1][0],
            "last_id": UUID(hex=places[-1][1]),
            "entries": len(places),
            "root": merkle_root(hashes).hex(),
            "previous": previous,
        }
        previous = _seal_hash(row)
        made.append({**row, "hash": previous, "at": store.now, "note": ""})
    if made:
        store.raw_connection().execute(insert(AuditSeal), made)
    return len(made)


def _end_of(seal: Any) -> Place:
    return (seal.last_turn, seal.last_id.hex) if seal else (0, "")


def seal_horizon(store: Store) -> int | None:
    """Return the turn up to which no transaction is open any more, so that all below can be sealed; None if all can."""
    if store.database_kind == "sqlite":
        return None
    oldest = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
    return int(store.raw_connection().exec_driver_sql(oldest).scalar_one()) + store.database.turns_ahead


def _groups(leaves: Iterable[Leaves]) -> Iterator[Leaves]:
    """Yield the leaves as many at a time as a seal has."""
    places, hashes = list[Place](), list[bytes]()
    for more_places, more_hashes in leaves:
        places += more_places
        hashes += more_hashes
        while len(places) >= SEAL_ROWS:
            yield places[:SEAL_ROWS], hashes[:SEAL_ROWS]
            places, hashes = places[SEAL_ROWS:], hashes[SEAL_ROWS:]
    if places:
        yield places, hashes


def prepare_turns(database: Database, store: Store) -> None:
    """Let turns go on growing in a PostgreSQL whose transaction ids are below those of a restored audit."""
    if database.kind == "sqlite":
        return
    system = store.system("follow the audit's turns")
    known = system.first(select(AuditTurn).where(AuditTurn.id == 1).with_for_update())
    current = "SELECT pg_current_xact_id()::text::bigint"
    transaction = int(store.raw_connection().exec_driver_sql(current).scalar_one())
    newest = system.scalar(select(func.max(AuditEntry.turn))) or 0
    ahead = known.ahead if known else 0
    if newest >= transaction + ahead:
        ahead = newest + 1 - transaction
        if known:
            known.ahead = ahead
        else:
            system.add(AuditTurn(id=1, ahead=ahead))
        system.flush()
    database.turns_ahead = ahead


# ---- proof -----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Verdict:
    """What `verify_audit` found: counts, the head to compare with a checkpoint kept elsewhere, and the faults."""

    seals: int
    entries: int
    unsealed: int
    head: str
    faults: tuple[str, ...]


def verify_audit(store: Store, *, checkpoints: Iterable[tuple[int, str]] = ()) -> Verdict:
    """Recompute every seal in one reading of the audit and say where it was altered.

    `checkpoints` are pairs (number of seals, head) noted earlier outside this database; without one, a tail cut
    off together with its seals cannot be noticed.
    """
    faults: list[str] = []
    heads: dict[int, str] = {}
    previous, entries, leaves = _GENESIS, 0, _Ahead(read_leaves(store))
    seals = store.system("verify audit").scalars(select(AuditSeal).order_by(AuditSeal.number))
    for expected, seal in enumerate(seals, 1):
        row = {name: getattr(seal, name) for name in _SEALED}
        if seal.number != expected or seal.previous != previous or _seal_hash(row) != seal.hash:
            faults.append(f"seal {seal.number}: the chain of seals is broken here")
        found = leaves.up_to(_end_of(seal))
        if len(found) != seal.entries or merkle_root(found).hex() != seal.root:
            turns = f"turns {seal.first_turn} to {seal.last_turn}"
            faults.append(
                f"seal {seal.number}: among the {seal.entries} entries of {turns} some were altered"
            )
        previous, entries = seal.hash, entries + len(found)
        heads[seal.number] = seal.hash
    for number, head in checkpoints:
        if number and heads.get(number) != head:
            faults.append(f"checkpoint {number}: the audit does not lead to the head noted then")
    return Verdict(len(seals), entries, leaves.rest(), previous, tuple(faults))


class _Ahead:
    """The leaves that were read and are still to be taken, up to one position after the other."""

    def __init__(self, leaves: Iterator[Leaves]) -> None:
        self._leaves = leaves
        self._places, self._hashes = next(leaves, ([], []))
        self._at = 0

    def up_to(self, end: Place) -> list[bytes]:
        """Take the leaves up to the position `end`, which may be none."""
        found: list[bytes] = []
        while True:
            until = bisect_right(self._places, end, self._at)
            found += self._hashes[self._at : until]
            self._at = until
            if until < len(self._places) or not self._read():
                return found

    def rest(self) -> int:
        """Return how many are left."""
        return len(self._places) - self._at + sum(len(places) for places, _ in self._leaves)

    def _read(self) -> bool:
        self._places, self._hashes = next(self._leaves, ([], []))
        self._at = 0
        return bool(self._places)
