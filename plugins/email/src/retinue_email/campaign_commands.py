"""``retinue email campaign``: the same services as the API, at the terminal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import click

from retinue.cli import Cli, command
from retinue.jobs import DONE
from retinue_email import audience, campaigns, series
from retinue_email.models import PREPARING

_FIELDS = ("id", "name", "template", "view", "state", "reason", "total")


@click.group(help="Campaigns: draft, look at the audience, try, start, steer, count.")
def campaign() -> None:
    """Group the commands."""


@command(name="list")
@click.option("--state", default="", help="Only those in one state, such as sending.")
def list_campaigns(cli: Cli, state: str) -> None:
    """List the campaigns, the newest first."""
    with cli.house() as house, cli.store(house, readonly=True) as store:
        rows = campaigns.list_campaigns(store, state=state)
    cli.out.rows(rows, ["id", "name", "state", "total", "sent", "open"], empty="No campaign.")


@command()
@click.argument("name")
@click.argument("template_id", type=click.UUID)
@click.argument("view_id", type=click.UUID)
def draft(cli: Cli, name: str, template_id: UUID, view_id: UUID) -> None:
    """Draft a campaign of a template for a saved view; nothing is sent."""
    with cli.house() as house, cli.store(house) as store:
        values = {"name": name, "template_id": template_id, "view_id": view_id}
        row = campaigns.create_campaign(store, values)
    cli.out.record({name: row[name] for name in _FIELDS})


@command(name="audience")
@click.argument("campaign_id", type=click.UUID)
def show_audience(cli: Cli, campaign_id: UUID) -> None:
    """Say whom it would reach now, and whom not for which reason."""
    with cli.house() as house, cli.store(house, readonly=True) as store:
        found = audience.preview_audience(store, campaign_id)
    plain = {one["reason"]: one["count"] for one in found["refused"]}
    cli.out.record(
        {"total": found["total"], "examined": found["examined"], "reached": found["reached"], **plain}
    )


@command(name="test")
@click.argument("campaign_id", type=click.UUID)
@click.argument("contact_id", type=click.UUID)
def send_test(cli: Cli, campaign_id: UUID, contact_id: UUID) -> None:
    """Send the letter to one contact, through the same gate."""
    with cli.house() as house, cli.store(house) as store:
        row = campaigns.send_test(store, campaign_id, contact_id)
    cli.out.record({name: row[name] for name in ("id", "template", "state", "reason")})


@command()
@click.argument("campaign_id", type=click.UUID)
@click.option("--expected", type=click.IntRange(1), help="The recipients you have seen; more stop it.")
@click.option("--at", type=click.DateTime(), help="When, in UTC; now, if it is left out.")
@click.option("--hold", is_flag=True, help="Fix the audience, and send when it is resumed.")
def start(cli: Cli, campaign_id: UUID, expected: int | None, at: datetime | None, hold: bool) -> None:
    """Start a campaign and fix its audience here; workers send, or `retinue email deliver`."""
    when = at.replace(tzinfo=UTC) if at is not None else None
    with cli.house() as house:
        with cli.store(house) as store:
            row = campaigns.start_campaign(store, campaign_id, expected=expected, at=when, hold=hold)
        if row["state"] == PREPARING:
            _fix_audience(cli, house, row)
        with cli.store(house, readonly=True) as store:
            row = campaigns.get_campaign(store, campaign_id)
    cli.out.record({name: row[name] for name in _FIELDS})
    if row["state"] == "stopped":
        raise click.exceptions.Exit(1)


def _fix_audience(cli: Cli, house: Any, row: dict[str, Any]) -> None:
    payload = {"campaign_id": str(row["id"]), "version": row["version"]}
    with cli.out.progress("Fixing the audience") as tick:
        state: Any = None
        while state is not DONE:
            before = state["total"] if state else 0
            with cli.store(house) as store:
                state = audience.prepare_piece(store, payload, state)
            if state is not DONE:
                tick(state["total"] - before)


def _steering(name: str, deed: Any, help: str) -> click.Command:
    @command(name=name, help=help)
    @click.argument("campaign_id", type=click.UUID)
    def steer(cli: Cli, campaign_id: UUID) -> None:
        with cli.house() as house, cli.store(house) as store:
            row = deed(store, campaign_id)
        cli.out.record({name: row[name] for name in _FIELDS})

    made: click.Command = steer
    return made


@command()
@click.argument("campaign_id", type=click.UUID)
def report(cli: Cli, campaign_id: UUID) -> None:
    """Count its letters by what became of them and why."""
    with cli.house() as house, cli.store(house, readonly=True) as store:
        found = campaigns.report_campaign(store, campaign_id)
    heard = [{"state": one["kind"], "reason": "", "count": one["count"]} for one in found["events"]]
    cli.out.rows([*found["outcomes"], *heard], ["state", "reason", "count"], empty="No letter yet.")


@command(name="series")
def list_series(cli: Cli) -> None:
    """List regular letters and when they go next."""
    with cli.house() as house, cli.store(house, readonly=True) as store:
        rows = [
            {**one, "on": one["month_day"] or " ".join(one["days"]), "next": one["next_at"] or "at rest"}
            for one in series.list_series(store)
        ]
    names = ["id", "name", "template", "on", "clock", "zone", "next", "reason"]
    cli.out.rows(
        [{name: str(row[name]) for name in names} for row in rows], names, empty="No regular letters."
    )


@command(name="repeat")
@click.argument("name")
@click.argument("template_id", type=click.UUID)
@click.argument("view_id", type=click.UUID)
@click.option(
    "--on",
    "days",
    multiple=True,
    type=click.Choice(series.DAYS),
    help="A day of the week; several may be given.",
)
@click.option("--month-day", type=click.IntRange(1, 28), help="A day of the month instead.")
@click.option("--at", "clock", required=True, help="The hour at the place, such as 09:00.")
@click.option("--zone", default="UTC", show_default=True, help="The place, such as Europe/Prague.")
def repeat(cli: Cli, name: str, template_id: UUID, view_id: UUID, **when: Any) -> None:
    """Set regular letters up: each time a campaign of its own, to whomever the view finds then."""
    draft = {"name": name, "template_id": template_id, "view_id": view_id, **when, "days": list(when["days"])}
    with cli.house() as house, cli.store(house) as store:
        row = series.create_series(store, draft)
    cli.out.record({one: str(row[one]) for one in ("id", "name", "next_at")})


COMMANDS = (
    list_campaigns, draft, show_audience, send_test, start,
    _steering("pause", campaigns.pause_campaign, "Let nothing more of a campaign begin."),
    _steering("resume", campaigns.resume_campaign, "Go on where a campaign was paused."),
    _steering("cancel", campaigns.cancel_campaign, "End a campaign for good; what was sent stays sent."),
    report, list_series, repeat,
)  # fmt: skip
for one in COMMANDS:
    campaign.add_command(one)
