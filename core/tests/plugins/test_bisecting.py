"""Finding the culprit among plugins, without changing which are on."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifecycle_kit import ROOT, _trusted, do, opened, snapshot

from retinue.cli import app
from retinue.cli.errors import run
from retinue.config import Config
from retinue.plugins import bisecting

if TYPE_CHECKING:
    from conftest import Site

NAMES = [f"p{number:02}" for number in range(16)]


@st.composite
def worlds(draw: Any) -> tuple[dict[str, tuple[str, ...]], str, list[str]]:
    """Sixteen plugins in random order that require earlier ones, a culprit, and some to keep."""
    order = draw(st.permutations(NAMES))
    requires = {
        name: tuple(draw(st.lists(st.sampled_from(order[:place]), max_size=2, unique=True)) if place else ())
        for place, name in enumerate(order)
    }
    culprit = draw(st.sampled_from(NAMES))
    keep = draw(st.lists(st.sampled_from(NAMES), max_size=2, unique=True))
    return requires, culprit, keep


@given(worlds())
def test_bisect_finds_the_culprit_among_sixteen_in_five_runs(world: Any) -> None:
    """Point 20: at most five runs, each with everything that its plugins require; a kept culprit is not accused."""
    requires, culprit, keep = world
    kept = bisecting._with_required(keep, requires)

    def attempt(names: Any) -> bool:
        assert kept <= set(names)
        assert all(set(requires[name]) <= set(names) for name in names)
        return culprit not in names

    found = bisecting.bisect_plugins(NAMES, requires, attempt, keep=keep)
    assert found.culprit == ("" if culprit in kept else culprit)
    assert found.reproduced
    assert len(found.runs) <= 5
    if found.culprit:
        assert set(requires[culprit]) <= set(found.beside)


def test_bisect_says_when_nothing_fails() -> None:
    found = bisecting.bisect_plugins(NAMES, {}, lambda _: True)
    assert (found.culprit, found.reproduced, len(found.runs)) == ("", False, 5)


@pytest.mark.filterwarnings("ignore:This declarative base already contains a class:sqlalchemy.exc.SAWarning")
@pytest.mark.usefixtures(_trusted.__name__)
@pytest.mark.parametrize("config", ["sqlite"], indirect=True)
def test_bisect_command_leaves_the_installation_as_it_was(
    config: Config, site: Site, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Point 20: the child is told by the environment alone; --keep and requirements hold in every run."""
    site.install("gdpr", toml="")
    site.install("alpha", toml='requires = ["beta"]')
    site.install("beta", toml="")
    site.install("omega", toml="")
    with opened(config) as house:
        for name in ("gdpr", "beta", "alpha", "omega"):
            do(house, "enable", name)
        before = snapshot(house)
    (config.folder / "retinue.toml").write_text(config.to_toml())
    monkeypatch.setenv("RETINUE_CONFIG", str(config.folder / "retinue.toml"))
    check = "import os, sys; sys.exit('alpha' in os.environ.get('RETINUE_PLUGINS_ONLY', '').split(','))"
    words = ["plugins", "bisect", "--json", "--keep", "gdpr", "--", sys.executable, "-c", check]
    assert run(app, words) == 0
    told = json.loads(capfd.readouterr().out)
    assert (told["culprit"], told["beside"]) == ("alpha", ["gdpr", "beta"])
    assert all(
        "gdpr" in r["plugins"] and ("beta" in r["plugins"] or "alpha" not in r["plugins"])
        for r in told["runs"]
    )
    assert run(app, ["plugins", "bisect", "--", sys.executable, "-c", "pass"]) == 1
    monkeypatch.setenv("RETINUE_PLUGINS_ONLY", "beta,omega")
    with opened(Config.load()) as house:
        assert [name for name in house.plugins.loaded if not name.startswith("retinue.")] == ["beta", "omega"]
        assert snapshot(house) == before
        with house.store(ROOT, readonly=True) as store:
            assert len(store.declared["plugins"].loaded) == len(house.plugins.loaded)
