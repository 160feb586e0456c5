"""Walking through a list, a look at a contact, and the board, in a browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from retinue.actor import Actor
from retinue.contacts import Contact, create_custom_field, describe_contact

if TYPE_CHECKING:
    from conftest import Opens, Site


def test_contact_knows_its_neighbours_of_the_list(visit: Opens, site: Site) -> None:
    site.add(*({"given_name": f"Řada{n}", "family_name": "Chodecká"} for n in range(3)))
    visitor = visit()
    page = visitor.go("/contacts?name__contains=Chodeck%C3%A1&sort=name")
    names = page.locator("#list-rows .desk-who a").all_inner_texts()
    page.locator("#list-rows .desk-who a").nth(1).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(names[1])
    expect(page.locator("[data-walk-at]")).to_have_text("2 of 3")
    page.keyboard.press("j")
    expect(page.get_by_role("heading", level=1)).to_have_text(names[2])
    page.get_by_role("link", name="Previous contact").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(names[1])
    visitor.check_axe()
    page.locator(".desk-crumbs a").click()
    expect(page).to_have_url(re.compile("name__contains"))
    visitor.check_quiet()


def test_look_shows_the_contact_without_leaving_the_list(visit: Opens, site: Site) -> None:
    site.add({"given_name": "Náhled", "family_name": "Rychlá", "city": "Třebíč"})
    visitor = visit()
    page = visitor.go("/contacts?q=Rychl%C3%A1")
    page.locator("#list-rows .desk-who a").first.press(" ")
    dialog = page.get_by_role("dialog", name="Náhled Rychlá")
    expect(dialog).to_contain_text("Třebíč")
    visitor.check_axe()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    visitor.check_quiet()


def test_card_of_the_board_moves_by_choice_and_back(visit: Opens, site: Site) -> None:
    """The way to move that needs no dragging; undo takes it back; only one's own people stand on it."""
    with site.house.store(Actor.system("test")) as store:
        field = {"key": "phase", "label": "Phase", "kind": "choice", "choices": ["new", "won"]}
        create_custom_field(store, field)
    (card,) = site.add({"given_name": "Tabule", "family_name": "Karetní", "custom": {"phase": "new"}})
    visitor = visit(width=390)
    page = visitor.go("/contacts/board?q=Karetn%C3%AD&by=custom.phase")
    page.get_by_label("Move Tabule Karetní to").select_option("won")
    won = page.locator("[data-value=won]")
    expect(won.get_by_role("link", name="Tabule Karetní")).to_be_visible()
    expect(won.locator("[data-count]")).to_have_text("1")
    with site.house.store(Actor.system("test")) as store:
        assert describe_contact(store, store.get(Contact, card))["custom"]["phase"] == "won"
    visitor.check_axe()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("[data-value=new]").get_by_role("link", name="Tabule Karetní")).to_be_visible()
    visitor.check_quiet()
    page.set_viewport_size({"width": 1440, "height": 900})
    page.locator("[data-value=new] [data-id]").drag_to(won)
    expect(won.get_by_role("link", name="Tabule Karetní")).to_be_visible()
    with site.house.store(Actor.system("test")) as store:
        assert describe_contact(store, store.get(Contact, card))["custom"]["phase"] == "won"
    other = visit("mert@staff.example").go("/contacts/board?by=custom.phase")
    assert "Tabule" not in other.content()
