"""What holds for every page, the desk's and its plugins': one walk over all of them, so that none is forgotten."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING

import pytest

from retinue.actor import Actor
from retinue_desk.routes import desk_routes

if TYPE_CHECKING:
    from conftest import Opens, Site, Visitor

SYSTEM = Actor.system("test")
NOT_PAGES = {"/{rest:path}", "/static/{build:str}/{plugin:str}/{path:path}"}
PIECES = {"/contacts/{contact_id:uuid}/details", "/contacts/{contact_id:uuid}/timeline"}
"""Addresses whose answers take a place within a page."""
QUICK = ["color-contrast", "target-size", "scrollable-region-focusable"]
"""The rules whose answer follows the theme and the width most; the run of minutes asks all rules of each form."""
STRANGERS = ("/sign-in", "/setup", "/reset-password", "/my-points/{token}")
"""Pages for people who are not signed in."""
LONG = "<img src=x onerror=alert(1)> " + "ж" * 260
RIGHT_TO_LEFT = "שלום עולם"
WIDEST = """() => [...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > 361)
  .map(e => e.cloneNode().outerHTML.slice(0, 90)).slice(0, 4).join(' ')"""
SHARES = 3
"""Into how many tests the walk is cut, so that several processes take part in it."""
MATRIX = [("light", 1440), ("dark", 1440), ("light", 390), ("dark", 390)]


@pytest.fixture(scope="module")
def places(site: Site) -> dict[str, str]:
    """What stands for the changing parts of addresses: a contact with an endless name, another that reads from the right."""
    odd = {
        "name": LONG,
        "given_name": LONG[:100],
        "city": RIGHT_TO_LEFT,
        "tags": ["очень-длинная-метка-" * 3],
    }
    contact, other = site.add(odd, {"given_name": RIGHT_TO_LEFT, "family_name": "בן־דוד"})
    note = {"contact_id": contact, "kind": "note", "body": f"{LONG} **{RIGHT_TO_LEFT}**"}
    site.record({**note, "at": datetime(2026, 1, 1, tzinfo=UTC)})
    found = {"contact_id": str(contact), "ids": f"{contact},{other}"}
    on = site.house.plugins.loaded
    if "io" in on:
        from retinue_io.service import start_upload

        with site.house.store(site.house.person(site.people["ada@staff.example"])) as store:
            file = BytesIO(f"Name;E-Mail\n{RIGHT_TO_LEFT};x@file.example\n".encode())
            found["import_id"] = str(start_upload(store, file, "names.csv").id)
    if "orders" in on:
        from retinue_orders.service import record_orders

        draft = {"number": "L" * 60, "contact_id": contact, "placed_at": datetime(2026, 3, 1, tzinfo=UTC)}
        with site.house.store(SYSTEM) as store:
            found["order_id"] = str(
                record_orders(store, [{**draft, "total_minor": 999, "currency": "EUR"}])[0].id
            )
    if "loyalty" in on:
        from retinue_loyalty import members, programmes, service

        draft = {"key": "every", "name": LONG[:80], "currency": "EUR", "state": "active"}
        draft |= {
            "rules": {"earn": {"points": 1, "per_minor": 1000}},
            "rules_from": datetime(2020, 1, 1, tzinfo=UTC),
        }
        with site.house.store(SYSTEM) as store:
            programme = programmes.create_programme(store, draft)["id"]
        with site.house.store(SYSTEM) as store:
            service.earn_points(store, programme, [{"contact_id": contact, "points": 49, "key": "k"}])
        with site.house.store(SYSTEM, readonly=True) as store:
            found |= {"programme_id": str(programme), "token": members.make_link(store, contact, programme)}
    if "webhooks" in on:
        from retinue_webhooks.service import create_endpoint

        draft = {"url": "https://hooks.example.org/" + "x" * 200, "events": ["*"], "active": False}
        with site.house.store(SYSTEM) as store:
            found["webhook_id"] = str(create_endpoint(store, draft)[0].id)
    if "email" in on:
        from email_stage import set_letters

        found |= set_letters(site.house, contact, LONG)
    if "nps" in on:
        from nps_stage import set_survey

        found |= set_survey(site.house, contact, LONG)
    if "gdpr" in on:
        from gdpr_stage import set_stage

        (gone,) = site.add({"given_name": "Gone"})
        found |= set_stage(site.house, contact, gone)
    return found


def _pages(site: Site, places: dict[str, str]) -> list[str]:
    """Return the address of every page that is served, its changing parts filled in."""
    found = []
    for handler in desk_routes(site.house):
        if "GET" in handler.http_methods:
            found += [path for path in handler.paths if path not in NOT_PAGES | PIECES]
    filled = [re.sub(r"\{(\w+)(:\w+)?\}", lambda part: places.get(part[1], part[0]), path) for path in found]
    return sorted(path if path != "/merge" else f"/merge?ids={places['ids']}" for path in filled)


def _faults(visitor: Visitor, path: str, themes: list[tuple[str, int]]) -> list[str]:
    """Return what is wrong with a page, by theme and width."""
    page = visitor.page
    page.set_viewport_size({"width": themes[0][1], "height": 900})
    answer = visitor.go(path)
    found = [] if answer.locator("h1").count() == 1 else ["not one h1"]
    policy = page.evaluate("fetch(location.href).then(a => a.headers.get('content-security-policy') || '')")
    found += [f"policy: {policy}"] if "unsafe" in policy or "script-src" not in policy else []
    found += ["a name became markup"] if page.locator("main img[src=x]").count() else []
    rules: list[str] | None = None
    for theme, width in themes:
        page.set_viewport_size({"width": width, "height": 900})
        page.evaluate("theme => (document.documentElement.dataset.bsTheme = theme)", theme)
        found += [f"{theme} {width}: {text}" for text in visitor.find_faults(rules)]
        rules = QUICK if len(themes) < len(MATRIX) else None
    page.set_viewport_size({"width": 360, "height": 800})
    wide = page.evaluate("document.documentElement.scrollWidth")
    found += [f"{wide} wide at 360: {page.evaluate(WIDEST)}"] if wide > 360 else []
    found += [*visitor.said, *(f"asked {address}" for address in visitor.abroad)]
    visitor.said.clear()
    return [f"{path}: {text}" for text in found]


@pytest.mark.parametrize("share", range(SHARES))
@pytest.mark.parametrize(
    "themes", [[MATRIX[0], MATRIX[3]], pytest.param(MATRIX, marks=pytest.mark.slow)], ids=len
)
def test_every_page_is_accessible_quiet_and_within_its_width(
    visit: Opens, site: Site, places: dict[str, str], themes: list[tuple[str, int]], share: int
) -> None:
    """Axe finds nothing in light and dark; a strict policy, a clean console, no other host; no sideways scroll at 360 px.

    All that with a name of three hundred characters, one that reads from the right, and one that looks like markup.
    """
    paths = _pages(site, places)
    unknown = [path for path in paths if "{" in path]
    assert not unknown, f"say in `places` what stands for the parts of {unknown}"
    assert len(paths) > 20
    outside = [path for path in paths if path.startswith(tuple(s.partition("{")[0] for s in STRANGERS))]
    found = []
    visitor = visit()
    for path in paths[share::SHARES]:
        if path not in outside:
            found += _faults(visitor, path, themes)
    stranger = visit(None)
    for path in outside if share == 0 else ():
        found += _faults(stranger, path, themes)
    assert not found, "\n".join(found)
