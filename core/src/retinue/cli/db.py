"""`retinue db`: the schema of the database."""

from __future__ import annotations

import click

from retinue.cli.session import Cli, command
from retinue.storage import verify_audit

_SHOWN = ("distribution", "state", "level", "head", "faults")


@command()
@click.option(
    "--plan", "only_plan", is_flag=True, help="Only say what it would do, and which plugins would be off."
)
def upgrade(cli: Cli, only_plan: bool) -> None:
    """Bring the database to the schema of the installed code; done whole or not at all."""
    with cli.house(check=False) as house, cli.out.progress("Upgrading"):
        plan = house.plan_upgrade() if only_plan else house.upgrade()
    for step in plan.steps:
        cli.out.say(f"{step.line} {step.level}: {step.title}")
    for fault in plan.left_out:
        cli.out.say(f"{'Would be off' if only_plan else 'Left out'}: {fault}")
    for name in plan.missing if only_plan else ():
        cli.out.say(f"Missing: the code of {name} is not here; its tables stay as they are.")
    done = (
        "Nothing was changed."
        if only_plan
        else "The database fits the code."
        if plan.steps
        else "Nothing to do."
    )
    cli.out.done(done, plan.as_data())


@command()
def status(cli: Cli) -> None:
    """Show the schema level in the database and in the code, for core and each plugin; changes nothing."""
    with cli.house(check=False) as house:
        rows = house.schema_status()
    cli.out.rows(rows, _SHOWN)


@command()
def check(cli: Cli) -> None:
    """Look for damage: schema, key store, audit chain. Ends with code 1 if there is any; changes nothing."""
    with cli.house(check=False) as house:
        found = [
            f"{r['distribution']}: {r['state']}" for r in house.schema_status() if r["state"] != "current"
        ]
        if not found:
            with cli.store(house, readonly=True) as store:
                found += verify_audit(store).faults
            found += house.key_faults()
    cli.out.rows([{"fault": fault} for fault in found], ["fault"], empty="No damage was found.")
    if found:
        raise click.exceptions.Exit(1)
