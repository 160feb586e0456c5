"""Webhooks within the settings, in a browser: made, tried, looked at, switched off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from conftest import Opens, Site


def test_webhook_is_made_tried_and_switched_off_and_its_secret_is_seen_once(visit: Opens, site: Site) -> None:
    if "webhooks" not in site.house.plugins.loaded:
        pytest.skip("the plugin webhooks is not installed here")
    visitor = visit()
    page = visitor.go("/settings/webhooks")
    assert page.get_by_role("link", name="Webhooks").count() == 1, (
        "a page of the settings is a tab, no line of the navigation"
    )
    page.get_by_role("button", name="New webhook").click()
    page.get_by_label("Address").fill("ftp://hooks.example")
    page.get_by_label("All, also those of later plugins").uncheck()
    page.get_by_label("Contacts were created").check()
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.locator("#webhook-url-fault")).to_be_visible()
    page.get_by_label("Address").fill(f"http://127.0.0.1:{site.address.rpartition(':')[2]}/api/v1/nobody")
    page.get_by_role("button", name="Create", exact=True).click()
    secret = page.locator(".desk-once").inner_text()
    assert secret.startswith("whsec_")
    page.get_by_role("button", name="I have kept it").click()
    page.get_by_role("link", name="/api/v1/nobody").click()
    expect(page.get_by_label("Contacts were created")).to_be_checked()
    assert secret not in page.content()
    with page.expect_navigation():
        page.get_by_role("button", name="Send a test").click()
    row = page.locator("tbody tr", has_text="webhook.test")
    expect(row).to_have_count(1)
    page.get_by_role("button", name="New secret").click()
    assert page.locator(".desk-once").first.inner_text() != secret
    page.get_by_role("button", name="I have kept it").click()
    for _ in range(20):
        if "http-400" in row.inner_text():
            break
        page.wait_for_timeout(150)
        page.get_by_role("link", name="Look again").click()
    expect(row).to_contain_text("http-400")
    with page.expect_navigation():
        row.get_by_role("button", name="Send again").click()
    page.get_by_role("button", name="Switch off").click()
    expect(page.get_by_text("switched off by hand")).to_be_visible()
    expect(page.get_by_role("button", name="Send a test")).to_have_count(0)
    visitor.check_axe()
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(page.get_by_role("heading", name="Webhooks", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="/api/v1/nobody")).to_have_count(0)
    assert visit("mert@staff.example").context.request.get("/settings/webhooks").status == 403
    visitor.check_quiet()
