"""``retinue nps``: the same services as the API, at the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import click
import msgspec

from retinue.cli import Cli, command
from retinue.errors import Invalid, Problem
from retinue_nps import asking, audience, exporting, following, parts, results, service
from retinue_nps.schemas import SurveyDraftSchema


@click.group(help="Surveys: draft, open, ask, and see what was answered.")
def nps() -> None:
    """Group the commands."""


@command(name="surveys")
def list_all(cli: Cli) -> None:
    """List the surveys."""
    with cli.house() as house, cli.store(house, readonly=True) as store:
        rows = [
            {"key": s.key, "name": s.name, "kind": s.kind, "status": s.status, "edition": s.edition}
            for s in service.list_surveys(store)
        ]
    cli.out.rows(rows, ["key", "name", "kind", "status", "edition"])


@command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def create(cli: Cli, file: Path) -> None:
    """Draft a survey from a JSON file, as the API takes it."""
    try:
        said: Any = msgspec.json.decode(file.read_bytes())
    except msgspec.DecodeError as fault:
        raise Invalid("the file is no JSON", problems=[Problem("", str(fault), "json")]) from None
    draft = SurveyDraftSchema()
    faults = draft.validate(said)
    if faults:
        problems = [Problem(f"/{name}", str(detail), "field") for name, detail in faults.items()]
        raise Invalid("the survey is not valid", problems=problems)
    with cli.house() as house, cli.store(house) as store:
        made = service.create_survey(store, draft.load(said))
    cli.out.done(f"{made['key']} is drafted.", {"id": str(made["id"]), "key": made["key"]})


@command(name="open")
@click.argument("key")
def open_(cli: Cli, key: str) -> None:
    """Open a survey: it is asked from now on."""
    with cli.house() as house, cli.store(house) as store:
        service.open_survey(store, service.survey_by_key(store, key).id)
    cli.out.done(f"{key} is open.", {"key": key, "status": "active"})


@command()
@click.argument("key")
def close(cli: Cli, key: str) -> None:
    """Close a survey: nobody is asked any more."""
    with cli.house() as house, cli.store(house) as store:
        service.close_survey(store, service.survey_by_key(store, key).id)
    cli.out.done(f"{key} is closed.", {"key": key, "status": "closed"})


@command()
@click.argument("key")
@click.argument("contacts", nargs=-1, required=True, type=click.UUID)
@click.option(
    "--cause", default="", help="Because of what; the same cause invites nobody twice. [default: the day]"
)
def invite(cli: Cli, key: str, contacts: tuple[UUID, ...], cause: str) -> None:
    """Invite contacts; who may not be asked is skipped and says why."""
    with cli.house() as house, cli.store(house) as store:
        found = asking.invite(store, service.survey_by_key(store, key).id, contacts, cause)
        rows = [{"contact": str(one.contact_id), "state": one.state, "reason": one.reason} for one in found]
    cli.out.rows(rows, ["contact", "state", "reason"])


@command(name="results")
@click.argument("key")
def show(cli: Cli, key: str) -> None:
    """Show what a survey found."""
    with cli.house() as house, cli.store(house, readonly=True) as store:
        found = results.show_results(store, service.survey_by_key(store, key).id)
    names = ("measure", "answered", "value", "low", "high", "sent", "responses", "response_rate")
    cli.out.record({name: found[name] for name in names})


@command(name="invite-view")
@click.argument("key")
@click.argument("view", type=click.UUID)
@click.option(
    "--cause", default="", help="Because of what; the same cause invites nobody twice. [default: the day]"
)
def invite_view(cli: Cli, key: str, view: UUID, cause: str) -> None:
    """Invite everybody of a saved view, by a job."""
    with cli.house() as house, cli.store(house) as store:
        found = audience.start_inviting(store, service.survey_by_key(store, key).id, view, cause)
    cli.out.done(f"{found['count']} contacts are being invited.", found | {"job_id": str(found["job_id"])})


@command()
@click.argument("key")
@click.argument("file", type=click.Path(dir_okay=False, writable=True, path_type=Path))
def export(cli: Cli, key: str, file: Path) -> None:
    """Write the answers to a CSV file, a column for each question."""
    with cli.house() as house, cli.store(house) as store:
        _, content = exporting.export_csv(store, service.survey_by_key(store, key).id)
    file.write_bytes(content)
    cli.out.done(f"{file} is written.", {"file": str(file), "bytes": len(content)})


@command(name="parts")
@click.argument("key")
@click.argument("field")
def parts_(cli: Cli, key: str, field: str) -> None:
    """Show what each part of the customers said: by a field of the contact or of any plugin."""
    with cli.house() as house, cli.store(house, readonly=True) as store:
        rows = parts.break_down(store, service.survey_by_key(store, key).id, field)
    cli.out.rows(rows, ["part", "answered", "value", "low", "high"])


@command(name="follow-ups")
@click.option("--state", type=click.Choice(["open", "done", "changed"]), default="open", show_default=True)
def follow_ups(cli: Cli, state: str) -> None:
    """List low scores to follow up, the first due first."""
    with cli.house() as house, cli.store(house, readonly=True) as store:
        rows = [
            {
                "contact": str(one.contact_id),
                "score": one.score,
                "due": one.due_at.isoformat(),
                "state": one.state,
            }
            for one in following.list_follow_ups(store, state)
        ]
    cli.out.rows(rows, ["contact", "score", "due", "state"])


for _made in (list_all, create, open_, close, invite, invite_view, show, parts_, export, follow_ups):
    nps.add_command(_made)
