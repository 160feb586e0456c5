from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import StaticPool, create_engine, func, select

from retinue.actor import Actor
from retinue.errors import Invalid, Misconfigured, TooLarge
from retinue.jobs import Jobs
from retinue.jobs.models import job


def rows(bench: Any) -> int:
    with bench.jobs.engine.connect() as connection:
        return int(
            connection.execute(
                select(func.count()).select_from(job).where(job.c.plugin != "retinue")
            ).scalar_one()
        )


def test_enqueue_rolled_back_is_absent_and_committed_runs_once(bench: Any) -> None:
    """JO-x1, JO-x7."""
    with bench.jobs.engine.connect() as connection, connection.begin() as transaction:
        bench.jobs.enqueue(connection, "demo.note_effect", {"n": 1})
        transaction.rollback()
    job_id = bench.put("demo.note_effect", {"n": 2})
    with bench.worker():
        info = bench.wait_state(job_id, "done")
    assert bench.effects() == (1, 1)
    assert rows(bench) == 1
    assert (info.attempts, info.losses, info.executor) == (0, 0, None)
    assert info.finished_at >= info.started_at >= info.created_at
    with bench.jobs.engine.connect() as connection:
        schema = "dbos." if connection.dialect.name == "postgresql" else ""
        found = connection.exec_driver_sql(
            f"SELECT workflow_uuid FROM {schema}workflow_status WHERE name = 'run_job'"
        )
        calls = [row[0] for row in found if not row[0].startswith(str(info.id))]
    assert calls == [], "the job that was rolled back has left a call at the engine"


def test_enqueue_beside_the_callers_rows_shares_their_fate(bench: Any) -> None:
    """JO-x1: the business row and its job are one."""
    effect = bench.child.effect
    with bench.jobs.engine.connect() as connection, connection.begin() as transaction:
        connection.execute(effect.insert().values(job=7, step=0))
        bench.jobs.enqueue(connection, "demo.note_effect", {"n": 7})
        transaction.rollback()
    assert (bench.effects(), rows(bench)) == ((0, 0), 0)
    with bench.jobs.engine.begin() as connection:
        savepoint = connection.begin_nested()
        bench.jobs.enqueue(connection, "demo.note_effect", {"n": 8})
        savepoint.rollback()
        bench.jobs.enqueue(connection, "demo.note_effect", {"n": 9})
    assert rows(bench) == 1


def test_enqueue_with_the_same_key_is_the_same_job(bench: Any) -> None:
    first = bench.put("demo.note_effect", {"n": 1}, key="invoice 7")
    assert bench.put("demo.note_effect", {"n": 2}, key="invoice 7") == first
    other = bench.put("demo.take_steps", {"n": 3}, key="invoice 7")
    assert other != first
    with bench.worker():
        bench.wait_state(first, "done")
        bench.wait_state(other, "done")
        assert bench.put("demo.note_effect", {"n": 4}, key="invoice 7") == first
    assert bench.effects() == (4, 4)
    assert bench.show(first).payload == {"n": 1}


def test_enqueue_with_delay_waits(bench: Any) -> None:
    with bench.worker():
        late = bench.put("demo.note_effect", {"n": 1}, delay=2.0)
        soon = bench.put("demo.note_effect", {"n": 2})
        bench.wait_state(soon, "done")
        assert bench.show(late).state == "waiting"
        info = bench.wait_state(late, "done", 10)
    assert (info.started_at - info.created_at).total_seconds() >= 2.0


def test_enqueue_keeps_the_actor_by_id_alone(bench: Any) -> None:
    actor = Actor(kind="person", id=uuid4(), name="Jana Nováková", address="192.0.2.1")
    info = bench.show(bench.put("demo.note_effect", {"n": 1}, actor=actor))
    assert info.actor == ("person", actor.id)
    with bench.jobs.engine.connect() as connection:
        row = connection.execute(select(job).where(job.c.id == info.id)).one()
    assert "Jana" not in repr(row)
    assert "192.0.2.1" not in repr(row)


@pytest.fixture
def refuse(child: Any) -> Iterator[Any]:
    """Enqueue on a connection without a single table: refused before the database is asked."""
    jobs = Jobs("sqlite:///nowhere.db", child.registry())
    with create_engine("sqlite://", poolclass=StaticPool).connect() as connection:
        yield lambda name, payload, **options: jobs.enqueue(connection, name, payload, **options)
        connection.engine.dispose()


@pytest.mark.parametrize("key", ["", " ", "\t\n", " x", "x ", "a\nb", "k" * 201, 7])
def test_enqueue_refuses_a_key_that_is_empty_or_unreadable(refuse: Any, key: Any) -> None:
    with pytest.raises(Invalid) as wrong:
        refuse("demo.note_effect", {"n": 1}, key=key)
    assert wrong.value.code == "job-key"


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        ([1], "is a dict, not list"),
        (None, "is a dict, not NoneType"),
        ({"id": UUID(int=7)}, "/id: is a UUID, which JSON does not have; write str(id)"),
        ({"a": [1, {"b": b"x"}]}, "/a/1/b: is a bytes"),
        ({"a": float("nan")}, "/a: nan is not a JSON number"),
        ({1: "x"}, "has a key of type int"),
        ({"a": "x\x00y"}, "/a: holds a NUL"),
        ({"a": "\ud800"}, "/a: holds a NUL or half"),
    ],
)
def test_enqueue_refuses_a_payload_that_is_not_json(refuse: Any, payload: Any, text: str) -> None:
    with pytest.raises(Invalid) as wrong:
        refuse("demo.note_effect", payload)
    assert text in str(wrong.value)


def test_enqueue_refuses_a_giant_payload_and_names_the_limit(bench: Any) -> None:
    fits = {"ids": ["x" * 10] * 1000}
    assert len(json.dumps(fits)) < 16 * 1024
    bench.put("demo.note_effect", fits)
    with pytest.raises(TooLarge) as wrong:
        bench.put("demo.note_effect", {"text": "é" * 9000})
    assert "18,012 bytes; the limit is 16,384" in str(wrong.value)
    assert "enqueue the row's id" in wrong.value.remedy
    assert rows(bench) == 1


def test_enqueue_refuses_a_payload_that_is_nested_without_end(refuse: Any) -> None:
    deep: dict[str, Any] = {}
    for _ in range(5000):
        deep = {"a": deep}
    with pytest.raises(Invalid, match="deeper"):
        refuse("demo.note_effect", deep)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("", "is no job name"),
        ("demo", "is no job name"),
        ("Demo.Note", "is no job name"),
        ("demo.note_efect", "Did you mean 'demo.note_effect'?"),
        ("demo." + "x" * 100, "is no job name"),
        (7, "is no job name"),
    ],
)
def test_enqueue_refuses_a_name_that_cannot_be_meant(refuse: Any, name: Any, text: str) -> None:
    with pytest.raises(Invalid) as wrong:
        refuse(name, {})
    assert text in str(wrong.value)


@pytest.mark.parametrize("delay", [-1, float("inf"), float("nan"), 10**9, "5"])
def test_enqueue_refuses_a_delay_out_of_range(refuse: Any, delay: Any) -> None:
    with pytest.raises(Invalid, match="delay"):
        refuse("demo.note_effect", {"n": 1}, delay=delay)


def test_jobs_refuses_a_database_in_memory() -> None:
    with pytest.raises(Misconfigured, match="need a database file"):
        _ = Jobs("sqlite://").engine
