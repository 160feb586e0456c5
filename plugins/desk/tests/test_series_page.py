"""Regular letters in the desk: set up, seen with their next time, and let rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from retinue.actor import Actor

if TYPE_CHECKING:
    from conftest import Opens, Site

SYSTEM = Actor.system("test")


def test_digest_is_set_up_and_let_rest_in_the_page(visit: Opens, site: Site) -> None:
    """EM-04: each Monday at nine; a day and a day of the month together are refused at their place."""
    if "email" not in site.house.plugins.loaded:
        pytest.skip("the plugin email is off here")
    from retinue.lists.service import create_view
    from retinue_email import templates

    text = {
        "language": "en",
        "subject": "News",
        "source": '<p>…</p><a href="{{ unsubscribe_url }}">Leave</a>',
    }
    draft = {"key": "digest", "name": "Digest", "kind": "newsletter", "purpose": "news", "texts": [text]}
    with site.house.store(SYSTEM, plugin="email") as store:
        templates.create_template(store, draft)
    with site.house.store(SYSTEM) as store:
        create_view(
            store,
            store.declared["catalogues"],
            {"name": "Everyone", "entity": "contact", "visibility": "public"},
        )
    visitor = visit()
    page = visitor.go("/email")
    page.get_by_role("button", name="New regular letters").click()
    dialog = page.locator("#new-series")
    dialog.get_by_label("Name").fill("Monday digest")
    dialog.get_by_label("Template").select_option(label="Digest")
    dialog.get_by_label("Audience").select_option(label="Everyone")
    dialog.get_by_label("Monday").check()
    dialog.get_by_label("or day of the month").fill("3")
    dialog.get_by_label("Time zone").fill("Europe/Prague")
    dialog.get_by_role("button", name="Create").click()
    expect(dialog.get_by_text("give days of the week, or one day of the month")).to_be_visible()
    visitor.check_axe()
    dialog.get_by_label("or day of the month").fill("")
    dialog.get_by_role("button", name="Create").click()
    row = page.get_by_role("row", name="Monday digest")
    expect(row).to_contain_text("Monday 09:00")
    visitor.check_axe()
    row.get_by_role("button", name="Let rest: Monday digest").click()
    expect(page.get_by_role("row", name="Monday digest")).to_contain_text("at rest")
    visitor.check_quiet()
