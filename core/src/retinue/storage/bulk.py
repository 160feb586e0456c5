"""Set-wise writing: the same sealing, scope checks and audit as the unit of work, at several times its speed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from sqlalchemy import delete, select

from retinue.errors import Denied
from retinue.storage.declare import Sealed, sealed_fields
from retinue.storage.direct import insert_direct
from retinue.storage.flushing import _UNAUDITED
from retinue.storage.ids import SYSTEM_SUBJECT, new_ids
from retinue.storage.sealing import seal_row
from retinue.storage.sets import AccessSet, is_within

if TYPE_CHECKING:
    from retinue.storage.store import Store

_CHUNK = 500


def insert_rows(store: Store, model: type[Any], rows: list[dict[str, Any]]) -> None:
    """Insert `rows` of attribute names; sealed values stand among them under their own names."""
    if not rows:
        return
    store.session.flush()
    if "id" in model.__table__.c:
        bare = [row for row in rows if "id" not in row]
        for row, row_id in zip(bare, new_ids(len(bare)), strict=True):
            row["id"] = row_id
    _check_inserts(store, model, rows)
    sealed = sealed_fields(model)
    if sealed and model.__subject__ == "id":
        store.keys.create_keys(row["id"] for row in rows)
    if model.__audited__:
        store.auditor.write_created(f"{model.__noun__}.create", model.__table__.name, _created(model, rows))
    if sealed:
        _seal_rows(store, model, rows, set(sealed))
    insert_direct(store.raw_connection(), model.__table__, rows)
    if store.database.statistics:
        store.database.statistics.note(model.__table__.name, len(rows))
    if model.__table__.info["access"].mode == "contacts":
        store.note_made(model.__table__.name, rows)


def _check_inserts(store: Store, model: type[Any], rows: list[dict[str, Any]]) -> None:
    actor, access = store.actor, model.__table__.info["access"]
    if actor.kind == "system":
        return
    if access.mode == "contacts":
        reach = actor.reach("contact.create")
        contents = {row["access_id"]: None for row in rows}
        for access_id in contents:
            content = store.raw_connection().scalar(
                select(AccessSet.content).where(AccessSet.id == access_id)
            )
            if not (actor.may("contact.assign") or (content and is_within(content, actor, reach))):
                raise Denied("this owner or team is beyond what you may assign", code="assign-denied")
    elif access.mode == "through":
        for column in access.columns:
            store.check_visible(access.parent, {row[column] for row in rows if row.get(column) is not None})


def _seal_rows(store: Store, model: type[Any], rows: list[dict[str, Any]], sealed: set[str]) -> None:
    column, table = model.__subject__, model.__table__.name
    ciphers = store.keys.ciphers({row[column] for row in rows} if column else {SYSTEM_SUBJECT})
    names = sorted(sealed)
    for row in rows:
        values = {name: value for name in names if (value := row.get(name)) is not None}
        if values:
            subject = row[column] if column else SYSTEM_SUBJECT
            row["sealed_data"] = seal_row(ciphers[subject], values, table, (row["id"], subject))


def _created(
    model: type[Any], rows: list[dict[str, Any]]
) -> Iterator[tuple[UUID | None, UUID | None, list[str]]]:
    """Yield id, contact and names of the filled fields of each new row, as its audit entry tells them."""
    access, known = model.__table__.info["access"], cast("dict[tuple[str, ...], list[str]]", {})
    about = {"contacts": "id", "through": access.columns[0] if access.columns else "contact_id"}.get(
        access.mode
    )
    for row in rows:
        filled = tuple([name for name, value in row.items() if value is not None])
        fields = known.get(filled)
        if fields is None:
            fields = known[filled] = sorted(set(filled) - _UNAUDITED)
        yield row.get("id"), row.get(about) if about else None, fields


def update_rows(store: Store, model: type[Any], rows: list[dict[str, Any]]) -> int:
    """Set new values by id; the unit of work makes the audit and groups the statements."""
    found = 0
    for start in range(0, len(rows), _CHUNK):
        wanted = {row["id"]: row for row in rows[start : start + _CHUNK]}
        current = store.scalars(select(model).where(model.id.in_(wanted)))
        if issubclass(model, Sealed):
            store.unseal(current)
        for entity in current:
            for name, value in wanted[entity.id].items():
                if name != "id" and getattr(entity, name) != value:
                    setattr(entity, name, value)
        store.session.flush()
        found += len(current)
    return found


def remove_rows(store: Store, model: type[Any], ids: Sequence[UUID]) -> int:
    """Delete by id, after the audit has taken the old values."""
    found = 0
    for start in range(0, len(ids), _CHUNK):
        current = store.scalars(select(model).where(model.id.in_(ids[start : start + _CHUNK])))
        if issubclass(model, Sealed):
            store.unseal(current)
        if model.__audited__:
            for entity in current:
                store.session.delete(entity)
            store.session.flush()
        else:
            store.session.flush()
            store.session.execute(delete(model).where(model.id.in_([e.id for e in current])))
        found += len(current)
    return found
