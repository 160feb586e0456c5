"""A click group that knows its commands by a table and imports one only when it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import click

from retinue.cli.table import Branch, Leaf


@dataclass
class Settings:
    """What the options common to all commands say; an option after the command wins over one before it."""

    config: str | None = None
    json: bool = False
    plain: bool = False
    yes: bool = False
    no_input: bool = False
    account: str | None = None


def common_options() -> list[click.Parameter]:
    """Return the options every command takes, before or after its name."""
    return [
        _option("config", "--config", metavar="FILE", help="The configuration file, or its folder."),
        _option(
            "account", "--as", metavar="EMAIL", help="Act as this account, with its rights. [default: system]"
        ),
        _option("json", "--json", is_flag=True, help="Print one JSON document."),
        _option("plain", "--plain", is_flag=True, help="Print lines of tab-separated text, no colours."),
        _option("yes", "--yes", "-y", is_flag=True, help="Do not ask whether to go on."),
        _option("no_input", "--no-input", is_flag=True, help="Never ask; fail instead."),
    ]


def _option(name: str, *flags: str, **words: Any) -> click.Option:
    def keep(context: click.Context, _param: click.Parameter, value: Any) -> None:
        if value:
            setattr(context.ensure_object(Settings), name, value)

    return click.Option([*flags, f"set_{name}"], expose_value=False, callback=keep, **words)


class LazyGroup(click.Group):
    """A group over a table of commands. With `plugins`, enabled plugins' commands are looked for as well."""

    def __init__(self, table: Mapping[str, Leaf | Branch], *, plugins: bool = False, **words: Any) -> None:
        words.setdefault("params", common_options())
        super().__init__(**words)
        self.table = table
        self.plugins = plugins

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click names it
        """Return the names, in the order of the table."""
        return [*self.table, *sorted(self.commands)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, importing its module; a plugin's commands are asked for last."""
        entry = self.table.get(cmd_name)
        if isinstance(entry, Branch):
            return LazyGroup(name=cmd_name, help=entry.help, table=entry.commands)
        if entry is not None:
            return _load(cmd_name, entry)
        if not self.plugins or not cmd_name.isidentifier():
            return super().get_command(ctx, cmd_name)
        find: Callable[[click.Context, str], click.Command | None] = import_module("retinue.cli.extra").find
        return find(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that was typed; a typing error is answered with the nearest one of the table."""
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as wrong:
            known = self.list_commands(ctx)
            raise click.exceptions.NoSuchCommand(wrong.command_name, possibilities=known, ctx=ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click names it
        """Write the list of commands from the table alone."""
        rows = [(name, entry.help) for name, entry in self.table.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)
        if self.plugins:
            formatter.write_paragraph()
            formatter.write_text("Enabled plugins add more: `retinue plugins info NAME` lists them.")


def _load(name: str, leaf: Leaf) -> click.Command:
    module, _, attribute = leaf.target.partition(":")
    command: click.Command = getattr(import_module(f"retinue.cli.{module}"), attribute)
    command.name, command.short_help = name, leaf.help
    return command
