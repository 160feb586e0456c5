"""What an administrator sets for a plugin: one declaration, checked, typed, sealed, shown, and brought along."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from retinue.errors import Denied, Invalid, NotFound, Stale
from retinue.plugins import PluginRefused, change_settings, describe_settings, discover
from retinue.plugins.settings import PluginSettings
from retinue.testing.fixtures import person

if TYPE_CHECKING:
    from conftest import Site
    from retinue.testing.house import Crm

TOML = """
title = "Shop"
[[settings]]
name = "days"
label = "Days"
kind = "integer"
default = 30
least = 1
most = 365
[settings.labels]
cs = "Dny"
[[settings]]
name = "rate"
label = "Rate"
kind = "decimal"
[[settings]]
name = "since"
label = "Since"
kind = "date"
[[settings]]
name = "mode"
label = "Mode"
kind = "choice"
choices = ["soft", "hard"]
default = "soft"
[[settings]]
name = "token"
label = "Token"
secret = true
"""
SECRET = "plover-7731-xyzzy"


@pytest.fixture
def shop(site: Site, crm: Crm) -> Crm:
    site.install("shop", toml=TOML)
    _take(crm)
    return crm


def _take(crm: Crm) -> None:
    crm.house.catalogue = discover()
    crm.house.enable(person("plugin.enable"), "shop")
    crm.rebuild()


def test_settings_are_typed_with_their_defaults(shop: Crm) -> None:
    with shop.store() as store:
        assert dict(store.settings("shop")) == {
            "days": 30, "rate": None, "since": None, "mode": "soft", "token": None
        }  # fmt: skip
        change_settings(store, "shop", {"rate": "1.50", "since": "2026-01-02", "token": SECRET})
        assert dict(store.settings("shop")) == {
            "days": 30, "rate": Decimal("1.50"), "since": dt.date(2026, 1, 2), "mode": "soft", "token": SECRET
        }  # fmt: skip


def test_settings_are_checked_and_nothing_is_kept_of_a_bad_change(shop: Crm) -> None:
    with shop.store() as store, pytest.raises(Invalid) as refused:
        change_settings(store, "shop", {"days": 400, "mode": "odd", "dayz": 1, "since": "2026-13-01"})
    problems = {problem.pointer: problem.detail for problem in refused.value.problems}
    assert set(problems) == {"/days", "/mode", "/dayz", "/since"}
    assert "days" in problems["/dayz"]
    with shop.store() as store:
        assert store.settings("shop")["days"] == 30


def test_settings_go_through_the_api_with_a_version(shop: Crm) -> None:
    """EX-18: the form with labels in the language asked for, values, ETag; a stale change is refused."""
    boss = shop.user("all").client
    shown = boss.get("/plugins/shop/settings?language=cs")
    assert [item["label"] for item in shown.json()["form"]][:2] == ["Dny", "Rate"]
    tag = {"If-Match": shown.headers["etag"]}
    changed = boss.patch("/plugins/shop/settings", {"values": {"days": 7, "token": SECRET}}, headers=tag)
    assert changed.status_code == 200, changed.text
    assert changed.json()["values"]["days"] == 7
    assert changed.json()["secrets"] == {"token": True}
    assert SECRET not in changed.text + boss.get("/plugins/shop/settings").text
    late = boss.patch("/plugins/shop/settings", {"values": {"days": 8}}, headers=tag)
    assert late.status_code == 412
    assert late.json()["current"]["values"]["days"] == 7
    bad = boss.patch("/plugins/shop/settings", {"values": {"days": 0}})
    assert (bad.status_code, bad.json()["errors"][0]["pointer"]) == (422, "/days")
    reset = boss.patch("/plugins/shop/settings", {"values": {"days": None, "token": None}})
    assert (reset.json()["values"]["days"], reset.json()["secrets"]) == (30, {"token": False})


def test_settings_of_a_plugin_that_is_off_are_not_there(shop: Crm) -> None:
    boss = shop.user("all").client
    boss.patch("/plugins/shop/settings", {"values": {"days": 7}})
    shop.house.disable(person("plugin.disable"), "shop")
    shop.rebuild()
    assert boss.get("/plugins/shop/settings").status_code == 404
    with shop.store() as store, pytest.raises(NotFound):
        store.settings("shop")
    _take(shop)
    assert boss.get("/plugins/shop/settings").json()["values"]["days"] == 7


def test_secret_setting_stands_nowhere_in_clear(shop: Crm, tmp_path: Path) -> None:
    with shop.store() as store:
        change_settings(store, "shop", {"token": SECRET, "days": 77})
    shop.house.database.engine.dispose()
    if shop.house.database.kind == "sqlite":
        found = [p.name for p in tmp_path.rglob("*") if p.is_file() and SECRET.encode() in p.read_bytes()]
        assert found == []
    with shop.store() as store:
        row = store.system("look").first(select(PluginSettings))
        assert row.values == {"days": 77}
        assert SECRET.encode() not in row.sealed_data


def test_settings_need_the_right_and_the_latest_version(shop: Crm) -> None:
    with shop.store(person("contact.read")) as store, pytest.raises(Denied):
        describe_settings(store, "shop")
    with shop.store() as store:
        change_settings(store, "shop", {"days": 1}, version=0)
        with pytest.raises(Stale):
            change_settings(store, "shop", {"days": 2}, version=0)


def test_changed_declaration_needs_a_migration_of_values(shop: Crm, site: Site) -> None:
    """A new version whose settings do not fit what is stored is refused until it says how to bring it along."""
    with shop.store() as store:
        change_settings(store, "shop", {"days": 90})
    shop.house.disable(person("plugin.disable"), "shop")
    hours = TOML.replace('name = "days"', 'name = "hours"').replace("most = 365", "most = 9000")
    site.uninstall("shop")
    site.install("shop", toml=hours)
    shop.house.catalogue = discover()
    with pytest.raises(PluginRefused) as refused:
        shop.house.enable(person("plugin.enable"), "shop")
    assert [fault.code for fault in refused.value.faults] == ["SET002"]
    site.uninstall("shop")
    site.install(
        "shop",
        toml='settings_version = 2\nsettings_migration = "retinue_shop:to_hours"\n' + hours,
        body="def to_hours(values, version):\n    return {'hours': values.pop('days') * 24, **values}\n",
    )
    _take(shop)
    with shop.store() as store:
        assert store.settings("shop")["hours"] == 2160
        change_settings(store, "shop", {"mode": "hard"})
        assert store.system("look").first(select(PluginSettings)).shape == 2
