"""The audit: what changed, by whom, through which plugin and hook; made from the flush itself, sealed in batches.

An entry names the fields that changed in clear and keeps old and new values sealed under the contact's key, so that
erasure closes the values and leaves the chain whole. Entries are numbered by `turn`, which grows with the order of
commits: on PostgreSQL it is the transaction's id (and what a restored audit is ahead of it), on SQLite, which has one
writer, the next number. How the entries are sealed and checked stands in `chain`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Integer,
    LargeBinary,
    String,
    Uuid,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.orm import Mapped

from retinue.storage.declare import Access, Base, json_type, key, personal
from retinue.storage.declare import field as column
from retinue.storage.direct import insert_direct
from retinue.storage.ids import SYSTEM_SUBJECT, new_id, new_ids
from retinue.storage.sealing import seal_row
from retinue.storage.types import UtcDateTime

if TYPE_CHECKING:
    from retinue.storage.store import Store


class ChangeSet(Base):
    """All changes of one deed; reverting it undoes them together."""

    __tablename__ = "change_set"
    __access__ = Access.system()
    __audited__ = False  # it is the audit

    id: Mapped[UUID] = key()
    at: Mapped[datetime] = column(UtcDateTime, label="When", nullable=False, index=True)
    action: Mapped[str] = column(String(80), label="Deed", nullable=False)
    label: Mapped[str] = column(String(200), label="In words", nullable=False, default="")
    actor_kind: Mapped[str] = column(String(10), label="Kind of actor", nullable=False)
    actor_id: Mapped[UUID | None] = column(Uuid, label="Actor", index=True)
    actor_name: Mapped[str] = column(String(200), label="Actor's name", nullable=False, default="")
    entries: Mapped[int] = column(Integer, label="Changes", nullable=False, default=0)
    reverts_id: Mapped[UUID | None] = column(Uuid, label="Reverts")
    reverted_by_id: Mapped[UUID | None] = column(Uuid, label="Reverted by")
    hooks: Mapped[list[Any] | None] = column(
        json_type(), label="Hooks asked and told, with the number of calls", filterable=False
    )
    order_id: Mapped[str | None] = column(String(32), label="Who answered them, in which order")


class AuditEntry(Base):
    """One change of one row, or one deed worth recording (an export, a refused sign-in)."""

    __tablename__ = "audit_entry"
    __access__ = Access.system()
    __audited__ = False  # it is the audit

    id: Mapped[UUID] = key()
    turn: Mapped[int] = column(BigInteger, label="Order of commits", nullable=False, index=True)
    change_set_id: Mapped[UUID] = column(Uuid, label="Change set", nullable=False, index=True)
    at: Mapped[datetime] = column(UtcDateTime, label="When", nullable=False)
    action: Mapped[str] = column(String(80), label="Deed", nullable=False)
    table_name: Mapped[str | None] = column(String(63), label="Table")
    row_id: Mapped[UUID | None] = column(Uuid, label="Row")
    contact_id: Mapped[UUID | None] = column(Uuid, label="Contact", kind="contact", index=True)
    actor_kind: Mapped[str] = column(String(10), label="Kind of actor", nullable=False)
    actor_id: Mapped[UUID | None] = column(Uuid, label="Actor")
    actor_name: Mapped[str] = column(String(200), label="Actor's name", nullable=False, default="")
    plugin: Mapped[str | None] = column(String(63), label="Plugin")
    hook: Mapped[str | None] = column(String(80), label="Hook")
    fields: Mapped[list[str]] = column(json_type(), label="Fields changed", nullable=False)
    detail: Mapped[dict[str, Any] | None] = column(json_type(), label="Facts, never personal data")
    sealed_data: Mapped[bytes | None] = column(
        LargeBinary, label="Old and new values", privacy=personal("accountability", erase="keep")
    )


_FEW = 20
"""Up to here one ordinary statement is as fast as the driver's bulk way."""


@dataclass(slots=True)
class Change:
    """One row's change, as the flush saw it: field → (old, new)."""

    action: str
    table: str | None = None
    row_id: UUID | None = None
    contact_id: UUID | None = None
    fields: list[str] = field(default_factory=list)
    values: dict[str, Any] | None = None
    subject: UUID = SYSTEM_SUBJECT
    detail: dict[str, Any] | None = None


