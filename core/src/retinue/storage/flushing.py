"""What happens at every flush: ids, write checks, keys, sealing, and the audit, in this order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import event, inspect, select
from sqlalchemy.orm import ORMExecuteState, Session

from retinue.actor import Reach
from retinue.errors import Denied, NotFound
from retinue.storage.among import among
from retinue.storage.audit import Change
from retinue.storage.declare import MODELS, Sealed, fields_of, sealed_fields
from retinue.storage.ids import SYSTEM_SUBJECT, new_id
from retinue.storage.scoping import Refused
from retinue.storage.sealing import flag_sealed, seal_row, subject_of
from retinue.storage.sets import AccessSet, is_within

if TYPE_CHECKING:
    from retinue.storage.store import Store


def _before_flush(session: Session, _context: Any, _instances: Any) -> None:
    store: Store | None = session.info.get("store")
    if store is None:
        return
    new = list(session.new)
    dirty = [row for row in session.dirty if session.is_modified(row)]
    deleted = list(session.deleted)
    for row in new:
        if hasattr(row, "id") and row.id is None:
            row.id = new_id()
    check_writes(store, new, dirty, deleted)
    keep_hidden_custom(store, dirty)
    store.keys.create_keys(row.id for row in new if getattr(row, "__subject__", None) == "id")
    reopen_moved(store, [row for row in dirty if isinstance(row, Sealed)])
    changes = [_created(row) for row in new if type(row).__audited__]
    changes += [change for row in dirty if type(row).__audited__ and (change := _changed(store, row))]
    changes += [_removed(store, row) for row in deleted if type(row).__audited__]
    seal_dirty(store, [row for row in (*new, *dirty) if isinstance(row, Sealed)])
    session.info["changes"] = changes  # assigned: what a failed flush left must not be audited with the next


def _after_flush(session: Session, _context: Any) -> None:
    store: Store | None = session.info.get("store")
    changes = session.info.pop("changes", None)
    if store is not None and changes:
        store.auditor.write(changes)


def _refuse_insert(state: ORMExecuteState) -> None:
    store: Store | None = state.session.info.get("store")
    if store is not None and state.is_insert and store.actor.kind != "system":
        raise Refused("an INSERT statement carries no rule: use store.add or store.insert_many")


event.listen(Session, "do_orm_execute", _refuse_insert)
event.listen(Session, "before_flush", _before_flush)
event.listen(Session, "after_flush", _after_flush)


# ---- sealing ---------------------------------------------------------------------------------------------------
def seal_dirty(store: Store, rows: Iterable[Any]) -> None:
    """Seal the changed values of `rows`, asking the key store once."""
    due = [row for row in rows if row.__dict__.get("_sealed_dirty")]
    subjects = {id(row): subject_of(row) for row in due}
    ciphers = store.keys.ciphers(subjects.values())
    for row in due:
        subject = subjects[id(row)]
        cipher = ciphers.get(subject) or store.keys.cipher(subject)
        hidden, values = row.__dict__.get("_sealed_hidden", {}), dict(row.__dict__["_sealed_values"])
        for name, value in hidden.items():
            values[name] = {**value, **values.get(name, {})} if name == "custom_sealed" else value
        row.sealed_data = seal_row(cipher, values, row.__table__.name, (row.id, subject))
        row.__dict__["_sealed_dirty"] = False


def reopen_moved(store: Store, rows: Iterable[Any]) -> None:
    """Open rows that move to another subject under the old one's key, so that they are sealed under the new one's."""
    for row in rows:
        column = type(row).__subject__
        history = inspect(row).attrs[column].history if column else None
        if (
            row.sealed_data is None
            or history is None
            or not history.deleted
            or history.deleted[0] == getattr(row, column)
        ):
            continue
        if "_sealed_values" not in row.__dict__:
            old = history.deleted[0]
            row.__dict__["_sealed_values"] = store.open_sealed(
                row.__table__.name, [(row.id, old, row.sealed_data)]
            )[0]
        flag_sealed(row)


def keep_hidden_custom(store: Store, rows: Iterable[Any]) -> None:
    """Put the custom values back that the writer could not see and so could not repeat."""
    for row in rows:
        hidden = {
            n[7:] for n in store.scope.variant.hidden_columns(row.__table__.name) if n.startswith("custom.")
        }
        if not hidden or not inspect(row).attrs["custom"].history.has_changes():
            continue
        table = row.__table__
        stored = store.raw_connection().scalar(select(table.c.custom).where(table.c.id == row.id)) or {}
        row.custom = {**{k: v for k, v in stored.items() if k in hidden}, **row.custom}


# ---- write checks ----------------------------------------------------------------------------------------------
def check_writes(store: Store, new: list[Any], dirty: list[Any], deleted: list[Any]) -> None:
    """Raise Denied or NotFound if the actor may not write these rows; the system may."""
    actor = store.actor
    if store.readonly and (new or dirty or deleted):
        raise Denied("this transaction only reads")
    if actor.kind == "system":
        return
    if actor.locked_fields or actor.hidden_fields:
        for row in (*new, *dirty):
            _check_locked(store, row)
    for row in (*new, *dirty):
        if row.__table__.info["access"].mode == "contacts":
            _check_contact(store, row, created=row in new)
    check_parents(store, (*new, *dirty))


def _check_locked(store: Store, row: Any) -> None:
    closed = store.actor.locked_fields | store.actor.hidden_fields
    table, state = row.__table__.name, inspect(row)
    touched = {a.key for a in state.mapper.column_attrs if state.attrs[a.key].history.has_changes()}
    touched |= set(row.__dict__.get("_sealed_before", ()))
    if "custom" in touched:
        history = state.attrs["custom"].history
        old, new = (history.deleted or [{}])[0] or {}, (history.added or [{}])[0] or {}
        touched |= {f"custom.{k}" for k in {*old, *new} if old.get(k) != new.get(k)}
    for name in sorted(touched):
        if f"{table}.{name}" in closed and (state.persistent or getattr(row, name, None) is not None):
            raise Denied(f"the field {name} may not be changed", code="field-locked")


def _check_contact(store: Store, row: Any, *, created: bool) -> None:
    if not created and not inspect(row).attrs["access_id"].history.has_changes():
        return
    reach = store.actor.reach("contact.create" if created else "contact.change")
    if reach is Reach.ALL or store.actor.may("contact.assign"):
        return
    content = store.raw_connection().scalar(select(AccessSet.content).where(AccessSet.id == row.access_id))
    if content is None or not is_within(content, store.actor, reach):
        raise Denied("this owner or team is beyond what you may assign", code="assign-denied")


def check_parents(store: Store, rows: Iterable[Any]) -> None:
    """Raise NotFound if a row points at a parent that its writer cannot see; one statement per parent table."""
    rows = list(rows)
    fresh = {row.id for row in rows if inspect(row).pending or inspect(row).transient}
    wanted: dict[str, set[UUID]] = {}
    for row in rows:
        access = row.__table__.info["access"]
        if access.mode != "through":
            continue
        for column in access.columns:
            value = getattr(row, column)
            if value is not None and value not in fresh:
                wanted.setdefault(access.parent, set()).add(value)
    for parent, ids in wanted.items():
        check_visible(store, parent, ids)


def check_visible(store: Store, parent: str, ids: set[UUID]) -> None:
    """Raise NotFound unless the actor sees every row of `ids` in table `parent`."""
    model = MODELS[parent]
    seen: set[UUID] = set()
    with store.session.no_autoflush:
        if ids:
            seen.update(store.session.scalars(select(model.id).where(among(model.id, ids))))
    for missing in ids - seen:
        raise NotFound(f"{parent} {missing} does not exist")


# ---- what the audit sees -----------------------------------------------------------------------------------------
_UNAUDITED = frozenset({"sealed_data", "version", "updated_at", "id"})
KEYED = frozenset({"custom", "custom_sealed"})
"""Fields that hold one value per key, audited and undone key by key."""


def contact_of(row: Any) -> UUID | None:
    """Return the contact a row is about, if any."""
    access = row.__table__.info["access"]
    if access.mode == "contacts":
        return row.id  # type: ignore[no-any-return]  # every contact's id is a UUID
    if access.mode == "through" and access.parent == "contact":
        return getattr(row, access.columns[0])  # type: ignore[no-any-return]  # as above
    return getattr(row, "contact_id", None)


def audit_subject(row: Any) -> UUID:
    """Return under whose key a row's old and new values are sealed in the audit."""
    return contact_of(row) or SYSTEM_SUBJECT


