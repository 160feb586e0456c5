"""Every write leaves an audit entry in its own transaction, or does not happen (C1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from acl_world import Rows, all_models, make_rows
from goal_kit import Goal
from sqlalchemy import event, func, select

from retinue.actor import Actor
from retinue.errors import RetinueError
from retinue.storage import AuditEntry, Database, Store

pytestmark = pytest.mark.goal("audit-complete")
SYSTEM = Actor.system("test")
UNAUDITED = {
    "access_reader": "follows from access_set",
    "access_set": "follows from owner, team and shares, whose change is audited at the contact",
    "account_try": "a counter of wrong passwords; what comes of it is audited",
    "audit_entry": "is the audit",
    "audit_seal": "is the audit",
    "audit_turn": "is the audit",
    "change_set": "is the audit",
    "contact_lookup": "the blind index follows from the contact's e-mails and phones",
    "idempotency_key": "kept answers, for a day",
    "plugin_epoch": "a counter; the deed that raises it is audited",
    "shred_order": "the erasure itself is audited",
}
"""Core's classes whose writes leave no entry, and why: a new one has to give its reason here."""


def test_only_what_gives_a_reason_is_not_audited() -> None:
    """C1: of core's own classes; a plugin's say theirs beside ``__audited__ = False``."""
    core = {n for n, m in all_models().items() if m.__module__.startswith("retinue.") and not m.__audited__}
    unexplained = core - UNAUDITED.keys()
    bookkeeping = {n for n in unexplained if all_models()[n].__table__.info["access"].mode == "system"}
    assert unexplained == bookkeeping, f"give a reason in UNAUDITED: {sorted(unexplained - bookkeeping)}"
    assert not (UNAUDITED.keys() - all_models().keys()), "a reason for a class that is gone"


def _deeds(rows: Rows) -> Iterator[tuple[str, Callable[[Store], Any]]]:
    """Yield each way of writing each audited class, in an order that leaves the rows for the next one."""
    for name, model in rows.models.items():
        if not model.__audited__ or name == "contact" or "id" not in model.__table__.c or not rows.rows[name]:
            continue
        row = rows.rows[name]["mine"]
        column = _changeable(model)
        if column is not None:
            yield f"{name}: change", lambda s, m=model, r=row, c=column: setattr(s.get(m, r["id"]), *c)
            yield (
                f"{name}: change many",
                lambda s, m=model, r=row, c=column: s.update_many(m, [{"id": r["id"], c[0]: f"{c[1]}2"}]),
            )
    for name in reversed([m.__table__.name for m in rows.models.values()]):
        model = rows.models[name]
        if model.__audited__ and name != "contact" and "id" in model.__table__.c and rows.rows[name]:
            row = rows.rows[name]["mine"]
            yield f"{name}: remove", lambda s, m=model, r=row: s.remove(s.get(m, r["id"]))


def _changeable(model: type[Any]) -> tuple[str, str] | None:
    """Return an attribute of free text, and another value for it."""
    for attribute in model.__mapper__.column_attrs:
        column = attribute.columns[0]
        declared = column.info.get("field")
        length = getattr(column.type, "length", None) or 50
        free = (
            declared and declared.kind in ("text", "long_text") and not (declared.derived or declared.choices)
        )
        if free and not column.foreign_keys and length >= 20:
            return attribute.key, "changed"
    return None


def _count(database: Database) -> int:
    with database.store(SYSTEM, readonly=True) as store:
        return int(store.scalar(select(func.count()).select_from(AuditEntry)))


def test_every_write_of_every_audited_class_leaves_an_entry_or_fails(database: Database, goal: Goal) -> None:
    """C1: create, change, change many, remove; 100 % audited, and 0 that succeed when the audit's insert fails."""
    rows, silent, lasting, done = make_rows(database), [], [], 0
    for name, deed in _deeds(rows):
        if _survives_without_audit(database, rows, (name, deed)):
            lasting.append(name)
        before = _count(database)
        try:
            with database.store(SYSTEM) as store:
                store.deed("test.deed")
                deed(store)
        except Exception as fault:
            if "IntegrityError" not in repr(type(fault)) and not isinstance(fault, RetinueError):
                raise
            continue  # something points at the row: refused, so nothing to audit
        done += 1
        if _count(database) <= before:
            silent.append(name)
    goal.at_least(f"{database.kind}: writes looked at", done, 20)
    goal.none_of(f"{database.kind}: writes that left no entry", silent)
    goal.none_of(f"{database.kind}: writes that lasted though the audit's insert failed", lasting)


class NoAudit(Exception):
    """Stands for the database refusing the entry."""


def _survives_without_audit(
    database: Database, rows: Rows, named: tuple[str, Callable[[Store], Any]]
) -> bool:
    """Do the deed with an audit that cannot be written; say whether the table is another one afterwards."""
    name, deed = named
    table = rows.models[name.partition(":")[0]].__table__

    def refuse(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "INTO audit_entry" in statement:
            raise NoAudit

    with database.transaction() as connection:
        before = connection.execute(select(table)).all()
    event.listen(database.engine, "before_cursor_execute", refuse)
    try:
        with database.store(SYSTEM) as store:
            deed(store)
    except Exception:  # whatever it is told as: what counts is what lasts
        pass
    finally:
        event.remove(database.engine, "before_cursor_execute", refuse)
    with database.transaction() as connection:
        return list(connection.execute(select(table)).all()) != list(before)
