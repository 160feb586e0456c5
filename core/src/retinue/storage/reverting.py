"""Undo: revert a change set by applying its audit backwards, keeping whatever was changed since."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from retinue.errors import Conflict, NotFound
from retinue.storage.audit import AuditEntry, ChangeSet
from retinue.storage.declare import MODELS, sealed_fields
from retinue.storage.flushing import KEYED
from retinue.storage.ids import SYSTEM_SUBJECT
from retinue.storage.sealing import open_row

if TYPE_CHECKING:
    from retinue.storage.store import Store

_BATCH: Final = 500
_PLAIN: Final = (UUID, datetime, date, Decimal)


@dataclass(slots=True)
class Reverted:
    """What a revert did: rows undone, and those kept because somebody changed them since."""

    change_set_id: UUID
    undone: int = 0
    kept: list[str] = field(default_factory=list)


def revert_change_set(store: Store, change_set_id: UUID) -> Reverted:
    """Undo all changes of one deed; rows and fields changed since stay, and are named in the result.

    Raises NotFound for an unknown change set and Conflict for one that was reverted already. The revert is a
    change set of its own and can be reverted too.
    """
    reach = store.require("change_set.revert")
    raw = store.raw("revert")
    change_set = raw.find(ChangeSet, change_set_id)
    if change_set is None or (reach.word != "all" and change_set.actor_id != store.author.id):
        raise NotFound(f"change set {change_set_id} does not exist")
    if change_set.reverted_by_id is not None:
        raise Conflict(
            "this change set was reverted already",
            code="reverted",
            extra={"by": str(change_set.reverted_by_id)},
        )
    store.deed("change_set.revert", change_set.label or change_set.action)
    store.auditor.reverts_id = change_set_id
    result = Reverted(store.change_set_id)
    for entries in _backwards(raw, change_set_id):
        _undo_batch(raw, _allowed(store, raw, entries, result), result)
    mine = update(ChangeSet).where(ChangeSet.id == change_set_id, ChangeSet.reverted_by_id.is_(None))
    if raw.change(mine.values(reverted_by_id=store.change_set_id)) != 1:
        raise Conflict("this change set is being reverted by someone else", code="reverted")
    store.hooks.change_sets_reverted(store=store, change_set_ids=[change_set_id])
    return result


def touched_contacts(store: Store, change_set_id: UUID) -> set[UUID]:
    """Return the contacts that a change set is about."""
    chosen = select(AuditEntry.contact_id).where(AuditEntry.change_set_id == change_set_id)
    return set(
        store.raw("read a change set").scalars(chosen.where(AuditEntry.contact_id.is_not(None)).distinct())
    )


def _backwards(raw: Store, change_set_id: UUID) -> Iterator[list[AuditEntry]]:
    """Yield the entries of a change set, newest first, in batches."""
    last: tuple[int, UUID] | None = None
    while True:
        chosen = select(AuditEntry).where(
            AuditEntry.change_set_id == change_set_id, AuditEntry.table_name.is_not(None)
        )
        if last is not None:
            chosen = chosen.where(
                (AuditEntry.turn < last[0]) | ((AuditEntry.turn == last[0]) & (AuditEntry.id < last[1]))
            )
        entries = raw.scalars(chosen.order_by(AuditEntry.turn.desc(), AuditEntry.id.desc()).limit(_BATCH))
        if not entries:
            return
        last = (entries[-1].turn, entries[-1].id)
        yield entries


def _allowed(store: Store, raw: Store, entries: list[AuditEntry], result: Reverted) -> list[AuditEntry]:
    """Return the entries whose undoing the actor has the right to now; the others are kept and named."""
    scope = store.scope
    contacts = MODELS["contact"]
    ids = {e.contact_id for e in entries if e.contact_id is not None}
    access = dict(raw.rows(select(contacts.id, contacts.access_id).where(contacts.id.in_(ids))))
    allowed = []
    for entry in entries:
        model = MODELS.get(entry.table_name or "")
        if model is None:
            why = "its plugin is not loaded"
        elif not model.__revertible__:
            why = "this is undone in its own place"
        elif entry.contact_id is None and not _may_write(store, model):
            why = f"you may not change what a {model.__noun__} is"
        elif scope.variant.read_scoped and access.get(entry.contact_id, 0) not in {0, *scope.readable}:
            why = "it is not yours any more"
        else:
            allowed.append(entry)
            continue
        result.kept.append(f"{entry.table_name} {entry.row_id}: {why}")
    return allowed


def _may_write(store: Store, model: type[Any]) -> bool:
    if (
        model.__table__.info["access"].mode == "through"
    ):  # part of a contact's card, though not of one contact alone
        return store.may("contact.change")
    return any(store.may(f"{model.__noun__}.{verb}") for verb in ("change", "create"))


def _undo_batch(raw: Store, entries: list[AuditEntry], result: Reverted) -> None:
    """Undo entries together, or one by one if a row among them is still in use."""
    if not entries:
        return
    undone, kept = result.undone, len(result.kept)
    try:
        with raw.savepoint():
            _undo_entries(raw, entries, result)
        return
    except IntegrityError:
        result.undone = undone
        del result.kept[kept:]
    for entry in entries:
        undone = result.undone
        try:
            with raw.savepoint():
                _undo_entries(raw, [entry], result)
        except IntegrityError:
            result.undone = undone
            result.kept.append(f"{entry.table_name} {entry.row_id}: something points at it")


def _undo_entries(raw: Store, entries: list[AuditEntry], result: Reverted) -> None:
    touched = _changed_since(raw, entries)
    rows = _load_rows(raw, entries)
    table = ""
    for entry in entries:
        if (
            entry.table_name != table
        ):  # what points at a row goes before it; the database's cascade must find nothing
            raw.flush()
            table = entry.table_name or ""
        model = MODELS[table]
        verb = entry.action.rpartition(".")[2]
        row = rows.get((entry.table_name, entry.row_id))
        if verb == "create":
            _undo_create(raw, entry, row, touched, result)
        elif verb == "remove":
            _undo_remove(raw, model, entry, row, result)
        else:
            _undo_change(raw, entry, row, result)
    raw.flush()


def _changed_since(raw: Store, entries: list[AuditEntry]) -> set[UUID]:
    """Return the rows that another change set has touched after these entries."""
    ids, newest = [e.row_id for e in entries], max(e.turn for e in entries)
    others = AuditEntry.change_set_id != entries[0].change_set_id
    chosen = select(AuditEntry.row_id).where(AuditEntry.row_id.in_(ids), others, AuditEntry.turn > newest)
    contacts = {e.contact_id for e in entries}
    if None not in contacts:  # there is an index on the contact, none on the row
        chosen = chosen.where(AuditEntry.contact_id.in_(contacts))
    undone = select(ChangeSet.id).where(
        ChangeSet.reverted_by_id.is_not(None) | ChangeSet.reverts_id.is_not(None)
    )
    return set(raw.scalars(chosen.where(AuditEntry.change_set_id.not_in(undone))))


def _load_rows(raw: Store, entries: list[AuditEntry]) -> dict[tuple[str | None, UUID | None], Any]:
    by_table: dict[str, set[UUID]] = {}
    for entry in entries:
        if entry.table_name in MODELS and entry.row_id is not None:
            by_table.setdefault(entry.table_name, set()).add(entry.row_id)
    found: dict[tuple[str | None, UUID | None], Any] = {}
    for table, ids in by_table.items():
        model = MODELS[table]
        rows = raw.scalars(select(model).where(model.id.in_(ids)))
        if sealed_fields(model):
            raw.unseal(rows)
        found.update(((table, row.id), row) for row in rows)
    return found


def _undo_create(raw: Store, entry: AuditEntry, row: Any, touched: set[UUID], result: Reverted) -> None:
    if row is None:
        return
    if row.id in touched:
        result.kept.append(f"{entry.table_name} {entry.row_id}: changed since")
        return
    raw.remove(row)
    result.undone += 1


def _undo_remove(raw: Store, model: type[Any], entry: AuditEntry, row: Any, result: Reverted) -> None:
    if row is not None:
        result.kept.append(f"{entry.table_name} {entry.row_id}: exists again")
        return
    values = {name: pair[0] for name, pair in _values(raw, entry).items()}
    sealed = sealed_fields(model)
    restored = model(
        **{n: _typed(model, n, v) for n, v in values.items() if n not in sealed and n != "version"}
    )
    raw.add(restored)
    for name, value in values.items():
        if name in sealed and value is not None:
            setattr(restored, name, value)
    raw.flush()
    result.undone += 1


def _undo_change(raw: Store, entry: AuditEntry, row: Any, result: Reverted) -> None:
    if row is None:
        result.kept.append(f"{entry.table_name} {entry.row_id}: removed since")
        return
    undone = False
    for name, (old, new) in _values(raw, entry).items():
        if not _undo_field(row, name, old, new):
            result.kept.append(f"{entry.table_name} {entry.row_id}: {name} changed since")
            continue
        undone = True
    result.undone += undone


def _undo_field(row: Any, name: str, old: Any, new: Any) -> bool:
    """Put one field back to `old` if it still is `new`; returns whether it was."""
    holder, _, key = name.partition(".")
    if key and holder in KEYED:
        values = dict(getattr(row, holder) or {})
        if values.get(key) != new:
            return False
        values.pop(key, None)
        setattr(row, holder, values if old is None else {**values, key: old})
        return True
    if name not in sealed_fields(type(row)):
        old, new = _typed(type(row), name, old), _typed(type(row), name, new)
    if getattr(row, name) != new:
        return False
    setattr(row, name, old)
    return True


def _values(raw: Store, entry: AuditEntry) -> dict[str, Any]:
    if entry.sealed_data is None:
        return {}
    subject = entry.contact_id or SYSTEM_SUBJECT
    cipher = raw.keys.cipher(subject)
    return open_row(cipher, entry.sealed_data, "audit_entry", (entry.id, subject))


def _typed(model: type[Any], name: str, value: Any) -> Any:
    """Return a value read from the audit's JSON in the type of its column."""
    if value is None:
        return None
    wanted = model.__mapper__.column_attrs[name].columns[0].type.python_type
    return msgspec.convert(value, wanted, strict=False) if wanted in _PLAIN else value
