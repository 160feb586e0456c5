"""Many rows at once, straight through the driver: COPY on PostgreSQL, one prepared statement on SQLite.

SQLAlchemy's own executemany spends most of its time binding row by row; here a column is encoded at a time. What
is sealed, scoped and audited was decided before: this module only writes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import JSON, Boolean, Column, Connection, Date, Numeric, Table, Uuid
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from retinue.storage.types import UtcDateTime

Encoder = Callable[[Any], Any]
_json: Final = msgspec.json.Encoder().encode


def insert_direct(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert `rows` of column names in the connection's transaction; absent columns get their Python defaults.

    Raises SQLAlchemy's IntegrityError or OperationalError, as an ordinary insert would.
    """
    if not rows:
        return
    sqlite = connection.dialect.name == "sqlite"
    columns = [column for column in table.columns if _is_written(column, rows)]
    encoded = [_encode(column, rows, sqlite=sqlite) for column in columns]
    names = ", ".join(connection.dialect.identifier_preparer.quote(column.name) for column in columns)
    driver: Any = connection.connection.driver_connection
    try:
        if sqlite:
            marks = ", ".join("?" * len(columns))
            driver.executemany(f"INSERT INTO {table.name} ({names}) VALUES ({marks})", zip(*encoded, strict=True))  # noqa: S608  # names from the mapped table
        else:
            _copy(driver, f"COPY {table.name} ({names}) FROM STDIN", zip(*encoded, strict=True))
    except Exception as fault:  # the driver's own errors, told in SQLAlchemy's words so that callers see one family
        raise _translated(fault, table) from fault


def _copy(driver: Any, statement: str, rows: Any) -> None:
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def _translated(fault: Exception, table: Table) -> Exception:
    words = f"{type(fault).__name__}: {fault}".lower()
    kind: type[DBAPIError] = OperationalError
    if "integrity" in words or "unique" in words or "foreignkey" in words or "notnull" in words:
        kind = IntegrityError
    return kind(f"INSERT INTO {table.name}", None, fault)


def _is_written(column: Column[Any], rows: Sequence[dict[str, Any]]) -> bool:
    return column.default is not None or any(column.name in row for row in rows)


def _default(column: Column[Any]) -> Callable[[], Any] | None:
    default: Any = column.default
    if default is None:
        return None
    if default.is_callable:
        return lambda: default.arg(None)
    return lambda: default.arg


def _encode(column: Column[Any], rows: Sequence[dict[str, Any]], *, sqlite: bool) -> list[Any]:
    """Return the column's values as the driver wants them; a value shared by all rows is encoded once."""
    name, default = column.name, _default(column)
    values = [row.get(name) for row in rows]
    if default is not None:
        values = [default() if name not in row else value for value, row in zip(values, rows, strict=True)]
    encoder = _encoder(column.type, sqlite=sqlite)
    if encoder is None:
        return values
    first = values[0]
    if all(value is first for value in values):
        return [None if first is None else encoder(first)] * len(values)
    return [None if value is None else encoder(value) for value in values]


def _encoder(type_: Any, *, sqlite: bool) -> Encoder | None:
    if isinstance(type_, JSON):
        return _as_json
    if not sqlite:
        return _utc if isinstance(type_, UtcDateTime) else None
    if isinstance(type_, Uuid):
        return _hex
    if isinstance(type_, UtcDateTime):
        return _sqlite_instant
    if isinstance(type_, Date):
        return date.isoformat
    if isinstance(type_, Boolean):
        return int
    if isinstance(type_, Numeric):
        return float
    return None


def _hex(value: UUID) -> str:
    return "%032x" % value.int


def _as_json(value: Any) -> str:
    try:
        return _json(value).decode()
    except TypeError:
        return json.dumps(value, default=_plain)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, UUID | Decimal) else value.isoformat()


def _utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError(f"an instant needs a time zone: {value!r}")
    return value


def _sqlite_instant(value: datetime) -> str:
    return _utc(value).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
