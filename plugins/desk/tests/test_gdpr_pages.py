"""Pages of the plugin gdpr within the desk: what may be done with a person, and what they asked for."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from gdpr_stage import SYSTEM, set_stage
from playwright.sync_api import expect

if TYPE_CHECKING:
    from conftest import Opens, Site


@pytest.fixture(scope="module")
def eva(site: Site) -> UUID:
    """A contact of whom gdpr knows something; another was erased."""
    if "gdpr" not in site.house.plugins.loaded:
        pytest.skip("the plugin gdpr is not installed here")
    made, gone = site.add({"given_name": "Eva", "family_name": "Tichá"}, {"given_name": "Gone"})
    set_stage(site.house, made, gone)
    return made


def _received(site: Site, contact: UUID, kind: str, **more: Any) -> str:
    from retinue_gdpr.requests import receive_request

    with site.house.store(SYSTEM) as store:
        return str(receive_request(store, {"kind": kind, "contact_id": contact, **more}).id)


def test_panel_shows_what_may_be_done_and_records_and_withdraws(visit: Opens, eva: UUID) -> None:
    """GD-01, GD-x9: one press withdraws, giving takes three; the log has both with the text shown, and stays whole."""
    visitor = visit()
    page = visitor.go(f"/contacts/{eva}")
    mail = page.locator("[data-consent='newsletter:email']")
    expect(mail).to_contain_text(re.compile(r"in writing, text \d+ \(en\)"))
    page.get_by_role("button", name="Withdraw Newsletter, E-mail").click()
    expect(mail).to_contain_text("Withdrawn")
    page.get_by_role("button", name="Record what was said about Offers").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Channel").select_option("email")
    dialog.get_by_role("button", name="Record").click()
    expect(dialog).to_contain_text("a consent needs its evidence")
    dialog.get_by_label("Evidence").fill("call of 3 May")
    dialog.get_by_role("button", name="Record").click()
    expect(page.locator("[data-consent='marketing:email']")).to_contain_text("by word of mouth")
    page.get_by_role("button", name="Set a hold").click()
    page.get_by_label("Legal basis").fill("a claim in court")
    page.get_by_role("dialog").get_by_role("button", name="Set a hold").click()
    page.get_by_role("button", name="Lift the hold").click()
    expect(page.get_by_role("button", name="Lift the hold")).to_have_count(0)
    page.get_by_role("link", name="Log and proof").click()
    expect(page.locator("tbody tr")).to_have_count(4)
    expect(page.locator("h1")).to_contain_text("the log is whole")
    visitor.check_quiet()


def test_request_goes_from_the_board_to_its_answer(visit: Opens, site: Site, eva: UUID) -> None:
    """GD-x7, GD-x18: taken in, identity checked, the clock stopped and extended, the copy fetched, done; late is red."""
    with site.house.store(SYSTEM, readonly=True) as store:
        day = store.now.date() - timedelta(days=60)
    late = _received(site, eva, "objection", received_on=day, verified_how="letter")
    visitor = visit()
    page = visitor.go("/gdpr")
    expect(page.locator(f"[data-request='{late}'] .bg-red-lt")).to_contain_text("late")
    page.get_by_role("button", name="New request").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("What is asked for").select_option("portability")
    dialog.get_by_label("Contact", exact=True).fill("Tichá")
    dialog.get_by_role("option", name=re.compile("Eva")).first.click()
    dialog.get_by_role("button", name="Take it in").click()
    page.get_by_role("link", name="Data to take elsewhere").click()
    page.get_by_role("button", name="Check identity").click()
    page.get_by_label("Checked how").fill("called back")
    page.get_by_role("button", name="Identity is checked").click()
    state = page.locator("[data-state]")
    expect(state).to_have_attribute("data-state", "open")
    page.get_by_role("button", name="Stop the clock").click()
    page.get_by_label("What is awaited").fill("which shop?")
    page.get_by_role("dialog").get_by_role("button", name="Stop the clock").click()
    expect(state).to_have_attribute("data-state", "paused")
    page.get_by_role("button", name="Let the clock run").click()
    expect(state).to_have_attribute("data-state", "open")
    with page.expect_download() as fetched:
        page.get_by_role("button", name="Download the copy").click()
    assert fetched.value.suggested_filename == f"{eva}.zip"
    assert fetched.value.path().read_bytes()[:2] == b"PK"
    page.get_by_role("button", name="Fulfil").click()
    page.get_by_role("dialog").get_by_role("button", name="Fulfil").click()
    expect(state).to_have_attribute("data-state", "completed")
    expect(page.get_by_role("button", name="Extend")).to_have_count(0)
    visitor.check_quiet()


def test_erasure_shows_its_proof_and_the_act(visit: Opens, site: Site, eva: UUID) -> None:
    """GD-09: a hold refuses with its basis; lifted, the person goes, and the page shows the signed manifest and the act."""
    from retinue_gdpr.holds import lift_hold, set_hold

    (person,) = site.add({"given_name": "Ota", "family_name": "Zmizel"})
    asked = _received(site, person, "erasure", verified_how="passport")
    with site.house.store(SYSTEM) as store:
        hold = set_hold(store, {"contact_id": person, "basis": "a claim in court"}).id
    visitor = visit()
    page = visitor.go(f"/gdpr/requests/{asked}")
    expect(page.locator(".desk-banner")).to_contain_text("a claim in court")
    page.get_by_role("button", name="Fulfil").click()
    page.get_by_role("dialog").get_by_role("button", name="Fulfil").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("a claim in court")
    with site.house.store(SYSTEM) as store:
        lift_hold(store, hold)
    page.get_by_role("dialog").get_by_role("button", name="Fulfil").click()
    expect(page.locator("[data-state]")).to_have_attribute("data-state", "completed")
    expect(page.get_by_role("heading", name="Proof of erasure")).to_contain_text("signature good")
    page.get_by_role("link", name="Act of destruction").click()
    expect(page.get_by_role("region", name="Extract of the log")).to_contain_text("contact.erase")
    visitor.check_quiet()


def test_restricted_person_is_hidden_and_comes_back(visit: Opens, site: Site, eva: UUID) -> None:
    """GD-x13: restricted on the panel, gone from the lists, lifted on the page of blocked addresses; an address is blocked."""
    (person,) = site.add({"given_name": "Rut", "family_name": "Zamčená"})
    visitor = visit()
    page = visitor.go(f"/contacts/{person}")
    page.get_by_role("button", name="Restrict", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Restrict").click()
    page.wait_for_url("**/gdpr/blocked")
    assert visitor.context.request.get(f"/api/v1/contacts/{person}").status == 404
    page.get_by_label("E-mail address or telephone number").first.fill("never@example.cz")
    page.get_by_role("button", name="Block", exact=True).click()
    expect(page.locator("[data-reason=objection] dd")).to_have_text("1")
    page.get_by_role("button", name="Lift the restriction of Rut Zamčená").click()
    expect(page.get_by_text("Nobody is restricted.")).to_be_visible()
    assert visitor.context.request.get(f"/api/v1/contacts/{person}").status == 200
    visitor.check_quiet()


def test_purpose_gets_a_new_text_and_the_one_before_stays(visit: Opens, site: Site, eva: UUID) -> None:
    """GD-01, GD-x11: texts have versions; what a purpose is for changes, and earlier consents do not cover it any more."""
    visitor = visit()
    page = visitor.go("/gdpr/purposes")
    page.get_by_role("button", name="New purpose").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Parties")
    dialog.get_by_label("Key").fill("parties")
    dialog.get_by_label("Post").check()
    dialog.get_by_role("button", name="Create").click()
    page.get_by_role("link", name="Parties").click()
    for text in ("Invite me.", "Invite me, please."):
        page.get_by_label("Text", exact=True).fill(text)
        page.get_by_role("button", name="Add the text").click()
        expect(page.locator("[data-text=en]")).to_have_text(text)
    expect(page.get_by_text("1 earlier text")).to_be_visible()
    from retinue_gdpr.service import record_consents

    with site.house.store(SYSTEM) as store:
        record_consents(store, eva, [{"purpose": "parties", "event": "given", "method": "written"}])
    visitor.go("/" + page.url.split("/", 3)[3])
    expect(page.locator("[data-covers]")).to_have_text("1")
    page.get_by_role("button", name="Change", exact=True).click()
    page.get_by_role("dialog").get_by_label("What for").fill("Summer parties.")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(page.locator("[data-old]")).to_have_text("1")
    page.get_by_role("button", name="Change the record").click()
    page.get_by_label("Recipients").fill("the caterer, the printer")
    page.get_by_label("Data it uses").fill("contact, nowhere")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog")).to_contain_text("nowhere")
    page.get_by_label("Data it uses").fill("contact")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(page.get_by_role("region", name="Record of processing")).to_contain_text(
        "the caterer, the printer"
    )
    page = visitor.go("/gdpr/records")
    expect(page.get_by_role("region", name="Parties")).to_contain_text("the caterer, the printer")
    expect(page.locator("[data-change]").first).to_contain_text("parties")
    page.get_by_role("button", name="Keep this version").click()
    expect(page.locator("[data-same]")).to_be_visible()
    visitor.check_quiet()


def test_rule_is_tried_first_and_a_breach_runs_its_clock(visit: Opens, site: Site, eva: UUID) -> None:
    """GD-x14, GD-x8: the dry run names who is due as of a day and changes nothing; told in time, the clock is gone."""
    visitor = visit()
    page = visitor.go("/gdpr/retention")
    page.get_by_role("button", name="New rule").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Leads")
    dialog.get_by_label("Key").fill("leads")
    dialog.get_by_label("Group").select_option("source")
    dialog.get_by_label("Source").fill("fair")
    dialog.get_by_label("Counted from").select_option("created_at")
    dialog.get_by_label("Then").select_option("review")
    dialog.get_by_role("button", name="Create").click()
    site.add({"given_name": "Lea", "family_name": "Lead", "source": "fair"})
    page.get_by_role("link", name="Leads").click()
    expect(page.locator("[data-due]")).to_contain_text("0 contacts are due")
    page.get_by_label("As of").fill("2199-01-01")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("[data-due]")).to_contain_text("1 contact is due")
    expect(page.get_by_role("link", name="Lea Lead")).to_be_visible()
    page.get_by_role("button", name="Run it now").click()
    page.get_by_role("dialog").get_by_role("button", name="Run").click()
    expect(page.locator("[data-run]")).to_have_count(1)
    page = visitor.go("/gdpr/breaches")
    page.get_by_role("button", name="Register a breach").click()
    page.get_by_label("Title").fill("Lost phone")
    page.get_by_role("button", name="Start the clock").click()
    page.get_by_role("link", name="Lost phone").click()
    expect(page.locator("[data-clock]")).to_contain_text("71 hours left")
    page.get_by_label("Measures").fill("Locked from afar")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("Measures")).to_have_value("Locked from afar")
    expect(page.locator("form [role=alert]").first).to_be_hidden()
    visitor.check_quiet()


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 390)])
def test_public_pages_have_no_fault(visit: Opens, site: Site, theme: str, width: int) -> None:
    """GD-03, GD-07: what people without an account see: no finding of axe, no noise, and nothing sideways on a phone."""
    from retinue.web import make_link
    from retinue_gdpr import forms, preferences, purposes, requests

    (contact,) = site.add({"given_name": "Petra", "family_name": f"Public{width}"})
    with site.house.store(SYSTEM) as store:
        purposes.ensure_beginnings(store)
        form = forms.create_form(
            store, {"key": f"news{width}", "title": "Our news", "purposes": ["newsletter"]}
        )
        forms.publish_form(store, form.id)
        asked = requests.take_in(store, {"kind": "access", "contact_id": contact})
        paths = [
            preferences.create_link(store, kind, **more)["url"].partition(":8000")[2]
            for kind, more in (
                ("preferences", {"contact_id": contact}), ("copy", {"contact_id": contact}),
                ("form", {"form": form.key}), ("request", {}),
            )
        ]  # fmt: skip
        confirm = make_link(store, "confirm", asked.id, lasts=timedelta(days=1))
    visitor = visit(None, theme=theme, width=width, color_scheme=theme)
    for path in (*paths, f"/privacy/confirm/{confirm}", "/privacy/preferences/spoilt"):
        page = visitor.go(path)
        visitor.check_axe()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        assert page.locator("h1").count() == 1, path
    visitor.said[:] = [line for line in visitor.said if "403" not in line]  # the spoilt link is one
    visitor.check_quiet()
