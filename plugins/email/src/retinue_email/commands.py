"""``retinue email``: the same services as the API, at the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

import click
import msgspec

from retinue.cli import Cli, command
from retinue_email import hearing, service, suppression, templates, triggers
from retinue_email.campaign_commands import campaign
from retinue_email.courier import Courier
from retinue_email.returned import MAX_BYTES

_FIELDS = ("id", "template", "state", "reason", "attempts", "code", "enhanced", "sent_at")


@click.group(help="Letters: send one, list them, campaigns, deliver what is due, keep addresses out.")
def email() -> None:
    """Group the commands."""


@command(name="templates")
def list_templates(cli: Cli) -> None:
    """List the templates with their languages."""
    with cli.house() as house, cli.store(house, readonly=True) as store:
        rows = templates.list_templates(store)
    cli.out.rows(rows, ["key", "name", "kind", "purpose", "languages"], empty="No template.")


@command()
@click.argument("template")
@click.argument("contact_id", type=click.UUID)
@click.option("--key", help="What makes this letter one: ordered again under it, it is not sent again.")
@click.option(
    "--values", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A JSON file of words."
)
def send(cli: Cli, template: str, contact_id: UUID, key: str | None, values: Path | None) -> None:
    """Order one letter to a contact; exit code 1 if the gate refuses it."""
    given: dict[str, Any] = msgspec.json.decode(values.read_bytes()) if values else {}
    draft = {"contact_id": contact_id, "template": template, "key": key, "values": given}
    with cli.house() as house, cli.store(house) as store:
        row = service.send_letter(store, draft)
    cli.out.record({name: row[name] for name in _FIELDS})
    if row["state"] == "refused":
        raise click.exceptions.Exit(1)


@command()
def deliver(cli: Cli) -> None:
    """Send everything that is due now, in this process, and wait for it."""
    with cli.house() as house:
        with cli.store(house, readonly=True) as store:
            store.require("email.send")
            opener = store.opener("email")
        begun = Courier().deliver(opener)
    cli.out.done(f"{begun} letters were sent or tried.", {"letters": begun})


@command(name="letters")
@click.option("--contact", type=click.UUID, help="Only those of one contact.")
@click.option("--state", default="", help="Only those in one state, such as in_doubt.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
def list_letters(cli: Cli, contact: UUID | None, state: str, limit: int) -> None:
    """List letters, the newest first."""
    with cli.house() as house, cli.store(house, readonly=True) as store:
        rows, _ = service.list_letters(store, contact_id=contact, state=state, limit=limit)
    cli.out.rows(rows, list(_FIELDS), empty="No letter.")


@command()
@click.argument("address")
@click.option("--scope", default="", help="Only for one purpose. [default: everything]")
@click.option("--release", is_flag=True, help="Let the address in again.")
def suppress(cli: Cli, address: str, scope: str, release: bool) -> None:
    """Keep an address out, or let it in again."""
    with cli.house() as house, cli.store(house) as store:
        if release:
            count = suppression.release_address(store, address, scope)
        else:
            count = int(suppression.suppress_address(store, address, scope))
    cli.out.done(f"{count} entries changed.", {"count": count})


@command()
@click.argument("event")
@click.argument("template")
@click.option("--off", is_flag=True, help="Let it send nothing.")
def trigger(cli: Cli, event: str, template: str, off: bool) -> None:
    """Let an event, such as order.paid, send a template by itself; run again, it is switched on or off."""
    with cli.house() as house, cli.store(house) as store:
        wanted = templates.find_template(store, template)
        known = [
            one
            for one in triggers.list_triggers(store)
            if (one["event"], one["template"]) == (event, template)
        ]
        if known:
            row = triggers.switch_trigger(store, known[0]["id"], not off)
        else:
            draft = {"event": event, "template_id": wanted.id, "active": not off}
            row = triggers.create_trigger(store, draft)
    cli.out.record({name: row[name] for name in ("event", "template", "active")})


@command()
@click.argument("file", type=click.File("rb"), default="-")
@click.option("--to", default="", help="The address of its envelope, if the mail server says it.")
def returned(cli: Cli, file: BinaryIO, to: str) -> None:
    """Take a message that came back, from a file or from a mail server's pipe.

    \b
    bounces: "|retinue email returned"       in /etc/aliases
    """
    raw = file.read(MAX_BYTES + 1)
    with cli.house() as house, cli.store(house) as store:
        said = hearing.take_returned(store, raw, to=[to] if to else [], source="pipe")
    cli.out.record(said)


for one in (list_templates, send, deliver, list_letters, suppress, campaign, trigger, returned):
    email.add_command(one)
