"""Fixtures for rooms and plugins: a database of each kind, and stores for invented actors.

Use them by ``pytest_plugins = ["retinue.testing.fixtures"]`` in a conftest.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from retinue.actor import Actor, Reach
from retinue.storage import Database, MasterKeys, new_id
from retinue.testing.postgres import fresh_database, server_url

DATABASES = tuple(os.environ.get("RETINUE_TEST_DATABASES", "sqlite,postgresql").split(","))
"""Which databases the fixtures run on: both, unless ``--retinue-databases`` or the variable names one."""


@pytest.fixture(scope="session")
def postgres_server() -> str:
    """Return the URL of a running PostgreSQL, started if need be."""
    return server_url()


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Yield the URL of an empty database, once on each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/retinue.db"
        return
    with fresh_database(request.getfixturevalue("postgres_server")) as url:
        yield url


@pytest.fixture
def keys_url(tmp_path: Path) -> str:
    """Return the URL of an empty key store."""
    return f"sqlite:///{tmp_path}/keys.db"


@pytest.fixture
def masters() -> MasterKeys:
    """Return a fresh master key."""
    return MasterKeys.generate()


@pytest.fixture
def database(database_url: str, keys_url: str, masters: MasterKeys) -> Iterator[Database]:
    """Yield a database with core's tables, once on SQLite and once on PostgreSQL."""
    opened = Database.open(database_url, keys_url, masters)
    opened.create_schema()
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
