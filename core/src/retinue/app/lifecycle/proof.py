"""Proof that a purge took what it was to take and nothing else: every other row before, and the same after."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection

from retinue.app.lifecycle.facts import FIGURES, STAY, Census, core_tables
from retinue.errors import Conflict
from retinue.plugins.migrations import owner_of
from retinue.storage.tables import digest_rows, hold_still, schema_of, table_names

_MOVING: Final = FIGURES | {"plugin_epoch", "job_executor"}
"""Counters that others write all the time, or that the purge itself moves."""
_CHANGED: Final = {
    "role": ("permissions",),
    "account_token": ("scopes",),
    "contact": ("last_interaction_at",),
}
"""Columns a purge changes by plan; everything else in these rows must stay."""


@dataclass(frozen=True, slots=True)
class Picture:
    """The structure and the rows of every table that must stay as it is."""

    schema: dict[str, object] = field(default_factory=dict)
    rows: dict[str, tuple[int, str]] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Return how many rows were looked at."""
        return sum(count for count, _ in self.rows.values())


def staying(census: Census, going: Collection[str]) -> list[str]:
    """Return the tables whose rows must stay when the plugins `going` go: core's, and other plugins'."""
    core = core_tables() - STAY - _MOVING
    lines = {f"alembic_{name}" for name in census.known if name not in going}
    return [
        table
        for table in census.tables
        if table in core or table in lines or table == "alembic_core"
        or (table not in core_tables() and owner_of(table, census.known) in set(census.known) - set(going))
    ]  # fmt: skip


def hold(census: Census, going: Collection[str]) -> None:
    """Let nobody else write while the purge runs, to what goes and to what must stay."""
    names = {*staying(census, going), *(table for name in going for table in census.owned_tables(name))}
    hold_still(census.connection, names)


def take_picture(connection: Connection, tables: Collection[str], leave_out: dict[str, set[str]]) -> Picture:
    """Return the picture of `tables` without the rows that go by plan."""
    rows = {
        table: digest_rows(
            connection, table, leave_out=leave_out.get(table, ()), columns=_CHANGED.get(table, ())
        )
        for table in tables
    }
    return Picture(schema_of(connection, tables), rows)


def prove(
    connection: Connection, before: Picture, gone: Collection[str], left: dict[str, set[str]]
) -> Picture:
    """Return the picture after the purge; raises Conflict, which undoes all of it, where it is another one."""
    still = sorted(set(gone) & set(table_names(connection)))
    after = take_picture(connection, list(before.rows), left)
    changed = sorted(t for t in before.rows if before.rows[t] != after.rows[t])
    altered = sorted(t for t in before.schema if before.schema[t] != after.schema[t])
    for tables, what in (
        (still, "are still there"),
        (changed, "have other rows"),
        (altered, "are built otherwise"),
    ):
        if tables:
            raise Conflict(
                f"the purge would not be clean: {', '.join(tables)} {what}",
                code="purge-unproven",
                remedy="Nothing was changed. Report it with the plugin's name and version.",
                extra={"tables": tables},
            )
    return after
