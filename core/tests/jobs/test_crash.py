from __future__ import annotations

import random
import time
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, select

STEPS = 3


def kill_and_finish(bench: Any, jobs: int, kills: int) -> None:
    seed = uuid4().int % 100_000
    print(f"\nseed {seed}: {jobs} jobs, {kills} kills")  # noqa: T201  # a failed run must be repeatable
    chance = random.Random(seed)
    bench.put_many("demo.take_steps", jobs)
    share = jobs * STEPS // (kills + 1)
    for number in range(kills):
        process = bench.process()
        before = bench.effects()[0]
        goal = min(before + chance.randrange(1, share), jobs * STEPS - 1)
        bench.wait(lambda goal=goal: bench.effects()[0] >= goal, 60)
        time.sleep(chance.uniform(0, 0.05))
        process.kill()
        process.wait()
        print(f"kill {number + 1} after {bench.effects()[0]} effects", end="; ")  # noqa: T201  # as above
    began = time.monotonic()
    bench.process()
    bench.wait(lambda: bench.counts()["done"] >= jobs, 120)
    print(f"the rest in {time.monotonic() - began:.1f} s")  # noqa: T201  # as above
    assert bench.effects() == (jobs * STEPS, jobs * STEPS), "an effect is missing or doubled"
    counts = bench.counts()
    assert {name: counts[name] for name in ("waiting", "running", "dead", "parked")} == dict.fromkeys(
        ("waiting", "running", "dead", "parked"), 0
    )


@pytest.mark.slow_on("postgresql")
def test_jobs_of_three_steps_survive_kills_at_random_points(bench: Any) -> None:
    """JO-x2, in the size of the default run."""
    kill_and_finish(bench, jobs=90, kills=4)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_thousand_jobs_of_three_steps_survive_twenty_kills(bench: Any) -> None:
    """JO-x2."""
    kill_and_finish(bench, jobs=1000, kills=20)


def two_workers(bench: Any, jobs: int) -> None:
    processes = [bench.process(), bench.process()]
    effect = bench.child.effect
    executors = select(func.count(effect.c.executor.distinct()))

    def both_at_work() -> bool:
        with bench.jobs.engine.connect() as connection:
            return bool(connection.execute(executors).scalar_one() == 2)

    def feed_until_both() -> bool:
        with bench.jobs.engine.begin() as connection:
            bench.jobs.enqueue(
                connection, "demo.take_steps", {"n": -uuid4().int % 1_000_000_000 - 1_000_000_001}
            )
        return both_at_work()

    bench.wait(feed_until_both, 30)
    bench.put_many("demo.note_effect", jobs)
    bench.wait(lambda: bench.counts()["waiting"] + bench.counts()["running"] == 0, 120)
    total, different = bench.effects()
    assert total == different >= jobs, "an effect is missing or doubled"
    with bench.jobs.engine.connect() as connection:
        shares = (
            connection.execute(select(func.count()).where(effect.c.job >= 0).group_by(effect.c.executor))
            .scalars()
            .all()
        )
    print(f"\nshares of the two workers: {shares}")  # noqa: T201  # shows that both took part
    assert sum(shares) == jobs
    assert len(shares) == 2, "one worker did everything"
    assert all(process.poll() is None for process in processes)


@pytest.mark.slow
def test_two_workers_on_one_database_double_nothing(bench: Any) -> None:
    """JO-x3, JO-x7, in the size of the default run: two processes on one file, two on one server."""
    two_workers(bench, jobs=300)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_two_workers_on_one_database_double_nothing_in_a_thousand_jobs(bench: Any) -> None:
    """JO-x3."""
    two_workers(bench, jobs=1000)


@pytest.mark.slow
def test_a_job_that_kills_its_worker_again_and_again_becomes_a_dead_letter(bench: Any) -> None:
    job_id = bench.put("demo.kill_process", {})
    with bench.jobs.engine.begin() as connection:
        from retinue.jobs.models import job

        connection.execute(job.update().where(job.c.id == job_id).values(losses=9))
    for _ in range(2):
        bench.process().wait(20)
    bench.process()
    info = bench.wait_state(job_id, "dead")
    assert (info.error_type, info.losses) == ("GiveUp", 11)


@pytest.mark.slow_on("postgresql")
def test_a_batch_job_goes_on_from_its_last_committed_step(bench: Any) -> None:
    """The shape of a long import: killed in the middle, it neither loses nor doubles a row."""
    job_id = bench.put("demo.import_rows", {"n": 5, "rows": 60, "seconds": 0.02})
    first = bench.process()
    bench.wait(lambda: bench.show(job_id).done >= 15)
    first.kill()
    first.wait()
    reached = bench.show(job_id)
    assert reached.state == "running"
    assert bench.effects() == (reached.done, reached.done)
    bench.process()
    info = bench.wait_state(job_id, "done")
    assert bench.effects() == (60, 60)
    assert (info.done, info.total, info.message) == (60, 60, "rows")
