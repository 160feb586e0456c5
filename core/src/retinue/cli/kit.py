"""`retinue plugins new, check, grade`: for people who write plugins; no installation is needed."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from retinue.cli.session import Cli, command
from retinue.errors import Misconfigured, NotFound
from retinue.plugins import discover, verify_plugin
from retinue.plugins.faults import did_you_mean

if TYPE_CHECKING:  # the rules read catalogues of translations: only a command that runs needs that library
    from retinue.kit import Finding


@command()
@click.argument("name")
@click.option("--minimal", is_flag=True, help="One module without tables.")
@click.option(
    "--dir",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where; ./retinue-NAME if left out.",
)
def new(cli: Cli, name: str, minimal: bool, folder: Path | None) -> None:
    """Make a plugin that works: tables, API, job, translations and tests, ready to be changed."""
    from retinue.kit.scaffold import create_plugin  # noqa: PLC0415 - lazy: help needs no tables

    _need_kit()
    target = folder or Path(f"retinue-{name.replace('_', '-')}")
    made = create_plugin(name, target, minimal=minimal)
    result = {
        "plugin": name,
        "folder": str(target),
        "files": [str(path.relative_to(target)) for path in made],
    }
    then = f'cd {target} && python -m pip install -e ".[test]" && python -m pytest'
    cli.out.done(f"{len(made)} files are in {target}.", result, then=then)


@command()
@click.argument("given", metavar="PATH|NAME")
@click.option(
    "--run",
    "running",
    is_flag=True,
    help="Import it too, in a process of its own first; it must be installed.",
)
def check(cli: Cli, given: str, running: bool) -> None:
    """Say what in a plugin breaks a rule, with file and line; without --run its code is read and never run.

    PATH is the folder that has its pyproject.toml, NAME an installed plugin. Leaves with 1 if anything is found.
    """
    _need_kit()
    from retinue.kit import check_project, find_project, run_plugin  # noqa: PLC0415 - lazy: the rules are many

    project = find_project(given)
    found = check_project(project)
    if running and not found:
        found = run_plugin(project.name)
    if cli.out.json:
        cli.out.rows([finding._asdict() for finding in found], ("path", "line", "code", "detail", "remedy"))
    else:
        _print(cli, found)
        cli.out.say(f"{len(found)} faults." if found else "Nothing breaks a rule.")
    if found:
        raise click.exceptions.Exit(1)


@command()
@click.argument("given", metavar="PATH|NAME")
def grade(cli: Cli, given: str) -> None:
    """Say how far a plugin has come, bronze, silver or gold, and what stands before the next tier."""
    _need_kit()
    from retinue.kit import find_project, grade_project  # noqa: PLC0415 - lazy: the rules are many

    grade = grade_project(find_project(given))
    if cli.out.json:
        cli.out.record(grade.as_data())
        return
    cli.out.text(grade.tier or "none")
    for tier, found in grade.findings.items():
        if found:
            cli.out.say(f"{len(found)} stand before {tier}:")
            _print(cli, found)


@command()
@click.argument("folder", metavar="PATH", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--license", "licence", default="", help="The licence to name where none is, as SPDX says it.")
def modernise(cli: Cli, folder: Path, licence: str) -> None:
    """Bring an older plugin to the shape of today's: imports, metadata, files that are missing.

    What is there is never overwritten. What only a person can do is told, and then it leaves with 1.
    """
    _need_kit()
    from retinue.kit.modernise import modernise_plugin  # noqa: PLC0415 - lazy: the rules are many

    result = modernise_plugin(folder, licence=licence)
    if cli.out.json:
        left = [finding._asdict() for finding in result.left]
        cli.out.record(
            {"before": result.before, "after": result.after, "files": list(result.files), "left": left}
        )
    else:
        for name in result.files:
            cli.out.say(f"written: {name}")
        _print(cli, result.left)
        cli.out.say(f"Scaffold {result.before} → {result.after}; {len(result.left)} faults are left to you.")
    if result.left:
        raise click.exceptions.Exit(1)


@command()
@click.argument("name", required=False)
def verify(cli: Cli, name: str | None) -> None:
    """Compare the files of installed plugins with the hashes in their wheels' RECORD; leaves with 1 if one was changed.

    What is installed for editing cannot be verified, and is said to be so.
    """
    found = discover()
    if name is not None and name not in found:
        raise NotFound(f"No plugin {name} is installed.", remedy=did_you_mean(name, found))
    results = [verify_plugin(plugin) for plugin in found.values() if name in (None, plugin.name)]
    rows = [{"name": r.plugin, "verdict": r.verdict, "files": r.files, "reason": r.reason} for r in results]
    if cli.out.json:
        rows = [{**row, "changed": list(result.changed)} for row, result in zip(rows, results, strict=True)]
    cli.out.rows(rows, empty="No plugin is installed.")
    if any(result.verdict == "changed" for result in results):
        raise click.exceptions.Exit(1)


def _print(cli: Cli, found: Sequence[Finding]) -> None:
    for finding in found:
        cli.out.text(str(finding))


def _need_kit() -> None:
    if find_spec("babel") is None:
        raise Misconfigured(
            "The kit for plugin authors is not installed.",
            code="no-kit",
            remedy="Run `python -m pip install 'retinue[kit]'`.",
        )
