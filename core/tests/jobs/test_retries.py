from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from retinue.errors import Conflict, NotFound
from retinue.jobs import GiveUp, JobSpec, Registry
from retinue.jobs.ledger import new_id
from retinue.jobs.models import job
from retinue.jobs.runner import backoff

SECRET = "jana@example.org"


class Flaky:
    """A handler that fails until it is told not to, after having written an effect that must not stay."""

    def __init__(self, effect: Any) -> None:
        self.effect, self.error, self.tries = effect, ValueError(SECRET), []

    def __call__(self, store: Any, payload: dict[str, Any], job: Any) -> dict[str, int] | None:
        self.tries.append(job.attempt)
        store.execute(self.effect.insert().values(job=payload["n"], step=0))
        if self.error is not None:
            try:
                raise KeyError(SECRET)
            except KeyError as cause:
                raise self.error from cause
        return {"tries": len(self.tries)}


@pytest.fixture
def flaky(bench: Any) -> Flaky:
    handler = Flaky(bench.child.effect)
    spec = JobSpec(
        name="demo.fail_first", handler=handler, plugin="demo", retries=2, backoff_first=0.2, backoff_cap=0.3
    )
    bench.jobs.swap(Registry([spec]))
    return handler


def test_failing_job_becomes_a_dead_letter_and_can_be_replayed(bench: Any, flaky: Flaky) -> None:
    """JO-x5."""
    job_id = bench.put("demo.fail_first", {"n": 1})
    with bench.worker():
        info = bench.wait_state(job_id, "dead")
        assert flaky.tries == [1, 2, 3]
        assert (info.attempts, info.error_type) == (3, "ValueError")
        assert "in __call__" in info.error_trace
        assert "because of" in info.error_trace
        assert "builtins.KeyError" in info.error_trace
        assert bench.effects() == (0, 0), "the effect of a failed try has stayed"
        flaky.error = None
        with bench.jobs.engine.begin() as connection:
            bench.jobs.replay(connection, job_id)
        info = bench.wait_state(job_id, "done")
    assert info.result == {"tries": 4}
    assert bench.effects() == (1, 1)
    with pytest.raises(Conflict, match="has done its work"), bench.jobs.engine.begin() as connection:
        bench.jobs.replay(connection, job_id)


def test_dead_letter_holds_no_value_of_a_row(bench: Any, flaky: Flaky) -> None:
    """GD-x3: what an exception says may be personal, where it was raised is not."""
    job_id = bench.put("demo.fail_first", {"n": 1})
    with bench.worker():
        bench.wait_state(job_id, "dead")
    with bench.jobs.engine.connect() as connection:
        row = connection.execute(select(job).where(job.c.id == job_id)).one()
        assert SECRET not in repr(row)
        schema = "dbos." if connection.dialect.name == "postgresql" else ""
        for table in ("workflow_status", "workflow_input", "workflow_output"):
            assert SECRET not in repr(connection.exec_driver_sql(f"SELECT * FROM {schema}{table}").all())


def test_give_up_makes_a_dead_letter_at_once(bench: Any, flaky: Flaky) -> None:
    flaky.error = GiveUp("the recipient list is gone")
    job_id = bench.put("demo.fail_first", {"n": 1})
    with bench.worker():
        info = bench.wait_state(job_id, "dead")
    assert (info.attempts, info.error_type) == (1, "GiveUp")


def test_tries_wait_longer_and_longer(bench: Any) -> None:
    """JO-x5: the tries of a running worker, in the database's own times."""
    begun: list[float] = []

    def fail(_store: Any, _payload: Any) -> None:
        import time

        begun.append(time.monotonic())
        raise OSError

    spec = JobSpec(name="demo.fail_always", handler=fail, plugin="demo", retries=2)
    bench.jobs.swap(Registry([spec]))
    job_id = bench.put("demo.fail_always", {})
    with bench.worker():
        bench.wait_state(job_id, "dead", 40)
    first, second = begun[1] - begun[0], begun[2] - begun[1]
    assert first >= 0.9
    assert second >= 1.8


def test_backoff_doubles_to_its_cap_with_jitter() -> None:
    """JO-x5."""
    spec = JobSpec(name="demo.do_it", handler=lambda store, payload: None, plugin="demo", backoff_cap=60.0)
    for attempts, plain in [(1, 1.0), (2, 2.0), (3, 4.0), (4, 8.0), (7, 60.0), (1000, 60.0)]:
        waits = [backoff(spec, attempts) for _ in range(200)]
        assert all(plain * 0.9 <= wait <= plain * 1.1 for wait in waits)
        assert max(waits) - min(waits) > plain * 0.05, "no jitter"


def test_replay_of_a_batch_job_goes_on_where_it_failed(bench: Any) -> None:
    child = bench.child

    class Stumbling(child.ManySteps):  # type: ignore[name-defined,misc]
        broken = True

        def step(self, store: Any, payload: dict[str, Any], state: Any, job: Any) -> Any:
            if state == 3 and self.broken:
                raise OSError
            return super().step(store, payload, state, job)

    handler = Stumbling()
    bench.jobs.swap(Registry([JobSpec(name="demo.import_rows", handler=handler, plugin="demo", retries=0)]))
    job_id = bench.put("demo.import_rows", {"n": 1, "rows": 6})
    with bench.worker():
        info = bench.wait_state(job_id, "dead")
        assert (info.done, info.total) == (3, 6)
        handler.broken = False
        with bench.jobs.engine.begin() as connection:
            bench.jobs.replay(connection, job_id)
        bench.wait_state(job_id, "done")
    assert bench.effects() == (6, 6)


def test_progress_gives_a_batch_job_its_tries_back(bench: Any) -> None:
    child = bench.child

    class Limping(child.ManySteps):  # type: ignore[name-defined,misc]
        def __init__(self) -> None:
            self.failed: set[Any] = set()

        def step(self, store: Any, payload: dict[str, Any], state: Any, job: Any) -> Any:
            if state not in self.failed:
                self.failed.add(state)
                raise OSError
            return super().step(store, payload, state, job)

    spec = JobSpec(name="demo.import_rows", handler=Limping(), plugin="demo", retries=1, backoff_first=0.01)
    bench.jobs.swap(Registry([spec]))
    job_id = bench.put("demo.import_rows", {"n": 1, "rows": 4})
    with bench.worker():
        bench.wait_state(job_id, "done", 40)
    assert bench.effects() == (4, 4)


def test_replay_and_stop_refuse_what_is_not_there(bench: Any) -> None:
    with bench.jobs.engine.begin() as connection:
        for deed in (bench.jobs.replay, bench.jobs.stop):
            with pytest.raises(NotFound):
                deed(connection, new_id())
