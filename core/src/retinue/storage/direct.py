"""Many rows at once, straight through the driver: COPY on PostgreSQL, one prepared statement on SQLite.

SQLAlchemy's own executemany spends most of its time binding row by row; here a column is encoded at a time, and
what all rows share is encoded once. What is sealed, scoped and audited was decided before: this module only writes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import islice, repeat
from operator import itemgetter
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Date,
    Enum,
    Integer,
    LargeBinary,
    Numeric,
    String,
    Table,
    Uuid,
    insert,
)
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from retinue.storage.types import UtcDateTime

Encoder = Callable[[Any], Any]
_json: Final = msgspec.json.Encoder().encode
_PART: Final = 1000
_MANY: Final = 100
_NOTHING: Final[Mapping[str, Any]] = {}


def insert_direct(
    connection: Connection, table: Table, rows: Sequence[dict[str, Any]], shared: Mapping[str, Any] = _NOTHING
) -> None:
    """Insert `rows` of column names in the connection's transaction; absent columns get their Python defaults.

    `shared` are values that all rows have. Raises SQLAlchemy's IntegrityError or OperationalError, as an ordinary
    insert would.
    """
    if not rows:
        return
    encoders = _SQLITE if connection.dialect.name == "sqlite" else _POSTGRESQL
    given = set().union(*rows) | shared.keys()
    columns = [column for column in table.columns if column.name in given or column.default is not None]
    chosen = [_encoder(column.type, encoders) for column in columns]
    if None in chosen:  # a type of a plugin's own: SQLAlchemy knows how to bind it
        names_of = [column.name for column in table.columns if column.name in given]
        connection.execute(
            insert(table), [{n: shared[n] if n in shared else row.get(n) for n in names_of} for row in rows]
        )
        return
    encoded = [
        _encode(column, rows, shared, encoder)
        for column, encoder in zip(columns, chosen, strict=True)
        if encoder
    ]
    names = ", ".join(connection.dialect.identifier_preparer.quote(column.name) for column in columns)
    driver: Any = connection.connection.driver_connection
    try:
        if encoders is _SQLITE:
            marks = ", ".join("?" * len(columns))
            driver.executemany(
                f"INSERT INTO {table.name} ({names}) VALUES ({marks})", zip(*encoded, strict=False)
            )  # names from the mapped table
        else:
            _copy(driver, f"COPY {table.name} ({names}) FROM STDIN", zip(*encoded, strict=False), len(rows))
    except (
        Exception
    ) as fault:  # the driver's own errors, told in SQLAlchemy's words so that callers see one family
        raise translated(fault, table.name) from fault


def _copy(driver: Any, statement: str, rows: Iterator[tuple[str, ...]], count: int) -> None:
    """Send rows of text fields; a thousand at a time are one piece of text, which spares a call per row.

    The server keeps its plans for checking foreign keys: one made while a table was small would read that whole
    table for every row, so plans are made anew.
    """
    with driver.cursor() as cursor:
        if count >= _MANY:
            cursor.execute("DISCARD PLANS")
        with cursor.copy(statement) as copy:
            for _ in range(0, count, _PART):
                copy.write("\n".join(map("\t".join, islice(rows, _PART))) + "\n")


def translated(fault: Exception, table: str) -> Exception:
    """Return a driver's error as SQLAlchemy would tell it: IntegrityError or OperationalError."""
    words = f"{type(fault).__name__}: {fault}".lower()
    kind: type[DBAPIError] = OperationalError
    if "integrity" in words or "unique" in words or "foreignkey" in words or "notnull" in words:
        kind = IntegrityError
    return kind(f"INSERT INTO {table}", None, fault)


# ---- one column ------------------------------------------------------------------------------------------------
def _encode(
    column: Column[Any], rows: Sequence[dict[str, Any]], shared: Mapping[str, Any], encoder: Encoder
) -> Iterable[Any]:
    """Return the column's values as the driver wants them; a value shared by all rows is encoded once."""
    name = column.name
    if name in shared:
        return repeat(encoder(shared[name]), len(rows))
    try:
        values = list(map(itemgetter(name), rows))
    except KeyError:
        values = [row.get(name) for row in rows]
    if column.default is not None:
        values = _with_defaults(column, rows, values)
    first = values[0]
    if all(value is first for value in values):
        return repeat(encoder(first), len(rows))
    return _json_column(values, encoder) if isinstance(column.type, JSON) else list(map(encoder, values))


def _json_column(values: Sequence[Any], encoder: Encoder) -> Iterable[Any]:
    """Encode each distinct object once: lists of field names are shared by many rows."""
    known: dict[int, Any] = {}
    for value in values:
        if id(value) not in known:
            known[id(value)] = encoder(value)
    return [known[id(value)] for value in values]


def _with_defaults(column: Column[Any], rows: Sequence[dict[str, Any]], values: list[Any]) -> list[Any]:
    name, default = column.name, column.default
    missing = [place for place, row in enumerate(rows) if name not in row]
    if not missing or default is None:
        return values
    given: Any = default
    for place in missing:
        values[place] = given.arg(None) if given.is_callable else given.arg
    return values


def _encoder(type_: Any, encoders: Sequence[tuple[type[Any], Encoder]]) -> Encoder | None:
    if isinstance(type_, Enum):
        return None
    return next((encoder for known, encoder in encoders if isinstance(type_, known)), None)


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
    return value.astimezone(UTC)


# ---- SQLite: what its driver binds -------------------------------------------------------------------------------
def _bare(value: Any) -> Any:
    return value


_SQLITE: Final[tuple[tuple[type[Any], Encoder], ...]] = (
    (Uuid, lambda value: None if value is None else f"{value.int:032x}"),
    (UtcDateTime, lambda value: None if value is None else _utc(value).strftime("%Y-%m-%d %H:%M:%S.%f")),
    (JSON, lambda value: None if value is None else _as_json(value)),
    (Date, lambda value: None if value is None else date.isoformat(value)),
    (Boolean, lambda value: None if value is None else int(value)),
    (Numeric, lambda value: None if value is None else float(value)),
    (String, _bare),
    (Integer, _bare),
    (LargeBinary, _bare),
)

# ---- PostgreSQL: the text format of COPY -------------------------------------------------------------------------
_NULL: Final = "\\N"
_special: Final = re.compile(r"[\\\t\n\r]").search
_ESCAPED: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def _text(value: Any) -> str:
    if value is None:
        return _NULL
    if type(value) is not str:
        value = str(value)
    text: str = value.translate(_ESCAPED) if _special(value) else value
    return text


_POSTGRESQL: Final[tuple[tuple[type[Any], Encoder], ...]] = (
    (Uuid, lambda value: _NULL if value is None else f"{value.int:032x}"),
    (UtcDateTime, lambda value: _NULL if value is None else _utc(value).isoformat()),
    (JSON, lambda value: _NULL if value is None else _text(_as_json(value))),
    (Date, lambda value: _NULL if value is None else date.isoformat(value)),
    (Boolean, lambda value: _NULL if value is None else "t" if value else "f"),
    (Numeric, lambda value: _NULL if value is None else str(value)),
    (String, _text),
    (Integer, lambda value: _NULL if value is None else str(value)),
    (LargeBinary, lambda value: _NULL if value is None else "\\\\x" + value.hex()),
)
