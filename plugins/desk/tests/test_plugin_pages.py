"""Pages of another plugin within the desk: a file is brought in, checked, run, and taken back; another is taken away."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from conftest import Opens, Site

DATA = Path(__file__).parents[3] / "tests" / "data"
ROWS = "Vorname;Nachname;E-Mail\nJörg;Dateimann;joerg@file.example\nÜte;Dateifrau;not an address\n"


@pytest.fixture(autouse=True)
def _needs_io(site: Site) -> None:
    if "io" not in site.house.plugins.loaded:
        pytest.skip("the plugin io is not installed here")


def test_file_is_brought_in_step_by_step_and_taken_back(visit: Opens, tmp_path: Path) -> None:
    visitor = visit()
    page = visitor.go("/imports")
    file = tmp_path / "leute.csv"
    file.write_bytes(ROWS.encode("cp1252"))
    page.get_by_label("File", exact=True).set_input_files(file)
    page.get_by_role("button", name="Upload").click()
    page.wait_for_url(re.compile("/imports/[0-9a-f-]{36}"))
    expect(page.locator("[data-column]").first).to_have_value("given_name|")
    expect(page.locator("[data-column]").nth(2)).to_have_value("emails|value")
    page.get_by_role("button", name="Check").click()
    expect(page.locator("[data-checked] [data-number=created]")).to_have_text("1")
    expect(page.locator("[data-checked] [data-number=rejected]")).to_have_text("1")
    page.get_by_role("button", name="Start the import").click()
    expect(page.locator("[data-status]")).to_have_text("complete", timeout=20000)
    expect(page.locator("[data-number=created]")).to_have_text("1")
    assert (
        "not an address"
        in visitor.context.request.get(page.url.replace("/imports", "/api/v1/imports") + "/errors").text()
    )
    address = page.url
    visitor.go("/contacts?q=dateimann")
    expect(page.locator("#list-count")).to_have_text("1 contact")
    visitor.go(address.split("/", 3)[3].join(["/", ""]))
    page.get_by_role("button", name="Undo the import").click()
    expect(page.locator("[data-status]")).to_have_text("reverted", timeout=20000)
    visitor.go("/contacts?q=dateimann")
    expect(page.get_by_role("heading", name="Nobody matches")).to_be_visible()
    visitor.check_quiet()


def test_values_that_do_not_fit_are_looked_at_and_exchanged(visit: Opens, tmp_path: Path) -> None:
    visitor = visit()
    page = visitor.go("/imports")
    file = tmp_path / "werte.csv"
    file.write_text(
        "name,email,country\nWilma Wert,wilma@value.example,Utopia\nWerner Wert,werner@value,Utopia\n"
    )
    page.get_by_label("File", exact=True).set_input_files(file)
    page.get_by_role("button", name="Upload").click()
    page.wait_for_url(re.compile("/imports/[0-9a-f-]{36}"))
    page.get_by_role("button", name="Check", exact=True).click()
    rows = page.locator("[data-values] tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("Utopia")
    visitor.check_axe()
    page.get_by_label("Take instead: Utopia").fill("Česko")
    page.get_by_label("Leave out: werner@value").check()
    page.get_by_role("button", name="Check again with these values").click()
    expect(page.locator("[data-checked] [data-number=created]")).to_have_text("2")
    expect(page.get_by_label("Take instead: Utopia")).to_have_value("Česko")
    expect(page.get_by_label("Leave out: werner@value")).to_be_checked()
    page.get_by_role("button", name="Start the import").click()
    expect(page.locator("[data-status]")).to_have_text("complete", timeout=20000)
    found = visitor.context.request.get("/api/v1/contacts?q=wert").json()["items"]
    shown = [visitor.context.request.get(f"/api/v1/contacts/{one['id']}").json() for one in found]
    assert [one["country"] for one in shown] == ["CZ", "CZ"]
    visitor.check_quiet()


def test_orders_of_a_shop_come_in_by_the_wizard(visit: Opens, site: Site) -> None:
    """F1: the customers are known by the shop's numbers; 19 orders are counted before, 2,120.00 stand there after."""
    if "orders" not in site.house.plugins.loaded:
        pytest.skip("the plugin orders is not installed here")
    visitor = visit()
    for name, what, count in (("f1_contacts.csv", "contacts", "10"), ("f1_orders.csv", "orders.order", "19")):
        page = visitor.go("/imports")
        page.get_by_label("What it holds").select_option(what)
        page.get_by_label("File", exact=True).set_input_files(DATA / name)
        page.get_by_role("button", name="Upload").click()
        page.wait_for_url(re.compile("/imports/[0-9a-f-]{36}"))
        page.get_by_role("button", name="Check").click()
        expect(page.locator("[data-checked] [data-number=created]")).to_have_text(count)
        page.get_by_role("button", name="Start the import").click()
        expect(page.locator("[data-status]")).to_have_text("complete", timeout=20000)
    rows = visitor.context.request.get("/api/v1/orders?limit=100").json()["items"]
    assert sum(row["total_minor"] for row in rows if row["number"].startswith("O")) == 212000
    visitor.check_quiet()


