"""Killed in the middle, by a worker or at the terminal: nothing is lost, nothing is there twice."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from io_kit import Desk
from sqlalchemy import func, select

from retinue.contacts.models import Contact, ContactLookup
from retinue_io import service

CHILD = str(Path(__file__).parent / "worker_child.py")
Start = Callable[[int], subprocess.Popen[str]]


@pytest.fixture
def worker(desk: Desk) -> Iterator[Start]:
    """A function that starts a worker process with batches of some size."""
    config, running = desk.house.config, []

    def start(batch: int) -> subprocess.Popen[str]:
        arguments = [sys.executable, CHILD, str(config.folder), config.database.url, str(batch)]
        process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def wait_for(true: Callable[[], bool], seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.02)


def kill_and_finish(desk: Desk, worker: Start, rows: int, kills: int, batch: int) -> None:
    seed = uuid4().int % 100_000
    print(f"\nseed {seed}: {rows} rows, {kills} kills")  # noqa: T201  # a failed run must be repeatable
    chance = random.Random(seed)
    text = "given_name,family_name,email,city\n"
    text += "".join(f"P{n},Q{n},p{n}@example.com,Praha\n" for n in range(rows))
    row = desk.upload(text)
    desk.map(row, duplicates="ignore")
    with desk.store() as store:
        service.run_import(store, row)
    for number in range(kills):
        process = worker(batch)
        before = desk.contacts()
        goal = before + max(1, chance.randrange(1, max(2, (rows - before) // (kills - number + 1))))
        wait_for(lambda goal=goal: desk.contacts() >= goal)
        time.sleep(chance.uniform(0, 0.03))
        process.kill()
        process.wait()
        reached = desk.contacts()
        assert reached % batch == 0
        print(f"kill {number + 1} at {reached}", end="; ")  # noqa: T201  # as above
    assert desk.contacts() < rows, "it was killed after the end: make the file larger"
    worker(batch)
    wait_for(lambda: desk.show(row)["status"] == "complete")
    check_all_there(desk, row, rows)


def check_all_there(desk: Desk, row: UUID, rows: int) -> None:
    done = desk.show(row)
    assert (done["counts"]["created"], done["counts"]["rejected"]) == (rows, 0)
    with desk.store(readonly=True) as store:
        names = select(func.count(Contact.family_name.distinct()), func.count()).select_from(Contact)
        assert tuple(store.rows(names)[0]) == (rows, rows)
        tokens = select(func.count(ContactLookup.token.distinct())).where(ContactLookup.kind == "email")
        assert store.scalar(tokens) == rows
    with desk.store() as store:  # a large one is a job: done here
        service.revert_soon(store, {"import_id": str(row)})
    assert desk.contacts() == 0


@pytest.mark.slow_on("postgresql")
def test_killed_import_is_finished_by_the_next_worker(desk: Desk, worker: Start) -> None:
    kill_and_finish(desk, worker, rows=2000, kills=1, batch=10)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_large_import_survives_ten_kills(desk: Desk, worker: Start) -> None:
    kill_and_finish(desk, worker, rows=20_000, kills=10, batch=50)


@pytest.mark.slow
def test_import_begun_at_the_terminal_is_taken_up_by_a_worker(
    desk: Desk, worker: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state stands in the database: whoever goes on, goes on from there."""
    monkeypatch.setattr("retinue_io.plan.CREATE_BATCH", 100)
    row = desk.upload("name\n" + "".join(f"P{n} Q{n}\n" for n in range(250)))
    desk.map(row, duplicates="ignore")
    desk.start(row)
    assert desk.step(row)
    assert desk.contacts() == 100
    with desk.store() as store:
        service.stop_import(store, row)
    desk.step(row)
    with desk.store() as store:
        service.run_import(store, row)
    worker(100)
    wait_for(lambda: desk.show(row)["status"] == "complete")
    assert desk.contacts() == 250
