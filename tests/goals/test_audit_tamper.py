"""The audit cannot be altered unseen: found, located, and fast to check (C2, C3); checkpoints leave the machine."""

from __future__ import annotations

import json
import os
import random
import re
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from goal_kit import Goal
from sqlalchemy import delete, func, insert, select, update

from retinue.actor import Actor
from retinue.app.checkpoints import Checkpoint, note_checkpoint, places_of, read_checkpoints
from retinue.errors import Invalid, Unavailable
from retinue.storage import (
    AuditEntry,
    AuditSeal,
    Database,
    Verdict,
    new_id,
    new_ids,
    seal_audit,
    verify_audit,
)
from retinue.storage.direct import insert_direct
from retinue.testing.house import make_config

ENTRY: Any = AuditEntry.__table__
SEAL: Any = AuditSeal.__table__
SYSTEM = Actor.system("test")
Tamper = Callable[[Any, random.Random], tuple[int, UUID] | None]


def _fill(database: Database, count: int, per_turn: int = 700) -> None:
    """Write entries as the flush writes them, some turns larger than a seal."""
    shared = {
        "at": None, "action": "contact.change", "table_name": "contact", "actor_kind": "person", "actor_name": "Ada",
        "change_set_id": new_id(), "actor_id": new_id(), "detail": None,
    }  # fmt: skip
    with database.store(SYSTEM) as store:
        shared["at"] = store.now
        for start in range(0, count, 20_000):
            ids = new_ids(min(20_000, count - start))
            rows = [
                {"id": i, "turn": 1 + (start + n) // per_turn, "row_id": i, "contact_id": i, "fields": ["city", "note"],
                 "sealed_data": i.bytes * 6}
                for n, i in enumerate(ids)
            ]  # fmt: skip
            insert_direct(store.raw_connection(), ENTRY, rows, shared)
        seal_audit(store)


def _verify(database: Database, *checkpoints: tuple[int, str]) -> Verdict:
    with database.store(SYSTEM, readonly=True) as store:
        return verify_audit(store, checkpoints=checkpoints)


def _pick(connection: Any, source: random.Random) -> Any:
    count = connection.scalar(select(func.count()).select_from(ENTRY))
    chosen = select(ENTRY).order_by(ENTRY.c.turn, ENTRY.c.id).offset(source.randrange(count)).limit(1)
    return connection.execute(chosen).one()


def _at(row: Any) -> tuple[int, UUID]:
    return row.turn, row.id


def _edit(connection: Any, source: random.Random) -> Any:
    row = _pick(connection, source)
    change = source.choice(
        [{"action": "contact.read"}, {"actor_name": "Eve"}, {"fields": ["city"]}, {"sealed_data": None}, {"row_id": new_id()},
         {"detail": {"x": 1}}, {"hook": "h"}, {"contact_id": None}]
    )  # fmt: skip
    connection.execute(update(ENTRY).where(ENTRY.c.id == row.id).values(**change))
    return _at(row)


def _delete(connection: Any, source: random.Random) -> Any:
    row = _pick(connection, source)
    connection.execute(delete(ENTRY).where(ENTRY.c.id == row.id))
    return _at(row)


def _insert(connection: Any, source: random.Random) -> Any:
    row = _pick(connection, source)._asdict()
    forged = UUID(int=row["id"].int - 1)
    connection.execute(insert(ENTRY).values(**{**row, "id": forged}))
    return row["turn"], forged


def _swap(connection: Any, source: random.Random) -> Any:
    """Two entries change places: what one says stands at the other's."""
    one, other = _pick(connection, source), _pick(connection, source)
    if one.id == other.id:
        return _edit(connection, source)
    for row, with_ in ((one, other), (other, one)):
        values = {"row_id": with_.row_id, "sealed_data": with_.sealed_data}
        connection.execute(update(ENTRY).where(ENTRY.c.id == row.id).values(**values))
    return _at(one)


def _move(connection: Any, source: random.Random) -> Any:
    row = _pick(connection, source)
    connection.execute(update(ENTRY).where(ENTRY.c.id == row.id).values(turn=row.turn + 1))
    return _at(row)


def _cut_tail(connection: Any, source: random.Random) -> None:
    seals = connection.scalar(select(func.count()).select_from(SEAL))
    kept = source.randrange(seals)
    last = connection.execute(select(SEAL.c.last_turn).where(SEAL.c.number == kept)).scalar() or 0
    connection.execute(delete(SEAL).where(SEAL.c.number > kept))
    connection.execute(delete(ENTRY).where(ENTRY.c.turn > last))


