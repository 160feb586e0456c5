"""`retinue plugins plan`, `apply`, `install`, `upgrade`, `uninstall`, `import`: what comes and what goes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from retinue.app.lifecycle.deeds import apply_plan, plan_action
from retinue.app.lifecycle.plans import ACTIONS, LifePlan, read_plan
from retinue.app.lifecycle.restoring import import_archive
from retinue.cli.session import Cli, command
from retinue.errors import Invalid

if TYPE_CHECKING:
    from retinue.app import House

_SHOWN = ("effect", "kind", "name", "rows", "detail")
_FILE = click.Path(path_type=Path, dir_okay=False)


@command()
@click.argument("action", type=click.Choice(ACTIONS))
@click.argument("name")
@click.option("--cascade", is_flag=True, help="With an uninstall: take those that require it along.")
@click.option("--from-ledger", is_flag=True, help="With an uninstall: although its code is not here.")
def plan(cli: Cli, action: str, name: str, cascade: bool, from_ledger: bool) -> None:
    """Show everything that ACTION would touch of a plugin, and why it may not; changes nothing.

    Keep it with --json, read it, and give the file to `retinue plugins apply`. Ends with code 1 if it is refused.
    """
    with cli.house() as house:
        made = plan_action(
            house, cli.actor(house), action, name, cascade=cascade, from_ledger=from_ledger  # type: ignore[arg-type]  # click gives a choice as text
        )  # fmt: skip
    _show(cli, made)
    if made.refusals:
        raise click.exceptions.Exit(1)


@command()
@click.argument("file", metavar="PLANFILE", type=click.File("r", encoding="utf-8"))
@click.option(
    "--export", type=_FILE, help="The file an uninstall writes first. [default: one in this folder]"
)
@click.option("--without-export", is_flag=True, help="Uninstall without keeping the data.")
def apply(cli: Cli, file: TextIO, export: Path | None, without_export: bool) -> None:
    """Do exactly what the plan in PLANFILE says; refused if the installation has changed since.

    With --json it prints the plan as it was done: the same text as the plan itself.
    """
    try:
        kept = read_plan(json.load(file))
    except ValueError as wrong:
        raise Invalid("this is no JSON", code="plan") from wrong
    with cli.house() as house:
        _carry_out(cli, house, kept, None if without_export else export or _file_of(kept))


@command()
@click.argument("name")
def install(cli: Cli, name: str) -> None:
    """Make a plugin's tables and leave it off."""
    with cli.house() as house:
        _carry_out(cli, house, plan_action(house, cli.actor(house), "install", name), None)


@command()
@click.argument("name")
def upgrade(cli: Cli, name: str) -> None:
    """Bring a plugin's tables, and what is remembered of it, to the code that is installed now."""
    with cli.house() as house:
        _carry_out(cli, house, plan_action(house, cli.actor(house), "upgrade", name), None)


@command()
@click.argument("name")
@click.option("--export", type=_FILE, help="The file to write first. [default: one in this folder]")
@click.option("--without-export", is_flag=True, help="Do not keep the data.")
@click.option("--cascade", is_flag=True, help="Take those that require it along; all are listed first.")
@click.option("--from-ledger", is_flag=True, help="Although its code is not here.")
def uninstall(
    cli: Cli, name: str, export: Path | None, without_export: bool, cascade: bool, from_ledger: bool
) -> None:
    """Export a plugin's data, take away everything it has here, and prove that nothing else changed."""
    with cli.house() as house:
        actor = cli.actor(house)
        made = plan_action(house, actor, "uninstall", name, cascade=cascade, from_ledger=from_ledger)
        made.check()
        if not cli.settings.json:
            _show(cli, made)
        going = made.total("drop") + made.total("delete")
        cli.confirm(f"Take away {', '.join(made.plugins)} with {going} rows?")
        _carry_out(cli, house, made, None if without_export else export or _file_of(made))


@command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def bring_back(cli: Cli, file: Path) -> None:
    """Bring back what `uninstall` exported to FILE; the plugin's code must be installed, and it stays off."""
    with cli.house() as house:
        done = import_archive(house, cli.actor(house), file)
    for table, rows in done.left_out.items():
        cli.out.say(f"Left out of {table}: {rows} rows about contacts that are gone.")
    facts = {"plugins": done.plugins, "rows": done.rows, "left_out": done.left_out}
    names = ", ".join(done.plugins)
    cli.out.done(
        f"{names}: {sum(done.rows.values())} rows are back.", facts, then=f"retinue plugins enable {names}"
    )


def _carry_out(cli: Cli, house: House, plan: LifePlan, export: Path | None) -> None:
    export = export if plan.action == "uninstall" else None
    done = apply_plan(house, cli.actor(house), plan, export=export)
    if done.export:
        cli.out.say(f"Exported to {done.export} (SHA-256 {done.sha256}). It holds personal data.")
    if plan.action == "uninstall":
        cli.out.say(f"Proven: {done.proven_rows} rows of {done.proven_tables} other tables are as they were.")
    cli.out.done(f"{plan.plugin}: {plan.action} is done.", done.plan.as_data())


def _show(cli: Cli, plan: LifePlan) -> None:
    if cli.out.json:
        cli.out.record(plan.as_data())
        return
    rows = [{word: getattr(item, word) for word in _SHOWN} for item in plan.items]
    cli.out.rows(rows, _SHOWN, empty="It touches nothing.")
    for refusal in plan.refusals:
        cli.out.say(f"Refused: {refusal.code} {refusal.detail}. {refusal.remedy}")


def _file_of(plan: LifePlan) -> Path | None:
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    return Path(f"{plan.plugin}-{moment}.zip") if plan.action == "uninstall" else None
