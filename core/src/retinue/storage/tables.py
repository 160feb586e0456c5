"""Whole tables as the database itself knows them: for lifting a plugin's rows out, putting them back, and proof.

Works without the classes that map them: the code of a plugin may be gone. Rows travel as plain values that mean
the same on SQLite and PostgreSQL: ids as 32 hexadecimal digits, instants in UTC, bytes as base64.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Date,
    DateTime,
    Float,
    LargeBinary,
    MetaData,
    Numeric,
    Table,
    Uuid,
    column,
    delete,
    func,
    inspect,
    select,
    table,
    update,
)
from sqlalchemy.types import NullType

_BATCH = 500
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reference:
    """A foreign key as it stands in the database."""

    table: str
    columns: tuple[str, ...]
    target: str
    on_delete: str


def table_names(connection: Connection) -> list[str]:
    """Return the names of all tables, sorted."""
    return sorted(inspect(connection).get_table_names())


def references(connection: Connection) -> list[Reference]:
    """Return every foreign key of every table."""
    return [
        Reference(
            table,
            tuple(key["constrained_columns"]),
            key["referred_table"],
            str(key.get("options", {}).get("ondelete") or "").upper(),
        )
        for (_, table), keys in sorted(inspect(connection).get_multi_foreign_keys().items())
        for key in keys
    ]


def column_names(connection: Connection) -> dict[str, list[str]]:
    """Return the columns of every table, by its name."""
    found = inspect(connection).get_multi_columns()
    return {name: [str(fact["name"]) for fact in facts] for (_, name), facts in found.items()}


def schema_of(connection: Connection, names: Collection[str]) -> dict[str, Any]:
    """Return columns, indexes and foreign keys of tables in a form that can be compared."""
    inspector, wanted = inspect(connection), set(names)
    if connection.dialect.name == "sqlite":  # which keeps the statements themselves
        kept = connection.exec_driver_sql(
            "SELECT tbl_name, type, name, sql FROM sqlite_master ORDER BY type, name"
        )
        made: dict[str, Any] = {name: [] for name in wanted}
        for table_name, *rest in kept:
            made.get(table_name, []).append(rest)
        return made
    found: dict[str, Any] = {name: {} for name in wanted}
    readers: Mapping[str, Callable[[], Any]] = {
        "columns": inspector.get_multi_columns,
        "indexes": inspector.get_multi_indexes,
        "foreign_keys": inspector.get_multi_foreign_keys,
        "unique": inspector.get_multi_unique_constraints,
    }
    for part, read in readers.items():
        for (_, name), facts in read().items():
            if name in wanted:
                found[name][part] = sorted(_words(fact) for fact in facts)
    return found


def _words(fact: Any) -> str:
    """Return a fact about a table as text that is the same for the same structure, expressions included."""
    if isinstance(fact, Mapping):
        return ", ".join(f"{key}={_words(value)}" for key, value in sorted(fact.items()))
    return f"[{', '.join(map(_words, fact))}]" if isinstance(fact, list | tuple) else str(fact)


def in_order(names: Collection[str], found: Iterable[Reference]) -> list[str]:
    """Return tables so that each stands behind those it points at; tables in a circle come last, by name."""
    needs = {name: {r.target for r in found if r.table == name and r.target != name} for name in names}
    ordered: list[str] = []
    while waiting := sorted(set(names) - set(ordered)):
        free = [name for name in waiting if not needs[name] & set(waiting)]
        ordered += free or waiting
    return ordered


def count_rows_of(connection: Connection, name: str, /, **equal: Any) -> int:
    """Return how many rows a table has, of those whose columns are `equal`."""
    bare = table(name, *(column(word) for word in equal))
    chosen = select(func.count()).select_from(bare)
    return int(connection.scalar(_narrow(chosen, bare, equal)) or 0)


def read_rows_of(connection: Connection, name: str, /, **equal: Any) -> Iterator[Row]:
    """Yield the rows of a table as plain values, in the order of the primary key; a list means one of these."""
    shape = _shape(connection, name)
    whole, kinds = shape.table, shape.kinds
    chosen = _narrow(select(whole), whole, equal).order_by(*(whole.c[key] for key in shape.keys))
    result = connection.execute(chosen)
    for part in result.mappings().partitions(_BATCH):
        for row in part:
            yield {word: _plain(row[word], kind) for word, kind in kinds.items()}


def write_rows_of(connection: Connection, name: str, rows: Iterable[Row]) -> int:
    """Insert rows given as plain values; a row that points at its own table comes behind the one it points at."""
    shape = _shape(connection, name)
    kinds = shape.kinds
    sqlite, written = connection.dialect.name == "sqlite", 0
    statement = shape.table.insert()
    for batch in _batches(_parents_first(connection, name, rows)):
        values = [{c: _stored(row.get(c), kinds[c], sqlite=sqlite) for c in kinds} for row in batch]
        connection.execute(statement, values)
        written += len(values)
    return written


def delete_rows_of(connection: Connection, name: str, /, **equal: Any) -> int:
    """Delete the rows whose columns are `equal`; returns how many."""
    if not equal:
        raise ValueError("say which rows")
    bare = table(name, *(column(word) for word in equal))
    return int(connection.execute(_narrow(delete(bare), bare, equal)).rowcount)


def let_go(connection: Connection, reference: Reference, target_id: UUID) -> int:
    """Do to the rows that point at a row what the database would do if it were deleted; returns how many.

    That is what the author of a table has declared, and it holds without their code: CASCADE deletes them, SET NULL
    lets them stand alone. A reference of another kind is left as it is.
    """
    name = reference.columns[0]
    bare = table(reference.table, column(name, Uuid))
    which = bare.c[name] == target_id
    if reference.on_delete == "CASCADE":
        return int(connection.execute(delete(bare).where(which)).rowcount)
    if reference.on_delete == "SET NULL":
        return int(connection.execute(update(bare).where(which).values({name: None})).rowcount)
    return 0


def drop_tables(connection: Connection, names: Sequence[str]) -> None:
    """Drop tables, which stand behind those they point at; fails if a table beside them points at one."""
    quote = connection.dialect.identifier_preparer.quote
    if connection.dialect.name == "postgresql" and names:
        connection.exec_driver_sql(f"DROP TABLE {', '.join(map(quote, names))}")
        return
    for name in reversed(names):
        connection.exec_driver_sql(f"DROP TABLE {quote(name)}")


def hold_still(connection: Connection, names: Collection[str]) -> None:
    """Let nobody else write to tables until this transaction ends; others read. On SQLite a writer is alone anyway."""
    if connection.dialect.name == "postgresql" and names:
        quote = connection.dialect.identifier_preparer.quote
        connection.exec_driver_sql("SET LOCAL lock_timeout = '10s'")
        listed = ", ".join(quote(name) for name in sorted(names))
        connection.exec_driver_sql(f"LOCK TABLE {listed} IN EXCLUSIVE MODE")


def digest_rows(
    connection: Connection, name: str, *, leave_out: Collection[str] = (), columns: Collection[str] = ()
) -> tuple[int, str]:
    """Return how many rows a table has and a digest of them, whatever their order.

    `leave_out` names rows by their primary key that are not looked at, `columns` those that do not count.
    """
    total, count, hidden = 0, 0, set(leave_out)
    if not count_rows_of(connection, name):
        return 0, f"{0:064x}"
    keys = inspect(connection).get_pk_constraint(name)["constrained_columns"] if hidden else []
    for row in read_rows_of(connection, name):
        if hidden and "/".join(str(row[key]) for key in keys) in hidden:
            continue
        kept = {key: value for key, value in row.items() if key not in columns}
        text = json.dumps(kept, sort_keys=True, ensure_ascii=False)
        total += int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")
        count += 1
    return count, f"{total % (1 << 256):064x}"


@dataclass(frozen=True, slots=True)
class _Shape:
    """A table with raw values on SQLite, the database's own types on PostgreSQL; what its columns hold; its key."""

    table: Table
    kinds: dict[str, str]
    keys: list[str]


