"""Every way into every table, for every kind of actor: 0 rows out of scope (A1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from acl_paths import CHANGE, READ, Place, Seen, _Some
from acl_world import Key, Rows, make_rows
from goal_kit import Goal
from sqlalchemy.exc import SQLAlchemyError
from storage_kit import Undo

from retinue.actor import Actor
from retinue.errors import RetinueError
from retinue.storage import Database, Refused

pytestmark = pytest.mark.goal("acl-paths")


@dataclass
class Tally:
    """What the matrix found."""

    cells: int = 0
    legitimate: int = 0
    refused: list[str] = field(default_factory=list)
    leaks: list[str] = field(default_factory=list)
    lacking: list[str] = field(default_factory=list)


def test_no_way_into_any_table_shows_or_changes_a_row_out_of_scope(database: Database, goal: Goal) -> None:
    """A1: all mapped classes, plugins' included, times all ways, times actors; legitimate ones are let through."""
    rows, tally, kind = make_rows(database), Tally(), database.kind
    for number, (name, model) in enumerate(rows.models.items()):
        keys = [rows.key_of(model.__table__, row) for row in rows.rows[name].values()]
        place = Place(model, keys)
        for actor, words, writable in _actors(rows, number, goal):
            _go(rows, place, (actor, words, writable), tally)
    left = len(rows.unfilled) / len(rows.models) * 100
    goal.at_most(f"{kind}: tables whose rules no invented row meets", left, 10, "%")
    goal.at_least(f"{kind}: cells, table by way by actor", tally.cells, 1000)
    goal.none_of(f"{kind}: cells that show or change too much", tally.leaks)
    goal.none_of(f"{kind}: cells that show too little", tally.lacking)
    share = 100 * len(tally.refused) / tally.legitimate
    assert share <= 2, tally.refused[:10]
    goal.at_most(f"{kind}: legitimate statements refused", share, 2, "%")


def _actors(rows: Rows, number: int, goal: Goal) -> Iterator[tuple[Actor, set[str], set[str]]]:
    """Yield all actors, or in the short form one that changes from table to table."""
    every = list(rows.world.actors().values())
    count = goal.size(1, len(every))
    yield from (every[(number + place * 3) % len(every)] for place in range(count))


def _go(rows: Rows, place: Place, who: tuple[Actor, set[str], set[str]], tally: Tally) -> None:
    """Go every way into one table as one actor; a way that fails ends its transaction, the next opens another."""
    actor, words, writable = who
    name, database = place.table.name, rows.world.database
    expected = rows.expected(name, actor, words)
    may_change = expected
    if place.table.info["access"].mode == "contacts":
        may_change = rows.expected(name, actor, words & writable)
    pending = list(READ.items())
    while pending:
        try:
            with database.store(actor) as store:
                while pending:
                    way, look = pending.pop(0)
                    store.session.expunge_all()
                    _judge(tally, f"{actor.name} {name}: {way}", look(store, place), expected)
                raise Undo
        except Undo:
            pass
        except (RetinueError, SQLAlchemyError) as fault:
            _refused(tally, place, way, fault)
    for way, change in CHANGE.items():
        try:
            with database.store(actor) as store:
                done = set(change(store, place) or ())
                tally.cells += 1
                if done - may_change:
                    tally.leaks.append(f"{name}: {way}: {done - may_change}")
                raise Undo
        except Undo:
            pass
        except (RetinueError, SQLAlchemyError):
            tally.cells += 1


def _judge(tally: Tally, cell: str, found: Seen, expected: set[Key]) -> None:
    if found is None:
        return
    tally.cells += 1
    tally.legitimate += 1
    if isinstance(found, _Some):
        more, less = bool(found) and not expected, not found and bool(expected)
    elif isinstance(found, int):
        more, less = found > len(expected), found < len(expected)
    else:
        keys: set[Any] = {tuple(key) for key in found}
        keys = {key for key in keys if any(part is not None for part in key)}
        more, less = bool(keys - expected), bool(expected - keys)
    if more:
        tally.leaks.append(f"{cell}: {found} instead of {len(expected)}")
    if less:
        tally.lacking.append(f"{cell}: {found} instead of {len(expected)}")


def _refused(tally: Tally, place: Place, way: str, fault: Exception) -> None:
    tally.cells += 1
    if place.table.info["access"].mode == "system" and isinstance(fault, Refused):
        return
    tally.legitimate += 1
    tally.refused.append(f"{place.table.name}: {way}: {fault}")
