"""`retinue audit`: who did what, when, and whether the record is whole."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO

import click

from retinue.app.checkpoints import read_checkpoints
from retinue.cli.find import account_named, columns_of, contact_named
from retinue.cli.session import Cli, command
from retinue.errors import Invalid
from retinue.history.service import read_audit, report_reads
from retinue.storage import verify_audit

_SHOWN = ("at", "actor_name", "plugin", "action", "table", "row_id", "contact_id", "fields", "detail")


@command()
@click.option(
    "--checkpoint", metavar="NUMBER:HEAD", multiple=True, help="What an earlier run printed, kept elsewhere."
)
@click.option(
    "--checkpoints",
    "noted",
    type=click.File(encoding="utf-8"),
    help="A file of checkpoints, or a syslog. [audit.checkpoint_file]",
)
def verify(cli: Cli, checkpoint: tuple[str, ...], noted: TextIO | None) -> None:
    """Check the audit chain; ends with code 1 if an entry was changed or removed.

    Every checkpoint noted outside this database is compared: only with one a cut-off tail is noticed.
    """
    known = [_checkpoint(text) for text in checkpoint]
    path = cli.config.folder / Path(cli.config.audit.checkpoint_file)
    if noted:
        known += read_checkpoints(noted, noted.name)
    elif cli.config.audit.checkpoint_file and path.exists():
        known += read_checkpoints(path.read_text("utf-8").splitlines(), str(path))
    with cli.house() as house, cli.store(house, readonly=True) as store:
        store.require("audit.verify")
        verdict = verify_audit(store, checkpoints=known)
    found = columns_of(verdict, "entries", "unsealed", "seals", "head", "faults")
    here = f"{verdict.seals}:{verdict.head}"
    cli.out.record({**found, "checkpoint": here, "compared": len(known), "whole": not verdict.faults})
    if verdict.faults:
        raise click.exceptions.Exit(1)


@command()
@click.option("--contact", help="Only entries about this contact: id, e-mail address or name.")
@click.option("--action", default="", help="Only this deed, such as contact.export.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000), help="Most entries.")
def show(cli: Cli, contact: str | None, action: str, limit: int) -> None:
    """Show audit entries, newest first: who, by which plugin, which fields; values with --json."""
    with cli.house() as house, cli.store(house, readonly=True) as store:
        contact_id = contact_named(store, contact).id if contact else None
        rows = read_audit(store, contact_id=contact_id, action=action, limit=limit)
    cli.out.rows(rows, None if cli.out.json else _SHOWN, empty="There is no such entry.")


@command()
@click.argument("login")
@click.option("--days", default=30, show_default=True, type=click.IntRange(1, 3650), help="How far back.")
def reads(cli: Cli, login: str, days: int) -> None:
    """Say how many cards an account looked at and how many exports it made; each look with --json."""
    with cli.house() as house, cli.store(house, readonly=True) as store:
        found = report_reads(store, account_named(store, login).id, days=days)
    if not cli.out.json:
        found.pop("latest")
    cli.out.record(found)


def _checkpoint(text: str) -> tuple[int, str]:
    number, _, head = text.partition(":")
    if not number.isdecimal() or not head:
        raise Invalid(
            f"{text} is no checkpoint.", remedy="Give what `retinue audit verify` printed: NUMBER:HEAD."
        )
    return int(number), head
