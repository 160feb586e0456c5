"""`retinue plugins settings` and `set`: what can be set for a plugin, and setting it."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from retinue.cli.session import Cli, command
from retinue.errors import Invalid, Problem
from retinue.plugins import SettingsState, change_settings, describe_settings

_SHOWN = ("name", "label", "kind", "value", "default", "choices", "help")


@command()
@click.argument("plugin")
@click.option("--language", default="", help="Labels in this language. [default: yours]")
def show(cli: Cli, plugin: str, language: str) -> None:
    """Show what can be set for PLUGIN and what is set; a secret shows only whether it is."""
    with cli.house() as house, cli.store(house, readonly=True) as store:
        state = describe_settings(store, plugin, language=language)
    cli.out.rows(_rows(state), _SHOWN)


def _rows(state: SettingsState) -> list[dict[str, Any]]:
    return [
        {
            **item,
            "value": ("set" if state.secrets[item["name"]] else "not set")
            if item["secret"]
            else state.values[item["name"]],
        }
        for item in state.form
    ]


@command()
@click.argument("plugin")
@click.argument("changes", nargs=-1, metavar="NAME=VALUE...")
@click.option(
    "--ask", "secrets", multiple=True, metavar="NAME", help="Ask for this one, or read a line of input."
)
@click.option("--reset", multiple=True, metavar="NAME", help="Take this one back to its default.")
def change(
    cli: Cli, plugin: str, changes: tuple[str, ...], secrets: tuple[str, ...], reset: tuple[str, ...]
) -> None:
    """Set values for PLUGIN: NAME=VALUE, with VALUE as JSON or plain text. Secrets never stand on the command line."""
    wanted = dict(_pair(text) for text in changes) | dict.fromkeys(reset)
    wanted |= {name: _ask(name) for name in secrets}
    with cli.house() as house, cli.store(house) as store:
        hidden = [item["name"] for item in describe_settings(store, plugin).form if item["secret"]]
        if shown := sorted(set(hidden) & {text.partition("=")[0] for text in changes}):
            problems = [
                Problem(f"/{name}", "a secret on the command line stays in its history") for name in shown
            ]
            raise Invalid("secrets are asked for", problems=problems, remedy=f"Use --ask {shown[0]}.")
        state = change_settings(store, plugin, wanted)
    cli.out.done(f"The settings of {state.title} are changed.", {"version": state.version, **state.values})


def _pair(text: str) -> tuple[str, Any]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise Invalid(
            f"{text} is not NAME=VALUE", code="usage", remedy="Write, for example, retention_days=30."
        )
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _ask(name: str) -> str:
    if sys.stdin.isatty():
        return str(click.prompt(name, hide_input=True, err=True))
    return sys.stdin.readline().rstrip("\n")
