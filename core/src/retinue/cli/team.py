"""`retinue team`: teams and who is in them."""

from __future__ import annotations

import click

from retinue.access import add_member, create_team, list_members, list_teams, remove_member
from retinue.cli.find import account_named, columns_of, team_named
from retinue.cli.session import Cli, command


@command()
def show_all(cli: Cli) -> None:
    """List teams with their members; those who lead come first and are marked."""
    with cli.house() as house, cli.store(house, readonly=True) as store:
        rows = [
            {
                **columns_of(team, "id", "name"),
                "members": [
                    f"{account.login}{' (lead)' if member.is_lead else ''}"
                    for member, account in list_members(store, team.id)
                ],
            }
            for team in list_teams(store)
        ]
    cli.out.rows(rows, ["id", "name", "members"], empty="There is no team. Add one: retinue team add NAME")


@command()
@click.argument("name")
def add(cli: Cli, name: str) -> None:
    """Add a team."""
    with cli.house() as house, cli.store(house) as store:
        result = columns_of(create_team(store, name), "id", "name")
    cli.out.done(f"Added the team {name}.", result, then=f'retinue team join "{name}" EMAIL')


@command()
@click.argument("team")
@click.argument("email")
@click.option("--lead", is_flag=True, help="As its lead.")
def join(cli: Cli, team: str, email: str, lead: bool) -> None:
    """Put an account into a team, or change whether it leads."""
    with cli.house() as house, cli.store(house) as store:
        add_member(store, team_named(store, team).id, account_named(store, email).id, lead=lead)
    cli.out.done(f"{email} is in {team}.", {"team": team, "login": email, "lead": lead})


@command()
@click.argument("team")
@click.argument("email")
def leave(cli: Cli, team: str, email: str) -> None:
    """Take an account out of a team."""
    with cli.house() as house, cli.store(house) as store:
        remove_member(store, team_named(store, team).id, account_named(store, email).id)
    cli.out.done(f"{email} is no longer in {team}.", {"team": team, "login": email})
