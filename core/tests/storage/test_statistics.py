"""The planner's picture of a table while many rows come in."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from retinue.actor import Actor
from retinue.contacts.models import Tag
from retinue.storage import Database
from retinue.storage import statistics as statistics_module

SYSTEM = Actor.system("test")


def _add(database: Database, start: int, count: int) -> None:
    with database.store(SYSTEM) as store:
        rows: list[dict[str, Any]] = [
            {"name": f"t{n}", "folded": f"t{n}"} for n in range(start, start + count)
        ]
        store.insert_many(Tag, rows)


def _add_in_vain(database: Database, count: int) -> None:
    with database.store(SYSTEM) as store:
        store.insert_many(Tag, [{"name": f"u{n}", "folded": f"u{n}"} for n in range(count)])
        raise LookupError


def _known_rows(database: Database) -> int:
    with database.transaction() as connection:
        return int(connection.scalar(text("SELECT reltuples FROM pg_class WHERE relname = 'tag'")) or 0)


def test_rows_coming_in_by_thousands_are_known_to_the_planner_at_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Analysed when its rows have doubled and not at every batch; what was rolled back is never believed."""
    if database.kind == "sqlite":
        assert database.statistics is None
        return
    monkeypatch.setattr(statistics_module, "LEAST", 50)
    seen = []
    for start in range(0, 200, 40):
        _add(database, start, 40)
        seen.append(_known_rows(database))
    assert seen == [-1, 80, 80, 160, 160]
    with pytest.raises(LookupError):
        _add_in_vain(database, 500)
    _add(database, 500, 1)
    assert _known_rows(database) == 201
