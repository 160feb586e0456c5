"""`retinue provider`: outside services people sign in with."""

from __future__ import annotations

from typing import Any

import click

from retinue.access import Provider, create_provider, link_identity, list_providers, remove_provider
from retinue.cli.find import account_named, columns_of, role_named
from retinue.cli.session import Cli, command
from retinue.errors import NotFound
from retinue.storage import Store

SECRET_VARIABLE = "RETINUE_CLIENT_SECRET"  # noqa: S105 - the name of a variable
_SHOWN = ("id", "name", "label", "issuer", "client_id", "is_active", "trusts_factor", "creates_accounts")


@command()
def show_all(cli: Cli) -> None:
    """List the services people may sign in with."""
    with cli.house() as house, cli.store(house, readonly=True) as store:
        rows = [columns_of(row, *_SHOWN) for row in list_providers(store)]
    cli.out.rows(rows, list(_SHOWN), empty="There is none: people sign in with passwords and passkeys.")


@command()
@click.argument("name")
@click.option("--label", required=True, help="What the button says.")
@click.option("--issuer", required=True, metavar="URL", help="Its address, exactly as it names itself.")
@click.option("--client-id", required=True, help="What it calls this installation.")
@click.option("--role", default="", help="Make accounts for people not known yet, with this role.")
@click.option("--trust-factor", is_flag=True, help="Do not ask for our second factor after it.")
def add(cli: Cli, name: str, **given: Any) -> None:
    """Add a service people may sign in with (OpenID Connect).

    Its client secret is asked for, read from a line of stdin or from RETINUE_CLIENT_SECRET; none is a public
    client.

    \b
    retinue provider add house --label "Our directory" --issuer https://id.example --client-id crm
    """
    secret = cli.secret(f"Client secret at {given['issuer']}", env=SECRET_VARIABLE, again=False)
    with cli.house() as house, cli.store(house) as store:
        role = role_named(store, given["role"]).id if given["role"] else None
        draft = {
            "name": name,
            "client_secret": secret,
            "trusts_factor": given["trust_factor"],
            "creates_accounts": role is not None,
            "default_role_id": role,
            **{part: given[part] for part in ("label", "issuer", "client_id")},
        }
        result = columns_of(create_provider(store, draft, guard=house.guard), *_SHOWN)
    cli.out.done(f"People may sign in with {name}.", result)


@command()
@click.argument("name")
def remove(cli: Cli, name: str) -> None:
    """Remove a service; who is linked stays linked, and may use it again if it comes back."""
    cli.confirm(f"Let nobody sign in with {name} any more?")
    with cli.house() as house, cli.store(house) as store:
        remove_provider(store, _named(store, name).id, guard=house.guard)
    cli.out.done(f"{name} is removed.", {"name": name})


@command()
@click.argument("email")
@click.argument("name")
@click.argument("subject")
def link(cli: Cli, email: str, name: str, subject: str) -> None:
    """Say that EMAIL is SUBJECT at the service NAME; sessions and tokens of the account end."""
    with cli.house() as house, cli.store(house) as store:
        row = link_identity(store, account_named(store, email).id, name, subject, guard=house.guard)
        result = {"id": row.id, "login": email, "issuer": row.issuer}
    cli.out.done(f"{email} may sign in with {name}.", result)


def _named(store: Store, name: str) -> Provider:
    found = next((row for row in list_providers(store) if row.name == name), None)
    if found is None:
        raise NotFound(f"There is no service {name}.", remedy="`retinue provider list` shows them.")
    return found
