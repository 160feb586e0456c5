"""Signing in and the lists of contacts, in a browser."""

from __future__ import annotations

import gzip
import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from pathlib import Path
    from uuid import UUID

    from conftest import Opens, Site

PASSWORD = "correct-horse-battery-42"
LENA = "lena@staff.example"
"""A manager of this module's own: what other modules make does not count into her lists."""


@pytest.fixture(scope="module")
def people(site: Site) -> list[UUID]:
    """Sixty people in two towns, one of nobody's but the administrator's, and one firm."""
    site.hire(LENA, role="Manager")
    towns = ("Brno", "Praha")
    drafts = [
        {"given_name": "Jana", "family_name": f"Nováková {n:02}", "city": towns[n % 2], "job_title": "Owner",
         "emails": [f"jana{n}@list.example"]} for n in range(60)
    ]  # fmt: skip
    firm = {"kind": "organisation", "name": "Pekařství U Kapličky", "city": "Brno"}
    hidden = {"given_name": "Zdeněk", "family_name": "Skrytý", "city": "Brno"}
    odd = {"name": "<img src=x onerror=alert(1)> " + "ж" * 250, "city": "שלום"}
    return [*site.add(*drafts, firm, owner=LENA), *site.add(hidden, odd)]


def test_strangers_sign_in_and_come_back_to_where_they_were(visit: Opens, people: list[UUID]) -> None:
    visitor = visit(None)
    page = visitor.go("/contacts?city=Brno")
    assert "/sign-in?next=%2Fcontacts%3Fcity%3DBrno" in page.url
    page.get_by_label("Login").fill(LENA)
    page.get_by_label("Password").fill("not this one")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Login or password is wrong.")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/contacts?city=Brno")
    expect(page.get_by_role("heading", level=1)).to_have_text("Contacts")
    page.get_by_role("button", name=re.compile("Account of")).click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in")
    assert "/sign-in" in visitor.go("/contacts").url


def test_sign_in_never_leads_to_another_site(visit: Opens) -> None:
    request = visit(None).context.request
    for next_page in ("//evil.example", "https://evil.example", "/\\evil.example", "javascript:x"):
        assert 'data-next="/"' in request.get("/sign-in", params={"next": next_page}).text()


def test_list_shows_only_what_its_reader_may_see(visit: Opens, people: list[UUID]) -> None:
    """C-13 at the desk: a person out of reach stands in no page, no piece of one and no count."""
    visitor = visit(LENA)
    page = visitor.go("/contacts")
    expect(page.locator("#list-count")).to_have_text("61 contacts")
    for address in ("/contacts?q=skryty", "/contacts?q=skryty&part=list", "/contacts?sort=-name&part=rows"):
        assert "Skrytý" not in visitor.context.request.get(address).text()
    assert visitor.context.request.get(f"/contacts/{people[-2]}").status == 404
    assert "Skrytý" in visit().go("/contacts?q=skryty").content()


def test_list_finds_filters_sorts_and_pages(visit: Opens, people: list[UUID]) -> None:
    visitor = visit(LENA)
    page = visitor.go("/contacts?kind=person")
    rows = page.locator("#list-rows tr[data-id]")
    expect(rows).to_have_count(50)
    page.locator(".desk-next").scroll_into_view_if_needed()
    expect(rows).to_have_count(60)
    assert (
        page.evaluate("new Set([...document.querySelectorAll('#list-rows tr')].map(r => r.dataset.id)).size")
        == 60
    )
    page.get_by_label("Find in this list").fill("novakova 07")
    expect(rows).to_have_count(1)
    assert "q=novakova+07" in page.url
    page.get_by_label("Find in this list").fill("")
    expect(rows).to_have_count(50)
    page.get_by_role("link", name="Name").click()
    page.wait_for_url("**sort=-name*")
    expect(rows.first).to_contain_text("Nováková 59")
    visitor.check_quiet()


