from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update

from retinue.errors import Misconfigured
from retinue.jobs import JobSpec, Registry, Schedule, list_jobs
from retinue.jobs.cron import last_before, next_after
from retinue.jobs.keeper import tick
from retinue.jobs.models import job_schedule

BERLIN = ZoneInfo("Europe/Berlin")


def plan(bench: Any, missed: str = "skip", cron: str = "30 2 * * *", zone: str = "Europe/Berlin") -> None:
    spec = JobSpec(name="demo.count_stars", handler=lambda store, payload: None, plugin="demo")
    schedule: Any = Schedule(
        name="demo.nightly", job=spec.name, cron=cron, zone=zone, missed=missed, payload={"n": 1}
    )
    bench.jobs.swap(Registry([spec], [schedule]))


def walk(bench: Any, start: datetime, hours: float, minutes: int = 10) -> list[datetime]:
    """Tick every few minutes from `start`; returns when the schedule started its job."""
    begun: list[datetime] = []
    moment = start
    while moment < start + timedelta(hours=hours):
        before = keys(bench)
        tick(bench.jobs, moment)
        if keys(bench) - before:
            begun.append(moment)
        moment += timedelta(minutes=minutes)
    return begun


def schedules(bench: Any) -> set[str]:
    with bench.jobs.engine.connect() as connection:
        return set(connection.execute(select(job_schedule.c.name)).scalars())


def ticked(bench: Any, moment: datetime) -> int:
    """Tick at `moment`; returns how many jobs of the tests' schedule that started (core has its own)."""
    before = keys(bench)
    tick(bench.jobs, moment)
    return len(keys(bench) - before)


def keys(bench: Any) -> set[str]:
    with bench.jobs.engine.connect() as connection:
        return {info.key for info in list_jobs(connection, name="demo.count_stars", limit=1000)}


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (
            datetime(2026, 3, 29, tzinfo=BERLIN),
            "2026-03-29T01:00:00+00:00",
        ),  # 02:30 does not exist: 03:00 summer time
        (
            datetime(2026, 10, 25, tzinfo=BERLIN),
            "2026-10-25T00:30:00+00:00",
        ),  # 02:30 exists twice: the first one
        (datetime(2026, 6, 1, tzinfo=BERLIN), "2026-06-01T00:30:00+00:00"),
    ],
)
def test_daily_schedule_runs_once_when_clocks_change(bench: Any, day: datetime, expected: str) -> None:
    """JO-x6."""
    plan(bench)
    begun = walk(bench, day.astimezone(UTC), hours=20)
    assert [moment.isoformat() for moment in begun] == [expected]
    assert keys(bench) == {f"demo.nightly {expected}"}


def test_every_night_of_a_year_has_one_run() -> None:
    """JO-x6."""
    moment = datetime(2026, 1, 1, tzinfo=BERLIN).astimezone(UTC)
    days = []
    for _ in range(365):
        moment = next_after("30 2 * * *", "Europe/Berlin", moment)
        days.append(moment.astimezone(BERLIN).date())
    assert len(set(days)) == 365
    assert days[-1].isoformat() == "2026-12-31"


@pytest.mark.parametrize("minute", range(0, 180, 5))
def test_next_is_always_later_inside_the_repeated_hour(minute: int) -> None:
    moment = datetime(2026, 10, 25, 0, 0, tzinfo=UTC) + timedelta(minutes=minute)
    following = next_after("30 2 * * *", "Europe/Berlin", moment)
    assert following > moment
    assert following in (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 26, 1, 30, tzinfo=UTC))


def test_hourly_schedule_counts_real_time() -> None:
    moment = datetime(2026, 10, 24, 23, 0, tzinfo=UTC)
    times = []
    for _ in range(4):
        moment = next_after("30 * * * *", "Europe/Berlin", moment)
        times.append(moment.hour)
    assert times == [23, 0, 1, 2]