def _cut_seals(connection: Any, source: random.Random) -> None:
    connection.execute(delete(SEAL).where(SEAL.c.number >= source.randrange(1, 4)))


def _swap_hash(connection: Any, source: random.Random) -> None:
    """A seal gets another key: its root, its hash, or the hash it builds on."""
    name = source.choice(("root", "hash", "previous", "entries", "last_turn"))
    value = 7 if name in ("entries", "last_turn") else "0" * 64
    number = source.randrange(2, 4)
    connection.execute(update(SEAL).where(SEAL.c.number == number).values({name: value}))


TAMPERS: tuple[Tamper, ...] = (_edit, _delete, _insert, _swap, _move, _cut_tail, _cut_seals, _swap_hash)  # type: ignore[assignment]


class Undo(Exception):
    """Ends a transaction without keeping it."""


@pytest.mark.goal("audit-tamper")
def test_every_single_manipulation_is_found_and_located(database: Database, goal: Goal) -> None:
    """C2: edit, delete, insert, swap, move, tail cut, seal cut, seal forged; with a checkpoint noted outside: all found."""
    kind, source = database.kind, random.Random(4713)
    _fill(database, 3300)
    honest = _verify(database)
    assert honest.faults == ()
    assert honest.seals == 4
    checkpoint, missed, lost = (honest.seals, honest.head), [], []
    tried = goal.size(24, 5_000)
    for number in range(tried):
        tamper = TAMPERS[number % len(TAMPERS)]
        try:
            with database.store(SYSTEM) as store:
                place = tamper(store.raw_connection(), source)
                faults = verify_audit(store, checkpoints=[checkpoint]).faults
                if not faults:
                    missed.append(tamper.__name__)
                if place and not _located(store, faults, place):
                    lost.append(f"{tamper.__name__}: {faults}")
                raise Undo
        except Undo:
            pass
    goal.none_of(f"{kind}: manipulations not noticed, of {tried:,}", missed)
    goal.none_of(f"{kind}: manipulations not located to 1,000 entries", lost)


def _located(store: Any, faults: tuple[str, ...], place: tuple[int, UUID]) -> bool:
    """Say whether a fault names the seal that the place lies in, and that seal is no longer than 1,000 entries."""
    seals = store.system("look").scalars(select(AuditSeal).order_by(AuditSeal.number))
    mine = next((s for s in seals if (s.last_turn, s.last_id) >= place), seals[-1])
    named = {int(match[1]) for fault in faults if (match := re.match(r"seal (\d+):", fault))}
    return mine.number in named and mine.entries <= 1000


@pytest.mark.goal("audit-tamper")
def test_verification_keeps_up_with_a_million_entries(database: Database, goal: Goal) -> None:
    """C3: a million rows are verified within five seconds; the short form has a thirtieth, and time to spare."""
    count = goal.size(30_000, 1_000_000)
    _fill(database, count)
    started = time.process_time(), time.perf_counter()
    verdict = _verify(database)
    cpu, clock = time.process_time() - started[0], time.perf_counter() - started[1]
    assert (verdict.entries, verdict.faults) == (count, ())
    kind = database.kind
    if goal.full:
        goal.at_most(f"{kind}: verification of {count:,} entries, by the clock", clock, 5, "s")
        return
    goal.at_most(f"{kind}: CPU of the verification of {count:,} entries", cpu, 1, "s")


