"""Discovery by metadata, and the manifest."""

from __future__ import annotations

import importlib.metadata
import random
import sys
from typing import TYPE_CHECKING

import pytest

from retinue.plugins import Job, Manifest, ManifestError, Permission, discover, parse_manifest
from retinue.plugins.discovery import locate

if TYPE_CHECKING:
    from conftest import Site

FULL = """
    title = "Points"
    requires = ["orders"]
    requires_schema = { core = 1, orders = 2 }
    tables = ["points_account"]
    hooks = ["contacts_created"]

    [[permissions]]
    name = "points.adjust"
    label = "Adjust points"

    [[jobs]]
    name = "points.expire_balances"
    run = "retinue_points.service:expire"
    timeout = 60

    [[schedules]]
    name = "points.nightly_expiry"
    job = "points.expire_balances"
    cron = "0 2 * * *"
    zone = "Europe/Berlin"
    missed = "run_once"
    payload = { days = 30 }

    [[settings]]
    name = "rate"
    label = "Points for one euro"
    kind = "integer"
    default = 10
"""


def test_discovery_reads_everything_without_importing(site: Site) -> None:
    """Nothing installed is imported before it is enabled, though importing it would end the process."""
    site.install("points", {}, toml=FULL, version="2.3", body="import os; os._exit(3)")
    site.install("greet", summary="Says hello.", body="raise SystemExit(3)")
    found = discover()
    assert list(found) == ["greet", "points"]
    points, greet = found["points"].manifest, found["greet"].manifest
    assert (points.title, points.version, points.distribution) == ("Points", "2.3", "retinue-points")
    assert points.requires_schema == {"core": 1, "orders": 2}
    assert points.contributions["permissions"] == (Permission("points.adjust", "Adjust points"),)
    assert points.contributions["jobs"] == (
        Job("points.expire_balances", "retinue_points.service:expire", timeout=60),
    )
    assert points.contributions["schedules"][0].payload == {"days": 30}
    assert points.complete
    assert (greet.summary, greet.complete, greet.contributions) == ("Says hello.", False, {})
    assert "retinue_points" not in sys.modules
    assert "retinue_greet" not in sys.modules


def test_discovery_order_does_not_depend_on_the_listing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"plug{letter}" for letter in "qwertyasdf"]
    for name in names:
        site.install(name)
    real = importlib.metadata.entry_points
    orders = set()
    for seed in range(20):

        def shuffled(*, group: str, seed: int = seed) -> list[importlib.metadata.EntryPoint]:
            points = list(real(group=group))
            random.Random(seed).shuffle(points)
            return points

        monkeypatch.setattr(importlib.metadata, "entry_points", shuffled)
        orders.add(tuple(discover()))
    assert orders == {tuple(sorted(names))}


def test_duplicate_name_is_refused_naming_both_distributions(site: Site) -> None:
    site.install("points", distribution="retinue-points")
    site.install("points", distribution="evil-points", module="evil_points", version="6.6")
    (fault,) = discover()["points"].faults
    assert fault.code == "PLG001"
    assert "evil-points 6.6 and retinue-points 1.0" in fault.detail


def test_module_that_is_gone_is_a_fault_and_no_crash(site: Site) -> None:
    site.describe("retinue-ghost", {"ghost": "retinue_ghost"})
    (fault,) = discover()["ghost"].faults
    assert fault.code == "PLG002"
    assert "retinue_ghost" in fault.detail


def test_reserved_and_ugly_names_are_refused(site: Site) -> None:
    site.describe("retinue-x", {"core": "json", "Bad-Name": "json"})
    found = discover()
    assert [f.code for name in ("core", "Bad-Name") for f in found[name].faults] == ["PLG002", "PLG002"]


def test_module_inside_a_package_is_located_without_running_the_package(site: Site) -> None:
    site.write("family/__init__.py", "raise SystemExit(3)")
    site.write("family/child/__init__.py", "raise SystemExit(3)")
    site.write("family/child/plugin.toml", 'name = "child"\napi = 1\ntitle = "Child"')
    site.describe("family", {"child": "family.child"})
    found = discover()["child"]
    assert (found.manifest.title, found.faults) == ("Child", ())
    assert locate("family.nobody") is None
    assert "family" not in sys.modules


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('name = "points"', "api must be given"),
        ("name = ", "it is not TOML"),
        ('name = "points"\napi = 1\njbos = []', "unknown word jbos. Did you mean jobs?"),
        ('name = "points"\napi = "1"', "api must be a whole number, not '1'"),
        ('name = "Points"\napi = 1', "name Points must be"),
        ('name = "points"\napi = 1\nversion = "3"', "unknown word version"),
        ('name = "points"\napi = 1\nrequires = "orders"', "requires must be a list of text"),
        (
            'name = "points"\napi = 1\nrequires_schema = {core = "x"}',
            "requires_schema must be a table of whole",
        ),
        ('name = "points"\napi = 1\njobs = {a = 1}', r"jobs must be a list of tables: [[jobs]]"),
        ('name = "points"\napi = 1\n[[jobs]]\nname = "points.a"', "jobs[0]: run must be given"),
        (
            'name = "points"\napi = 1\n[[jobs]]\nname = "points.a"\nrun = "x"',
            "jobs[0].run must be a reference",
        ),
        (
            'name = "points"\napi = 1\n[[jobs]]\nnmae = "p"\nrun = "x:y"',
            "unknown word nmae. Did you mean name?",
        ),
        (
            'name = "points"\napi = 1\n[[settings]]\nname = "a"\nlabel = "A"\nkind = "int"',
            "kind must be one of text,",
        ),
    ],
)
def test_manifest_mistake_is_named_with_place_and_nearest_word(text: str, words: str) -> None:
    with pytest.raises(ManifestError) as raised:
        parse_manifest(text)
    assert words in str(raised.value)


def test_faulty_manifest_of_an_installed_plugin_is_a_fault(site: Site) -> None:
    site.install("points", toml="jbos = []")
    site.install("other", toml='name = "another"\napi = 1')
    found = discover()
    assert [f.code for f in found["points"].faults] == ["PLG002"]
    assert "name is another, the entry point says other" in found["other"].faults[0].detail


def test_manifest_survives_its_row(site: Site) -> None:
    site.install("points", toml=FULL)
    manifest = discover()["points"].manifest
    assert Manifest.from_data(manifest.as_data()) == manifest
