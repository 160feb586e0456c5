"""Bringing a plugin's data back from its archive: tables by its own migrations, then the rows as they were."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from retinue.access.models import ApiToken, Role
from retinue.app.lifecycle.archive import VALUES, Part, Reader, Row
from retinue.app.lifecycle.facts import Census, read_known
from retinue.contacts.belonging import give_plugin_values
from retinue.errors import Conflict, NotFound
from retinue.interactions.service import refresh_contacts
from retinue.jobs.models import PARKED, WAITING
from retinue.plugins import advance_epoch, migrations
from retinue.storage import ShredOrder
from retinue.storage.tables import Reference, read_rows_of, references, write_rows_of

if TYPE_CHECKING:
    from retinue.actor import Actor
    from retinue.app.house import House
    from retinue.storage import Store


@dataclass(slots=True)
class Restored:
    """What an import brought back, by table, and how many rows it left out with the reason."""

    plugins: list[str] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)


def import_archive(house: House, actor: Actor, path: Path) -> Restored:
    """Bring back everything of the plugins in an archive, switched off; done whole or not at all.

    Rows about contacts that were erased or removed since are left out. Raises Invalid for a file that is none or
    was changed, NotFound if the plugin's code is not installed, Conflict if it has something here already.
    """
    done = Restored()
    with Reader(path, house.secret("plugin archive")) as reader:
        reader.verify()
        with house.store(actor, readonly=True) as store:
            store.require("plugin.import")
            for part in reader.parts:
                _check_free(house, store, part)
        with _collisions(), house.bare() as connection, migrations.one_transaction(connection):
            for part in reversed(reader.parts):
                if part.revision:
                    lines = house.lines({p.name for p in reader.parts})
                    migrations.upgrade_to(connection, lines, part.name, part.revision)
                with house.database.join(connection, actor) as store:
                    _Refill(store, reader, part, done).run()
                done.plugins.append(part.name)
            migrations.upgrade_within(connection, house.lines(set(done.plugins)))
    house.refresh(force=True)
    return done


@contextlib.contextmanager
def _collisions() -> Iterator[None]:
    """Say what happened where a row of the archive has taken the place of one made since."""
    try:
        yield
    except IntegrityError as fault:
        raise Conflict(
            "something made since has a name or key that a row of the archive has",
            code="import-collides",
            remedy="Rename or remove it (a custom field, for instance) and import again. Nothing was changed.",
        ) from fault


def _check_free(house: House, store: Store, part: Part) -> None:
    if part.name not in house.catalogue:
        detail = f"plugin {part.name} is not installed"
        raise NotFound(
            detail, remedy=f"Install {part.manifest['distribution']}; its data come into its tables."
        )
    known = read_known(store, house.catalogue)
    if known[part.name].recorded or Census(store, known).owned_tables(part.name):
        raise Conflict(
            f"plugin {part.name} has data here already", code="plugin-state", remedy="Uninstall it first."
        )


class _Refill:
    """Fills the tables of one plugin, and what it had in core's, within one transaction."""

    def __init__(self, store: Store, reader: Reader, part: Part, done: Restored) -> None:
        self.store, self.reader, self.part, self.done = store, reader, part, done
        self.connection = store.raw_connection()
        self.system = store.system("import a plugin")
        self.references = references(self.connection)
        self.gone: dict[str, set[str]] = {}
        self.there: dict[str, set[str]] = {}
        shredded = self.system.scalars(select(ShredOrder.subject_id))
        self.shredded = {subject.hex for subject in shredded}

    def run(self) -> None:
        """Fill everything."""
        part = self.part
        for table in part.tables:
            self._fill(table, self.reader.read(part, f"tables/{table}"))
        for path in self.reader.paths(part, "core"):
            self._fill(path.removeprefix("core/"), self.reader.read(part, path))
        self._fill("plugin_state", self.reader.read(part, "state"))
        for model, attribute in ((Role, "permissions"), (ApiToken, "scopes")):
            self._grant(model, attribute)
        self._give_values()
        self._refresh()
        advance_epoch(self.system)
        self.store.deed("plugin.import", f"Import plugin {part.name}")
        self.store.record("plugin.import", detail={"plugin": part.name, "rows": sum(self.done.rows.values())})

    def _fill(self, table: str, rows: Iterable[Row]) -> None:
        own = [r for r in self.references if r.table == table and len(r.columns) == 1]
        kept = self._wanted(table, (self._as_now(table, row) for row in rows), own)
        written = write_rows_of(self.connection, table, kept)
        if written:
            self.done.rows[table] = self.done.rows.get(table, 0) + written

    def _as_now(self, table: str, row: Row) -> Row:
        """Return a row as it can stand now: the plugin is off, so its jobs are parked."""
        if table == "plugin_state":
            return {**row, "state": "disabled"}
        if table == "job" and row["state"] == WAITING:
            return {**row, "state": PARKED, "parked_at": datetime.now(UTC).isoformat()}
        return row

    def _wanted(self, table: str, rows: Iterable[Row], own: list[Reference]) -> Iterator[Row]:
        """Yield the rows whose targets are still there; those that followed a target are left out with it."""
        for row in rows:
            lost = [r for r in own if row.get(r.columns[0]) and self._is_gone(r, str(row[r.columns[0]]))]
            if any(r.on_delete != "SET NULL" for r in lost):
                self.gone.setdefault(table, set()).add(str(row.get("id")))
                self.done.left_out[table] = self.done.left_out.get(table, 0) + 1
                continue
            yield {**row, **{r.columns[0]: None for r in lost}}

    def _is_gone(self, reference: Reference, target: str) -> bool:
        if reference.target in self.part.tables:
            return target in self.gone.get(reference.target, ())
        if reference.target == "contact" and target in self.shredded:
            return True
        if reference.target not in self.there:
            rows = read_rows_of(self.connection, reference.target)
            self.there[reference.target] = {str(row["id"]) for row in rows}
        return target not in self.there[reference.target]

    def _grant(self, model: type[Any], attribute: str) -> None:
        """Give roles and tokens back what they held of the plugin, where they still exist."""
        for grant in self.reader.read(self.part, f"grants/{model.__tablename__}"):
            row = self.system.find(model, UUID(grant["id"]))
            held: Mapping[str, str] = getattr(row, attribute) if row else {}
            if row is not None and grant["permission"] not in held:
                setattr(row, attribute, {**held, grant["permission"]: grant["reach"]})
                name = model.__tablename__
                self.done.rows[name] = self.done.rows.get(name, 0) + 1
        self.system.flush()

    def _give_values(self) -> None:
        """Give contacts their values of the plugin's custom fields back; those of erased ones do not open."""
        values = []
        for row in self.reader.read(self.part, "values/custom"):
            contact_id = UUID(row["contact_id"])
            blob = base64.b64decode(row["sealed"])
            (opened,) = self.system.open_sealed(VALUES, [(contact_id, contact_id, blob)])
            if opened:
                values.append((contact_id, row["key"], opened["value"]))
        if values:
            self.done.rows["custom values"] = give_plugin_values(self.system, self.part.name, values)

    def _refresh(self) -> None:
        rows = self.reader.read(self.part, "core/interaction")
        contacts = {UUID(row["contact_id"]) for row in rows} - {UUID(c) for c in self.shredded}
        if contacts:
            refresh_contacts(self.system, contacts)
