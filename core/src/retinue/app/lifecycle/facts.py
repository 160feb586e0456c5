"""What is known of one plugin: its code, what the database remembers of it, and what it has there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, select

from retinue.access.models import ApiToken, Role
from retinue.app.lifecycle.plans import Item
from retinue.jobs import models as job_tables
from retinue.lists.models import SavedView
from retinue.plugins import RESERVED, Catalogue, Found, Manifest, PluginState
from retinue.plugins.migrations import owner_of, version_tables
from retinue.storage import Base, Store
from retinue.storage.tables import (
    Reference,
    column_names,
    count_rows_of,
    in_order,
    read_rows_of,
    references,
    table_names,
)

STAY: Final = frozenset({"audit_entry", "change_set", "audit_seal"})
"""The audit is no plugin's: it stays, and shows what is gone as a tombstone."""
SPECIAL: Final = frozenset({"interaction"})
"""Tables with a column ``plugin`` whose rows belong to the contact, not to whoever wrote them."""
FIGURES: Final = frozenset({"plugin_failure", "plugin_timing", "plugin_order", "plugin_process"})
"""What processes measure and write all the time: it goes with the plugin, uncounted and unexported."""
UNFINISHED: Final = (job_tables.WAITING, job_tables.PARKED)


def core_tables() -> set[str]:
    """Return the tables that can never be a plugin's, whatever its name."""
    return {*Base.metadata.tables, *job_tables.metadata.tables}


@dataclass(frozen=True, slots=True)
class Known:
    """One plugin as code and database know it.

    `state` is as lists show it, `on` says whether the database has it enabled, its code here or not. `manifest` is
    that of the code, else the one `recorded` when it was last on.
    """

    name: str
    found: Found | None
    state: str
    on: bool
    version: str
    manifest: Manifest
    recorded: Manifest | None

    def names_of(self, kind: str) -> list[str]:
        """Return the names of its contributions of one kind, now or when it was last on."""
        held = [self.manifest, *([self.recorded] if self.recorded else [])]
        return sorted({str(item.name) for manifest in held for item in manifest.contributions.get(kind, ())})


def read_known(store: Store, catalogue: Catalogue) -> dict[str, Known]:
    """Return every plugin that is installed or has left something here, by name."""
    rows = {r.name: r for r in store.system("read plugins").scalars(select(PluginState))}
    left = set(version_tables(store.raw_connection()))
    return {
        name: _known(name, catalogue.get(name), rows.get(name)) for name in sorted({*catalogue, *rows, *left})
    }


def _known(name: str, found: Found | None, row: PluginState | None) -> Known:
    recorded = Manifest.from_data(row.manifest) if row and row.manifest else None
    manifest = found.manifest if found and (found.manifest.complete or not recorded) else recorded
    state = (row.state if row else "installed") if found else "missing"
    on = row is not None and row.state == "enabled"
    version = row.version if row else ""
    return Known(name, found, state, on, version, manifest or Manifest(name=name), recorded)


