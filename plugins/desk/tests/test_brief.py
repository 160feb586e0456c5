"""The hand-over brief and the command palette, in a browser."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from retinue.relations.service import relate_contacts

if TYPE_CHECKING:
    from uuid import UUID

    from conftest import Opens, Site

MERT = "mert@staff.example"


@pytest.fixture(scope="module")
def firm(site: Site) -> UUID:
    """An organisation with 12 interactions, 3 people in its decision and 2 open promises; a third one was kept."""
    people = [{"given_name": "Člen", "family_name": f"Rady {n}"} for n in range(3)]
    firm, *members = site.add({"kind": "organisation", "name": "Předaná, a.s."}, *people, owner=MERT)
    with site.house.store(site.house.person(site.people["ada@staff.example"])) as store:
        for member in members:
            relate_contacts(store, firm, member, {"kind": "decided_by", "role": "decider", "involvement": 50})
    now = datetime.now(UTC)
    site.record(*({"contact_id": firm, "kind": "call", "at": now - timedelta(days=n)} for n in range(12)))
    site.record(
        {"contact_id": firm, "kind": "promise", "body": "Send the offer", "data": {"due": "2026-12-01"}},
        {"contact_id": firm, "kind": "promise", "body": "Call back"},
        {"contact_id": firm, "kind": "promise", "body": "Old", "data": {"kept_at": "2026-01-01"}},
    )
    site.add({"given_name": "Palette", "family_name": "Tajemná"})
    return firm


def test_brief_counts_and_prints(visit: Opens, firm: UUID) -> None:
    """C-28: 12 interactions, 3 in the decision, 2 promises; Chromium makes a PDF of it."""
    visitor = visit(MERT)
    page = visitor.go(f"/contacts/{firm}/brief")
    numbers = {
        name: page.locator(f"[data-number={name}]").inner_text()
        for name in ("interactions", "deciding", "promises")
    }
    assert numbers == {"interactions": "12", "deciding": "3", "promises": "2"}
    pdf = page.pdf(format="A4")
    assert pdf.startswith(b"%PDF")
    assert pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") + pdf.count(b"/Type /Page/") >= 1
    page.emulate_media(media="print")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator(".desk-side")).to_be_hidden()
    page.emulate_media(media="screen")
    page.get_by_role("button", name="Kept").first.click()
    expect(page.locator("[data-number=promises]")).to_have_text("1")
    visitor.check_quiet()


def test_palette_finds_people_views_and_commands_by_keyboard(visit: Opens, firm: UUID) -> None:
    visitor = visit(MERT)
    page = visitor.go("/contacts")
    page.keyboard.press("Control+k")
    expect(page.get_by_role("combobox", name="Search or run a command")).to_be_focused()
    visitor.check_axe()
    page.keyboard.type("predana")
    expect(page.get_by_role("option", name="Předaná, a.s.")).to_be_visible()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/contacts/{firm}")
    page.keyboard.press("Control+k")
    expect(page.get_by_role("option", name="Předaná, a.s.")).to_be_visible()
    page.keyboard.type("!brief")
    page.keyboard.press("Enter")
    page.wait_for_url("**/brief")
    visitor.check_quiet()


def test_palette_gives_nothing_that_is_not_its_readers(visit: Opens, firm: UUID, site: Site) -> None:
    """Neither a person out of reach, nor a command without its permission."""
    visitor = visit(MERT)
    page = visitor.go("/contacts")
    page.keyboard.press("Control+k")
    with page.expect_response("**/contacts/search?*"):
        page.keyboard.type("tajemna")
    expect(page.get_by_text("Nothing found")).to_be_visible()
    assert "Tajemná" not in page.content()
    front = site.house.plugins
    from retinue.testing.fixtures import person
    from retinue.ui import PaletteItem

    with site.house.store(person("contact.read"), readonly=True) as store:
        offered = {owned.item.name for owned in front.offered(PaletteItem, store)}
    assert "desk.contacts" in offered
    assert "desk.new_contact" not in offered


def test_shortcuts_are_listed_from_the_registry_and_ignored_while_typing(visit: Opens, firm: UUID) -> None:
    visitor = visit(MERT)
    page = visitor.go("/contacts")
    page.get_by_label("Find in this list").focus()
    page.keyboard.type("n?")
    assert page.locator("dialog[open]").count() == 0
    page.locator("h1").click()
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keyboard shortcuts")).to_be_visible()
    for text in ("New contact", "Go to companies", "Search or run a command"):
        expect(page.locator("[data-shortcuts]")).to_contain_text(text)
    visitor.check_axe()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("o")
    page.wait_for_url("**/companies")
