"""The marker test of personal data: what a copy shows and what an erasure removes, tried with strings that occur nowhere else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import JSON, inspect, literal_column, select, table

from retinue.actor import Actor
from retinue.app import House
from retinue.contacts.copying import copy_contact
from retinue.contacts.erasing import erase_contact
from retinue.contacts.models import Contact
from retinue.contacts.service import create_contact
from retinue.storage import MODELS, Field, fields_of, is_about, new_id

_TEXTS = ("text", "long_text", "email", "url")


@dataclass
class Markers:
    """What was seeded for one person: each marker with the column it stands in."""

    contact_id: UUID
    held: dict[str, tuple[str, Field]] = field(default_factory=dict)

    def new(self, table: str, declared: Field) -> str:
        """Return a marker for a column, at most 12 characters."""
        marker = f"mk{len(self.held):03d}{self.contact_id.hex[-7:]}"
        self.held[marker] = table, declared
        return marker

    def places(self, markers: Iterable[str]) -> list[str]:
        """Return the columns of `markers`, by name."""
        return sorted(f"{self.held[m][0]}.{self.held[m][1].name}" for m in markers)


def assert_personal_data(
    house: House, *plugins: str, values: Mapping[str, Mapping[str, Any]] | None = None, least: int = 1
) -> Markers:
    """Seed every declared personal text of core and `plugins`, then copy and erase the person; raises AssertionError.

    The copy must hold each marker whose column is exported. After the erasure no table of the database and no byte of an
    SQLite file may hold one, except in columns declared to be kept, and those must have said so. `values` gives, by
    table, values of columns that cannot be invented; `least` is how many markers there must be for the test to mean something.
    """
    with house.store(Actor.system("seed markers")) as store:
        draft = {"kind": "person", "given_name": "Marker", "family_name": "Marker"}
        made = Markers(create_contact(store, draft, on_duplicate="allow").id)
        store.flush()
        _Seeder(store, made, values or {}).seed(plugins)
    assert len(made.held) >= least, f"only {len(made.held)} personal texts are declared"
    with house.store(Actor.system("copy")) as store:
        text = msgspec.json.encode(copy_contact(store, made.contact_id), enc_hook=str).decode()
    shown = {m for m, (_, declared) in made.held.items() if declared.privacy.export}
    missing = made.places(m for m in shown if m not in text)
    assert not missing, f"the copy of the person's data lacks: {', '.join(missing)}"
    with house.store(Actor.system("erase")) as store:
        erase_contact(store, made.contact_id, reason="marker test")
    gone = {m for m, (_, declared) in made.held.items() if declared.privacy.erase != "keep"}
    left = [f"{made.places([m])[0]} in {place}" for place, text in dump(house) for m in gone if m in text]
    assert not left, f"erased data are left: {'; '.join(sorted(left))}"
    return made


def dump(house: House) -> Iterator[tuple[str, str]]:
    """Yield (place, text) of everything an installation keeps: each table of the database, then SQLite's files as bytes.

    Jobs, audit, search columns and kept answers are tables too; the key store is among the files.
    """
    with house.database.transaction() as connection:
        inspector = inspect(connection)
        for name in inspector.get_table_names():
            rows: Any = connection.execute(select(literal_column("*")).select_from(table(name))).all()
            yield f"table {name}", "\n".join(_text(value) for row in rows for value in row)
    url = house.database.engine.url
    if url.get_backend_name() == "sqlite" and url.database:
        for path in sorted(Path(url.database).parent.glob("*.db*")):
            yield f"file {path.name}", path.read_bytes().decode("latin-1")


def _text(value: Any) -> str:
    if isinstance(value, bytes | memoryview):
        return bytes(value).decode("latin-1")
    return str(value)


class _Seeder:
    """Writes one row into every table that leads to the person, with a marker in each personal text."""

    def __init__(self, store: Any, markers: Markers, values: Mapping[str, Mapping[str, Any]]) -> None:
        self.store, self.markers, self.values = store, markers, values
        self.rows: dict[str, Any] = {}
        self.making: list[str] = []

    def seed(self, plugins: Iterable[str]) -> None:
        contact = self.store.get(Contact, self.markers.contact_id)
        self._mark(contact, "contact")
        wanted = {None, *plugins}
        for name, model in list(MODELS.items()):
            personal = any(each.privacy.personal for each in fields_of(model).values())
            if name != "contact" and personal and model.__plugin__ in wanted and self._leads(name):
                self.row(model)
        self.store.flush()

    def row(self, model: type[Any]) -> Any:
        """Return the row of a table, written with those it needs."""
        name = model.__table__.name
        if name not in self.rows and (there := self._there(model)) is not None:
            self._mark(there, name)
            self.rows[name] = there
        if name not in self.rows:
            self.making.append(name)
            row = model(**self._needed(model), **self.values.get(name, {}))
            self.making.pop()
            self.store.add(row)
            self._mark(row, name)
            self.store.flush()
            self.rows[name] = row
        return self.rows[name]

    def _there(self, model: type[Any]) -> Any:
        """Return the row that a plugin made for the person already, where there can be only one."""
        for attribute in model.__mapper__.column_attrs:
            column = attribute.columns[0]
            if column.unique and any(each.column.table.name == "contact" for each in column.foreign_keys):
                return self.store.first(select(model).where(column == self.markers.contact_id))
        return None

    def _mark(self, row: Any, table: str) -> None:
        fixed = self.values.get(table, {})
        for name, declared in fields_of(type(row)).items():
            if not declared.privacy.personal or name in fixed or declared.choices:
                continue
            if declared.kind in _TEXTS and _room(row, name) >= 12:
                setattr(row, name, self.markers.new(table, declared))
            elif declared.kind == "json" and _holds_json(row, name):
                setattr(row, name, {"note": self.markers.new(table, declared)})

    def _needed(self, model: type[Any]) -> dict[str, Any]:
        """Return values of the columns that must have one, and of those that lead to the person."""
        found: dict[str, Any] = {}
        fixed = self.values.get(model.__table__.name, {})
        for attribute in model.__mapper__.column_attrs:
            column, name = attribute.columns[0], attribute.key
            target = next((each.column.table.name for each in column.foreign_keys), "")
            if name in fixed:
                continue
            if not target and name == getattr(model, "__subject__", None):
                found[name] = self.markers.contact_id  # sealed under the person's key
            elif target == "contact":
                found[name] = self._person(found)
            elif target and (not column.nullable or (self._leads(target) and target not in self.making)):
                found[name] = self.row(MODELS[target]).id
            elif not column.nullable and column.default is None and column.server_default is None:
                found[name] = _invented(fields_of(model).get(name))
        return found

    def _person(self, found: Mapping[str, Any]) -> UUID:
        """Return the marked person, or another one where a row joins two."""
        if self.markers.contact_id not in found.values():
            return self.markers.contact_id
        draft = {"kind": "person", "given_name": "Other", "family_name": "Other"}
        other = create_contact(self.store, draft, on_duplicate="allow")
        self.store.flush()
        made: UUID = other.id
        return made

    def _leads(self, table: str) -> bool:
        return table in MODELS and is_about(MODELS[table].__table__, [self.markers.contact_id]) is not None


def _holds_json(row: Any, name: str) -> bool:
    """Say whether a value may be any JSON: a sealed one, or a column of that type."""
    column = type(row).__table__.columns.get(name)
    return column is None or isinstance(column.type, JSON)


def _room(row: Any, name: str) -> int:
    """Return how many characters a column takes; a sealed value has no end."""
    column = type(row).__table__.columns.get(name)
    return getattr(getattr(column, "type", None), "length", None) or 1000


def _invented(declared: Field | None) -> Any:
    """Return some value of the kind that a column holds."""
    if declared is not None and declared.choices:
        return declared.choices[0]
    moment = datetime(2026, 1, 31, tzinfo=UTC)
    made: dict[str, Any] = {
        "boolean": False, "integer": 1, "decimal": Decimal(1), "datetime": moment, "date": moment.date(),
        "json": {}, "bytes": b"x", "id": new_id(),
    }  # fmt: skip
    return made.get(declared.kind if declared is not None else "text", "x")