class Census:
    """What the plugins have in the database; the structure is read once."""

    def __init__(self, store: Store, known: Mapping[str, Known]) -> None:
        self.store, self.known = store, known
        self.connection: Connection = store.raw_connection()
        self.tables = table_names(self.connection)
        self.references: list[Reference] = references(self.connection)
        self.columns = column_names(self.connection)

    def owned_tables(self, name: str) -> list[str]:
        """Return the plugin's tables, each behind those it points at; its version table is not among them."""
        core = core_tables()
        mine = [
            table
            for table in self.tables
            if table not in core
            and name not in RESERVED
            and not table.startswith("alembic_")
            and owner_of(table, self.known) == name
        ]
        return in_order(mine, self.references)

    def counted(self, name: str) -> dict[str, int]:
        """Return the plugin's tables with their numbers of rows."""
        return {table: count_rows_of(self.connection, table) for table in self.owned_tables(name)}

    def pointing_at(self, name: str) -> dict[str, list[str]]:
        """Return the tables of others that point at the plugin's, by their owner."""
        mine, found = set(self.owned_tables(name)), dict[str, list[str]]()
        for reference in self.references:
            if reference.target in mine and reference.table not in mine:
                owner = owner_of(reference.table, self.known)
                found.setdefault(owner, []).append(reference.table)
        return found

    def rows_in_core(self, name: str) -> dict[str, int]:
        """Return core's tables that keep rows for plugins (jobs, settings …) with how many are this one's."""
        found = {}
        for table in sorted(core_tables() - STAY - SPECIAL - FIGURES & set(self.tables)):
            if "plugin" in self.columns.get(table, ()):
                found[table] = count_rows_of(self.connection, table, plugin=name)
        return {table: rows for table, rows in found.items() if rows}

    def figures(self) -> list[str]:
        """Return the tables of measurements that name plugins."""
        return sorted(table for table in FIGURES if "plugin" in self.columns.get(table, ()))

    def jobs_by_state(self, name: str) -> dict[str, int]:
        """Return how many jobs of the plugin stand in each state."""
        found = {s: count_rows_of(self.connection, "job", plugin=name, state=s) for s in job_tables.STATES}
        return {state: rows for state, rows in found.items() if rows}

    def schedules(self, name: str) -> list[str]:
        """Return the names of the plugin's schedules that have a time to run."""
        planned = (str(row["name"]) for row in read_rows_of(self.connection, "job_schedule"))
        return [schedule for schedule in planned if schedule.startswith(f"{name}.")]

    def own_interactions(self, known: Known) -> dict[str, int]:
        """Return how many entries of its own kinds the plugin wrote into timelines, by kind."""
        found = {
            kind: count_rows_of(self.connection, "interaction", kind=kind, plugin=known.name)
            for kind in known.names_of("interaction_kinds")
        }
        return {kind: rows for kind, rows in found.items() if rows}

    def kinds_in_use(self, known: Known) -> dict[str, int]:
        """Return how many entries of its kinds others wrote: they stay in the timeline."""
        found = {
            kind: count_rows_of(self.connection, "interaction", kind=kind)
            - count_rows_of(self.connection, "interaction", kind=kind, plugin=known.name)
            for kind in known.names_of("interaction_kinds")
        }
        return {kind: rows for kind, rows in found.items() if rows}

    def roles(self, known: Known) -> list[tuple[Role, list[str]]]:
        """Return the roles that hold permissions of the plugin, with these."""
        return list(_holding(self.system().scalars(select(Role).order_by(Role.name)), "permissions", known))

    def tokens(self, known: Known) -> list[tuple[ApiToken, list[str]]]:
        """Return the API tokens whose scopes name permissions of the plugin, with these."""
        return list(_holding(self.system().scalars(select(ApiToken).order_by(ApiToken.id)), "scopes", known))

    def views(self, known: Known) -> list[tuple[str, list[str]]]:
        """Return the saved views that use fields of the plugin, with these."""
        facets = known.names_of("fields")
        found = []
        for view in self.system().scalars(select(SavedView).order_by(SavedView.name, SavedView.id)):
            used = sorted({field for field in _fields_in(view) if field.split(".")[0] in facets})
            if used:
                found.append((view.name, used))
        return found

    def system(self) -> Store:
        """Return the store that sees every row."""
        return self.store.system("what a plugin has")


def _holding(rows: Iterable[Any], attribute: str, known: Known) -> Iterator[tuple[Any, list[str]]]:
    names = set(known.names_of("permissions"))
    for row in rows:
        held = sorted(names & set(getattr(row, attribute) or {}))
        if held:
            yield row, held


def _fields_in(view: SavedView) -> Iterator[str]:
    yield from (str(column) for column in view.columns or ())
    yield from (part.strip().lstrip("-") for part in (view.sort or "").split(",") if part.strip())
    yield from _fields_of_tree(view.filter)


def _fields_of_tree(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        if isinstance(node.get("field"), str):
            yield node["field"]
        for part in node.values():
            yield from _fields_of_tree(part)
    elif isinstance(node, list):
        for part in node:
            yield from _fields_of_tree(part)


def dependents(known: Mapping[str, Known], name: str) -> list[str]:
    """Return the plugins that are on and require this one, directly or through another."""
    found: list[str] = []
    waiting = [name]
    while waiting:
        wanted = waiting.pop()
        for other in known.values():
            needs = {*other.manifest.requires, *other.manifest.requires_schema}
            if wanted in needs and other.on and other.name not in found and other.name != name:
                found.append(other.name)
                waiting.append(other.name)
    return sorted(found)


def contribution_items(manifest: Manifest, effect: str, *, owner: str = "") -> Iterator[Item]:
    """Yield what a plugin adds, each with what happens to it."""
    for kind, items in sorted(manifest.contributions.items()):
        for item in items:
            name = str(getattr(item, "path", "") or getattr(item, "name", ""))
            yield Item(kind, name, effect, owner=owner)
    for hook in sorted(manifest.hooks):
        yield Item("hooks", hook, effect, owner=owner)
    for grant in manifest.grants:
        yield Item("grants", grant, effect, owner=owner)


__all__ = [
    "FIGURES",
    "STAY",
    "UNFINISHED",
    "Census",
    "Known",
    "contribution_items",
    "core_tables",
    "dependents",
    "read_known",
]
