"""`retinue jobs`: work after commit."""

from __future__ import annotations

from dataclasses import asdict
from uuid import UUID

import click

from retinue.cli.find import columns_of
from retinue.cli.session import Cli, command
from retinue.jobs import list_jobs, show_job

_SHOWN = ("id", "name", "state", "attempts", "done", "total", "created_at", "finished_at", "error_type")


@command()
@click.option("--state", help="Only these: waiting, running, parked, done, dead, stopped.")
@click.option("--name", help="Only this job.")
@click.option("--plugin", help="Only jobs of this plugin.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000), help="Most rows.")
def show_all(cli: Cli, state: str | None, name: str | None, plugin: str | None, limit: int) -> None:
    """List jobs, newest first."""
    with cli.house() as house, cli.store(house, readonly=True) as store:
        found = list_jobs(store, state=state, name=name, plugin=plugin, limit=limit)
    cli.out.rows([columns_of(job, *_SHOWN) for job in found], _SHOWN, empty="There is no such job.")


@command()
@click.argument("job_id", metavar="ID", type=click.UUID)
def show(cli: Cli, job_id: UUID) -> None:
    """Show one job; of a failed one, with its traceback."""
    with cli.house() as house, cli.store(house, readonly=True) as store:
        store.require("job.read")
        found = show_job(store.raw_connection(), job_id)
    record = asdict(found)
    trace = None if cli.out.json else record.pop("error_trace", None)
    cli.out.record(record)
    if trace:
        cli.out.text(f"\n{trace}")


@command()
@click.argument("job_id", metavar="ID", type=click.UUID)
def replay(cli: Cli, job_id: UUID) -> None:
    """Start a job again that was set aside or stopped; a batch goes on where it was."""
    with cli.house() as house, cli.store(house) as store:
        store.require("job.retry")
        store.record("job.replay", detail={"job": str(job_id)})
        house.jobs.replay(store.raw_connection(), job_id)
    cli.out.done("The job waits for a worker.", {"id": job_id}, then=f"retinue jobs show {job_id}")


@command()
@click.argument("job_id", metavar="ID", type=click.UUID)
def stop(cli: Cli, job_id: UUID) -> None:
    """Stop a job: at once if it waits, after the step it is in if it runs."""
    with cli.house() as house, cli.store(house) as store:
        store.require("job.retry")
        store.record("job.stop", detail={"job": str(job_id)})
        state = house.jobs.stop(store.raw_connection(), job_id)
    words = "It is stopped." if state == "stopped" else "It stops after the step it is in."
    cli.out.done(words, {"id": job_id, "state": state})
