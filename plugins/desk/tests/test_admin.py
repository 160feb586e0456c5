"""Settings that shape the installation, in a browser: roles, fields, tags, kinds, audit, plugins."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from retinue.access import list_roles, remove_role
from retinue.actor import Actor
from retinue_desk.admin_routes import matrix

if TYPE_CHECKING:
    from conftest import Opens, Site


def test_matrix_holds_every_permission_once_and_what_each_role_has() -> None:
    permissions = [
        SimpleNamespace(name=name, label=name, scoped=scoped, plugin=None, noun=name.split(".")[0])
        for name, scoped in (("tag.change", False), ("contact.read", True))
    ]
    roles = [
        SimpleNamespace(is_admin=True, permissions={}),
        SimpleNamespace(is_admin=False, permissions={"contact.read": "team"}),
    ]
    (first, (read,)), (second, (change,)) = matrix(permissions, roles)  # type: ignore[arg-type]  # what it reads of them
    assert (first, second) == ("contact", "tag")
    assert (read.words, read.held) == (("own", "team", "all"), ("all", "team"))
    assert (change.words, change.held) == (("all",), ("all", ""))


def test_role_is_changed_in_the_matrix_and_a_refused_change_goes_back(visit: Opens, site: Site) -> None:
    visitor = visit()
    page = visitor.go("/settings/roles")
    page.get_by_role("button", name="New role").click()
    page.get_by_label("Name", exact=True).fill("Field sales")
    page.get_by_role("button", name="Create", exact=True).click()
    cell = page.get_by_label("Field sales: See contacts")
    with page.expect_response(lambda answer: answer.request.method == "PATCH"):
        cell.select_option("team")
    with site.house.store(Actor.system("test")) as store:
        made = next(role for role in list_roles(store) if role.name == "Field sales")
        assert made.permissions == {"contact.read": "team"}
        remove_role(store, made.id)
    with page.expect_response(lambda answer: answer.status == 404):
        cell.select_option("all")
    expect(cell).to_have_value("team")


def test_field_of_a_choice_is_made_used_and_removed_with_its_values(visit: Opens, site: Site) -> None:
    visitor = visit()
    page = visitor.go("/settings/fields")
    page.get_by_role("button", name="New field").click()
    page.get_by_label("Label", exact=True).fill("Favourite wine")
    page.get_by_label("Name in data, as favourite_wine").fill("wine")
    page.get_by_label("Kind", exact=True).select_option("choice")
    page.get_by_label("Choices, separated by commas").fill("red, white")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.locator("tr", has_text="Favourite wine")).to_contain_text("red, white")
    site.add({"given_name": "Vína", "family_name": "Pitelová", "custom": {"wine": "red"}})
    page.get_by_role("button", name="Remove Favourite wine").click()
    page.get_by_label("Name in data", exact=True).fill("wine")
    with page.expect_download() as download:
        page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    assert "red" in download.value.path().read_text("utf-8")
    expect(page.locator("tr", has_text="Favourite wine")).to_have_count(0)
    page.get_by_label("Label, as Site visit").fill("Site visit")
    page.get_by_label("Name in data, as site_visit").fill("site_visit")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("li", has_text="site_visit")).to_be_visible()


def test_audit_says_who_did_what_and_is_narrowed(visit: Opens, site: Site) -> None:
    visitor = visit()
    page = visitor.go("/settings/audit?action=session.create")
    rows = page.locator("tbody tr")
    expect(rows.first).to_contain_text("session.create")
    assert rows.locator("code", has_text="session.create").count() == rows.count()
    page.get_by_label("Deed, as contact.change").fill("no.such")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_text("No deed fits")).to_be_visible()
    assert visit("mert@staff.example").context.request.get("/settings/fields").status == 403


def test_audit_says_whose_cards_somebody_looked_at(visit: Opens, site: Site) -> None:
    """GD-12: of one account: cards, contacts, exports of 30 days, and the latest looks."""
    login = "looker@staff.example"
    site.hire(login)
    first, second = site.add(
        {"given_name": "Vera", "family_name": "Seen"}, {"given_name": "Una", "family_name": "Seen"}
    )
    looker = visit(login)
    for contact in (first, second, first):
        looker.go(f"/contacts/{contact}")
    page = visit().go(f"/settings/audit?who={site.people[login]}")
    expect(page.locator("[data-reads] dd")).to_have_text(["3", "2", "0"])
    page.get_by_text("Latest looks").click()
    expect(page.locator(f'details a[href="/contacts/{first}"]').first).to_be_visible()
    looker.check_quiet()


def test_plugin_is_turned_off_only_after_its_plan_was_read(visit: Opens, site: Site) -> None:
    visitor = visit()
    page = visitor.go("/settings/plugins")
    line = page.locator("[data-plugin-list] li", has_text="Loyalty").first
    line.get_by_role("button", name="Disable").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("[data-plan-items] tr").first).to_be_visible()
    expect(line).to_contain_text("on")
    visitor.check_axe()
    dialog.get_by_role("button", name="Do it").click()
    expect(line.get_by_role("button", name="Enable")).to_be_visible()
    assert "loyalty" not in site.house.plugins.loaded
    visitor.check_quiet()
    site.house.enable(Actor.system("test"), "loyalty")


def test_master_key_is_rotated_with_its_progress_while_the_pages_run(visit: Opens, site: Site) -> None:
    (contact,) = site.add({"given_name": "Klára", "emails": ["klara@keys.example"]})
    visitor = visit()
    page = visitor.go("/settings/keys")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("button", name="Rotate", exact=True).click()
    page.get_by_role("button", name="It is backed up, rotate").click()
    expect(page.locator(".desk-toast")).to_contain_text("Every data key is wrapped")
    first, second = (page.locator("tbody tr").nth(place) for place in (0, 1))
    expect(first).to_contain_text("wraps new keys")
    expect(second).to_contain_text("kept for old backups")
    expect(visitor.go(f"/contacts/{contact}").locator("main")).to_contain_text("klara@keys.example")
    visitor.check_quiet()
    assert visit("mert@staff.example").context.request.get("/settings/keys").status == 403