def test_missed_run_is_skipped_or_run_once_as_declared(bench: Any) -> None:
    """JO-x6: no worker for three days."""
    start = datetime(2026, 5, 1, 12, tzinfo=UTC)
    plan(bench, "skip")
    tick(bench.jobs, start)
    assert ticked(bench, start + timedelta(days=3)) == 0
    assert keys(bench) == set()
    assert ticked(bench, datetime(2026, 5, 5, 0, 30, 5, tzinfo=UTC)) == 1

    plan(bench, "run_once")
    assert ticked(bench, datetime(2026, 5, 8, 12, tzinfo=UTC)) == 1
    assert ticked(bench, datetime(2026, 5, 8, 12, 1, tzinfo=UTC)) == 0
    assert keys(bench) == {
        "demo.nightly 2026-05-05T00:30:00+00:00",
        "demo.nightly 2026-05-08T00:30:00+00:00",
    }


def test_skipped_schedule_still_runs_the_time_that_is_now(bench: Any) -> None:
    plan(bench, "skip", cron="* * * * *", zone="UTC")
    start = datetime(2026, 5, 1, 12, tzinfo=UTC)
    tick(bench.jobs, start)
    assert ticked(bench, start + timedelta(days=2, seconds=30)) == 1
    assert keys(bench) == {"demo.nightly 2026-05-03T12:00:00+00:00"}


def test_two_workers_that_tick_at_once_start_one_job(bench: Any) -> None:
    plan(bench)
    other = bench.port(Registry(), bench.child.QUICK)
    other._registry = bench.jobs.registry
    start = datetime(2026, 5, 1, 0, 0, tzinfo=UTC)
    tick(bench.jobs, start)
    moment = start + timedelta(minutes=31)
    assert (tick(bench.jobs, moment), tick(other, moment)) == (1, 0)


def test_changed_rule_is_planned_anew_and_an_unknown_one_rests(bench: Any) -> None:
    start = datetime(2026, 5, 1, 12, tzinfo=UTC)
    plan(bench)
    tick(bench.jobs, start)
    plan(bench, cron="0 18 * * *", zone="UTC")
    tick(bench.jobs, start)
    with bench.jobs.engine.connect() as connection:
        row = connection.execute(select(job_schedule).where(job_schedule.c.name == "demo.nightly")).one()
    assert row.next_at == datetime(2026, 5, 1, 18, tzinfo=UTC)
    bench.jobs.swap(Registry())
    assert ticked(bench, start + timedelta(days=1)) == 0
    assert keys(bench) == set()


def test_worker_starts_what_is_due_and_retinue_purges(bench: Any) -> None:
    plan(bench, "run_once")
    with bench.worker():
        bench.wait(lambda: schedules(bench) == {"demo.nightly", "retinue.purge_jobs"})
        past = datetime.now(UTC) - timedelta(days=1)
        with bench.jobs.engine.begin() as connection:
            connection.execute(update(job_schedule).values(next_at=past))
        bench.wait(lambda: bench.counts()["done"] == 2)
    assert len(keys(bench)) == 1


def test_last_before_looks_back_a_day() -> None:
    due = datetime(2026, 5, 1, 12, tzinfo=UTC)
    assert last_before("0 12 * * *", "UTC", due, datetime(2026, 5, 4, 13, tzinfo=UTC)).day == 4
    assert last_before("0 12 * * *", "UTC", due, datetime(2026, 5, 1, 13, tzinfo=UTC)) == due


@pytest.mark.parametrize(
    ("cron", "zone", "text"),
    [
        ("30 25 * * *", "UTC", "is no cron rule"),
        ("hello", "UTC", "is no cron rule"),
        ("0 0 31 2 *", "UTC", "is no cron rule"),
        ("0 0 * * *", "Europe/Berlim", "no time zone 'Europe/Berlim'"),
    ],
)
def test_schedule_that_cannot_be_read_is_refused(cron: str, zone: str, text: str) -> None:
    with pytest.raises(Misconfigured, match=text):
        Schedule(name="demo.nightly", job="demo.count_stars", cron=cron, zone=zone)
