"""Running migrations: the one transaction, and a watch over what a plugin's scripts touch."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, event, inspect

from retinue.errors import Misconfigured
from retinue.plugins.migration_scripts import CORE, Line, owner_of

_LOCK = 0x52657469_6E7565  # "Retinue": one upgrade at a time on a PostgreSQL database
_NAME = r'(?:"?\w+"?\.)?"?(\w+)"?'
_STATEMENTS = tuple(
    re.compile(pattern + _NAME, re.IGNORECASE)
    for pattern in (
        r"\s*CREATE\s+(?:TEMP(?:ORARY)?\s+|UNLOGGED\s+)?TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?",
        r"\s*ALTER\s+TABLE\s+(?:IF\s+EXISTS\s+)?(?:ONLY\s+)?",
        r"\s*DROP\s+TABLE\s+(?:IF\s+EXISTS\s+)?",
        r"\s*TRUNCATE\s+(?:TABLE\s+)?",
        r"\s*CREATE\s+(?:UNIQUE\s+)?INDEX\s+.*?\sON\s+(?:ONLY\s+)?",
        r"\s*(?:INSERT|REPLACE)\s+(?:OR\s+\w+\s+)?INTO\s+",
        r"\s*UPDATE\s+(?:ONLY\s+)?",
        r"\s*DELETE\s+FROM\s+(?:ONLY\s+)?",
    )
)
_DROP_INDEX = re.compile(r"\s*DROP\s+INDEX\s+(?:IF\s+EXISTS\s+)?" + _NAME, re.IGNORECASE)


def reading(connection: Connection) -> AbstractContextManager[Any]:
    """Leave the connection as it was found: in its transaction, or in none."""
    return nullcontext() if connection.in_transaction() else connection.begin()


@contextmanager
def one_transaction(connection: Connection) -> Iterator[None]:
    """Open the one transaction; on SQLite foreign keys rest: rebuilding a table would cascade."""
    if connection.in_transaction():
        raise Misconfigured("migrations need a connection that is in no transaction", code="MIG000")
    sqlite = connection.dialect.name == "sqlite"
    driver: Any = connection.connection.driver_connection
    if sqlite:
        keys_on = driver.execute("PRAGMA foreign_keys").fetchone()[0]
        driver.execute("PRAGMA foreign_keys=OFF")
    try:
        with connection.begin():
            if not sqlite:
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
            yield
            if sqlite:
                _check_references(connection)
    finally:
        if sqlite and keys_on:
            driver.execute("PRAGMA foreign_keys=ON")


def _check_references(connection: Connection) -> None:
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    if broken:
        tables = ", ".join(sorted({f"{row[0]} to {row[2]}" for row in broken}))
        raise Misconfigured(
            f"rows would point nowhere: {tables}", code="MIG011", remedy="Nothing was changed."
        )


def run_line(
    connection: Connection, line: Line, target: str, names: list[str], *, back: bool = False
) -> None:
    """Run one line's scripts to `target`, watched: a plugin may touch its own tables and nothing else.

    `names` are all plugins that have tables, to tell whose tables are whose.
    """
    name = line.name
    config = Config()
    config.set_main_option("script_location", line.folder.replace("%", "%%"))
    scripts = ScriptDirectory.from_config(config)
    # The two methods are what Alembic's own commands call; there are no public ones that give the steps.
    steps: Callable[..., Any] = scripts._downgrade_revs if back else scripts._upgrade_revs
    watch: AbstractContextManager[None] = nullcontext() if name == CORE else _watched(connection, name, names)
    with EnvironmentContext(config, scripts, fn=lambda revision, _: steps(target, revision)) as environment:
        environment.configure(
            connection=connection,
            version_table=line.version_table,
            transaction_per_migration=False,
            render_as_batch=True,
        )
        try:
            with watch:
                environment.run_migrations()
        except Misconfigured:
            raise
        except Exception as error:  # a script may raise anything; the transaction undoes all of it
            detail = f"a migration of {name} failed: {type(error).__name__}: {error}"
            remedy = f"Nothing was changed. Correct {name}, or upgrade without it."
            raise Misconfigured(detail, code="MIG011", remedy=remedy, extra={"line": name}) from error
    if name != CORE:
        _check_deletes(connection, name, names)


@contextmanager
def _watched(connection: Connection, name: str, names: list[str]) -> Iterator[None]:
    """Refuse statements of a plugin's migrations that change what is not the plugin's."""
    indexes = _foreign_indexes(connection, name, names)

    def look(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        tables = [match.group(1) for pattern in _STATEMENTS if (match := pattern.match(statement))]
        dropped = _DROP_INDEX.match(statement)
        if dropped and dropped.group(1) in indexes:
            tables.append(indexes[dropped.group(1)])
        for table in tables:
            if owner_of(table, names) != name:
                detail = f"a migration of {name} would change the table {table}, which is not its own"
                raise Misconfigured(
                    detail, code="MIG008", remedy="Nothing was changed. Report it to its author."
                )

    event.listen(connection, "before_cursor_execute", look)
    try:
        yield
    finally:
        event.remove(connection, "before_cursor_execute", look)


def _foreign_indexes(connection: Connection, name: str, names: list[str]) -> Mapping[str, str]:
    """Return the indexes on tables of others, with their table."""
    return {
        str(index["name"]): table
        for (_, table), indexes in inspect(connection).get_multi_indexes().items()
        if owner_of(table, names) != name
        for index in indexes
    }


def _check_deletes(connection: Connection, name: str, names: list[str]) -> None:
    """Refuse tables of a plugin that point at others' rows without a database-level ON DELETE."""
    for (_, table), keys in inspect(connection).get_multi_foreign_keys().items():
        if owner_of(table, names) != name:
            continue
        for foreign in keys:
            elsewhere = owner_of(foreign["referred_table"], names) != name
            if elsewhere and not foreign.get("options", {}).get("ondelete"):
                columns = ", ".join(foreign["constrained_columns"])
                detail = f"{name}: {table}.{columns} points at {foreign['referred_table']} without ON DELETE"
                raise Misconfigured(detail, code="MIG016", remedy="Nothing was changed. Say ondelete=…")
