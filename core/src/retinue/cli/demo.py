"""`retinue demo`: an installation with made-up people, served on this machine only."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import click
from msgspec.structs import replace

from retinue.access import (
    MANAGER,
    READER,
    TEAM_LEAD,
    add_member,
    create_account,
    create_team,
    ensure_builtin_roles,
)
from retinue.actor import Actor
from retinue.app import House
from retinue.cli.demo_data import interactions, people, programmes, purchases
from retinue.cli.init import make_installation, plan
from retinue.cli.logs import set_up_logging
from retinue.cli.server import run_server
from retinue.cli.session import Cli, command
from retinue.config import FILE_NAME, Config
from retinue.contacts.service import create_contacts
from retinue.interactions.service import record_interactions
from retinue.plugins import ImportTarget
from retinue.storage import Store

LOGINS = "logins.txt"
PROGRAMMES, ORDERS = "loyalty.programme", "orders.order"
"""The import targets that take the made-up programme and purchases, if plugins have them."""
ADMIN = "admin@demo.example"
STAFF = (
    ("lead@demo.example", "Tereza Vlková", TEAM_LEAD),
    ("manager@demo.example", "Mert Yılmaz", MANAGER),
    ("reader@demo.example", "Hannah Vogel", READER),
)


@command()
@click.argument("folder", metavar="[DIR]", default="demo", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--contacts", default=300, show_default=True, type=click.IntRange(10, 100_000), help="How many."
)
@click.option("--no-serve", is_flag=True, help="Make it and stop.")
def demo(cli: Cli, folder: Path, contacts: int, no_serve: bool) -> None:
    """Make an installation in DIR with made-up contacts, print its logins and serve it on this machine.

    A second run serves what the first one made. Delete the folder to be rid of it.
    """
    if not (folder / FILE_NAME).exists():
        make_demo(cli, folder, contacts)
    config = demo_config(Config.for_folder(folder, os.environ))
    set_up_logging(config)
    logins = (config.folder / LOGINS).read_text("utf-8")
    if no_serve:
        cli.out.done(
            f"{config.folder} is ready.", {"folder": str(config.folder), "logins": logins.splitlines()}
        )
        return
    with cli.house(config) as house:
        run_server(house.asgi(), config, lambda address: _welcome(cli, address, logins))
    cli.out.say("Ended. The demo stays in the folder; the same command serves it again.")


def demo_config(config: Config) -> Config:
    """Return `config` so that it answers on this machine only: the logins are printed for all to see."""
    return replace(config, server=replace(config.server, host="127.0.0.1"))


def make_demo(cli: Cli, folder: Path, contacts: int) -> None:
    """Make the installation, three accounts beside the administrator, contacts and their history."""
    config = plan(folder)
    passwords = {login: secrets.token_urlsafe(12) for login in (ADMIN, *(login for login, _, _ in STAFF))}
    admin = {
        "login": ADMIN,
        "email": ADMIN,
        "name": "Ada Byron",
        "password": passwords[ADMIN],
        "must_change": False,
    }
    make_installation(cli, config, admin)
    handle = os.open(config.folder / LOGINS, os.O_WRONLY | os.O_CREAT, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.writelines(f"{login:<22} {password}\n" for login, password in passwords.items())
    with cli.house(config) as house:
        for name in sorted(
            {"desk", "email", "gdpr", "io", "loyalty", "nps", "orders", "webhooks"} & set(house.catalogue)
        ):
            house.enable(Actor.system("retinue demo"), name)
    with cli.house(config) as house, house.store(Actor.system("retinue demo")) as store:
        roles = ensure_builtin_roles(store)
        team = create_team(store, "Sales")
        owners = []
        for login, name, role in STAFF:
            draft = {
                "login": login,
                "email": login,
                "name": name,
                "password": passwords[login],
                "must_change": False,
            }
            account = create_account(store, {**draft, "role_ids": [roles[role].id]}, guard=house.guard)
            if role != READER:
                add_member(store, team.id, account.id, lead=role == TEAM_LEAD)
                owners.append(account.id)
        with cli.out.progress("Making up people", contacts) as tick:
            drafts = [{**draft, "team_id": team.id} for draft in people(contacts, owners)]
            made = create_contacts(store, drafts, on_duplicate="allow")
            record_interactions(store, interactions(made.ids, store.now))
            _fill_plugins(house, store, made.ids)
            tick(contacts)


def _fill_plugins(house: House, store: Store, contact_ids: Sequence[UUID]) -> None:
    """Hand made-up rows to the import targets of plugins, if they are there: a programme first, then purchases."""
    rows = {PROGRAMMES: programmes(store.now), ORDERS: purchases(contact_ids, store.now)}
    targets = {owned.item.name: owned for owned in house.plugins.declared(ImportTarget)}
    for name in (PROGRAMMES, ORDERS):
        if name in targets:
            house.plugins.resolve(targets[name].plugin, targets[name].item.run)(store, rows[name])


def _welcome(cli: Cli, address: str, logins: str) -> None:
    cli.out.say(f"\nRetinue answers on {address}\n\nLogins (also in {LOGINS}):\n")
    cli.out.say("\n".join(f"  {line}" for line in logins.splitlines()))
    cli.out.say("\nCtrl-C ends it.")
