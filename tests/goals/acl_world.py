"""Rows of every mapped class, core's and the installed plugins', in and out of everybody's sight; and who sees them.

Nothing here knows a single table: rows are made from the columns, and the expectation from the declared access,
in plain Python. A new table of a plugin is in the matrix the day it is written.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from importlib.metadata import entry_points
from itertools import count
from typing import Any

from sqlalchemy import Boolean, Date, Float, Integer, LargeBinary, Numeric, Table, Uuid, insert
from sqlalchemy.exc import IntegrityError
from storage_kit import World, make_world

from retinue.actor import Actor
from retinue.storage import MODELS, Database, UtcDateTime, new_id

WORDS = ("mine", "mates", "lent", "given", "foreign", "nobodys", "binned")
NOW = datetime(2026, 5, 1, tzinfo=UTC)
Key = tuple[Any, ...]


def all_models() -> dict[str, type[Any]]:
    """Return the mapped classes of core and of every installed plugin by table."""
    packages = ["retinue"]
    importlib.import_module("retinue.app.house")
    for plugin in entry_points(group="retinue.plugins"):
        packages.append(plugin.module)
        if importlib.util.find_spec(f"{plugin.module}.models"):
            importlib.import_module(f"{plugin.module}.models")
    return {name: m for name, m in sorted(MODELS.items()) if m.__module__.partition(".")[0] in packages}


@dataclass
class Rows:
    """Every row of the world by table and word, and the contacts' world they hang on."""

    world: World
    models: dict[str, type[Any]]
    rows: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    unfilled: list[str] = field(default_factory=list)

    def key_of(self, table: Table, row: dict[str, Any]) -> Key:
        """Return the primary key of a row."""
        return tuple(row[c.name] for c in table.primary_key.columns)

    def visible(self, name: str, row: dict[str, Any], actor: Actor, words: set[str]) -> bool:
        """Say by the declaration alone whether `actor`, who sees the contacts `words`, sees a row."""
        access = self.models[name].__table__.info["access"]
        if access.mode == "system":
            return False
        if actor.kind == "nobody":
            return False
        if access.mode == "contacts":
            return row["_word"] in words
        if access.mode == "owned":
            return (
                row[access.columns[0]] == actor.id
                or bool(access.team and row[access.team] in actor.team_ids)
                or bool(access.public and row[access.public])
            )
        if access.mode == "through":
            return all(self._parent_visible(name, row, column, (actor, words)) for column in access.columns)
        return True

    def _parent_visible(
        self, name: str, row: dict[str, Any], column: str, who: tuple[Actor, set[str]]
    ) -> bool:
        access, value = self.models[name].__table__.info["access"], row[column]
        if value is None:
            return bool(access.optional)
        parent = next(r for r in self.rows[access.parent].values() if r["id"] == value)
        return self.visible(access.parent, parent, *who)

    def expected(self, name: str, actor: Actor, words: set[str]) -> set[Key]:
        """Return the keys of the rows of table `name` that the actor sees."""
        table = self.models[name].__table__
        return {
            self.key_of(table, row)
            for row in self.rows[name].values()
            if self.visible(name, row, actor, words)
        }


def make_rows(database: Database) -> Rows:
    """Create every table, the contacts' world, and a row of each class for each of its words."""
    models = all_models()
    for metadata in {id(m.metadata): m.metadata for m in models.values()}.values():
        metadata.create_all(database.engine)
    made = Rows(make_world(database), models)
    with database.transaction() as connection:
        for name in (
            "audit_entry",
            "audit_seal",
            "change_set",
        ):  # the world's own; the matrix brings its rows
            connection.execute(models[name].__table__.delete())
        for model in _parents_first(models):
            table = model.__table__
            if table.name in _OF_THE_WORLD:
                made.rows[table.name] = dict(_known(made, connection, table))
                continue
            connection.execute(table.delete())
            made.rows[table.name] = next(
                filter(None, (_fill(made, connection, model, n) for n in NUMBERS)), {}
            )
            if not made.rows[table.name]:
                made.unfilled.append(table.name)
    return made


