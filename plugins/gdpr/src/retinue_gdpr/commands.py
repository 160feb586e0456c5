"""``retinue gdpr``: the same services as the API, at the terminal."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import click
import msgspec

from retinue.cli import Cli, command
from retinue_gdpr import answering, copying, erasing, purposes, records, requests, retention, service

_DAY = click.DateTime(formats=["%Y-%m-%d"])


@click.group(help="Consents, requests, erasure, retention, records of processing.")
def gdpr() -> None:
    """Group the commands."""


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise click.BadParameter(f"{text} is not an id") from None


@command()
def begin(cli: Cli) -> None:
    """Create the purposes an installation begins with, if there are none."""
    with cli.house() as house, cli.store(house) as store:
        made = purposes.ensure_beginnings(store)
    cli.out.done(f"Purposes: {', '.join(made) or 'there are some already'}.", {"created": made})


@command(name="purposes")
def list_purposes(cli: Cli) -> None:
    """List the purposes with their lawful bases."""
    with cli.house() as house, cli.store(house, readonly=True) as store:
        rows = [
            {
                "key": p.key,
                "name": p.name,
                "basis": p.basis,
                "channels": ", ".join(p.channels),
                "number": p.number,
            }
            for p in purposes.list_purposes(store)
        ]
    cli.out.rows(
        rows, ["key", "name", "basis", "channels", "number"], empty="No purpose. See `retinue gdpr begin`."
    )


@command()
@click.argument("contact")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def export(cli: Cli, contact: str, file: Path) -> None:
    """Write the copy of a person's data into a ZIP: JSON, CSV and a page to read."""
    with cli.house() as house, cli.store(house) as store:
        content = copying.build_copy(store, _id(contact))
    file.write_bytes(content)
    cli.out.done(f"{file} has the copy.", {"file": str(file), "bytes": len(content)})


@command()
@click.argument("contact")
@click.option(
    "--grounds", default="request of the person", show_default=True, help="Why; no personal data in it."
)
@click.option("--decided", multiple=True, metavar="TABLE", help="Let go of rows of a plugin that is off.")
def erase(cli: Cli, contact: str, grounds: str, decided: tuple[str, ...]) -> None:
    """Erase a person over all plugins, in one transaction, and show the manifest."""
    cli.confirm(f"Erase {contact} for good?")
    with cli.house() as house, cli.store(house) as store:
        manifest = erasing.erase_person(store, _id(contact), grounds=grounds, decided=decided)
        shown = {**erasing.content_of(manifest), "plugins": erasing.rows_by_plugin(manifest.tables)}
    cli.out.record({**shown, "signature": manifest.signature})


@command(name="requests")
@click.option("--all", "everything", is_flag=True, help="Closed ones too.")
@click.option("--carry-out", "run", metavar="ID", help="Do what this request asks for.")
def list_requests(cli: Cli, everything: bool, run: str | None) -> None:
    """List the requests that wait, or carry one out; exit code 1 if it failed."""
    if run is None:
        with cli.house() as house, cli.store(house, readonly=True) as store:
            rows = [_line(one) for one in requests.list_requests(store, live=not everything)]
        cli.out.rows(
            rows, ["id", "kind", "state", "received_on", "due_on", "attempts"], empty="No request waits."
        )
        return
    with cli.house() as house, cli.store(house) as store:
        line = _line(answering.carry_out(store, _id(run), {}))
    cli.out.record(line)
    if line["state"] == "error":
        raise click.exceptions.Exit(1)


def _line(request: Any) -> dict[str, Any]:
    names = ("id", "kind", "state", "received_on", "due_on", "attempts", "failure")
    return {name: getattr(request, name) for name in names}


@command(name="retention")
@click.argument("rule", required=False)
@click.option("--run", is_flag=True, help="Carry it out; without, only say what it would do.")
@click.option("--today", type=_DAY, help="As if it were this day; only without --run.")
@click.option("--check", "checked", metavar="RUN", help="Verify the signed report of a run.")
def apply_retention(cli: Cli, rule: str | None, run: bool, today: Any, checked: str | None) -> None:
    """List the retention rules; of one rule, what it would do, or do it."""
    if checked:
        with cli.house() as house, cli.store(house, readonly=True) as store:
            verdict = retention.check_run(store, _id(checked))
        cli.out.record(verdict)
        if not verdict["good"]:
            raise click.exceptions.Exit(1)
        return
    if rule is None:
        with cli.house() as house, cli.store(house, readonly=True) as store:
            names = ("key", "name", "anchor", "months", "action", "active")
            rows = [{n: getattr(r, n) for n in names} for r in retention.list_rules(store)]
        cli.out.rows(rows, list(names), empty="No rule.")
    elif run:
        _run(cli, rule)
    else:
        _preview(cli, rule, today.date() if today else None)


