"""The first visit of an installation, in a browser: from the printed address to a desk with plugins and people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from retinue.access import setup_code
from retinue.actor import Actor

if TYPE_CHECKING:
    from conftest import Site, Visitor


def test_first_visit_leads_from_the_printed_code_to_a_desk_with_plugins_and_people(
    empty: Site, newcomer: Visitor
) -> None:
    """A wrong code opens nothing; afterwards the page is gone for everybody."""
    with empty.house.store(Actor.system("test"), readonly=True) as store:
        code = setup_code(store)
    page = newcomer.go("/contacts")
    expect(page).to_have_url(f"{empty.address}/setup")
    newcomer.check_axe()
    page.get_by_label("Code of this installation").fill("not the code")
    page.get_by_label("Your name").fill("Ada Byron")
    page.get_by_label("E-mail").fill("ada@example.org")
    page.get_by_label("Password").fill("correct-horse-battery-42")
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_text("This is not the code that was printed.")).to_be_visible()
    page.get_by_label("Code of this installation").fill(code)
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("First steps")
    page.get_by_label("Name of the organisation").fill("Dům knihy")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".desk-brand")).to_contain_text("Dům knihy")
    page.get_by_label("Webhooks").check()
    page.get_by_role("button", name="Turn on what is chosen").click()
    expect(page.get_by_label("Webhooks")).to_be_disabled()
    assert "webhooks" in empty.house.plugins.loaded
    page.get_by_role("button", name="Make up forty people").click()
    page.get_by_role("link", name="See them").click()
    expect(page.locator("main")).to_contain_text("40")
    newcomer.check_quiet()
    newcomer.context.clear_cookies()
    page.goto("/setup")
    expect(page).to_have_url(f"{empty.address}/sign-in")