NUMBERS = (None, 1, 0)
"""What stands in a row's number columns: one that grows from row to row, or what a rule of the table may ask for."""


def _fill(made: Rows, connection: Any, model: type[Any], number: int | None) -> dict[str, dict[str, Any]]:
    """Insert a row for each word; nothing if the table has a rule that invented values break."""
    try:
        rows = {word: _row(made, model, word, number) for word in WORDS}
        with connection.begin_nested():
            for row in rows.values():
                values = {name: value for name, value in row.items() if name != "_word"}
                connection.execute(insert(model.__table__).values(**values))
    except (IntegrityError, KeyError):  # a CHECK, or a parent that could not be filled
        return {}
    return rows


_OF_THE_WORLD = frozenset({"contact", "access_set", "access_reader"})


def _known(made: Rows, connection: Any, table: Table) -> Iterator[tuple[str, dict[str, Any]]]:
    words = {contact_id: word for word, contact_id in made.world.ids.items()}
    for number, row in enumerate(connection.execute(table.select()).mappings()):
        word = words.get(row["id"], str(number))
        yield word, {**row, "_word": word}


def _parents_first(models: dict[str, type[Any]]) -> list[type[Any]]:
    order: list[type[Any]] = []
    pending = dict(models)
    while pending:
        ready = [n for n, m in pending.items() if not (_targets(m.__table__) & pending.keys() - {n})]
        if not ready:
            raise AssertionError(f"tables in a circle: {sorted(pending)}")
        order += [pending.pop(n) for n in ready]
    return order


def _targets(table: Table) -> set[str]:
    needed = {f.column.table.name for c in table.columns for f in c.foreign_keys}
    access = table.info["access"]
    return needed | ({access.parent} if access.mode == "through" else set())


_number = count(1)


def _row(made: Rows, model: type[Any], word: str, number: int | None) -> dict[str, Any]:
    table, access = model.__table__, model.__table__.info["access"]
    shared = next(_number) if number is None else number
    row = {column.name: _value(made, column, word) for column in table.columns}
    for column in table.columns:
        if isinstance(column.type, Integer | Numeric | Float) and not column.primary_key:
            row[column.name] = shared  # one for all: rules compare them with each other
    world = made.world
    if table.name == "account":
        ids = {"mine": world.me, "mates": world.mate, "lent": world.other}
        row["id"] = ids.get(word, row["id"])
    if table.name == "team" and word == "mine":
        row["id"] = world.team
    if access.mode == "owned":
        owners = {"mine": world.me, "mates": world.mate}
        row[access.columns[0]] = owners.get(word, world.other)
        if access.team:
            row[access.team] = world.team if word == "given" else None
        if access.public:
            row[access.public] = word == "lent"
    row["_word"] = word
    return row


def _value(made: Rows, column: Any, word: str) -> Any:
    access, declared = column.table.info["access"], column.info.get("field")
    for foreign in column.foreign_keys:
        target = foreign.column.table.name
        if column.nullable and column.name not in access.columns:
            return None
        return made.rows[target][word][foreign.column.name]
    if access.mode == "through" and column.name in access.columns:
        return made.rows[access.parent][word]["id"]
    if declared is not None and declared.choices:
        return declared.choices[0]
    return _plain(column, word)


def _plain(column: Any, word: str) -> Any:
    type_ = column.type
    if isinstance(type_, Uuid):
        return new_id()
    if isinstance(type_, Boolean):
        return False
    if isinstance(type_, Integer | Numeric | Float):
        return next(_number)
    if isinstance(type_, UtcDateTime):
        return NOW
    if isinstance(type_, Date):
        return date(2026, 5, 1)
    if isinstance(type_, LargeBinary):
        return None if column.nullable else f"{column.name} {word}".encode()
    if isinstance(getattr(type_, "python_type", None), type) and issubclass(type_.python_type, dict | list):
        return type_.python_type()
    text = f"{word}-{next(_number)}"
    length = getattr(type_, "length", None)
    return text[-length:] if length else text


__all__ = ["WORDS", "Key", "Rows", "all_models", "make_rows"]