def _rule_id(store: Any, key: str) -> UUID:
    found = {rule.key: rule.id for rule in retention.list_rules(store)}
    if key not in found:
        raise click.BadParameter(f"there is no rule {key}")
    return found[key]


def _preview(cli: Cli, rule: str, today: date | None) -> None:
    with cli.house() as house, cli.store(house, readonly=True) as store:
        found = retention.preview_rule(store, _rule_id(store, rule), today=today)
    cli.out.say(f"{found['due']} due, {found['kept']} kept.")
    cli.out.rows(found["items"], ["contact_id", "counted_from", "kept", "reason"], empty="Nobody is due.")


def _run(cli: Cli, rule: str) -> None:
    with cli.house() as house:
        with cli.store(house) as store:
            run_id = retention.start_run(store, _rule_id(store, rule), job=False).id
        more = True
        while more:
            with cli.store(house) as store:
                more = retention.step_run(store, run_id)
        with cli.store(house, readonly=True) as store:
            checked = retention.check_run(store, run_id)
    cli.out.record(checked)


@command()
@click.option("--changes", is_flag=True, help="Print what has changed since the version that was kept last.")
@click.option("--keep", is_flag=True, help="Keep the records as they are now, to compare with later.")
def ropa(cli: Cli, changes: bool, keep: bool) -> None:
    """Print the records of processing as JSON; the same state prints the same bytes."""
    if changes or keep:
        _follow_records(cli, keep=keep)
        return
    with cli.house() as house, cli.store(house, readonly=True) as store:
        document = records.build_records(store)
    cli.out.text(msgspec.json.format(msgspec.json.encode(document, enc_hook=str), indent=2).decode())


def _follow_records(cli: Cli, *, keep: bool) -> None:
    with cli.house() as house, cli.store(house, readonly=not keep) as store:
        rows = records.compare_records(store)
        number = records.keep_records(store).number if keep else None
    if number is not None:
        cli.out.done(f"Version {number} is kept.", {"number": number, "changes": len(rows)})
    else:
        cli.out.rows(rows, ["place", "before", "after"], empty="Nothing has changed, or no version is kept.")


@command()
@click.argument("manifest", required=False)
@click.option(
    "--check",
    type=click.Path(exists=True, dir_okay=False),
    help="Say whether an act in a file is ours and unchanged.",
)
def act(cli: Cli, manifest: str | None, check: str | None) -> None:
    """List the manifests of erasures; of one, print the act of destruction with the extract of the log as JSON."""
    if check is not None:
        _check_act(cli, Path(check))
        return
    with cli.house() as house, cli.store(house, readonly=True) as store:
        if manifest is None:
            rows = [erasing.content_of(m) for m in erasing.list_manifests(store)]
        else:
            document = records.build_act(store, _id(manifest))
    if manifest is None:
        cli.out.rows(rows, ["id", "subject_id", "grounds"], empty="Nobody was erased.")
    else:
        cli.out.text(msgspec.json.format(msgspec.json.encode(document, enc_hook=str), indent=2).decode())


def _check_act(cli: Cli, file: Path) -> None:
    try:
        document = msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError) as wrong:
        raise click.BadParameter(
            f"{file.name} is no act of destruction: it must be the JSON that was printed"
        ) from wrong
    with cli.house() as house, cli.store(house, readonly=True) as store:
        good = records.check_act(store, document)
    cli.out.record({"good": good})
    if not good:
        raise click.exceptions.Exit(1)


@command()
@click.argument("contact", required=False)
def verify(cli: Cli, contact: str | None) -> None:
    """Verify the log of consents of one person or of all; exit code 1 if a byte was changed."""
    with cli.house() as house, cli.store(house, readonly=True) as store:
        verdict = service.verify_consents(store, _id(contact) if contact else None)
    cli.out.record(verdict)
    if not verdict["good"]:
        raise click.exceptions.Exit(1)


@command()
def replay(cli: Cli) -> None:
    """Erase again whoever a restored backup brought back; run twice it changes nothing."""
    with cli.house() as house, cli.store(house) as store:
        count = erasing.replay_erasures(store)
    cli.out.done(f"{count} people were erased again.", {"erased": count})


for one in (begin, list_purposes, export, erase, list_requests, apply_retention, ropa, act, verify, replay):
    gdpr.add_command(one)
