"""What installing Retinue adds to pytest: fixtures for plugin authors, and the conformance tests.

The fixtures are there in a project whose `pyproject.toml` has an entry point of a plugin, and with
``--retinue-plugin``; elsewhere nothing is imported. ``pytest --retinue-plugin=NAME`` runs the conformance tests of an
installed plugin beside the project's own.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

import pytest

FIXTURES = ("retinue.testing.fixtures", "retinue.testing.house", "retinue.testing.author")
CONFORMANCE = Path(__file__).parent / "conformance"
DATABASES = "RETINUE_TEST_DATABASES"
GROUP = "retinue.plugins"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("retinue", "Retinue: tests of plugins")
    group.addoption(
        "--retinue-plugin",
        action="append",
        default=[],
        metavar="NAME",
        help="Run the conformance tests of this installed plugin; may be given more than once.",
    )
    group.addoption(
        "--retinue-databases",
        metavar="LIST",
        help="Databases of the fixtures: sqlite, postgresql or both with a comma. [default: sqlite]",
    )


def plugin_of(folder: Path) -> tuple[str, str] | None:
    """Return (name, package) of the plugin whose `pyproject.toml` stands in `folder`."""
    try:
        text = (folder / "pyproject.toml").read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    if GROUP not in text:
        return None
    points = tomllib.loads(text).get("project", {}).get("entry-points", {}).get(GROUP, {})
    return next(iter(points.items()), None)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Choose the databases before any fixture is read."""
    given: Any = early_config.known_args_namespace
    if given.retinue_databases:
        os.environ[DATABASES] = given.retinue_databases
    elif given.retinue_plugin or plugin_of(early_config.rootpath) is not None:
        os.environ.setdefault(DATABASES, "sqlite")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Bring the fixtures in where they are wanted, and ask for the conformance tests."""
    wanted: list[str] = config.getoption("--retinue-plugin")
    if not wanted and plugin_of(config.rootpath) is None:
        return
    for name in FIXTURES:
        config.pluginmanager.import_plugin(name)
    if wanted:
        config.args.append(str(CONFORMANCE))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one conformance test for each thing of the plugins that is asked about."""
    if CONFORMANCE in metafunc.definition.path.parents:
        from retinue.testing.conformance import cases  # noqa: PLC0415 - lazy: most runs ask for none

        cases.parametrise(metafunc, metafunc.config.getoption("--retinue-plugin"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give all conformance tests of one plugin to one process, where there are several: they share an installation."""
    names: list[str] = config.getoption("--retinue-plugin")
    if not names:
        return None
    from xdist.scheduler import (  # type: ignore[import-untyped]  # noqa: PLC0415 - lazy: only who spreads tests has it
        LoadScopeScheduling,
    )

    class ByPlugin(LoadScopeScheduling):  # type: ignore[misc]  # the library has no types
        """Tests of one plugin are one piece of work, everything else is spread test by test."""

        def _split_scope(self, nodeid: str) -> str:
            path, _, case = nodeid.partition("[")
            words = case.rstrip("]").split("-", 2)
            held = [word for word in words if word in names] if "/conformance/" in path else []
            return held[0] if held else nodeid

    return ByPlugin(config, log)


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say what is asked for."""
    wanted: Any = config.getoption("--retinue-plugin")
    return [f"retinue: conformance of {', '.join(wanted)} on {os.environ.get(DATABASES)}"] if wanted else []
