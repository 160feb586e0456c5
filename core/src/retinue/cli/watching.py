"""`retinue plugins top`, `processes` and `resume`: what plugins cost, who has them, and the end of a quarantine."""

from __future__ import annotations

import click

from retinue.cli.find import columns_of
from retinue.cli.session import Cli, command
from retinue.plugins import list_processes, read_timings, timing_figures

_TIMES = ("plugin", "hook", "calls", "p50_us", "p95_us", "longest_us", "total_ms")
_PROCESSES = ("kind", "machine", "pid", "version", "epoch", "alive", "seen_at", "plugins")


@command()
@click.option("--hours", default=24, show_default=True, type=click.IntRange(1, 168), help="How far back.")
@click.option("--plugin", help="Only this plugin.")
@click.option("--limit", default=30, show_default=True, type=click.IntRange(1, 1000), help="Most rows.")
def top(cli: Cli, hours: int, plugin: str | None, limit: int) -> None:
    """Show what each plugin's hooks took, over all processes, the slowest first; times in microseconds.

    Processes write every ten seconds; p50 and p95 are at most 7 % off, calls and the longest are exact.
    """
    with cli.house() as house, cli.store(house, readonly=True) as store:
        found = [t for t in read_timings(store, hours=hours) if plugin in (None, t.plugin)]
    rows = [timing_figures(timing) for timing in found[:limit]]
    cli.out.rows(rows, _TIMES, empty="No hook was answered in this time, or no process has written yet.")


@command()
def processes(cli: Cli) -> None:
    """List the processes that serve or work: which epoch each follows, and how each plugin stands in it."""
    with cli.house() as house, cli.store(house, readonly=True) as store:
        rows = [columns_of(process, *_PROCESSES) for process in list_processes(store)]
    cli.out.rows(rows, _PROCESSES, empty="No process serves or works.")


@command()
@click.argument("name")
def approve(cli: Cli, name: str) -> None:
    """Agree to what an upgraded plugin newly wants to do; until then it is set aside."""
    with cli.house() as house:
        more = house.approve(cli.actor(house), name)
    cli.out.done(f"{name} may now: {', '.join(more)}.", {"name": name, "granted": more})


@command()
@click.argument("name")
def resume(cli: Cli, name: str) -> None:
    """End the quarantine of a plugin: every process takes it in again within a second, parked jobs go on."""
    with cli.house() as house:
        house.resume(cli.actor(house), name)
    cli.out.done(f"{name} is on again.", {"name": name, "state": "enabled"})
