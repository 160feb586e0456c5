"""`retinue plugins bisect`: which plugin makes a command fail."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

import click
from msgspec.structs import replace

from retinue.cli.session import Cli, command
from retinue.errors import NotFound
from retinue.plugins.bisecting import Found, bisect_plugins
from retinue.plugins.faults import did_you_mean
from retinue.plugins.service import list_plugins

_ONLY, _SAFE = "RETINUE_PLUGINS_ONLY", "RETINUE_PLUGINS_SAFE_MODE"


@command(context_settings={"ignore_unknown_options": True})
@click.option(
    "--keep", multiple=True, metavar="NAME", help="A plugin that stays on in every try. Repeatable."
)
@click.argument("words", metavar="COMMAND", nargs=-1, required=True, type=click.UNPROCESSED)
def bisect(cli: Cli, keep: tuple[str, ...], words: tuple[str, ...]) -> None:
    """Run COMMAND with fewer and fewer plugins until the one is found with which it fails: -- pytest smoke.py.

    COMMAND must end with 0 if all is well. Which plugins are on is told to it by the environment alone: the
    installation is not changed, and Ctrl-C leaves nothing to put right. Ends with code 1 if none is found.
    """
    config = cli.config
    safe = replace(
        config, plugins=replace(config.plugins, safe_mode=True)
    )  # the culprit may not even be imported
    with cli.house(safe) as house, cli.store(house, readonly=True) as store:
        on = {
            info.name: info
            for info in list_plugins(store, catalogue=house.catalogue)
            if info.state == "enabled"
        }
    for name in keep:
        if name not in on:
            raise NotFound(f"plugin {name} is not enabled", remedy=did_you_mean(name, on))
    requires = {name: tuple(info.manifest.get("requires", ())) for name, info in on.items()}
    inherited = {k: v for k, v in os.environ.items() if k not in (_ONLY, _SAFE, "RETINUE_SAFE_MODE")}
    if config.path is not None:
        inherited["RETINUE_CONFIG"] = str(config.path)

    def attempt(names: Sequence[str]) -> bool:
        chosen = {_ONLY: ",".join(names)} if names else {_SAFE: "true"}
        done = subprocess.run(words, env={**inherited, **chosen}, check=False, stdout=sys.stderr)  # noqa: S603 - the command the person typed
        well = done.returncode == 0
        cli.out.say(f"{'passes' if well else 'FAILS '} with {', '.join(names) or 'no plugin'}")
        return well

    _tell(cli, bisect_plugins(on, requires, attempt, keep=keep))


def _tell(cli: Cli, found: Found) -> None:
    facts = {
        "culprit": found.culprit,
        "beside": list(found.beside),
        "reproduced": found.reproduced,
        "runs": [{"plugins": list(names), "passes": well} for names, well in found.runs],
    }
    if found.culprit:
        beside = f", beside {', '.join(found.beside)}" if found.beside else ""
        cli.out.done(f"It fails with {found.culprit}{beside}; {len(found.runs)} runs.", facts)
        return
    words = (
        "It fails without any of them too." if found.reproduced else "It does not fail with all of them on."
    )
    cli.out.done(words, facts)
    raise click.exceptions.Exit(1)
