"""Commands of plugins: named by manifests, loaded when one is called, run only if it is enabled."""

from __future__ import annotations

from collections.abc import Iterator

import click

from retinue.cli.lazy import Settings
from retinue.cli.session import Cli
from retinue.errors import Misconfigured, RetinueError
from retinue.plugins.contributions import Command


def find(context: click.Context, name: str) -> click.Command | None:
    """Return the command `name` of an enabled plugin; None if no installed plugin has one of that name."""
    cli = Cli(context.ensure_object(Settings))
    owner = next((plugin for plugin, command in _declared() if command.name == name), None)
    try:
        with cli.house() as house:
            for owned in house.plugins.declared(Command):
                if owned.item.name == name:
                    return _checked(owned.item.name, house.plugins.resolve(owned.plugin, owned.item.run))
    except RetinueError:
        if owner is None:  # a typing error should be answered with the nearest command, not with a lecture
            return None
        raise
    if owner is not None:
        raise Misconfigured(
            f"`retinue {name}` belongs to the plugin {owner}, which is not enabled.",
            remedy=f"Enable it: retinue plugins enable {owner}",
        )
    return None


def _declared() -> Iterator[tuple[str, Command]]:
    """Yield the commands that installed plugins' manifests name; no plugin is imported."""
    from retinue.plugins.discovery import discover  # noqa: PLC0415 - lazy: only an unknown command gets here

    for name, found in discover().items():
        for command in found.manifest.contributions.get("commands", ()):
            yield name, command


def _checked(name: str, run: object) -> click.Command:
    if not isinstance(run, click.Command):
        raise Misconfigured(
            f"The command {name} of a plugin is no click command.", remedy="Update the plugin."
        )
    run.name = name
    return run
