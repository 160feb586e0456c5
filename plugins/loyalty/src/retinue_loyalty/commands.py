"""``retinue loyalty``: the same services as the API, at the terminal."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import click
import msgspec

from retinue.cli import Cli, command
from retinue.errors import NotFound
from retinue_loyalty import catching_up, members, programmes, reports, service, verifying

_DAY = click.DateTime(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])


@click.group(help="Points: verify the ledger, settle what is due, balances and reports.")
def loyalty() -> None:
    """Group the commands."""


def _programme(store: Any, key: str) -> UUID:
    found = programmes.keys_of(programmes.read_schemes(store)).get(key)
    if found is None:
        raise NotFound(f"There is no programme {key}.", remedy="See `retinue loyalty programmes`.")
    return found.id


@command()
@click.option("--rebuild", is_flag=True, help="Write what the replay gives into the caches.")
def verify(cli: Cli, rebuild: bool) -> None:
    """Replay all points and prove the caches; exit code 1 if anything is off."""
    with cli.house() as house:
        if rebuild:
            with cli.store(house) as store:
                cli.out.say(f"{verifying.rebuild_caches(store)} lots were corrected.")
        with cli.store(house, readonly=True) as store:
            proof = verifying.verify_ledger(store)
    counts = {"transactions": proof.transactions, "entries": proof.entries, "lots": proof.lots}
    cli.out.record(
        {**counts, "seconds": round(proof.seconds, 2), "good": proof.good, "breaches": proof.breaches}
    )
    if not proof.good:
        raise click.exceptions.Exit(1)


@command()
def settle(cli: Cli) -> None:
    """Post points that became usable or expired, and let levels age, as the job of the hour does."""
    with cli.house() as house, cli.store(house) as store:
        touched = service.settle_due(store, {})
    cli.out.done(f"{touched} members were looked at.", {"members": touched})


@command(name="catch-up")
@click.option("--since", type=_DAY, help="Orders that changed since this day, in UTC. [default: ever]")
@click.option("--dry-run", is_flag=True, help="Only tell what is lacking; exit code 1 if anything is.")
def catch_up(cli: Cli, since: datetime | None, dry_run: bool) -> None:
    """Give points for sales that were missed while loyalty was off or failed; done twice, nothing happens twice."""
    moment = since.replace(tzinfo=UTC) if since else catching_up.EVER
    with cli.house() as house, cli.store(house, readonly=dry_run) as store:
        found = catching_up.add_up(store, moment, catching_up.read_gap if dry_run else catching_up.catch_up)
    cli.out.record(found)
    if dry_run and found["sales"] + found["returns"] + found["completed"]:
        raise click.exceptions.Exit(1)


@command(name="programmes")
def list_programmes(cli: Cli) -> None:
    """List the programmes."""
    with cli.house() as house, cli.store(house, readonly=True) as store:
        cli.out.rows(
            programmes.list_programmes(store),
            ["key", "name", "currency", "state", "rules_number"],
            empty="No programme.",
        )


@command()
@click.argument("contact_id", type=click.UUID)
def balance(cli: Cli, contact_id: UUID) -> None:
    """Show where a contact stands in each programme."""
    with cli.house() as house, cli.store(house, readonly=True) as store:
        rows = members.show_member(store, contact_id)
    names = ["programme", "balance", "pending", "tier", "next_tier", "missing"]
    cli.out.rows(rows, names, empty="The contact is no member.")


@command(name="trial-balance")
@click.argument("programme")
@click.option("--at", type=_DAY, help="The date, at its beginning in UTC. [default: now]")
def trial_balance(cli: Cli, programme: str, at: datetime | None) -> None:
    """Show what became of all points up to a date, and what is owed to members."""
    with cli.house() as house, cli.store(house, readonly=True) as store:
        moment = at.replace(tzinfo=UTC) if at else store.now
        found = reports.trial_balance(store, _programme(store, programme), moment)
    names = ("issued", "redeemed", "expired", "adjusted", "available", "pending", "owed", "outstanding")
    cli.out.record({name: getattr(found, name) for name in (*names, "liability_minor", "balanced")})


@command()
@click.argument("programme")
@click.argument("rules", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def preview(cli: Cli, programme: str, rules: Path) -> None:
    """Show whose level the rules in a JSON file would change; nothing is written."""
    wish = msgspec.json.decode(rules.read_bytes())
    with cli.house() as house, cli.store(house, readonly=True) as store:
        found = reports.preview_rules(store, _programme(store, programme), wish)
    cli.out.rows(found["changes"], ["contact_id", "before", "after"], empty="Nobody's level would change.")


for one in (verify, settle, catch_up, list_programmes, balance, trial_balance, preview):
    loyalty.add_command(one)
