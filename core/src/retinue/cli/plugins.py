"""`retinue plugins`: what is installed, what is on."""

from __future__ import annotations

import difflib

import click

from retinue.cli.find import columns_of
from retinue.cli.session import Cli, command
from retinue.errors import NotFound
from retinue.plugins import PluginInfo, list_plugins

_SHOWN = ("name", "state", "version", "title", "summary", "reason")


@command()
def show_all(cli: Cli) -> None:
    """List installed plugins and their state; no plugin is run for it."""
    with cli.house() as house, cli.store(house, readonly=True) as store:
        rows = [{**columns_of(plugin, *_SHOWN), "reason": _reason(plugin)} for plugin in list_plugins(store)]
    cli.out.rows(rows, _SHOWN, empty="No plugin is installed.")


@command()
@click.argument("name")
def info(cli: Cli, name: str) -> None:
    """Show what a plugin is, what it adds, and what is wrong with it."""
    with cli.house() as house, cli.store(house, readonly=True) as store:
        found = list_plugins(store)
    plugin = next((plugin for plugin in found if plugin.name == name), None)
    if plugin is None:
        near = difflib.get_close_matches(name, [plugin.name for plugin in found], 1)
        raise NotFound(f"No plugin {name} is installed.", remedy=f"Did you mean {near[0]}?" if near else "")
    adds = {
        kind: [item.get("name") or item.get("path") for item in items]
        for kind, items in plugin.manifest.get("contributions", {}).items()
    }
    facts = {name: plugin.manifest.get(name) for name in ("api", "requires", "tables", "hooks", "grants")}
    wrong = [f"{fault.code}: {fault.detail} {fault.remedy}".strip() for fault in plugin.faults]
    cli.out.record(
        {**columns_of(plugin, *_SHOWN), "distribution": plugin.distribution, **facts, **adds, "faults": wrong}
    )


@command()
@click.argument("name")
def enable(cli: Cli, name: str) -> None:
    """Check a plugin and turn it on, in every process within a second."""
    with cli.house() as house:
        plugin = house.enable(cli.actor(house), name)
    cli.out.done(f"{plugin.title or name} is enabled.", columns_of(plugin, *_SHOWN))


@command()
@click.argument("name")
def disable(cli: Cli, name: str) -> None:
    """Turn a plugin off: its data stay, all it added is gone until it is enabled again."""
    cli.confirm(f"Disable {name}? Its data stay.")
    with cli.house() as house:
        plugin = house.disable(cli.actor(house), name)
    cli.out.done(f"{name} is disabled.", columns_of(plugin, *_SHOWN))


def _reason(plugin: PluginInfo) -> str:
    return plugin.reason or "; ".join(fault.detail for fault in plugin.faults)
