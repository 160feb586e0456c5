"""Every operation that an installation serves, plugins' included, made into requests; and a fingerprint of all tables."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import MetaData

from retinue.plugins import migrations
from retinue.plugins.models import PluginState

WRITES = ("POST", "PUT", "PATCH", "DELETE")

NOTHING = uuid4()
"""One id for all calls: what is told of it is the same words."""


@dataclass(frozen=True)
class Operation:
    """One operation: method, path with its parameters in braces, and the permission it names."""

    method: str
    path: str
    permission: str

    @property
    def name(self) -> str:
        """Return it as people write it."""
        return f"{self.method} {self.path}"

    def url(self, **ids: Any) -> str:
        """Return the path with `ids` in it, and the id of nothing elsewhere."""
        path = re.sub(r"{(\w+)(?::\w+)?}", lambda match: str(ids.get(match[1], NOTHING)), self.path)
        needed = "?q=x" if path.endswith("/search") and self.method == "GET" else ""
        return path.removeprefix("/api/v1") + needed


def enable_all(crm: Any) -> None:
    """Turn on every installed plugin at once, as a start finds them that enabled them one by one, and serve what there is."""
    house = crm.house
    with house.bare() as connection:
        migrations.upgrade(connection, house.lines(set(house.catalogue)))
    with crm.store() as store:
        for name, found in house.catalogue.items():
            store.add(
                PluginState(
                    name=name, state="enabled", reason="", trace="", changed_at=store.now,
                    version=found.manifest.version, manifest=found.manifest.as_data(),
                )
            )  # fmt: skip
    house.refresh(force=True)
    crm.rebuild()


def operations(crm: Any) -> list[Operation]:
    """Return what the application serves below the API, from its own registry of policies."""
    found = crm.client.app.policies
    return sorted(
        (Operation(method, path, permission) for (method, path), permission in found.items()
         if method != "OPTIONS" and path.startswith("/api/v1")),
        key=lambda o: (o.path, o.method),
    )  # fmt: skip


BOOKKEEPING = {
    "account_session": "the time of the last request",
    "account_token": "the time of the last request",
    "account_try": "wrong sign-ins are counted",
    "audit_entry": "a refused sign-in is recorded",
    "change_set": "as above",
    "idempotency_key": "kept answers",
    "plugin_hook_time": "how long hooks took",
}
"""Tables that a refused request may write, and why; everything else stays byte for byte."""


def fingerprints(crm: Any) -> dict[str, str]:
    """Return a hash over all rows of each table of the database, by the table's name."""
    with crm.house.database.transaction() as connection:
        tables = MetaData()
        tables.reflect(connection)
        return {
            name: hashlib.sha256(repr(sorted(map(repr, connection.execute(table.select()).all()))).encode()).hexdigest()
            for name, table in tables.tables.items()
            if not name.startswith(("alembic", "workflow", "operation_", "dbos", "notifications", "streams", "queue"))
        }  # fmt: skip


def changed(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """Return the tables that differ and have no reason to."""
    return sorted(n for n in after if before.get(n) != after[n] and n not in BOOKKEEPING and "hook" not in n)


def bodies(operation: Operation) -> Iterator[Any]:
    """Yield bodies that no operation may take: a field that does not exist, one that is not the caller's to set."""
    if operation.method not in WRITES or operation.method == "DELETE":
        return
    yield {"no_such_field": 1}
    yield {"id": str(UUID(int=7)), "access_id": 1, "version": 99, "is_admin": True, "removed_at": None}
    yield {"sealed_data": "AA==", "created_at": "2020-01-01T00:00:00Z", "permissions": {"*": "all"}, "x": 1}
    yield ["a list", {"no_such_field": 1}]
