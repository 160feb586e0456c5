"""Looking at a database past every rule: what is really there, whoever may see it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import MetaData, Table, select

from retinue.testing.house import Crm


def bare_table(crm: Crm, name: str) -> Table:
    """Return a table as the database has it, without any class."""
    with crm.house.database.engine.connect() as connection:
        return Table(name, MetaData(), autoload_with=connection)


def try_bare(crm: Crm, statement: Any) -> list[Any]:
    """Run a statement and take it back; return its rows."""
    with crm.house.database.engine.connect() as connection:  # closed without a commit
        result = connection.execute(statement)
        return list(result.all()) if result.returns_rows else []


def bare_rows(crm: Crm, name: str) -> list[Any]:
    """Return the rows of a table."""
    return try_bare(crm, select(bare_table(crm, name)))
