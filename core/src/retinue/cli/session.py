"""What a running command has at hand: configuration, house, store of the right actor, output, questions."""

from __future__ import annotations

import functools
import getpass
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from retinue.actor import Actor
from retinue.cli.lazy import Settings, common_options
from retinue.cli.output import Output
from retinue.config import Config
from retinue.errors import Denied, NotFound

if (
    TYPE_CHECKING
):  # the house brings the server, the database and all plugins: only a command that runs needs it
    from retinue.app import House
    from retinue.storage import Store


class Cli:
    """Handed to every command as its first argument."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.out = Output(json=settings.json, plain=settings.plain)

    @functools.cached_property
    def config(self) -> Config:
        """Return the configuration that --config, RETINUE_CONFIG or the current folder names."""
        return Config.load(self.settings.config)

    @contextmanager
    def house(self, config: Config | None = None, *, check: bool = True) -> Iterator[House]:
        """Open the installation; without `check` even if its schema is not that of the code."""
        from retinue.app import open_house  # noqa: PLC0415 - lazy: help needs no database

        with open_house(config or self.config, check=check) as house:
            yield house

    @contextmanager
    def store(self, house: House, *, readonly: bool = False) -> Iterator[Store]:
        """Open one transaction as the account of --as, or as the system, named after who runs the command."""
        with house.store(self.actor(house), readonly=readonly) as store:
            yield store

    def actor(self, house: House) -> Actor:
        """Return who is acting."""
        system = Actor.system(f"command line ({_login_name()})")
        if self.settings.account is None:
            return system
        from retinue.access import account_by_login, actor_of  # noqa: PLC0415 - lazy, as above

        with house.store(system, readonly=True) as store:
            account = account_by_login(store, self.settings.account)
            if account is None:
                raise NotFound(
                    f"There is no account {self.settings.account}.", remedy="See `retinue user list`."
                )
            if not account.is_active:
                raise Denied(f"The account {account.login} is deactivated.", remedy="Name another with --as.")
            return actor_of(store, account, house.guard)

    def confirm(self, question: str) -> None:
        """Ask before something that cannot be taken back; leave with code 1 if the person says no."""
        if self.settings.yes:
            return
        if not self.may_ask:
            raise click.UsageError(f"{question} Say --yes to do it without being asked.")
        if not click.confirm(question, err=True):
            self.out.say("Nothing was changed.")
            raise click.exceptions.Exit(1)

    def secret(self, what: str, *, env: str, again: bool = True) -> str | None:
        """Return a secret from the variable `env`, a line of stdin or a hidden question; else None."""
        if value := os.environ.get(env):
            return value
        if self.may_ask:
            value = click.prompt(
                what, hide_input=True, confirmation_prompt=again, default="", show_default=False, err=True
            )
            return value or None
        if self.settings.no_input or sys.stdin.isatty() or sys.stdin.closed:
            return None
        return sys.stdin.readline().rstrip("\r\n") or None

    @property
    def may_ask(self) -> bool:
        """Say whether a person sits at the terminal."""
        return sys.stdin.isatty() and not self.settings.no_input


def command(**words: Any) -> Callable[[Callable[..., Any]], click.Command]:
    """Make a function a command: the common options are added and a `Cli` is its first argument."""

    def make(function: Callable[..., Any]) -> click.Command:
        @functools.wraps(function)
        @click.pass_context
        def call(context: click.Context, /, **arguments: Any) -> Any:
            return function(Cli(context.ensure_object(Settings)), **arguments)

        made: click.Command = click.command(**words)(call)
        made.params += common_options()
        return made

    return make


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container's user without a name
        return "unknown"
