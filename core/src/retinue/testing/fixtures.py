"""Fixtures for rooms and plugins: a database of each kind, and stores for invented actors.

Use them by ``pytest_plugins = ["retinue.testing.fixtures"]`` in a conftest.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import create_engine, make_url

from retinue.actor import Actor, Reach
from retinue.storage import Base, Database, MasterKeys, new_id
from retinue.testing.postgres import fresh_database, server_url

DATABASES = tuple(os.environ.get("RETINUE_TEST_DATABASES", "sqlite,postgresql").split(","))
"""Which databases the fixtures run on: both, unless ``--retinue-databases`` or the variable names one."""


@pytest.fixture(scope="session")
def postgres_server() -> str:
    """Return the URL of a running PostgreSQL, started if need be."""
    return server_url()


@pytest.fixture
def keys_url(tmp_path: Path) -> str:
    """Return the URL of an empty key store."""
    return f"sqlite:///{tmp_path}/keys.db"


@pytest.fixture
def masters() -> MasterKeys:
    """Return a fresh master key."""
    return MasterKeys.generate()


@pytest.fixture(scope="session")
def schemas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str, Callable[[], str]], str]]:
    """Return a function that gives the URL of a database with core's tables to copy, made once per process.

    Tables that a test defines beside core's make another one.
    """
    made: dict[tuple[str, frozenset[str]], str] = {}
    with contextlib.ExitStack() as stack:

        def schema(kind: str, server: Callable[[], str]) -> str:
            key = (kind, frozenset(Base.metadata.tables))
            if key not in made:
                folder = tmp_path_factory.mktemp(f"schema-{kind}")
                url = f"sqlite:///{folder}/retinue.db"
                if kind == "postgresql":
                    url = stack.enter_context(fresh_database(server()))
                opened = Database.open(url, f"sqlite:///{folder}/keys.db", MasterKeys.generate())
                opened.create_schema()
                opened.close()
                if kind == "sqlite":
                    fold_wal(folder / "retinue.db")
                made[key] = url
            return made[key]

        yield schema


def fold_wal(path: Path) -> None:
    """Move what stands in an SQLite file's journal into the file, so that the file alone can be copied."""
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path, schemas: Any) -> Iterator[str]:
    """Yield the URL of a database, once on each kind: with core's tables beside `database`, empty without it."""

    def server() -> str:
        return str(request.getfixturevalue("postgres_server"))

    wanted = schemas(request.param, server) if "database" in request.fixturenames else None
    template = make_url(wanted).database if wanted else None
    if request.param == "postgresql":
        with fresh_database(server(), template=template) as url:
            yield url
        return
    if template:
        shutil.copy(template, tmp_path / "retinue.db")
    yield f"sqlite:///{tmp_path}/retinue.db"


@pytest.fixture
def database(database_url: str, keys_url: str, masters: MasterKeys) -> Iterator[Database]:
    """Yield a database with core's tables, once on SQLite and once on PostgreSQL."""
    opened = Database.open(database_url, keys_url, masters)
    yield opened
    opened.close()


def person(
    *permissions: str,
    reach: Reach = Reach.ALL,
    teams: frozenset[UUID] = frozenset(),
    account: UUID | None = None,
    **more: Any,
) -> Actor:
    """Return an invented person who holds `permissions` within `reach` (``contact.read=own`` sets one apart)."""
    held = {}
    for permission in permissions:
        name, _, word = permission.partition("=")
        held[name] = Reach.parse(word) if word else reach
    return replace(
        Actor(kind="person", id=account or new_id(), name="tester", permissions=held, team_ids=teams), **more
    )


@pytest.fixture
def system(database: Database) -> Callable[[], contextlib.AbstractContextManager[Any]]:
    """Return a function that opens a store of the system."""
    return lambda: database.store(Actor.system("test"))
