"""Many contacts at once, merging, changes and jobs, in a browser."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from retinue.app import bulk

if TYPE_CHECKING:
    from uuid import UUID

    from conftest import Opens, Site

MERT = "mert@staff.example"


@pytest.fixture(scope="module")
def crowd(site: Site) -> list[UUID]:
    """Fifty-five people in a town of their own."""
    drafts = [{"given_name": "Karel", "family_name": f"Houf {n:02}", "city": "Houfov"} for n in range(55)]
    return site.add(*drafts)


def test_ticked_contacts_are_tagged_and_undone(visit: Opens, crowd: list[UUID]) -> None:
    visitor = visit()
    page = visitor.go("/contacts?city=Houfov")
    page.get_by_label("Select Karel Houf 00").check()
    page.get_by_label("Select Karel Houf 03").click(modifiers=["Shift"])
    expect(page.locator("[data-bulk-count]")).to_have_text("4 selected")
    visitor.check_axe()
    page.get_by_role("button", name="Tag", exact=True).click()
    page.get_by_role("button", name="Apply").last.click()
    expect(page.get_by_role("alert").last).to_contain_text("name the tag")
    page.locator("#bulk-tag-name").fill("jaro")
    page.locator("#bulk-tag [type=submit]").click()
    expect(page.locator(".desk-toast")).to_contain_text("4 contacts changed.")
    expect(page.locator("#list-rows .badge", has_text="jaro")).to_have_count(4)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#list-rows .badge", has_text="jaro")).to_have_count(0)
    visitor.check_quiet()


def test_all_in_the_list_are_changed_by_a_job_with_progress(
    visit: Opens, crowd: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "AT_ONCE", 10)
    visitor = visit()
    page = visitor.go("/contacts?city=Houfov")
    page.get_by_label("Select all rows shown").check()
    page.get_by_role("button", name="Select all in this list").click()
    expect(page.locator("[data-bulk-count]")).to_have_text("55 contacts")
    page.get_by_role("button", name="Tag", exact=True).click()
    page.locator("#bulk-tag-name").fill("podzim")
    page.locator("#bulk-tag [type=submit]").click()
    expect(page.locator(".desk-toast", has_text="55 contacts changed.")).to_be_visible(timeout=15000)
    visitor.go("/contacts?tag=podzim")
    expect(page.locator("#list-count")).to_have_text("55 contacts")
    visitor.go("/jobs")
    expect(page.locator("tr", has_text="retinue.change_contacts").first).to_contain_text("55 / 55")


def test_change_of_many_is_stopped_on_its_way(
    visit: Opens, crowd: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it had not done yet when the button was pressed, it never does; what was done can be undone."""
    monkeypatch.setattr(bulk, "AT_ONCE", 10)
    monkeypatch.setattr(bulk, "_STEP", 1)
    whole = bulk.apply_to

    def slow(*given: Any) -> tuple[int, int]:
        time.sleep(0.1)  # a job looks for the button once a second
        return whole(*given)

    monkeypatch.setattr(bulk, "apply_to", slow)
    visitor = visit()
    page = visitor.go("/contacts?city=Houfov")
    page.get_by_label("Select all rows shown").check()
    page.get_by_role("button", name="Select all in this list").click()
    page.get_by_role("button", name="Tag", exact=True).click()
    page.locator("#bulk-tag-name").fill("zima")
    page.locator("#bulk-tag [type=submit]").click()
    expect(page.locator(".desk-toast")).to_contain_text(re.compile(r"[1-9]\d* of 55"))
    with page.expect_response("**/stop"):
        page.get_by_role("button", name="Stop", exact=True).click()
    toast = page.locator(".desk-toast", has_text="contacts changed.")
    expect(toast).to_be_visible(timeout=15000)
    visitor.go("/contacts?tag=zima")
    assert 0 < page.locator("#list-rows tr[data-id]").count() < 50
    visitor.check_quiet()


def test_create_edit_merge_undo_by_keyboard_alone(visit: Opens, site: Site) -> None:
    """Bar: the whole way without a mouse."""
    visitor = visit()
    (other,) = site.add({"given_name": "Klára", "family_name": "Klávesová", "city": "Zlín", "tags": ["vip"]})
    page = visitor.go("/contacts")
    page.keyboard.press("n")
    expect(page.get_by_role("combobox", name="Kind")).to_be_focused()
    for text in ("Person", "Klára", "Klávesová", "klara@keyboard.example"):
        if text != "Person":
            page.keyboard.type(text)
        page.keyboard.press("Tab")
    page.keyboard.press("Control+Enter")
    page.wait_for_url(re.compile("/contacts/[0-9a-f-]{36}"))
    made = page.url.rsplit("/", 1)[1]
    page.locator("[data-field=given_name] [data-edit]").focus()
    page.keyboard.press("Enter")
    page.keyboard.type("Klárka")
    page.keyboard.press("Enter")
    expect(page.locator("[data-field=given_name]")).to_contain_text("Klárka")
    visitor.go("/contacts?q=klavesova")
    for contact_id in (made, other):
        page.locator(f"[data-select][value='{contact_id}']").focus()
        page.keyboard.press("Space")
    page.get_by_role("button", name="Merge").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/merge?ids=*")
    expect(page.locator(".desk-differs")).not_to_have_count(0)
    page.locator(f"[name='pick.given_name'][value='{other}']").focus()
    page.keyboard.press("Space")
    page.locator("form[data-merge] [type=submit]").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/contacts/[0-9a-f-]{36}"))
    expect(page.locator("[data-field=tags]")).to_contain_text("vip")
    expect(page.locator(".desk-toast")).to_contain_text("Merged into one.")
    page.get_by_role("button", name="Undo").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".desk-toast", has_text="Undone.")).to_be_visible()
    visitor.go("/contacts?q=klavesova")
    expect(page.locator("#list-count")).to_have_text("2 contacts")
    visitor.check_quiet()


def test_changes_page_undoes_and_shows_it(visit: Opens, site: Site) -> None:
    visitor = visit()
    (contact,) = site.add({"given_name": "Vrácený", "family_name": "Člověk"})
    page = visitor.go(f"/contacts/{contact}")
    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name="Put in the bin").click()
    page.get_by_role("button", name="Put in the bin").last.click()
    page.wait_for_url("**/contacts")
    expect(page.locator(".desk-toast")).to_contain_text("Put in the bin.")
    visitor.go("/changes?mine=true")
    first = page.locator("tr[data-change]").first
    expect(first).to_contain_text("Put in the bin")
    change = first.get_attribute("data-change")
    with page.expect_navigation():
        first.get_by_role("button", name="Undo").click()
    expect(page.locator(f"tr[data-change='{change}']")).to_contain_text("undone")
    visitor.go(f"/contacts/{contact}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Vrácený Člověk")


def test_pages_of_changes_are_as_narrow_as_their_reader(visit: Opens, crowd: list[UUID]) -> None:
    """A manager sees only her own changes, no jobs, and cannot merge what the page of merging is asked for."""
    request = visit(MERT).context.request
    assert "Karel Houf" not in request.get("/changes").text()
    assert request.get("/jobs").status == 403
    assert request.get(f"/merge?ids={crowd[0]},{crowd[1]}").status == 403
    assert visit().context.request.get("/merge?ids=nonsense").status == 400
