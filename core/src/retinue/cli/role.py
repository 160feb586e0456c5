"""`retinue role`: sets of permissions, and who has them."""

from __future__ import annotations

import click

from retinue.access import change_account, create_role, list_roles
from retinue.access.service import role_ids_of
from retinue.cli.find import account_named, columns_of, pairs, role_named
from retinue.cli.session import Cli, command


@command()
def show_all(cli: Cli) -> None:
    """List roles and what they permit."""
    with cli.house() as house, cli.store(house, readonly=True) as store:
        rows = [
            {
                **columns_of(role, "id", "name"),
                "permissions": "everything" if role.is_admin else dict(sorted(role.permissions.items())),
                "hidden_fields": role.hidden_fields,
            }
            for role in list_roles(store)
        ]
    cli.out.rows(rows, ["id", "name", "permissions", "hidden_fields"])


@command()
@click.argument("name")
@click.option("--permit", "words", multiple=True, metavar="PERMISSION=REACH", help="Reach: own, team, all.")
@click.option("--hide", "hidden", multiple=True, metavar="NOUN.FIELD", help="A field it may not read.")
@click.option("--lock", "locked", multiple=True, metavar="NOUN.FIELD", help="A field it may not change.")
def add(
    cli: Cli, name: str, words: tuple[str, ...], hidden: tuple[str, ...], locked: tuple[str, ...]
) -> None:
    """Add a role.

    \b
    retinue role add Support --permit contact.read=all --permit interaction.create=team
    """
    draft = {"name": name, "permissions": pairs(words, "permissions")}
    draft |= {"hidden_fields": list(hidden), "locked_fields": list(locked)}
    with cli.house() as house, cli.store(house) as store:
        result = columns_of(create_role(store, draft, guard=house.guard), "id", "name", "permissions")
    cli.out.done(f"Added the role {name}.", result, then=f'retinue role grant "{name}" EMAIL')


@command()
@click.argument("role")
@click.argument("email")
def grant(cli: Cli, role: str, email: str) -> None:
    """Give ROLE to an account; what is signed in with it ends."""
    _set_role(cli, role, email, has=True)
    cli.out.done(f"{email} has the role {role}.", {"role": role, "login": email})


@command()
@click.argument("role")
@click.argument("email")
def revoke(cli: Cli, role: str, email: str) -> None:
    """Take ROLE from an account; what is signed in with it ends."""
    _set_role(cli, role, email, has=False)
    cli.out.done(f"{email} no longer has the role {role}.", {"role": role, "login": email})


def _set_role(cli: Cli, role: str, email: str, *, has: bool) -> None:
    with cli.house() as house, cli.store(house) as store:
        account, wanted = account_named(store, email), role_named(store, role)
        others = [held for held in role_ids_of(store, [account.id])[account.id] if held != wanted.id]
        changes = {"role_ids": [*others, wanted.id] if has else others}
        change_account(store, account.id, changes, guard=house.guard)
