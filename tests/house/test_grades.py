"""The plugins of this repository keep the rules that the kit gives to everybody else."""

from __future__ import annotations

from pathlib import Path

import pytest

from retinue.kit import RULES, check_project, find_project

PLUGINS = Path(__file__).parents[2] / "plugins"


@pytest.mark.parametrize("name", sorted(path.name for path in PLUGINS.iterdir() if path.is_dir()))
def test_plugin_here_breaks_no_rule_up_to_gold(name: str) -> None:
    """EX-15: what the kit asks of a stranger's plugin, ours do: changelog, five languages, typed, tested, declared."""
    project = find_project(str(PLUGINS / name))
    assert [*map(str, check_project(project, {rule.tier for rule in RULES.values()}))] == []
