"""`retinue hooks`: where plugins answer, and who does."""

from __future__ import annotations

import click

from retinue.cli.session import Cli, command

_SHOWN = ("name", "mode", "phase", "on_failure", "publisher", "answered_by", "meaning")


@command()
@click.option("--mode", type=click.Choice(["declare", "ask", "tell"]), help="Only this mode.")
def show_all(cli: Cli, mode: str | None) -> None:
    """List every hook, core's and those that enabled plugins publish, with its contract and who answers."""
    with cli.house() as house:
        rows = [
            {**spec.as_data(), "answered_by": [place.plugin for place in house.plugins.orders.get(name, ())]}
            for name, spec in house.plugins.specs.items()
            if mode in (None, spec.contract.mode)
        ]
    cli.out.rows(rows, _SHOWN)


@command()
@click.argument("hook")
def order(cli: Cli, hook: str) -> None:
    """Show who answers HOOK, in order, each with the reason for its place."""
    with cli.house() as house:
        positions = house.plugins.explain_order(hook)
        rows = [
            {"place": number, "plugin": p.plugin, "reason": p.reason} for number, p in enumerate(positions, 1)
        ]
    cli.out.rows(rows, ["place", "plugin", "reason"], empty=f"No plugin answers {hook}.")