def test_clock_that_goes_back_leaves_ids_and_chain_whole(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Order comes from turns and counters, not from the clock."""
    _fill(database, 40)
    now = time.time_ns()
    before = new_id()
    monkeypatch.setattr(time, "time_ns", lambda: now - 400 * 86_400 * 1_000_000_000)
    assert new_id() > before
    with database.store(SYSTEM) as store:
        store.record("test.deed")
    for _ in range(100):
        with database.store(SYSTEM) as store:
            seal_audit(store)
        verdict = _verify(database)
        if not verdict.unsealed:
            break
        time.sleep(0.05)
    assert (verdict.entries, verdict.unsealed, verdict.faults) == (41, 0, ())


def test_turns_go_on_growing_in_a_restored_database(database: Database) -> None:
    """A dump restored into another PostgreSQL begins with small transaction ids: entries must not land among sealed ones."""
    from retinue.storage import prepare_turns

    _fill(database, 30)
    with database.store(SYSTEM) as store:
        store.raw_connection().execute(update(ENTRY).values(turn=2**50))
        store.raw_connection().execute(delete(SEAL))
        seal_audit(store)
    with database.store(SYSTEM) as store:
        prepare_turns(database, store)
    with database.store(SYSTEM) as store:
        store.record("test.deed")
    with database.store(SYSTEM, readonly=True) as store:
        newest = store.system("look").first(select(AuditEntry).order_by(AuditEntry.turn.desc()).limit(1))
        assert (newest.action, newest.turn > 2**50) == ("test.deed", True)


# ---- places of checkpoints ------------------------------------------------------------------------------------------
HEAD = "ab" * 32


def _checkpoint(number: int = 7) -> Checkpoint:
    from datetime import UTC, datetime

    return Checkpoint(number, HEAD, datetime(2026, 5, 1, tzinfo=UTC))


def test_checkpoints_are_appended_and_read_back(tmp_path: Path) -> None:
    config = make_config(tmp_path, f"sqlite:///{tmp_path}/x.db", audit={"checkpoint_file": "heads.txt"})
    for number in (7, 8):
        assert note_checkpoint(config, _checkpoint(number)) == ["checkpoint_file"]
    lines = (tmp_path / "heads.txt").read_text("utf-8").splitlines()
    assert list(read_checkpoints(["noise", *lines], "heads.txt")) == [(7, HEAD), (8, HEAD)]
    with pytest.raises(Invalid):
        list(read_checkpoints(["nothing here"], "heads.txt"))


def test_checkpoint_goes_to_a_syslog(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as collector:
        collector.bind(("127.0.0.1", 0))
        collector.settimeout(5)
        address = f"127.0.0.1:{collector.getsockname()[1]}"
        config = make_config(tmp_path, f"sqlite:///{tmp_path}/x.db", audit={"checkpoint_syslog": address})
        note_checkpoint(config, _checkpoint())
        received = collector.recv(4096).decode()
    assert list(read_checkpoints([received], "syslog")) == [(7, HEAD)]


def test_place_that_is_away_is_named_and_the_others_take_it(tmp_path: Path) -> None:
    audit = {
        "checkpoint_file": "heads.txt",
        "checkpoint_syslog": "/no/such/socket",
        "checkpoint_url": "https://127.0.0.1/heads",
    }
    config = make_config(tmp_path, f"sqlite:///{tmp_path}/x.db", audit=audit)
    assert len(places_of(config)) == 3
    with pytest.raises(Unavailable) as away:
        note_checkpoint(config, _checkpoint())
    assert "checkpoint_syslog (" in away.value.detail
    assert "checkpoint_url (OutboundRefused" in away.value.detail
    assert len((tmp_path / "heads.txt").read_text("utf-8").splitlines()) == 1


@pytest.mark.parametrize("config", ["sqlite"], indirect=True)
def test_sealing_notes_a_checkpoint_that_convicts_a_chain_made_anew(config: Any) -> None:
    """C2: who owns the database rewrites everything, seals included; the file outside tells."""
    from retinue.app import open_house
    from retinue.app.chores import note, seal_entries
    from retinue.contacts.service import create_contact

    config = make_config(config.folder, config.database.url, audit={"checkpoint_file": "heads.txt"})
    with open_house(config) as house:
        with house.store(SYSTEM) as store:
            create_contact(store, {"name": "Ada"})
        with house.store(SYSTEM) as store:
            seal_entries(store, {})
        with house.store(SYSTEM) as store:
            note(store, {})
        noted = list(read_checkpoints((config.folder / "heads.txt").read_text("utf-8").splitlines(), "f"))
        assert _verify(house.database, *noted).faults == ()
        with house.store(SYSTEM) as store:
            store.raw_connection().execute(update(ENTRY).values(actor_name="somebody else"))
            store.raw_connection().execute(delete(SEAL))
            seal_audit(store)
        assert _verify(house.database).faults == (), "the new chain is whole in itself"
        assert len(_verify(house.database, *noted).faults) == 1
    assert json.dumps(noted)
    assert os.stat(config.folder / "heads.txt").st_mode & 0o077 in (0o40, 0)
