"""SQL that is spelled differently on SQLite and PostgreSQL, as small expressions with bound values.

Text matching is exact about letter case on both (SQLite's LIKE is not), and its prefix form is a range on
SQLite and a LIKE on PostgreSQL, each of which can use an index. Typed custom fields are read out of one JSON
column; a value of another type than declared counts as missing, so that it can never fail a statement.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, ColumnElement, Dialect, Double, Integer, String, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

_ESCAPE = "!"


class ContainsText(FunctionElement[bool]):
    """True where a text column holds a piece of text, letter for letter."""

    type = Boolean()
    inherit_cache = True


class StartsText(FunctionElement[bool]):
    """True where a text column begins with a piece of text, letter for letter."""

    type = Boolean()
    inherit_cache = True


def contains_text(column: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    """Return the test whether `column` holds `text`."""
    return ContainsText(column, literal(text, String()), literal(f"%{_escaped(text)}%", String()))


def starts_text(column: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    """Return the test whether `column` begins with `text`."""
    bounds = (literal(text, String()), literal(_text_after(text), String()))
    return StartsText(column, *bounds, literal(f"{_escaped(text)}%", String()))


def _escaped(text: str) -> str:
    for char in (_ESCAPE, "%", "_"):
        text = text.replace(char, _ESCAPE + char)
    return text


def _text_after(prefix: str) -> str:
    """Return the least text that is greater than everything beginning with `prefix`, by code points."""
    for place in range(len(prefix) - 1, -1, -1):
        code = ord(prefix[place]) + 1
        if code <= 0x10FFFF:
            return prefix[:place] + chr(0xE000 if 0xD800 <= code <= 0xDFFF else code)
    return "\U0010ffff" * (len(prefix) + 1)


def _parts(element: FunctionElement[Any], compiler: SQLCompiler, **kw: Any) -> list[str]:
    return [compiler.process(clause, **kw) for clause in element.clauses]


def _part(element: FunctionElement[Any], place: int, compiler: SQLCompiler, **kw: Any) -> str:
    return compiler.process(list(element.clauses)[place], **kw)


@compiles(ContainsText)
def _contains(element: ContainsText, compiler: SQLCompiler, **kw: Any) -> str:
    return (
        f"({_part(element, 0, compiler, **kw)} LIKE {_part(element, 2, compiler, **kw)} ESCAPE '{_ESCAPE}')"
    )


@compiles(ContainsText, "sqlite")
def _contains_sqlite(element: ContainsText, compiler: SQLCompiler, **kw: Any) -> str:
    return f"(instr({_part(element, 0, compiler, **kw)}, {_part(element, 1, compiler, **kw)}) > 0)"


@compiles(StartsText)
def _starts(element: StartsText, compiler: SQLCompiler, **kw: Any) -> str:
    return (
        f"({_part(element, 0, compiler, **kw)} LIKE {_part(element, 3, compiler, **kw)} ESCAPE '{_ESCAPE}')"
    )


@compiles(StartsText, "sqlite")
def _starts_sqlite(element: StartsText, compiler: SQLCompiler, **kw: Any) -> str:
    low, high = _part(element, 1, compiler, **kw), _part(element, 2, compiler, **kw)
    first, second = _part(element, 0, compiler, **kw), _part(element, 0, compiler, **kw)
    return f"({first} >= {low} AND {second} < {high})"


class IsoDate(TypeDecorator[date]):
    """A day kept as ISO text inside JSON; the text sorts like the days."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: date | None, _dialect: Dialect) -> str | None:
        """Write the day as text."""
        return None if value is None else value.isoformat()

    def process_result_value(self, value: str | None, _dialect: Dialect) -> date | None:
        """Read the day back; text that is no day counts as missing."""
        try:
            return None if value is None else date.fromisoformat(value)
        except ValueError:
            return None