def _change(row: Any, verb: str, fields: list[str], values: dict[str, Any] | None) -> Change:
    return Change(
        action=f"{type(row).__noun__}.{verb}",
        table=row.__table__.name,
        row_id=getattr(row, "id", None),
        contact_id=contact_of(row),
        fields=fields,
        values=values,
        subject=audit_subject(row),
    )


def _created(row: Any) -> Change:
    fields = [n for n in fields_of(type(row)) if n not in _UNAUDITED and row.__dict__.get(n) is not None]
    fields += list(row.__dict__.get("_sealed_values", ()))
    row.__dict__.pop(
        "_sealed_before", None
    )  # or the next change in this transaction would begin before the row did
    return _change(row, "create", sorted(fields), None)


def _changed(store: Store, row: Any) -> Change | None:
    state, pairs = inspect(row), {}
    hidden = store.scope.variant.hidden_columns(row.__table__.name)
    for name, declared in fields_of(type(row)).items():
        if name in _UNAUDITED or declared.derived or name not in state.mapper.column_attrs:
            continue
        history = state.attrs[name].history
        if history.has_changes():
            old = _true_value(store, row, name) if name in hidden else (history.deleted or [None])[0]
            pairs[name] = [old, (history.added or [None])[0]]
    for name, before in row.__dict__.pop("_sealed_before", {}).items():
        pairs[name] = [before, row.__dict__["_sealed_values"].get(name)]
    values = dict(_by_key(store, row, pairs))
    return _change(row, "change", sorted(values), values) if values else None


def _true_value(store: Store, row: Any, name: str) -> Any:
    """Return what the database holds in a column whose value this actor cannot see, for the audit."""
    table = row.__table__
    column = type(row).__mapper__.column_attrs[name].columns[0]
    return store.raw_connection().scalar(select(column).where(table.c.id == row.id))


def _by_key(store: Store, row: Any, pairs: dict[str, list[Any]]) -> Iterable[tuple[str, list[Any]]]:
    """Yield the changed fields; custom ones key by key, so that two people's changes can be undone apart."""
    hidden = store.scope.variant.hidden_columns(row.__table__.name)
    for name, (before, after) in pairs.items():
        if name not in KEYED:
            if before != after:
                yield name, [before, after]
            continue
        old, new = before or {}, after or {}
        for key in sorted({*old, *new}):
            if old.get(key) != new.get(key) and f"custom.{key}" not in hidden:
                yield f"{name}.{key}", [old.get(key), new.get(key)]


def _removed(store: Store, row: Any) -> Change:
    if isinstance(row, Sealed):
        store.unseal([row])
    values = {n: [getattr(row, n), None] for n in fields_of(type(row)) if n != "sealed_data"}
    values.update({n: [getattr(row, n), None] for n in sealed_fields(type(row))})
    return _change(row, "remove", sorted(values), values)