def test_first_load_stays_below_its_weight(visit: Opens, people: list[UUID], package: Path) -> None:
    """Bar: a page of fifty rows with all that it loads is at most 150 KB, compressed."""
    page = visit(LENA).go("/contacts")
    loaded = (
        "performance.getEntriesByType('resource').map(e => [e.name.split('/').at(-1), e.encodedBodySize])"
    )
    sizes = dict(page.evaluate(loaded))
    assert {"tabler.min.css", "htmx.min.js", "desk.js"} <= set(sizes)
    sprite = package / "src" / "retinue_desk" / "static" / "vendor" / "icons.svg"  # browsers do not list it
    written = [page.content().encode(), sprite.read_bytes()]
    weight = sum(sizes.values()) + sum(len(gzip.compress(part, 9)) for part in written)
    print(f"first load: {weight / 1000:.1f} KB, limit 150")  # noqa: T201  # a figure to read
    assert weight <= 150_000


def test_filter_builder_writes_the_address_and_a_chip_takes_it_back(visit: Opens, people: list[UUID]) -> None:
    visitor = visit(LENA)
    page = visitor.go("/contacts")
    page.keyboard.press("f")
    page.get_by_label("Field").select_option("city")
    page.get_by_label("Condition").select_option("eq")
    page.get_by_label("Value").fill("Brno")
    page.get_by_role("button", name="Apply").click()
    page.wait_for_url("**city=Brno*")
    expect(page.locator("#list-count")).to_have_text("31 contacts")
    expect(page.locator(".desk-chip")).to_have_text("City is Brno")
    page.get_by_role("link", name="Remove the filter: City is Brno").click()
    expect(page.locator("#list-count")).to_have_text("61 contacts")
    page.get_by_role("button", name="Add filter").click()
    page.get_by_label("Field").select_option("emails")
    expect(page.get_by_text("This field cannot be filtered by")).to_be_visible()
    visitor.check_quiet()


def test_conditions_are_joined_by_or_and_turned_round(visit: Opens, people: list[UUID]) -> None:
    visitor = visit(LENA)
    page = visitor.go("/contacts?city=Brno&kind=person")
    page.keyboard.press("f")
    page.get_by_label("Field").select_option("city")
    page.get_by_label("Condition").select_option("eq")
    page.get_by_label("Value", exact=True).fill("Praha")
    page.get_by_label("Together with the rest of the filter").select_option(label="or: City is Brno")
    visitor.check_axe()
    page.get_by_role("button", name="Apply").click()
    expect(page.locator(".desk-chip")).to_have_text(["City is Brno or City is Praha", "Kind is person"])
    expect(page.locator("#list-count")).to_have_text("60 contacts")
    page.keyboard.press("f")
    page.get_by_label("Field").select_option("family_name")
    page.get_by_label("Condition").select_option("contains")
    page.get_by_label("Value", exact=True).fill("Nováková 0")
    page.get_by_label("Turn it round: all it does not fit").check()
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("#list-count")).to_have_text("50 contacts")
    page.get_by_role("link", name="Remove the filter: City is Brno or City is Praha").click()
    expect(page.locator(".desk-chip")).to_have_text(
        ["Kind is person", "not (Family name contains Nováková 0)"]
    )
    assert (
        visit(LENA).go("/contacts?city__is_set=true").locator(".desk-chip").inner_text()
        == "City is filled in"
    )
    visitor.check_quiet()


def test_view_is_saved_with_filter_columns_and_order(visit: Opens, people: list[UUID]) -> None:
    visitor = visit(LENA)
    page = visitor.go("/contacts?city=Praha&fields=name,city,country&sort=-name")
    page.get_by_role("button", name="Save view").click()
    page.locator("#view-name").fill("Prague, backwards")
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url("**/contacts?view=*")
    expect(page.locator(".desk-tab[aria-current]")).to_have_text("Prague, backwards")
    expect(page.locator("thead th")).to_have_count(4)
    expect(page.locator("#list-rows tr").first).to_contain_text("Nováková 59")
    expect(page.locator("#list-count")).to_have_text("30 contacts")
    assert page.get_by_role("button", name="Save view").count() == 0
    visitor.go("/companies")
    expect(page.locator("#list-rows tr[data-id]")).to_have_count(1)


