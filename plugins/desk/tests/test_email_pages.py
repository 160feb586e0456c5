"""Letters and campaigns within the desk, in a browser: written, looked at, started, counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from retinue.actor import Actor

if TYPE_CHECKING:
    from conftest import Opens, Site

SYSTEM = Actor.system("test")


def test_campaign_is_written_looked_at_started_and_counted(visit: Opens, site: Site) -> None:
    """A template and its text, a campaign for a view, its audience with reasons, start on hold, rows behind the numbers."""
    if "email" not in site.house.plugins.loaded:
        pytest.skip("the plugin email is not installed here")
    site.add(
        {"given_name": "Lettra", "emails": ["lettra@pages.example"]},
        {"given_name": "Lettra", "family_name": "Two", "emails": ["LETTRA@pages.example"]},
        {"given_name": "Lettra", "family_name": "Three"},
    )
    visitor = visit()
    page = visitor.page
    view = {
        "name": "Lettras",
        "entity": "contact",
        "filter": {"field": "given_name", "op": "eq", "value": "Lettra"},
    }
    headers = {"Origin": site.address, "Content-Type": "application/json"}
    assert visitor.context.request.post("/api/v1/views", data=view, headers=headers).status == 201
    visitor.go("/email/templates")
    page.get_by_role("button", name="New template").click()
    page.locator("#template-name").fill("Pages")
    page.locator("#template-key").fill("pages")
    page.locator("#template-purpose").fill("service")
    page.get_by_role("button", name="Create", exact=True).click()
    page.get_by_role("link", name="Pages", exact=True).click()
    page.locator("#text-subject").fill("Hello {{ nobody }}")
    page.get_by_role("button", name="Save the text").click()
    expect(page.get_by_text("nobody", exact=False).first).to_be_visible()
    page.locator("#text-subject").fill('Hello {{ given | default:"you" }}')
    page.get_by_role("button", name="Save the text").click()
    expect(page.get_by_text("number 1")).to_be_visible()
    visitor.check_axe()
    visitor.go("/email")
    page.get_by_role("button", name="New campaign").click()
    page.locator("#campaign-name").fill("Autumn pages")
    page.locator("#campaign-template").select_option(label="Pages (en)")
    page.locator("#campaign-view").select_option(label="Lettras")
    page.get_by_role("button", name="Create", exact=True).click()
    page.get_by_role("link", name="Autumn pages").click()
    expect(page.locator("[data-total]")).to_have_text("3")
    expect(page.get_by_text("same address as another")).to_be_visible()
    expect(page.get_by_text("no address", exact=False).first).to_be_visible()
    visitor.check_axe()
    page.get_by_role("button", name="Start", exact=True).click()
    page.locator("#start-expected").fill("3")
    page.locator("#start-hold").check()
    page.locator("#start-campaign").get_by_role("button", name="Start").click()
    expect(page.get_by_role("heading", name="What became of the letters")).to_be_visible()
    expect(page.locator("[data-state=paused]")).to_be_visible()
    page.locator("tr", has_text="same address as another").get_by_role("link").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("link", name="Autumn pages").click()
    page.locator("[data-open-dialog=cancel-campaign]").click()
    page.locator("#cancel-campaign").get_by_role("button", name="Cancel the campaign").click()
    expect(page.locator("[data-state=cancelled]").first).to_be_visible()
    assert visit("mert@staff.example").context.request.get("/email").status == 403
    assert not visitor.abroad