class Auditor:
    """Writes a transaction's entries, and its change set at the first of them.

    `trail` holds the hooks that were called, in order; `objections` what plugins said against the deed.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.change_set_id = new_id()
        self.action, self.label = "", ""
        self.reverts_id: UUID | None = None
        self.entries = 0
        self.joined = False
        self.trail: list[str] = []
        self.objections: list[dict[str, Any]] = []
        self._turn: int | None = None
        self._written = -1

    def write(self, changes: Iterable[Change]) -> None:
        """Insert one entry for each change, through the transaction's own connection."""
        rows = [self._row(change) for change in changes]
        if rows:
            self._insert(rows, rows[0]["action"], {})

    def write_created(
        self, action: str, table: str, rows: Iterable[tuple[UUID | None, UUID | None, list[str]]]
    ) -> None:
        """Insert one entry for each new row of `table`: its id, its contact's id, the fields it has."""
        made = [
            {"row_id": row_id, "contact_id": contact_id, "fields": fields}
            for row_id, contact_id, fields in rows
        ]
        for row, entry_id in zip(made, new_ids(len(made)), strict=True):
            row["id"] = entry_id
        if made:
            self._insert(
                made, action, {"action": action, "table_name": table, "detail": None, "sealed_data": None}
            )

    def _insert(self, rows: list[dict[str, Any]], action: str, shared: dict[str, Any]) -> None:
        connection = self.store.raw_connection()
        turn = self._turn if self._turn is not None else self._take_turn(connection)
        shared = {**shared, **self._deed(), "turn": turn}
        self.action = self.action or action
        if self.entries == 0 and not self._is_known(connection):
            connection.execute(insert(ChangeSet), [self._change_set()])
        if len(rows) > _FEW:
            insert_direct(connection, AuditEntry.__table__, rows, shared)  # type: ignore[arg-type]  # a mapped class's table
        else:
            connection.execute(insert(AuditEntry), [{**row, **shared} for row in rows])
        self.entries += len(rows)

    def close(self) -> None:
        """Note the number of entries and the final name of the deed on the change set, before the commit."""
        if self.entries and self.entries != self._written:
            more, self._written = self.entries - max(self._written, 0), self.entries
            mine = update(ChangeSet.__table__).where(ChangeSet.id == self.change_set_id)  # type: ignore[arg-type]  # a mapped class's table
            named = {} if self.joined else {"action": self.action, "label": self.label}
            counted: dict[str, Any] = {"entries": ChangeSet.entries + more, **named, **self._hooks()}
            self.store.raw_connection().execute(mine.values(counted))

    def _hooks(self) -> dict[str, Any]:
        """Return which hooks were called and who answers them; of a deed in several transactions, the first one's."""
        called = [[name, count] for name, count in Counter(self.trail).items()]
        if not called:
            return {}
        found = {"hooks": called, "order_id": self.store.hooks.order_id}
        if not self.joined:
            return found
        own = ChangeSet.__table__.c
        return {
            name: func.coalesce(own[name], literal(value, own[name].type)) for name, value in found.items()
        }

    def _is_known(self, connection: Any) -> bool:
        chosen = select(ChangeSet.id).where(ChangeSet.id == self.change_set_id)
        return self.joined and connection.scalar(chosen) is not None

    def _take_turn(self, connection: Any) -> int:
        if connection.dialect.name == "sqlite":
            self._turn = int(connection.scalar(select(func.coalesce(func.max(AuditEntry.turn), 0) + 1)))
        else:
            own = "SELECT pg_current_xact_id()::text::bigint"
            self._turn = int(connection.exec_driver_sql(own).scalar_one()) + self.store.database.turns_ahead
        return self._turn

    def _change_set(self) -> dict[str, Any]:
        actor = self.store.author
        return {
            "id": self.change_set_id,
            "at": self.store.now,
            "action": self.action,
            "label": self.label,
            "actor_kind": actor.kind,
            "actor_id": actor.id,
            "actor_name": actor.name,
            "entries": 0,
            "reverts_id": self.reverts_id,
        }

    def _row(self, change: Change) -> dict[str, Any]:
        entry_id, blob = new_id(), None
        if change.values is not None:
            cipher = self.store.keys.cipher(change.subject)
            blob = seal_row(cipher, change.values, "audit_entry", (entry_id, change.subject))
        return {
            "id": entry_id,
            "action": change.action,
            "table_name": change.table,
            "row_id": change.row_id,
            "contact_id": change.contact_id,
            "fields": change.fields,
            "detail": change.detail,
            "sealed_data": blob,
        }

    def _deed(self) -> dict[str, Any]:
        """Return what all entries of this moment share: the deed, who does it, through which plugin and hook."""
        actor = self.store.author
        return {
            "change_set_id": self.change_set_id,
            "at": self.store.now,
            "actor_kind": actor.kind,
            "actor_id": actor.id,
            "actor_name": actor.name,
            "plugin": self.store.plugin,
            "hook": self.store.hook,
        }
