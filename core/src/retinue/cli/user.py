"""`retinue user`: the accounts of the people who work here."""

from __future__ import annotations

import secrets

import click

from retinue.access import (
    Account,
    create_account,
    deactivate_account,
    describe_sessions,
    issue_reset,
    list_accounts,
    list_roles,
    list_sessions,
    reset_second_factor,
    set_password,
    sign_out_account,
)
from retinue.access.service import role_ids_of
from retinue.cli.find import account_named, columns_of, role_named
from retinue.cli.session import Cli, command
from retinue.contacts.service import hand_over_contacts

PASSWORD_VARIABLE = "RETINUE_PASSWORD"  # noqa: S105 - the name of a variable
_SHOWN = ("id", "login", "name", "is_active", "language", "created_at")


@command()
@click.argument("email")
@click.option("--name", required=True, help="The person's name.")
@click.option("--role", "roles", multiple=True, help="A role to give; may be repeated.")
@click.option("--language", default="", help="Language of the pages, such as cs.")
def add(cli: Cli, email: str, name: str, roles: tuple[str, ...], language: str) -> None:
    """Add an account.

    The password is asked for, read from a line of stdin or from RETINUE_PASSWORD; without any, one is made
    and printed once. It has to be changed at the first sign-in.

    \b
    retinue user add ada@example.org --name "Ada Byron" --role Manager
    """
    password, made = ask_password(cli, f"Password of {email}")
    with cli.house() as house, cli.store(house) as store:
        role_ids = [role_named(store, role).id for role in roles]
        draft = {"login": email, "email": email, "name": name, "role_ids": role_ids, "password": password}
        account = create_account(store, {**draft, "language": language or None}, guard=house.guard)
        result = columns_of(account, *_SHOWN)
    cli.out.done(f"Added {email}.", {**result, **({"password": password} if made else {})})
    if made:
        show_once(cli, "Password", password)


@command()
@click.option("--active/--inactive", default=None, help="Only those that are, or are not, in service.")
def show_all(cli: Cli, active: bool | None) -> None:
    """List accounts with their roles."""
    with cli.house() as house, cli.store(house, readonly=True) as store:
        accounts = list_accounts(store, active=active)
        names = {role.id: role.name for role in list_roles(store)} if store.may("role.read") else {}
        held = role_ids_of(store, [account.id for account in accounts])
        rows = [
            {
                **columns_of(account, *_SHOWN),
                "roles": [names.get(role, str(role)) for role in held[account.id]],
            }
            for account in accounts
        ]
    cli.out.rows(rows, [*_SHOWN, "roles"])


@command()
@click.argument("email")
def deactivate(cli: Cli, email: str) -> None:
    """Take an account out of service: its sessions and tokens end at once, its contacts stay."""
    cli.confirm(f"Deactivate {email}, and end all its sessions and tokens?")
    with cli.house() as house, cli.store(house) as store:
        account = deactivate_account(store, account_named(store, email).id, guard=house.guard)
        result = columns_of(account, *_SHOWN)
    cli.out.done(f"Deactivated {email}.", result, then=f"retinue user hand-over {email} SOMEBODY")


@command()
@click.argument("email")
def password(cli: Cli, email: str) -> None:
    """Set an account's password, to be changed at the next sign-in; its sessions and tokens end."""
    new, made = ask_password(cli, f"New password of {email}")
    with cli.house() as house:
        with cli.store(house, readonly=True) as store:
            account: Account = account_named(store, email)
            account_id = account.id
        set_password(house, cli.actor(house), account_id, new, guard=house.guard)
    cli.out.done(f"The password of {email} is set.", {"login": email, **({"password": new} if made else {})})
    if made:
        show_once(cli, "Password", new)


@command()
@click.argument("email")
def reset_link(cli: Cli, email: str) -> None:
    """Make a link by which EMAIL sets a new password, and print it: once. Hand it over yourself."""
    with cli.house() as house, cli.store(house) as store:
        made = issue_reset(store, account_named(store, email).id, guard=house.guard)
        result = columns_of(made, "account_id", "link", "expires_at")
    if cli.out.json:
        cli.out.record(result)
    else:
        cli.out.say(f"The link works once, until {made.expires_at:%Y-%m-%d %H:%M} UTC:")
        cli.out.text(made.link)


@command()
@click.argument("email")
def show_sessions(cli: Cli, email: str) -> None:
    """List where EMAIL is signed in."""
    with cli.house() as house, cli.store(house, readonly=True) as store:
        rows = describe_sessions(store, list_sessions(store, account_named(store, email).id))
    names = ["id", "device", "address", "opened_at", "seen_at", "expires_at"]
    cli.out.rows([{name: row[name] for name in names} for row in rows], names, empty="Nowhere.")


@command()
@click.argument("email")
def sign_out(cli: Cli, email: str) -> None:
    """End every session and token of EMAIL now."""
    cli.confirm(f"End all sessions and tokens of {email}?")
    with cli.house() as house, cli.store(house) as store:
        ended = sign_out_account(store, account_named(store, email).id)
    cli.out.done(f"{email} is signed out everywhere.", {"ended": ended})


@command()
@click.argument("email")
def reset_factors(cli: Cli, email: str) -> None:
    """Take away authenticator, passkeys and recovery codes of EMAIL, who lost them; everything ends."""
    cli.confirm(f"Take away all second factors of {email}, and end all sessions and tokens?")
    with cli.house() as house, cli.store(house) as store:
        reset_second_factor(store, account_named(store, email).id, guard=house.guard)
    cli.out.done(f"{email} signs in with the password alone until a new factor is set.", {"login": email})


@command()
@click.argument("from_email", metavar="FROM")
@click.argument("to_email", metavar="TO")
def hand_over(cli: Cli, from_email: str, to_email: str) -> None:
    """Give all contacts of FROM to TO; timelines, teams and shares stay. Doing it twice changes nothing."""
    cli.confirm(f"Give all contacts of {from_email} to {to_email}?")
    with cli.house() as house, cli.store(house) as store:
        giver, taker = account_named(store, from_email), account_named(store, to_email)
        count = hand_over_contacts(store, giver.id, taker.id)
    cli.out.done(f"{count} contacts now belong to {to_email}.", {"contacts": count})


def ask_password(cli: Cli, what: str) -> tuple[str, bool]:
    """Return a password, and whether it was made here because nobody gave one."""
    given = cli.secret(what, env=PASSWORD_VARIABLE)
    return (given, False) if given else (secrets.token_urlsafe(15), True)


def show_once(cli: Cli, what: str, value: str) -> None:
    """Print a secret that is kept nowhere in readable form; with --json it stands in the document."""
    if not cli.out.json:
        cli.out.say(f"{what}, shown once: {value}")
