"""The registry of personal data: what every mapped column is for the person it is about, and how that person is found."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import ColumnElement, Table, inspect, or_, select

from retinue.storage.declare import MODELS, fields_of

if TYPE_CHECKING:
    from retinue.storage.store import Store

SUBJECT = "contact"
"""The table of the persons."""


@dataclass(frozen=True, slots=True)
class Held:
    """One column with personal data: why it is kept, how it is protected, what an access copy and an erasure do.

    `plugin` is empty for core; `path` is the way from the row to the person, ``orders_line.order_id > orders_order.contact_id``,
    empty where no foreign key leads there. `derived` values follow from others, so that nobody provided them.
    """

    plugin: str
    table: str
    field: str
    label: str
    purpose: str
    protection: str
    export: bool
    erase: str
    path: str
    derived: bool = False


def personal_registry(models: Iterable[type[Any]] | None = None) -> list[Held]:
    """Return every column with personal data of `models`, all that are loaded by default, by plugin and table."""
    found = [
        Held(
            plugin=model.__plugin__ or "",
            table=model.__table__.name,
            field=declared.name,
            label=declared.label,
            purpose=declared.privacy.purpose,
            protection=declared.protection,
            export=declared.privacy.export,
            erase=declared.privacy.erase,
            path=subject_path(model.__table__),
            derived=declared.derived,
        )
        for model in (MODELS.values() if models is None else models)
        for declared in fields_of(model).values()
        if declared.privacy.personal
    ]
    return sorted(found, key=lambda held: (held.plugin, held.table))


def subject_path(table: Table) -> str:
    """Return the shortest way from a row of `table` to its person, empty if there is none."""
    return " > ".join(f"{column.table.name}.{column.name}" for column in _way(table, ()))


def is_about(table: Table, contact_ids: Collection[UUID]) -> ColumnElement[bool] | None:
    """Return the condition that a row of `table` is about one of these persons; None if no foreign key says so."""
    if table.name == SUBJECT:
        return table.c.id.in_(contact_ids)
    direct = [column for column in table.columns if _target(column) == SUBJECT]
    if direct:
        return or_(*(column.in_(contact_ids) for column in direct))
    way = _way(table, ())
    if not way:
        return None
    foreign = next(iter(way[0].foreign_keys)).column
    inner = is_about(foreign.table, contact_ids)
    return None if inner is None else way[0].in_(select(foreign).where(inner))


def _target(column: Any) -> str:
    return next((foreign.column.table.name for foreign in column.foreign_keys), "")


def _way(table: Table, seen: tuple[str, ...]) -> list[Any]:
    """Return the columns to follow from `table` to the person, as few as possible."""
    if table.name == SUBJECT:
        return []
    ways = []
    for column in table.columns:
        target = _target(column)
        if target == SUBJECT:
            return [column]
        if target and target != table.name and target not in seen:
            parent = next(iter(column.foreign_keys)).column.table
            rest = _way(parent, (*seen, table.name))
            ways += [[column, *rest]] if rest else []
    return min(ways, key=len, default=[])


def privacy_faults(store: Store) -> Iterator[str]:
    """Yield, as sentences, the tables and columns about persons in the database that no loaded class declares.

    Asks the database itself, so that tables of plugins that are off, or that a migration made on the side, are seen:
    whatever has a foreign key to a contact, directly or over other tables.
    """
    inspector = inspect(store.raw_connection())
    names = set(inspector.get_table_names())
    targets = {
        name: {foreign["referred_table"] for foreign in inspector.get_foreign_keys(name)} for name in names
    }
    for name in sorted(_reaching(targets)):
        model = MODELS.get(name)
        if model is None:
            yield f"table {name} holds rows about contacts, and no plugin that is on declares it"
            continue
        mapped = set(model.__table__.columns.keys())
        for column in inspector.get_columns(name):
            if column["name"] not in mapped:
                yield f"column {name}.{column['name']} is declared by nobody"
    for held in personal_registry():
        if held.erase == "keep" and held.path and not held.purpose:
            yield f"column {held.table}.{held.field} is kept after an erasure and says no purpose"


def _reaching(targets: dict[str, set[str]]) -> set[str]:
    """Return the tables from which foreign keys lead to a person."""
    found = {SUBJECT}
    while more := {name for name, near in targets.items() if near & found} - found:
        found |= more
    return found - {SUBJECT}