def test_letters_that_were_guessed_wrong_are_read_another_way(visit: Opens, tmp_path: Path) -> None:
    """The first values show whether it was right; what was chosen before stays with its column, and so does what to do."""
    visitor = visit()
    page = visitor.go("/imports")
    file = tmp_path / "kisiler.csv"
    file.write_bytes("Ad;Soyad\nAyşe;Yıldırım\nÇağla;Gülşen\n".encode("cp1254"))
    page.get_by_label("File", exact=True).set_input_files(file)
    page.get_by_role("button", name="Upload").click()
    page.wait_for_url(re.compile("/imports/[0-9a-f-]{36}"))
    values = page.locator("tbody tr").nth(1)
    expect(values).to_contain_text("Yıldırım")
    choice, surname = page.get_by_label("How the letters are written"), page.get_by_label("Fills: Soyad")
    surname.select_option("job_title|")
    page.get_by_label("What to do").select_option("upsert")
    page.get_by_label("Found by").select_option("email")
    page.get_by_label("A faulty value").select_option("leave_out")
    with page.expect_navigation():
        choice.select_option("cp1252")
    expect(choice).to_have_value("cp1252")
    expect(values).to_contain_text("Yýldýrým")
    with page.expect_navigation():
        choice.select_option("cp1254")
    expect(values).to_contain_text("Yıldırım")
    expect(surname).to_have_value("job_title|")
    expect(page.get_by_label("What to do")).to_have_value("upsert")
    expect(page.get_by_label("Found by")).to_have_value("email")
    expect(page.get_by_label("A faulty value")).to_have_value("leave_out")
    visitor.check_axe()
    visitor.check_quiet()


def test_wrong_file_is_refused_with_a_sentence(visit: Opens, tmp_path: Path) -> None:
    page = visit().go("/imports")
    file = tmp_path / "picture.csv"
    file.write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00\x00" * 50)
    page.get_by_label("File", exact=True).set_input_files(file)
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("alert")).not_to_be_empty()
    assert page.url.endswith("/imports")


def test_contacts_are_taken_away_as_a_file(visit: Opens, site: Site) -> None:
    site.add({"given_name": "Vyvezená", "family_name": "Osoba"})
    visitor = visit()
    page = visitor.go("/exports")
    page.get_by_label("Format").select_option("csv")
    page.get_by_role("button", name="Start the export").click()
    link = page.get_by_role("link", name="Fetch").first
    expect(link).to_be_visible(timeout=20000)
    visitor.check_axe()
    answer = visitor.context.request.get(link.get_attribute("href") or "")
    assert "Vyvezená" in answer.text()


def test_page_of_a_plugin_asks_for_its_permission(visit: Opens) -> None:
    request = visit("mert@staff.example").context.request
    assert request.get("/imports").status == 403
    assert "/imports" not in request.get("/contacts").text()
    assert visit().context.request.get("/imports/nonsense").status == 404
