"""`retinue token`: how programs act as an account."""

from __future__ import annotations

from uuid import UUID

import click

from retinue.access import TokenDraft, create_token, list_tokens, revoke_token
from retinue.access.service import list_accounts
from retinue.cli.find import account_named, columns_of, pairs
from retinue.cli.session import Cli, command

_SHOWN = ("id", "name", "scopes", "created_at", "expires_at", "used_at", "revoked_at")


@command()
@click.option("--account", "email", required=True, metavar="EMAIL", help="Whose rights it uses.")
@click.option("--name", required=True, help="What it is for.")
@click.option(
    "--scope", "words", multiple=True, required=True, metavar="PERMISSION=REACH", help="What it may."
)
@click.option("--days", type=click.IntRange(1), help="Its life; at most security.token_days.")
@click.option("--address", "addresses", multiple=True, help="A network it may be used from.")
def create(
    cli: Cli, email: str, name: str, words: tuple[str, ...], days: int | None, addresses: tuple[str, ...]
) -> None:
    """Make a token and print it: once, it is not kept in readable form.

    \b
    retinue token create --account ada@example.org --name shop --scope contact.read=all
    """
    with cli.house() as house, cli.store(house) as store:
        account_id = account_named(store, email).id
        scopes = pairs(words, "scopes")
        draft = TokenDraft(name=name, scopes=scopes, days=days, addresses=addresses, account_id=account_id)
        row, secret = create_token(store, draft, guard=house.guard)
        result = columns_of(row, *_SHOWN)
    if cli.out.json:
        cli.out.record({**result, "token": secret})
    else:
        cli.out.say(
            f"The token {name} acts as {email} until {result['expires_at']:%Y-%m-%d}. It is shown once:"
        )
        cli.out.text(secret)


@command()
@click.option("--account", "email", metavar="EMAIL", help="Only those of this account.")
def show_all(cli: Cli, email: str | None) -> None:
    """List tokens, without their secrets."""
    with cli.house() as house, cli.store(house, readonly=True) as store:
        logins = {account.id: account.login for account in list_accounts(store)}
        account_id = account_named(store, email).id if email else None
        tokens = list_tokens(store, account_id, everybody=email is None)
        rows = [{**columns_of(token, *_SHOWN), "account": logins.get(token.account_id)} for token in tokens]
    cli.out.rows(rows, ["id", "account", *_SHOWN[1:]], empty="There is no token.")


@command()
@click.argument("token_id", metavar="ID", type=click.UUID)
def revoke(cli: Cli, token_id: UUID) -> None:
    """End a token now."""
    with cli.house() as house, cli.store(house) as store:
        revoke_token(store, token_id)
    cli.out.done("The token is revoked.", {"id": token_id})
