"""``column IN many values`` with one bound value: the statement is compiled once, however many there are."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Boolean, ColumnElement, Dialect, LargeBinary, String, TypeDecorator, bindparam
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.visitors import InternalTraversal
from sqlalchemy.types import TypeEngine

_encode = msgspec.json.Encoder().encode


class Packed(TypeDecorator[Any]):
    """Many values in one: an array on PostgreSQL, JSON text on SQLite."""

    impl = String
    cache_ok = True

    def __init__(self, item: TypeEngine[Any]) -> None:
        super().__init__()
        self.item = item

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return an array of the item's type where there are arrays."""
        return dialect.type_descriptor(ARRAY(self.item) if dialect.name == "postgresql" else String())

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Pack the values."""
        return list(value) if dialect.name == "postgresql" else _encode([_plain(v) for v in value]).decode()


def _plain(value: Any) -> Any:
    return value.hex if isinstance(value, UUID) else value.hex() if isinstance(value, bytes) else value


class Among(ColumnElement[bool]):
    """The condition that a column holds one of many values; made by `among`."""

    __visit_name__ = "retinue_among"
    inherit_cache = True
    type = Boolean()
    _traverse_internals = [  # noqa: RUF012  # SQLAlchemy's own name for what a copy and a cache key consist of
        ("column", InternalTraversal.dp_clauseelement),
        ("values", InternalTraversal.dp_clauseelement),
    ]

    def __init__(self, column: ColumnElement[Any], values: ColumnElement[Any]) -> None:
        self.column, self.values = column, values

    def self_group(self, against: Any = None) -> Among:  # noqa: ARG002  # the base's signature
        """Return this as it is: ``… = 1`` around it, as for a column of truth values, would hide the index."""
        return self


def among(column: Any, values: Iterable[Any]) -> ColumnElement[bool]:
    """Return ``column IN values`` for text, numbers, ids or bytes, without None."""
    item = column.type
    return Among(column.expression, bindparam(None, tuple(values), type_=Packed(item), unique=True))


@compiles(Among, "postgresql")
def _as_array(element: Among, compiler: Any, **kw: Any) -> str:
    return f"{compiler.process(element.column, **kw)} = ANY({compiler.process(element.values, **kw)})"


@compiles(Among)
def _as_json(element: Among, compiler: Any, **kw: Any) -> str:
    value = "retinue_bytes(value)" if isinstance(element.column.type, LargeBinary) else "value"
    column, values = compiler.process(element.column, **kw), compiler.process(element.values, **kw)
    return f"{column} IN (SELECT {value} FROM json_each({values}))"


def add_functions(connection: sqlite3.Connection) -> None:
    """Give an SQLite connection what `among` needs for bytes, which JSON has not."""
    connection.create_function("retinue_bytes", 1, bytes.fromhex, deterministic=True)
