"""`retinue upgrade`: before core is upgraded, which plugin uses what will be different."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import click

from retinue.cli.session import Cli, command
from retinue.errors import Misconfigured
from retinue.kit.snapshot import public_api, render
from retinue.plugins import discover
from retinue.plugins.compat import Api, changes_between, plugin_changes, read_api

_SHOWN = ("plugin", "version", "name", "what", "place")


@command()
@click.option("--to", "version", metavar="VERSION", help="A version of core; its wheel is fetched with pip.")
@click.option("--api", "file", type=click.Path(path_type=Path), help="A wheel of core, or its API as JSON.")
def check(cli: Cli, version: str | None, file: Path | None) -> None:
    """Name the plugins that use what another version of core has changed; ends with code 1 if there are any.

    Everything is read: no plugin is run, nothing is installed, no database is needed. What a plugin does not use
    may change as it likes.
    """
    if (version is None) == (file is None):
        raise click.UsageError("Give either --to VERSION or --api FILE.")
    old, new = public_api(), read_api(file) if file else _fetch(str(version))
    rows = [
        {
            "plugin": hit.plugin,
            "version": found.manifest.version,
            "name": hit.name,
            "what": hit.what,
            "place": hit.place,
        }
        for found in discover().values()
        for hit in plugin_changes(found, old, new)
    ]
    count = len(changes_between(old, new))
    there = f"core {new.get('version', 'of another version')}"
    cli.out.rows(rows, _SHOWN, empty=f"No installed plugin uses any of the {count} changes in {there}.")
    if rows:
        raise click.exceptions.Exit(1)


@command()
def api(cli: Cli) -> None:
    """Print the public API of this core as JSON, to be kept and compared."""
    cli.out.text(render(public_api()).rstrip())


def _fetch(version: str) -> Api:
    """Return the API of a version whose wheel pip finds; nothing is installed."""
    with tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        done = subprocess.run(  # noqa: S603 - our own interpreter and its pip
            [*words, "--dest", folder, f"retinue=={version}"],
            capture_output=True,
            text=True,
            check=False,
        )
        wheels = list(Path(folder).glob("retinue-*.whl"))
        if done.returncode or not wheels:
            last = (done.stderr.strip().splitlines() or ["pip found no wheel"])[-1]
            raise Misconfigured(
                f"the wheel of retinue {version} cannot be fetched: {last}",
                code="api-fetch",
                remedy="Download it yourself and give it with --api FILE.",
            )
        return read_api(wheels[0])
