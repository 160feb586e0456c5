"""Failures of all processes add up to a quarantine that all processes follow; times add up too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import update

from retinue.actor import Actor
from retinue.app import House, open_house
from retinue.app.following import Reporter, settle_failures
from retinue.config import Config
from retinue.errors import Conflict, NotFound
from retinue.plugins import (
    PluginFailure,
    PluginTiming,
    forget_watched,
    list_plugins,
    list_processes,
    read_timings,
)
from retinue.testing.house import make_config

if TYPE_CHECKING:
    from conftest import Site
    from retinue.testing.house import Crm

SYSTEM = Actor.system("test")
WEAK = """
from retinue import hookimpl

@hookimpl
def contacts_created(contacts):
    raise ValueError("no " + str(contacts))
"""
STEADY = "from retinue import hookimpl\n@hookimpl\ndef contacts_created(contacts): ...\n"


def create(house: House, times: int = 1) -> None:
    """Tell of new contacts, as each creation does."""
    for _ in range(times):
        with house.store(SYSTEM) as store:
            store.hooks.contacts_created(store, [])


def shown(house: House, name: str = "weak") -> Any:
    with house.store(SYSTEM, readonly=True) as store:
        return next(plugin for plugin in list_plugins(store) if plugin.name == name)


@pytest.fixture
def installed(site: Site, config: Config) -> Config:
    """Return an installation in which `weak`, which fails, and `steady`, which does not, are on."""
    site.install("weak", body=WEAK, version="3.1")
    site.install("steady", body=STEADY)
    with open_house(config) as house:
        site.turn_on(house, "weak", "steady")
    return config


@pytest.fixture
def three(installed: Config) -> Iterator[list[House]]:
    """Yield three houses over one installation, as three processes have them."""
    with ExitStack() as stack:
        yield [stack.enter_context(open_house(installed)) for _ in range(3)]


def test_failures_of_all_processes_add_up_to_a_quarantine_that_all_follow(three: list[House]) -> None:
    """EX-8: after five failures in a minute every process reports it, the others go on."""
    web, other, worker = three
    create(web, 2)
    assert settle_failures(web) == []
    create(worker, 2)
    assert settle_failures(worker) == []
    assert shown(web).state == "enabled"
    create(web)
    assert settle_failures(web) == ["weak"]
    for house in three:
        house.epoch = type(house.epoch)(house.database, seconds=0)
        assert house.refresh()
        assert house.plugin_states() == {"weak": "quarantined", "steady": "enabled"}
        assert list(house.plugins.loaded)[-1] == "steady"
        create(house)  # nobody fails any more
        assert settle_failures(house) == []
    plugin = shown(other)
    assert plugin.state == "quarantined"
    assert plugin.reason == (
        "It failed 5 times within 60 seconds, last in contacts_created with ValueError (version 3.1)."
    )
    assert "retinue_weak" in plugin.trace


def test_resumed_plugin_is_on_again_and_begins_at_zero(three: list[House]) -> None:
    """EX-8: `retinue plugins resume`; failures from before do not count."""
    house = three[0]
    create(house, 5)
    settle_failures(house)
    house.refresh(force=True)
    house.resume(SYSTEM, "weak")
    assert house.plugin_states()["weak"] == "enabled"
    create(house, 4)
    assert settle_failures(house) == []
    create(house)
    assert settle_failures(house) == ["weak"]


def test_only_a_quarantined_plugin_can_be_resumed(installed: Config) -> None:
    with open_house(installed) as house:
        with pytest.raises(Conflict, match="weak is enabled, not quarantined"):
            house.resume(SYSTEM, "weak")
        with pytest.raises(NotFound) as raised:
            house.resume(SYSTEM, "waek")
        assert raised.value.remedy == "Did you mean weak?"


@pytest.mark.parametrize("config", ["sqlite"], indirect=True)
def test_old_failures_do_not_count_and_zero_switches_the_quarantine_off(installed: Config) -> None:
    with open_house(installed) as house:
        create(house, 4)
        settle_failures(house)
        with house.store(SYSTEM) as store:
            hour_ago = store.now - timedelta(hours=1)
            store.system("test").change(update(PluginFailure).values(at=hour_ago))
        create(house, 4)
        assert settle_failures(house) == []
    plugins = {"quarantine_failures": 0}
    config = make_config(installed.folder, installed.database.url, plugins=plugins)
    with open_house(config) as house:
        create(house, 9)
        assert settle_failures(house) == []


@pytest.mark.parametrize("config", ["sqlite"], indirect=True)
def test_failures_of_a_command_count_although_it_ends(installed: Config) -> None:
    """The command line opens a house for a moment; what failed in it is written when it closes."""
    for _ in range(5):
        with open_house(installed) as house:
            create(house)
    with open_house(installed) as house:
        assert shown(house).state == "quarantined"


def test_times_of_processes_add_up_and_are_told(three: list[House]) -> None:
    """EX-10: over all processes of the installation, written now and then, never on the way of a request."""
    reporters = [Reporter(house, "serve") for house in three]
    for number, (house, reporter) in enumerate(zip(three, reporters, strict=True), start=1):
        create(house, number)
        reporter.report()
    create(three[0], 4)
    reporters[0].report()  # not due yet
    reporters[1].report(now=True)
    with three[0].store(SYSTEM, readonly=True) as store:
        calls = {t.plugin: t.calls for t in read_timings(store) if t.hook == "contacts_created"}
        assert calls == {"steady": 6, "weak": 6}
    reporters[0].report(now=True)
    with three[0].store(SYSTEM, readonly=True) as store:
        (steady,) = [t for t in read_timings(store) if t.plugin == "steady"]
        assert (steady.calls, 0 < steady.p50 <= steady.p95 <= steady.longest) == (10, True)
        assert [(p.kind, p.alive, p.plugins["weak"]) for p in list_processes(store)] == [
            ("serve", True, "enabled")
        ] * 3
    with three[0].store(SYSTEM) as store:
        eight_days_ago = store.now - timedelta(days=8)
        store.system("test").change(update(PluginTiming).values(hour=eight_days_ago))
        forget_watched(store)
        assert read_timings(store, hours=168) == []
    reporters[0].end()
    with three[0].store(SYSTEM, readonly=True) as store:
        assert len(list_processes(store)) == 2


@pytest.mark.parametrize("config", ["sqlite"], indirect=True)
def test_quarantine_stands_in_the_api_and_in_readiness_without_names(site: Site, crm: Crm) -> None:
    """EX-8: `GET /plugins` has the reason; `/readyz`, which anybody may ask, has a number."""
    site.install("weak", body=WEAK)
    site.turn_on(crm.house, "weak")
    admin = crm.user()
    crm.rebuild()
    for _ in range(5):
        assert admin.client.post("/contacts", {"name": "Ada"}).status_code == 201
    Reporter(crm.house, "serve").report()
    settle_failures(crm.house)
    crm.house.refresh(force=True)
    crm.rebuild()
    (listed,) = admin.client.get("/plugins").json()
    assert (listed["state"], listed["reason"][:19]) == ("quarantined", "It failed 5 times w")
    ready = crm.client.get("/readyz")
    assert (ready.status_code, ready.json()["checks"]["plugins"]) == (200, "1 set aside")
    assert "weak" not in ready.text
    (slowest, *_) = admin.client.get("/plugins/timing?hours=1").json()
    assert (slowest["calls"], slowest["p50_us"] <= slowest["longest_us"]) == (5, True)
    assert admin.client.get("/plugins/processes").json()[0]["plugins"] == {"weak": "enabled"}
    assert admin.client.post("/plugins/weak/resume").json() == {"state": "enabled"}
    assert admin.client.post("/plugins/weak/resume").status_code == 409
    assert crm.user({"plugin.read": "all"}).client.post("/plugins/weak/resume").status_code == 403