def _shape(connection: Connection, name: str) -> _Shape:
    raw, inspector = connection.dialect.name == "sqlite", inspect(connection)
    columns = [c for c in inspector.get_columns(name) if not c.get("computed")]
    bare = Table(name, MetaData(), *(Column(c["name"], NullType() if raw else c["type"]) for c in columns))
    kinds = {str(c["name"]): _kind(c["type"]) for c in columns}
    return _Shape(bare, kinds, inspector.get_pk_constraint(name)["constrained_columns"])


def _narrow(statement: Any, whole: Any, equal: Mapping[str, Any]) -> Any:
    for word, value in equal.items():
        known = whole.c[word]
        statement = statement.where(
            known.in_(value) if isinstance(value, list | tuple | set) else known == value
        )
    return statement


def _kind(type_: Any) -> str:
    if isinstance(type_, Uuid) or (getattr(type_, "length", None) == 32 and type(type_).__name__ == "CHAR"):
        return "uuid"
    for cls, kind in (
        (LargeBinary, "bytes"), (DateTime, "datetime"), (Date, "date"), (Boolean, "boolean"), (JSON, "json"),
        (Float, "float"), (Numeric, "decimal"),
    ):  # fmt: skip
        if isinstance(type_, cls):
            return kind
    return "plain"


def _plain(value: Any, kind: str) -> Any:
    """Return a value of the database as one that JSON can hold."""
    if value is None:
        return None
    if kind == "uuid":
        return str(value).replace("-", "")
    if kind == "bytes":
        return base64.b64encode(bytes(value)).decode()
    if kind == "datetime":
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        return aware.isoformat()
    if kind == "boolean":
        return bool(value)
    if kind == "json":
        return json.loads(value) if isinstance(value, str) else value
    if kind == "decimal":
        return format(Decimal(str(value)).normalize(), "f")
    return value.isoformat() if isinstance(value, date) else value


def _stored(value: Any, kind: str, *, sqlite: bool) -> Any:
    """Return a plain value as the database keeps it."""
    if value is None:
        return None
    if kind == "bytes":
        return base64.b64decode(value)
    if kind == "datetime":
        moment = datetime.fromisoformat(value)
        return moment.strftime("%Y-%m-%d %H:%M:%S.%f") if sqlite else moment
    if kind == "json":
        return json.dumps(value) if sqlite else value
    if kind == "boolean":
        return int(value) if sqlite else value
    if sqlite:
        return value
    if kind == "uuid":
        return UUID(value)
    if kind == "decimal":
        return Decimal(value)
    return date.fromisoformat(value) if kind == "date" else value


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    batch: list[Row] = []
    for row in rows:
        batch.append(row)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _parents_first(connection: Connection, name: str, rows: Iterable[Row]) -> Iterable[Row]:
    own = [r.columns[0] for r in references(connection) if r.table == name and r.target == name]
    if not own:
        return rows
    waiting, ordered = list(rows), []
    known: set[Any] = set()
    while waiting:
        free = [row for row in waiting if all(row[c] is None or row[c] in known for c in own)]
        known |= {row["id"] for row in free}
        ordered += free
        taken = {row["id"] for row in free}
        waiting = [row for row in waiting if row["id"] not in taken] if free else []
        if not free:
            break
    return ordered
