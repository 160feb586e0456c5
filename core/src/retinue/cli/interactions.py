"""`retinue interactions`: what happened with a contact."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Any

import click

from retinue.cli.find import columns_of, contact_named
from retinue.cli.session import Cli, command
from retinue.errors import Invalid, Problem
from retinue.interactions.service import record_interaction


@command()
@click.argument("contact")
@click.option("--kind", required=True, help="Such as call, meeting, message, note.")
@click.option("--text", "body", help="What was said; `-` reads it from stdin.")
@click.option("--subject", help="One line.")
@click.option("--at", metavar="TIME", help="When, such as 2026-11-20T10:00+01:00. [default: now]")
@click.option("--seconds", "duration", type=click.IntRange(0), help="How long it took.")
@click.option("--direction", type=click.Choice(["in", "out"]), help="Who began it: they (in) or we (out).")
def add(cli: Cli, contact: str, at: str | None, body: str | None, **given: Any) -> None:
    """Record an interaction with CONTACT, named by id, e-mail address or name. It is never changed.

    \b
    retinue interactions add jiri@example.org --kind call --seconds 125 --text "Wants the spring catalogue."
    """
    text = sys.stdin.read() if body == "-" else body
    values = {name: value for name, value in {**given, "body": text}.items() if value is not None}
    if at:
        values["at"] = _moment(at)
    with cli.house() as house, cli.store(house) as store:
        row = record_interaction(store, contact_named(store, contact).id, values)
        result = columns_of(row, "id", "contact_id", "kind", "at")
    cli.out.done("Recorded.", result, then=f"retinue contacts show {result['contact_id']}")


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        wanted = "needs a day, a time and an offset, such as 2026-11-20T10:00+01:00"
        raise Invalid("The time cannot be read.", problems=[Problem("/at", wanted)])
    return moment
