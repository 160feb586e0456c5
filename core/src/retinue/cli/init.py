"""`retinue init`: an installation in a folder, from nothing to the first sign-in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from retinue.access import (
    ADMINISTRATOR,
    create_account,
    ensure_builtin_roles,
    setup_address,
    setup_code,
)
from retinue.actor import Actor
from retinue.cli.find import columns_of
from retinue.cli.session import Cli, command
from retinue.cli.user import ask_password, show_once
from retinue.config import FILE_NAME, Config
from retinue.errors import Conflict, Invalid, Misconfigured
from retinue.storage import MasterKeys, write_masters

if TYPE_CHECKING:
    from retinue.app import House

_INIT, _PAGES = Actor.system("retinue init"), "desk"


@command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option("--admin", "email", metavar="EMAIL", help="The first administrator. [asked for]")
@click.option("--name", help="The administrator's name. [asked for]")
@click.option("--no-admin", is_flag=True, help="Leave the administrator to the first visit in a browser.")
@click.option("--database-url", metavar="URL", help="Instead of an SQLite file in DIR; no password in it.")
@click.option("--keys-url", metavar="URL", help="Instead of an SQLite file in DIR; no password in it.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port that `serve` listens on.")
def init(
    cli: Cli, folder: Path, email: str | None, name: str | None, *, no_admin: bool, **given: Any
) -> None:
    """Make an installation in DIR: configuration, database, key store, master key, first administrator.

    The administrator's password is asked for, read from a line of stdin or from RETINUE_PASSWORD; without
    any, one is made and printed once. With --no-admin the first visitor of the pages becomes the
    administrator, by a code that is printed here and by `retinue serve`.

    \b
    retinue init crm --admin ada@example.org --name "Ada Byron"
    retinue init crm --no-admin
    """
    if no_admin:
        return _init_for_visit(cli, folder, email or name, given)
    email, name = _ask(cli, "E-mail address of the administrator", email), _ask(cli, "Name", name)
    password, made = ask_password(cli, f"Password of {email}")
    admin = {"login": email, "email": email, "name": name, "password": password}
    config = plan(folder, **given)
    with cli.out.progress("Making the installation"):
        account = make_installation(cli, config, {**admin, "must_change": made})
    result = {"folder": str(config.folder), **account, **({"password": password} if made else {})}
    if made:
        show_once(cli, f"Password of {email}", password)
    if not cli.out.json:
        cli.out.say(
            f"Keep a copy of {config.master_key_path} apart from every backup: nothing opens without it."
        )
    cli.out.done(f"{config.folder} is ready.", result, then=f"cd {folder} && retinue serve")


def _init_for_visit(cli: Cli, folder: Path, named: str | None, given: dict[str, Any]) -> None:
    """Make an installation whose first visitor becomes its administrator, and say by which address."""
    if named:
        raise Invalid("--no-admin is given with --admin or --name.", remedy="Give one of them.")
    config = plan(folder, **given)
    with cli.out.progress("Making the installation"):
        code = make_installation(cli, config, None)["code"]
    address = setup_address(code, config.base_url)
    cli.out.say(f"Keep a copy of {config.master_key_path} apart from every backup: nothing opens without it.")
    cli.out.say(f"The first visit: {address}")
    result = {"folder": str(config.folder), "code": code, "address": address}
    cli.out.done(f"{config.folder} is ready.", result, then=f"cd {folder} && retinue serve")


def plan(
    folder: Path, *, database_url: str | None = None, keys_url: str | None = None, port: int | None = None
) -> Config:
    """Return the configuration of a new installation; refuses a folder that has one."""
    if (folder / FILE_NAME).exists():
        raise Conflict(
            f"{folder} is an installation already.", remedy="Take another folder, or use this one."
        )
    given: dict[str, dict[str, Any]] = {
        "database": {"url": database_url} if database_url else {},
        "keys": {"url": keys_url} if keys_url else {},
        "server": {"port": port} if port else {},
    }
    config = Config.for_folder(folder, **given)
    if config.master_key_path.exists():
        raise Conflict(
            f"There is a master key {config.master_key_path} already.",
            remedy="It may be the only one that opens some data. Take another folder.",
        )
    return config


def make_installation(cli: Cli, config: Config, admin: dict[str, Any] | None) -> dict[str, Any]:
    """Make everything that `config` names and its first administrator, else the pages for a first visit.

    Returns what is to be said about the account, or the `code` of the first visit. A failure leaves no file behind.
    """
    with _or_nothing(config), _private():
        config.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_masters(config.master_key_path, MasterKeys.generate())
        (config.folder / FILE_NAME).write_text(config.to_toml(), "utf-8")
        with cli.house(config, check=False) as house:
            house.upgrade()
            if admin is None:
                return {"code": _open_for_visit(house)}
            with house.store(_INIT) as store:
                role = ensure_builtin_roles(store)[ADMINISTRATOR]
                account = create_account(store, {**admin, "role_ids": [role.id]}, guard=house.guard)
                return columns_of(account, "id", "login", "name")


def _open_for_visit(house: House) -> str:
    """Turn on the pages in which somebody becomes the administrator; return the code of the first visit."""
    if _PAGES not in house.catalogue:
        remedy = f"Install retinue-{_PAGES}, or name the administrator with --admin."
        raise Misconfigured("There are no pages for a first visit.", remedy=remedy)
    house.enable(_INIT, _PAGES)
    with house.store(_INIT, readonly=True) as store:
        return setup_code(store)


@contextmanager
def _private() -> Iterator[None]:
    """Let files made in the block be readable by their owner alone."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


@contextmanager
def _or_nothing(config: Config) -> Iterator[None]:
    """Remove the files that did not exist before if the block fails, for a second try to begin afresh."""
    names = (FILE_NAME, config.keys.master_key_file, "retinue.db", "keys.db")
    mine = [config.folder / f"{name}{end}" for name in names for end in ("", "-wal", "-shm")]
    before = {file for file in mine if file.exists()}
    folder_existed = config.folder.exists()
    try:
        yield
    except BaseException:
        for file in mine:
            if file not in before:
                file.unlink(missing_ok=True)
        if not folder_existed and config.folder.exists() and not any(config.folder.iterdir()):
            config.folder.rmdir()
        raise


def _ask(cli: Cli, what: str, given: str | None) -> str:
    if given:
        return given
    if not cli.may_ask:
        raise Invalid(f"{what} is missing.", remedy="Give --admin EMAIL and --name NAME.")
    return str(click.prompt(what, err=True))