class IsoInstant(TypeDecorator[datetime]):
    """An instant kept inside JSON as ISO text in UTC (``2026-06-30T12:00:00Z``), compared as text."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> str | None:
        """Write the instant as text in UTC without an offset: it bounds every spelling of the offset."""
        if value is None:
            return None
        return value.astimezone(UTC).replace(tzinfo=None).isoformat()

    def process_result_value(self, value: str | None, _dialect: Dialect) -> datetime | None:
        """Read the instant back as aware; text that is no instant counts as missing."""
        try:
            found = None if value is None else datetime.fromisoformat(value)
        except ValueError:
            return None
        return found.replace(tzinfo=UTC) if found and found.tzinfo is None else found


class _FromJson(FunctionElement[Any]):
    """A value under one key of a JSON column: clauses are the column, the key, and the key as a path."""

    inherit_cache = True

    def __init__(self, column: ColumnElement[Any], key: str, *more: ColumnElement[Any]) -> None:
        super().__init__(column, literal(key, String()), literal(f'$."{key}"', String()), *more)


class JsonText(_FromJson):
    """The text under a key; anything else is missing."""

    type: TypeEngine[Any] = String()
    inherit_cache = True


class JsonDate(JsonText):
    """The day under a key."""

    type = IsoDate()
    inherit_cache = True


class JsonInstant(JsonText):
    """The instant under a key."""

    type = IsoInstant()
    inherit_cache = True


class JsonInteger(_FromJson):
    """The whole number under a key; anything else is missing."""

    type = BigInteger()
    inherit_cache = True


class JsonNumber(_FromJson):
    """The number under a key, written as a number or as text; compared as a double on both databases."""

    type = Double()
    inherit_cache = True


class JsonBoolean(_FromJson):
    """The boolean under a key; anything else is missing."""

    type = Boolean()
    inherit_cache = True


class JsonHas(_FromJson):
    """True where the list under a key holds a text; never NULL."""

    type = Boolean()
    inherit_cache = True

    def __init__(self, column: ColumnElement[Any], key: str, text: str) -> None:
        super().__init__(column, key, literal(text, String()))


class JsonLength(_FromJson):
    """How many values the list under a key has; zero where there is none."""

    type = Integer()
    inherit_cache = True


class JsonNames(FunctionElement[Any]):
    """All values of a group as one JSON list, in no order; an empty list for an empty group."""

    type = JSON()
    inherit_cache = True


@compiles(JsonText)
def _json_text(element: JsonText, compiler: SQLCompiler, **kw: Any) -> str:
    column, key, _ = _parts(element, compiler, **kw)
    return f"(CASE jsonb_typeof({column} -> {key}) WHEN 'string' THEN {column} ->> {key} END)"


@compiles(JsonText, "sqlite")
def _json_text_sqlite(element: JsonText, compiler: SQLCompiler, **kw: Any) -> str:
    kind, value = _sqlite_pair(element, compiler, **kw)
    return f"(CASE {kind} WHEN 'text' THEN {value} END)"


@compiles(JsonInteger)
def _json_integer(element: JsonInteger, compiler: SQLCompiler, **kw: Any) -> str:
    column, key, _ = _parts(element, compiler, **kw)
    fits = f"jsonb_typeof({column} -> {key}) = 'number' AND ({column} ->> {key}) ~ '^-?[0-9]{{1,18}}$'"
    return f"(CASE WHEN {fits} THEN CAST({column} ->> {key} AS BIGINT) END)"


@compiles(JsonInteger, "sqlite")
def _json_integer_sqlite(element: JsonInteger, compiler: SQLCompiler, **kw: Any) -> str:
    kind, value = _sqlite_pair(element, compiler, **kw)
    return f"(CASE {kind} WHEN 'integer' THEN {value} END)"


@compiles(JsonNumber)
def _json_number(element: JsonNumber, compiler: SQLCompiler, **kw: Any) -> str:
    column, key, _ = _parts(element, compiler, **kw)
    fits = f"({column} ->> {key}) ~ '^-?[0-9]{{1,30}}([.][0-9]+)?$'"
    return f"(CASE WHEN {fits} THEN CAST({column} ->> {key} AS DOUBLE PRECISION) END)"


@compiles(JsonNumber, "sqlite")
def _json_number_sqlite(element: JsonNumber, compiler: SQLCompiler, **kw: Any) -> str:
    kind, value = _sqlite_pair(element, compiler, **kw)
    digits = f"{value} GLOB '[0-9]*' OR {value} GLOB '-[0-9]*'"
    number = f"CAST({value} AS REAL)"
    return (
        f"(CASE {kind} WHEN 'integer' THEN {number} WHEN 'real' THEN {number} "
        f"WHEN 'text' THEN CASE WHEN {digits} THEN {number} END END)"
    )


@compiles(JsonBoolean)
def _json_boolean(element: JsonBoolean, compiler: SQLCompiler, **kw: Any) -> str:
    column, key, _ = _parts(element, compiler, **kw)
    value = f"CAST({column} ->> {key} AS BOOLEAN)"
    return f"(CASE WHEN jsonb_typeof({column} -> {key}) = 'boolean' THEN {value} END)"


@compiles(JsonBoolean, "sqlite")
def _json_boolean_sqlite(element: JsonBoolean, compiler: SQLCompiler, **kw: Any) -> str:
    kind, _ = _sqlite_pair(element, compiler, **kw)
    return f"(CASE {kind} WHEN 'true' THEN 1 WHEN 'false' THEN 0 END)"


@compiles(JsonHas)
def _json_has(element: JsonHas, compiler: SQLCompiler, **kw: Any) -> str:
    column, key, _, text = _parts(element, compiler, **kw)
    listed = f"jsonb_typeof({column} -> {key}) = 'array'"
    return f"coalesce({listed} AND ({column} -> {key}) @> to_jsonb(CAST({text} AS TEXT)), FALSE)"


@compiles(JsonHas, "sqlite")
def _json_has_sqlite(element: JsonHas, compiler: SQLCompiler, **kw: Any) -> str:
    column, path, text = (_part(element, place, compiler, **kw) for place in (0, 2, 3))
    kind, _ = _sqlite_pair(element, compiler, **kw)
    listed = f"coalesce({kind} = 'array', 0)"
    found = f"json_each({column}, {path}) AS item WHERE item.value = {text}"
    return f"({listed} AND EXISTS (SELECT 1 FROM {found}))"  # noqa: S608 - the parts are compiled, values bound


@compiles(JsonLength)
def _json_length(element: JsonLength, compiler: SQLCompiler, **kw: Any) -> str:
    column, key, _ = _parts(element, compiler, **kw)
    item = f"{column} -> {key}"
    return f"(CASE jsonb_typeof({item}) WHEN 'array' THEN jsonb_array_length({item}) ELSE 0 END)"


@compiles(JsonLength, "sqlite")
def _json_length_sqlite(element: JsonLength, compiler: SQLCompiler, **kw: Any) -> str:
    column, path = _part(element, 0, compiler, **kw), _part(element, 2, compiler, **kw)
    return f"coalesce(json_array_length({column}, {path}), 0)"


@compiles(JsonNames)
def _json_names(element: JsonNames, compiler: SQLCompiler, **kw: Any) -> str:
    return f"coalesce(json_agg({_part(element, 0, compiler, **kw)}), CAST('[]' AS JSON))"


@compiles(JsonNames, "sqlite")
def _json_names_sqlite(element: JsonNames, compiler: SQLCompiler, **kw: Any) -> str:
    return f"json_group_array({_part(element, 0, compiler, **kw)})"


def _sqlite_pair(element: _FromJson, compiler: SQLCompiler, **kw: Any) -> tuple[str, str]:
    """Return SQL for the JSON type and for the value under the key."""
    column, path = _part(element, 0, compiler, **kw), _part(element, 2, compiler, **kw)
    return f"json_type({column}, {path})", f"json_extract({column}, {path})"
