"""The first page and settings, in a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from conftest import Opens, Site

MERT = "mert@staff.example"


def test_home_shows_cards_and_only_ones_own_people(visit: Opens, site: Site) -> None:
    site.add({"given_name": "Cizí", "family_name": "Novinka"})
    site.add({"given_name": "Moje", "family_name": "Novinka"}, owner=MERT)
    page = visit(MERT).go("/")
    expect(page.get_by_role("heading", name="New contacts")).to_be_visible()
    expect(page.get_by_role("link", name="Moje Novinka")).to_be_visible()
    assert "Cizí" not in page.content()


def test_home_is_arranged_by_each_for_themselves(visit: Opens, site: Site) -> None:
    """What is due stands first; who owns nobody sees the team's or everybody's; cards are taken away and moved."""
    site.hire("helga@staff.example")
    (contact,) = site.add({"given_name": "Slíbená", "family_name": "Nabídka"})
    promised = {"contact_id": contact, "kind": "promise", "body": "Send the offer to her"}
    site.record({**promised, "data": {"due": "2020-01-02"}})
    visitor = visit("helga@staff.example")
    page = visitor.go("/")
    card = page.get_by_role("region", name="Promised and due")
    expect(card).to_contain_text("Contacts of all")
    expect(card.locator("li", has_text="Send the offer to her")).to_contain_text("Jan 2, 2020")
    page.get_by_role("button", name="Arrange").click()
    page.get_by_role("button", name="Further up: New contacts").click()
    page.get_by_role("button", name="Further up: New contacts").click()
    page.get_by_role("checkbox", name="Promised and due").uncheck()
    visitor.check_axe()
    with page.expect_navigation():
        page.get_by_role("button", name="Apply").click()
    expect(page.locator(".desk-widgets h2").first).to_have_text("New contacts")
    expect(page.get_by_role("region", name="Promised and due")).to_have_count(0)
    assert visit().go("/").get_by_role("region", name="Promised and due").count() == 1
    visitor.check_quiet()


def test_profile_changes_language_and_zone(visit: Opens) -> None:
    visitor = visit(MERT)
    page = visitor.go("/settings/profile")
    page.get_by_label("Time zone").select_option("Europe/Prague")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".desk-toast")).to_contain_text("Saved.")
    assert page.get_by_label("Time zone").input_value() == "Europe/Prague"
    assert visitor.context.request.get("/settings/people").status == 403
    assert visitor.context.request.get("/settings/plugins").status == 403


def test_account_is_made_and_locked_out(visit: Opens) -> None:
    visitor = visit()
    page = visitor.go("/settings/people")
    page.get_by_role("button", name="New account").click()
    page.get_by_label("Login").fill("nova@staff.example")
    page.locator("#account-name").fill("Nová Kolegyně")
    page.get_by_label("First password").fill("long-enough-password-77")
    page.get_by_role("button", name="Create", exact=True).click()
    row = page.locator("tr", has_text="nova@staff.example")
    expect(row).to_contain_text("active")
    row.get_by_role("button", name="Lock out").click()
    expect(row).to_contain_text("locked out")
    visitor.check_quiet()


def test_roles_and_teams_are_given_and_taken(visit: Opens, site: Site) -> None:
    site.hire("tomas@staff.example", role="Reader")
    visitor = visit()
    page = visitor.go("/settings")
    page.get_by_role("link", name="People and teams").last.click()
    page.get_by_role("button", name="Roles of Tomas@Staff.Example").click()
    expect(page.get_by_role("checkbox", name="Reader")).to_be_checked()
    page.get_by_role("checkbox", name="Manager").check()
    visitor.check_axe()
    with page.expect_navigation():
        page.get_by_role("button", name="Save", exact=True).click()
    row = page.locator("tr", has_text="tomas@staff.example")
    expect(row.locator(".badge")).to_have_text(["Manager", "Reader", "active"])
    page.get_by_label("Name of a new team").fill("Brno")
    with page.expect_navigation():
        page.get_by_role("button", name="Add", exact=True).click()
    team = page.get_by_role("group", name="Brno")
    team.get_by_label("Somebody for Brno").select_option(label="Tomas@Staff.Example")
    team.get_by_label("leads").check()
    with page.expect_navigation():
        team.get_by_role("button", name="Put into the team").click()
    expect(team.locator("li")).to_contain_text(["Tomas@Staff.Example"])
    with page.expect_navigation():
        team.get_by_role("button", name="Take Tomas@Staff.Example out of Brno").click()
    expect(team).to_contain_text("Nobody yet.")
    visitor.check_quiet()


def test_plugins_are_listed_with_their_state(visit: Opens) -> None:
    visitor = visit()
    page = visitor.go("/settings/plugins")
    expect(page.locator("[data-plugin-list] li", has_text="Desk").first).to_contain_text("on")
    visitor.check_quiet()


def test_password_is_asked_for_without_saying_who_exists(visit: Opens) -> None:
    visitor = visit(None)
    page = visitor.go("/sign-in")
    page.get_by_role("link", name="Forgot the password?").click()
    page.get_by_label("Login").fill("nobody@nowhere.example")
    page.get_by_role("button", name="Ask for a link").click()
    expect(page.locator(".desk-toast")).to_contain_text("If there is such an account")
    page = visitor.go("/sign-in")
    page = visitor.go("/reset-password#some-secret")
    expect(page.get_by_label("New password")).to_be_visible()
    assert "some-secret" not in page.url


def test_forgotten_password_is_replaced_by_the_link_of_an_administrator(visit: Opens, site: Site) -> None:
    """The link is shown once, works once, and its secret stands in no address that a server sees."""
    site.hire("frieda.forgot@staff.example")
    visitor = visit()
    page = visitor.go("/settings/people")
    page.get_by_role("button", name="Link for a new password of Frieda.Forgot@Staff.Example").click()
    shown = page.get_by_role("dialog").locator("pre")
    expect(shown).to_contain_text("/reset-password#")
    link = shown.inner_text().removeprefix(site.address)
    visitor.check_axe()
    visitor.check_quiet()
    other = visit(None)
    page = other.go(link)
    page.get_by_label("New password").fill("short")
    page.get_by_role("button", name="Change the password").click()
    expect(page.locator("main")).to_contain_text("at least 15 characters")
    page.get_by_label("New password").fill("a-new-horse-battery-43")
    other.check_axe()
    page.get_by_role("button", name="Change the password").click()
    expect(page).to_have_url(f"{site.address}/sign-in")
    page.get_by_label("Login").fill("frieda.forgot@staff.example")
    page.get_by_label("Password", exact=True).fill("a-new-horse-battery-43")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page).to_have_url(f"{site.address}/")
    other.context.clear_cookies()
    page = other.go(link)
    page.get_by_label("New password").fill("another-horse-battery-44")
    page.get_by_role("button", name="Change the password").click()
    expect(page.get_by_role("alert").filter(visible=True)).to_contain_text("link")
