"""Pages of orders and loyalty within the desk, and a customer's own balance by a signed link, without an account."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from retinue.actor import Actor

if TYPE_CHECKING:
    from uuid import UUID

    from conftest import Opens, Site

RULES = {"earn": {"points": 1, "per_minor": 1000}, "redeem": {"point_minor": 100}}
SYSTEM = Actor.system("test")
LANGUAGES = ("en", "ru", "tr", "cs", "de")


@pytest.fixture(scope="module")
def member(site: Site) -> tuple[UUID, Any]:
    """A programme with a member who has 49 points; returns contact and programme."""
    if "loyalty" not in site.house.catalogue:
        pytest.skip("the plugin loyalty is not installed here")
    from retinue_loyalty import programmes, service

    if "loyalty" not in site.house.plugins.loaded:
        pytest.skip("the plugin loyalty is off here")
    (contact,) = site.add({"given_name": "Ivana", "family_name": "Bodová"})
    with site.house.store(SYSTEM) as store:
        draft = {"key": "club", "name": "Club", "currency": "EUR", "state": "active", "rules": RULES}
        draft["rules_from"] = datetime(2020, 1, 1, tzinfo=UTC)
        programme = programmes.create_programme(store, draft)["id"]
    with site.house.store(SYSTEM) as store:
        service.earn_points(store, programme, [{"contact_id": contact, "points": 49, "key": "k"}])
    return contact, programme


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_programmes_and_the_editor_stand_within_the_desk(
    visit: Opens, member: tuple[UUID, Any], theme: str
) -> None:
    visitor = visit(theme=theme)
    page = visitor.go("/loyalty")
    expect(page.get_by_role("heading", level=1)).to_have_text("Loyalty")
    visitor.check_axe()
    page.locator("#new-name").fill(f"Night {theme}")
    page.locator("#new-key").fill(f"night-{theme}")
    page.get_by_role("button", name="Create").click()
    page.get_by_role("link", name=f"Night {theme}").click()
    page.get_by_role("button", name="Activate").click()
    expect(page.get_by_role("button", name="Close for good")).to_be_visible()
    visitor.go(f"/loyalty/{member[1]}")
    page.get_by_label("Levels", exact=True).check()
    page.get_by_label("Over the last months").fill("12")
    for name, amount in (("silver", "300"), ("gold", "800,00")):
        page.get_by_role("button", name="Add a level").click()
        row = page.locator("[data-row]", has=page.locator("[name$='.threshold']")).last
        row.get_by_label("Key").fill(name)
        row.get_by_label("From").fill(amount)
    page.locator("[name='rules.earn.per_minor']").fill("ten")
    page.locator("form[data-rules]").get_by_role("button", name="Preview").click()
    expect(page.locator("[name='rules.earn.per_minor']")).to_have_attribute("aria-invalid", "true")
    page.locator("[name='rules.earn.per_minor']").fill("10.00")
    page.locator("form[data-rules]").get_by_role("button", name="Preview").click()
    expect(page.get_by_role("heading", name="What these rules would change")).to_be_visible()
    written = json.loads(page.locator("#rules").input_value())
    assert written["earn"]["per_minor"] == 1000
    assert [level["threshold"] for level in written["tiers"]["levels"]] == [30000, 80000]
    assert page.locator("[name='rules.tiers.levels.1.threshold']").input_value() == "800.00"
    visitor.check_axe()
    visitor.check_quiet()


def test_own_balance_by_a_signed_link_in_five_languages(
    visit: Opens, site: Site, member: tuple[UUID, Any]
) -> None:
    from retinue_loyalty.members import make_link

    with site.house.store(SYSTEM, readonly=True) as store:
        token = make_link(store, *member)
    seen: set[str] = set()
    for language in LANGUAGES:
        visitor = visit(None, width=390, height=800, locale=language)
        page = visitor.go(f"/my-points/{token}")
        expect(page.locator("[data-balance]")).to_have_text("49")
        assert page.locator("html").get_attribute("lang") == language
        seen.add(page.locator("dt").first.inner_text().lower())
        assert "Bodová" not in page.content()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert seen == {"points", "баллы", "puan", "body", "punkte"}
    visitor.check_axe()
    visitor.check_quiet()
    assert visitor.context.request.get(f"/my-points/{token[:-1]}x").status == 403


def test_points_are_redeemed_at_the_counter_in_three_clicks(
    visit: Opens, site: Site, member: tuple[UUID, Any]
) -> None:
    """The contact in the list, the field, the button; the card then says what is left."""
    visitor = visit()
    page = visitor.go("/contacts")
    page.get_by_role("link", name="Ivana Bodová").first.click()
    card = page.locator("form[data-api*='/redeem']")
    card.locator("input[name=points]").click()
    page.keyboard.type("9")
    card.get_by_role("button", name="Redeem").click()
    expect(page.locator("[data-balance]")).to_have_text("40")
    visitor.check_axe()
    visitor.check_quiet()


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_orders_and_the_catalogue_stand_within_the_desk(visit: Opens, site: Site, theme: str) -> None:
    """A refund is recorded on the order's page; lists and the catalogue are read beside it."""
    if "orders" not in site.house.plugins.loaded:
        pytest.skip("the plugin orders is not installed here")
    from retinue_orders.service import record_orders

    (contact,) = site.add({"given_name": "Petra", "family_name": f"Kupující {theme}"})
    draft = {"number": f"A-{theme}", "contact_id": contact, "placed_at": datetime(2026, 3, 1, tzinfo=UTC)}
    draft |= {"total_minor": 25000, "currency": "EUR", "payment": "paid"}
    with site.house.store(SYSTEM) as store:
        order = record_orders(store, [draft])[0].id
    visitor = visit(theme=theme)
    page = visitor.go("/orders")
    expect(page.get_by_role("link", name=f"A-{theme}")).to_be_visible()
    visitor.check_axe()
    visitor.go(f"/contacts/{contact}")
    expect(page.locator("dd", has_text="€250.00").first).to_be_visible()
    visitor.go(f"/orders/{order}")
    expect(page.locator("[data-total]")).to_contain_text("250.00")
    page.locator("input[name=amount_minor]").fill("50,00")
    page.get_by_role("button", name="Record the refund").click()
    expect(page.locator("[data-refund]")).to_contain_text("50.00")
    visitor.check_axe()
    visitor.go("/products")
    expect(page.get_by_role("heading", level=1)).to_have_text("Catalogue")
    visitor.check_axe()
    for name, text in (
        ("sku", f"TEA-{theme}"),
        ("name", "Sencha"),
        ("price_minor", "1.5"),
        ("currency", "JPY"),
    ):
        page.locator(f"form [name={name}]").fill(text)
    page.get_by_role("button", name="Add").click()
    expect(page.locator("[name=price_minor]")).to_have_attribute("aria-invalid", "true")
    page.locator("[name=price_minor]").fill("1 500")
    page.get_by_role("button", name="Add").click()
    expect(page.locator("tr", has_text=f"TEA-{theme}")).to_contain_text("¥1,500")
    visitor.check_quiet()
