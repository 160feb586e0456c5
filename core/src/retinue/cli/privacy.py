"""`retinue privacy`: where personal data are, and whether every table with them is declared."""

from __future__ import annotations

from dataclasses import asdict

import click
import msgspec

from retinue.cli.find import contact_named
from retinue.cli.session import Cli, command
from retinue.contacts.copying import copy_contact, list_held
from retinue.storage import personal_registry, privacy_faults

_SHOWN = ("plugin", "table", "field", "purpose", "protection", "export", "erase", "path")


@command()
def check(cli: Cli) -> None:
    """Look in the database for tables and columns about persons that nobody declares; ends with code 1 if there are."""
    with cli.house() as house, cli.store(house, readonly=True) as store:
        store.require("setting.read")
        faults = list(privacy_faults(store))
        known = personal_registry()
    cli.out.record({"columns": len(known), "tables": len({held.table for held in known}), "faults": faults})
    if faults:
        raise click.exceptions.Exit(1)


@command()
@click.option("--plugin", default=None, help="Only the tables of this plugin; core for the core's.")
def registry(cli: Cli, plugin: str | None) -> None:
    """List every column with personal data: why it is kept, what a copy shows, what an erasure does."""
    with cli.house() as house, cli.store(house, readonly=True) as store:
        store.require("setting.read")
        known = list_held(store)
    rows = [{**asdict(held), "plugin": held.plugin or "core"} for held in known]
    chosen = [row for row in rows if plugin is None or row["plugin"] == plugin]
    cli.out.rows(chosen, None if cli.out.json else _SHOWN, empty="No column holds personal data.")


@command()
@click.argument("contact")
def copy(cli: Cli, contact: str) -> None:
    """Print everything that core and the plugins keep about a contact, as JSON; the audit remembers it."""
    with cli.house() as house, cli.store(house) as store:
        made = copy_contact(store, contact_named(store, contact).id)
    cli.out.text(msgspec.json.format(msgspec.json.encode(asdict(made), enc_hook=str), indent=2).decode())