def test_columns_are_chosen_and_moved_by_buttons(visit: Opens, people: list[UUID]) -> None:
    """WCAG 2.5.7: nothing needs dragging."""
    page = visit(LENA).go("/contacts?fields=name,city")
    page.get_by_role("button", name="Columns").click()
    page.get_by_label("Country", exact=True).check()
    page.get_by_role("button", name="Further left: City").click()
    page.get_by_role("button", name="Apply").click()
    page.wait_for_url("**fields=*")
    heads = [text.strip() for text in page.locator("thead th").all_inner_texts()]
    assert [h.lower() for h in heads[1:]] == ["city", "name", "country"]


def test_contact_is_created_once_however_often_the_button_is_pressed(visit: Opens, site: Site) -> None:
    visitor = visit()
    page = visitor.go("/contacts")
    page.keyboard.press("n")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("alert").first).to_contain_text("a name is missing")
    page.get_by_label("Family name").fill("Dvojitá")
    page.get_by_label("E-mail address").fill("not an address")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.locator("#new-email-fault")).to_contain_text("not an e-mail address")
    page.get_by_label("E-mail address").fill("dvojita@list.example")
    page.evaluate("for (let n = 0; n < 3; n++) document.querySelector('#new-contact form').requestSubmit()")
    page.wait_for_url(re.compile("/contacts/[0-9a-f-]{36}"))
    visitor.go("/contacts?q=dvojita")
    expect(page.locator("#list-count")).to_have_text("1 contact")


def test_double_is_offered_before_it_is_made(visit: Opens, people: list[UUID]) -> None:
    page = visit().go("/contacts")
    page.keyboard.press("n")
    page.get_by_label("Family name").fill("Druhá")
    page.get_by_label("E-mail address").fill("JANA3@list.example")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("link", name="Open")).to_have_attribute("href", f"/contacts/{people[3]}")
    page.get_by_role("button", name="Create it all the same").click()
    page.wait_for_url(re.compile("/contacts/[0-9a-f-]{36}"))


def test_session_that_ended_loses_nothing_that_was_typed(visit: Opens, people: list[UUID]) -> None:
    visitor = visit(LENA)
    page = visitor.go("/contacts")
    page.keyboard.press("n")
    page.get_by_label("Family name").fill("Trpělivá")
    visitor.context.clear_cookies(name="retinue")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_text("Your session is over")).to_be_visible()
    page.get_by_label("Login").fill(LENA)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(re.compile("/contacts/[0-9a-f-]{36}"))


def test_wrong_address_gives_a_page_to_people_and_a_problem_to_programs(visit: Opens) -> None:
    visitor = visit()
    assert "There is nothing here" in visitor.context.request.get("/nowhere/at/all").text()
    answer = visitor.context.request.get("/api/v1/nowhere")
    assert answer.status == 404
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert visitor.context.request.get("/static/x/desk/%2e%2e/plugin.toml").status == 404
    policy = visitor.context.request.get("/contacts").headers["content-security-policy"]
    assert "unsafe" not in policy


def test_filter_that_does_not_fit_says_so_and_offers_a_way_back(visit: Opens, people: list[UUID]) -> None:
    visitor = visit()
    page = visitor.go("/contacts?nonsense=1")
    expect(page.get_by_role("heading", name="This list cannot be shown")).to_be_visible()
    page.get_by_role("link", name="Clear the filter").click()
    expect(page.locator("#list-rows tr[data-id]").first).to_be_visible()
