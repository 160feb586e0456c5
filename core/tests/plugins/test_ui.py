"""What plugins add to the staff's pages: offered by permission, shown behind a fault boundary, served at the root."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
from litestar.testing import TestClient

from retinue.actor import Actor
from retinue.app.serving import make_application
from retinue.plugins import Watch, discover, parse_manifest
from retinue.plugins.boundary import attempt
from retinue.plugins.checks import manifest_faults
from retinue.plugins.pluginset import build_plugin_set
from retinue.storage import Database
from retinue.testing.fixtures import person
from retinue.ui import UI_KINDS, Panel

if TYPE_CHECKING:
    from conftest import Site as Folder
    from retinue.testing.house import Crm

BODY = """
from retinue import hookimpl
from retinue.ui import NavigationItem, Page, PaletteItem, Panel, Site, Widget
from retinue.web import PUBLIC, get, web_page

@get("/", permission=PUBLIC, status=200, include_in_schema=False)
def front() -> object:
    return web_page("<!doctype html><title>front</title>")

@hookimpl
def register_sites():
    return [Site("/", [front])]

@hookimpl
def register_panels():
    return [
        Panel("cards.open", "Open", "retinue_cards:show", "open.html"),
        Panel("cards.closed", "Closed", "retinue_cards:show", "closed.html", permission="contact.remove"),
    ]

@hookimpl
def register_pages():
    return [Page("cards.home", "/cards/{number}", "Cards", "retinue_cards:show", "home.html")]

@hookimpl
def register_widgets():
    return [Widget("cards.count", "Count", "retinue_cards:show", "count.html")]

@hookimpl
def register_navigation_items():
    return [NavigationItem("cards.home", "Cards", "/cards", badge="retinue_cards:show")]

@hookimpl
def register_palette_items():
    return [PaletteItem("cards.new", "New card", "/cards/new", keys="g c")]

def show(store, *rest):
    return {"shown": True}
"""


@pytest.mark.parametrize("kind", UI_KINDS)
def test_kind_is_collected_from_its_hook(site: Folder, kind: str) -> None:
    site.install("cards", body=BODY)
    plugins = build_plugin_set(discover(), ["cards"])
    assert not plugins.set_aside
    (owned, *_) = plugins.declared(UI_KINDS[kind])
    assert owned.plugin == "cards"


def test_offered_leaves_out_what_the_actor_may_not_do(site: Folder, database: Database) -> None:
    """The front never decides who sees what: core does, so a plugin cannot leak through a page."""
    site.install("cards", body=BODY)
    plugins = build_plugin_set(discover(), ["cards"])
    for actor, seen in (
        (person(), ["cards.open"]),
        (person("contact.remove"), ["cards.open", "cards.closed"]),
    ):
        with database.store(actor, readonly=True) as store:
            assert [owned.item.name for owned in plugins.offered(Panel, store)] == seen


def test_failing_work_is_caught_kept_and_logged_without_its_message(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    watch = Watch()

    def fails() -> None:
        raise ValueError("Jan Dvořák owes 500")

    with database.store(Actor.system("test"), readonly=True) as store, caplog.at_level(logging.ERROR):
        outcome = attempt(store, watch, ("cards", "1.0", "cards.open"), fails)
        assert outcome.failed
        assert attempt(store, watch, ("cards", "1.0", "cards.open"), lambda: 7).value == 7
        assert store.plugin is None
    assert [(f.plugin, f.hook, f.error) for f in watch.failures] == [("cards", "cards.open", "ValueError")]
    assert "Dvořák" not in caplog.text
    assert len(watch.samples["cards", "cards.open"]) == 2


@pytest.mark.parametrize("kind", ["pages", "panels", "widgets", "navigation_items", "palette_items"])
def test_name_without_the_plugins_own_word_in_front_is_refused(kind: str) -> None:
    """Two plugins cannot mean the same card by one name."""
    lines = {
        "name": "loyalty.card",
        "label": "Card",
        "path": "/x",
        "run": "retinue_cards:show",
        "template": "x",
    }
    known = {word: text for word, text in lines.items() if word in UI_KINDS[kind].__dataclass_fields__}
    table = "\n".join(f'{word} = "{text}"' for word, text in known.items())
    manifest = parse_manifest(f'name = "cards"\napi = 1\n[[{kind}]]\n{table}\n')
    assert [fault.code for fault in manifest_faults(manifest)] == ["PLG011"]


def test_site_at_the_root_takes_the_place_of_the_welcome_page(site: Folder, crm: Crm) -> None:
    assert "Retinue is running" in crm.client.get("/").text
    site.install("cards", body=BODY)
    crm.house.catalogue = discover()
    crm.house.enable(Actor.system("test"), "cards")
    with TestClient(app=make_application(crm.house), base_url=crm.house.config.base_url) as client:
        answer = client.get("/")
        assert "<title>front</title>" in answer.text
        policy = answer.headers["content-security-policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert client.get("/api/v1/contacts").status_code == 401


def test_site_is_unknown_to_the_api_document(site: Folder, crm: Crm) -> None:
    site.install("cards", body=BODY)
    crm.house.catalogue = discover()
    crm.house.enable(Actor.system("test"), "cards")
    assert "/" not in make_application(crm.house).document()["paths"]


def test_site_needs_a_path() -> None:
    manifest = parse_manifest('name = "cards"\napi = 1\n[[sites]]\npath = "cards"\nhandlers = "a.b:C"\n')
    assert [fault.code for fault in manifest_faults(manifest)] == ["PLG011"]
