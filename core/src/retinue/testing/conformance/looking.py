"""Looking at a database past every rule: what is really there, whoever may see it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import MetaData, Table, inspect, select

from retinue.testing.house import Crm


def bare_table(crm: Crm, name: str) -> Table:
    """Return a table as the database has it, without any class."""
    with crm.house.database.engine.connect() as connection:
        return Table(name, MetaData(), autoload_with=connection)


def try_empty(crm: Crm, name: str, among: Sequence[str]) -> None:
    """Empty a table, those `among` the plugin's own that point at it before it, and take it back."""
    points: dict[str, set[str]] = {}
    with crm.house.database.engine.connect() as connection:
        for table in among:
            found = inspect(connection).get_foreign_keys(table)
            points[table] = {str(foreign["referred_table"]) for foreign in found} - {table}
    wanted = [name]
    for table in wanted:  # grows while it is read: whatever points at what is emptied
        wanted += [other for other in among if table in points[other] and other not in wanted]
    ordered: list[str] = []
    while left := [table for table in wanted if table not in ordered]:
        free = [table for table in left if not any(table in points[other] for other in left)]
        ordered += free or left[:1]
    try_bare(crm, *(bare_table(crm, table).delete() for table in ordered))


def try_bare(crm: Crm, *statements: Any) -> list[Any]:
    """Run statements and take them back; return the rows of the last."""
    rows: list[Any] = []
    with crm.house.database.engine.connect() as connection:  # closed without a commit
        for statement in statements:
            result = connection.execute(statement)
            rows = list(result.all()) if result.returns_rows else []
    return rows


def bare_rows(crm: Crm, name: str) -> list[Any]:
    """Return the rows of a table."""
    return try_bare(crm, select(bare_table(crm, name)))
