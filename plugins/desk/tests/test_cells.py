"""Editing in the cells of a list, in a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from retinue.actor import Actor
from retinue.contacts import Contact, describe_contact

if TYPE_CHECKING:
    from conftest import Opens, Site


def test_cell_is_edited_by_four_keys(visit: Opens, site: Site) -> None:
    """Enter edits and saves, Esc discards, Tab saves and goes to the next; a choice is a select; a wrong value stays typed."""
    (first, second) = site.add(
        {"given_name": "Buňka", "family_name": "Tabulková A", "city": "Brno", "sex": "female"},
        {"given_name": "Buňka", "family_name": "Tabulková B"},
    )
    visitor = visit()
    page = visitor.go("/contacts?q=Tabulkov%C3%A1&fields=name,city,sex,emails&sort=name")
    city = page.locator(f"tr[data-id='{first}'] [data-cell=city]")
    city.focus()
    page.keyboard.press("Enter")
    expect(city.get_by_label("City")).to_have_value("Brno")
    visitor.check_axe()
    page.keyboard.type("Nowhere")
    page.keyboard.press("Escape")
    expect(city).to_have_text("Brno")
    expect(city).to_be_focused()
    page.keyboard.press("F2")
    expect(city.get_by_label("City")).to_be_focused()
    page.keyboard.type("Ostrava")
    page.keyboard.press("Tab")
    sex = page.locator(f"tr[data-id='{first}'] [data-cell=sex]")
    expect(city).to_have_text("Ostrava")
    sex.get_by_label("Sex").select_option("other")
    page.keyboard.press("Tab")
    mail = page.locator(f"tr[data-id='{first}'] [data-cell=emails]")
    mail.get_by_label("E-mail addresses: Value").fill("nonsense")
    page.keyboard.press("Enter")
    expect(mail.get_by_role("alert")).to_contain_text("not an e-mail address")
    mail.get_by_label("E-mail addresses: Value").fill("bunka@cell.example")
    page.keyboard.press("Enter")
    expect(mail).to_contain_text("bunka@cell.example")
    expect(mail).to_be_focused()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowDown")
    expect(page.locator(f"tr[data-id='{second}'] [data-cell=sex]")).to_be_focused()
    with site.house.store(Actor.system("test")) as store:
        kept = describe_contact(store, store.get(Contact, first))
    assert (kept["city"], kept["sex"], kept["emails"][0]["value"]) == (
        "Ostrava",
        "other",
        "bunka@cell.example",
    )
    visitor.check_quiet()


def test_cells_that_cannot_be_changed_are_not_offered(visit: Opens, site: Site) -> None:
    site.hire("reader@staff.example", role="Reader")
    page = visit("reader@staff.example").go("/contacts")
    assert page.locator("[data-cell]").count() == 0
    page = visit().go("/contacts?fields=name,city,last_interaction_at")
    expect(page.locator("#list-rows [data-cell=city]").first).to_be_visible()
    assert page.locator("[data-cell=last_interaction_at]").count() == 0
