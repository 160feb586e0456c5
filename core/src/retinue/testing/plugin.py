"""What installing Retinue adds to pytest: fixtures for plugin authors.

The fixtures are there in a project whose `pyproject.toml` has an entry point of a plugin; elsewhere nothing is
imported.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest

FIXTURES = ("retinue.testing.fixtures", "retinue.testing.house", "retinue.testing.author")
DATABASES = "RETINUE_TEST_DATABASES"
GROUP = "retinue.plugins"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("retinue", "Retinue: tests of plugins")
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
def pytest_configure(config: pytest.Config) -> None:
    """Bring the fixtures in where they are wanted."""
    if plugin_of(config.rootpath) is None:
        return
    databases = config.getoption("--retinue-databases")
    os.environ[DATABASES] = databases or os.environ.get(DATABASES, "sqlite")
    for name in FIXTURES:
        config.pluginmanager.import_plugin(name)
