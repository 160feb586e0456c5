"""The page of one contact, in a browser."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from retinue.plugins import Owned
from retinue.relations.service import add_influence, relate_contacts
from retinue.testing.fixtures import person as actor_with
from retinue.ui import Panel
from retinue_desk.panels import show_panels

if TYPE_CHECKING:
    from uuid import UUID

    from conftest import Opens, Site, Visitor

NOW = datetime.now(UTC)
MERT = "mert@staff.example"


@pytest.fixture(scope="module")
def firm(site: Site) -> dict[str, UUID]:
    """An organisation of the manager's with three who decide, of whom one is not hers to see."""
    names = ("Cukrárna Anděl", "Petr Král", "Ayşe Yıldırım", "Ольга Тимофеева")
    drafts = [
        {"kind": "organisation", "name": names[0], "city": "Brno", "time_zone": "Asia/Tokyo"},
        {"given_name": "Petr", "family_name": "Král", "job_title": "Owner", "emails": ["petr@card.example"],
         "phones": ["+420601123456"], "birth_date": "1981-02-03", "tags": ["vip"]},
        {"given_name": "Ayşe", "family_name": "Yıldırım"},
        {"given_name": "Ольга", "family_name": "Тимофеева"},
    ]  # fmt: skip
    ids = dict(zip(names, site.add(*drafts, owner=MERT), strict=True))
    (hidden,) = site.add({"given_name": "Tajný", "family_name": "Rádce", "emails": ["petr@card.example"]})
    with site.house.store(site.house.person(site.people["ada@staff.example"])) as store:
        links = [
            relate_contacts(
                store, ids[names[0]], to, {"kind": "decided_by", "role": role, "involvement": n, "interest": n}
            )
            for to, role, n in (
                (ids[names[1]], "decider", 80), (ids[names[2]], "influencer", 60), (ids[names[3]], "user", 10),
                (hidden, "buyer", 50),
            )
        ]  # fmt: skip
        add_influence(store, links[1].id, links[0].id)
        relate_contacts(store, ids[names[1]], ids[names[0]], {"kind": "works_at"})
    site.record(
        *(
            {"contact_id": ids[names[1]], "kind": "call", "at": NOW - timedelta(days=n), "body": f"Call {n}", "duration": 125}
            for n in range(25)
        )
    )  # fmt: skip
    return ids


def _open(visitor: Visitor, contact_id: UUID) -> None:
    visitor.go(f"/contacts/{contact_id}")


def test_card_has_its_four_headed_parts(visit: Opens, firm: dict[str, UUID]) -> None:
    """C-03: business, contact, analytical, history."""
    visitor = visit(MERT)
    _open(visitor, firm["Petr Král"])
    heads = visitor.page.locator("main h2").all_inner_texts()
    assert [head for head in heads if head in ("Business", "Contact", "Analytical", "History")] == [
        "Business", "Contact", "History", "Analytical",
    ]  # fmt: skip
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Petr Král")
    expect(visitor.page.get_by_role("link", name="Cukrárna Anděl").first).to_be_visible()


def test_page_leaves_out_what_is_another_persons(visit: Opens, firm: dict[str, UUID]) -> None:
    """Neither the hidden adviser nor the double that shares an e-mail stands anywhere in the pages."""
    visitor = visit(MERT)
    for name in ("Cukrárna Anděl", "Petr Král"):
        for piece in ("", "/details", "/timeline"):
            assert "Rádce" not in visitor.context.request.get(f"/contacts/{firm[name]}{piece}").text()
    visitor = visit()
    _open(visitor, firm["Petr Král"])
    expect(visitor.page.get_by_role("note").first).to_contain_text("Rádce")


def test_decision_unit_is_drawn_and_told(visit: Opens, firm: dict[str, UUID]) -> None:
    """C-04 at the desk."""
    visitor = visit(MERT)
    _open(visitor, firm["Cukrárna Anděl"])
    expect(visitor.page.locator(".desk-unit-node")).to_have_count(3)
    expect(visitor.page.locator(".desk-unit line")).to_have_count(1)
    rows = visitor.page.locator(".desk-unit-table tbody tr")
    expect(rows.nth(0)).to_contain_text("Petr Král")
    expect(rows.nth(1)).to_contain_text("influences Petr Král")


def test_timeline_is_paged_filtered_and_written_to(visit: Opens, firm: dict[str, UUID]) -> None:
    visitor = visit(MERT)
    _open(visitor, firm["Petr Král"])
    page = visitor.page
    entries = page.locator(".desk-entry")
    expect(entries).to_have_count(20)
    page.locator(".desk-next").scroll_into_view_if_needed()
    expect(entries).to_have_count(25)
    page.keyboard.press("m")
    page.keyboard.type("Ask @me")
    expect(page.locator("#mentions [role=option]").first).to_have_text("Mert Yılmaz")
    page.keyboard.press("Enter")
    page.keyboard.type("about **invoices** <script>alert(1)</script>")
    page.keyboard.press("Control+Enter")
    expect(entries.first).to_contain_text("Ask @Mert Yılmaz about invoices <script>alert(1)</script>")
    expect(entries.first.locator("strong").nth(1)).to_have_text("invoices")
    page.get_by_label("Show", exact=True).select_option("note")
    expect(entries).to_have_count(1)
    visitor.check_quiet()


def test_pasted_html_stays_text(visit: Opens, firm: dict[str, UUID]) -> None:
    """What comes from a web page or a word processor arrives as its words; markup among them is shown, never run."""
    visitor = visit(MERT)
    visitor.context.grant_permissions(["clipboard-read", "clipboard-write"])
    _open(visitor, firm["Ольга Тимофеева"])
    page = visitor.page
    page.evaluate("""() => navigator.clipboard.write([new ClipboardItem({
      'text/html': new Blob(['<b>Bold</b><h1>Big</h1>'], {type: 'text/html'}),
      'text/plain': new Blob(['Bold <img src=x onerror=alert(1)>'], {type: 'text/plain'})})])""")
    page.keyboard.press("m")
    page.keyboard.press("Control+v")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".desk-entry").first).to_contain_text("Bold <img src=x onerror=alert(1)>")
    assert page.locator("main img").count() == 0
    visitor.check_quiet()


def test_field_is_edited_by_four_keys(visit: Opens, firm: dict[str, UUID]) -> None:
    """Enter edits and saves, Esc discards, Tab saves and goes on."""
    visitor = visit(MERT)
    _open(visitor, firm["Petr Král"])
    page = visitor.page
    field = page.locator("[data-field=job_title]")
    field.locator("[data-edit]").focus()
    page.keyboard.press("Enter")
    page.keyboard.type("Head baker")
    page.keyboard.press("Escape")
    expect(field).to_contain_text("Owner")
    page.keyboard.press("F2")
    page.keyboard.type("Head baker")
    page.keyboard.press("Enter")
    expect(field).to_contain_text("Head baker")
    expect(field.locator("[data-edit]")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.type("Baker")
    page.keyboard.press("Tab")
    expect(field).to_contain_text("Baker")
    expect(page.locator("[data-field=tags] input")).to_be_focused()
    page.keyboard.type("vip, bakery")
    page.keyboard.press("Enter")
    expect(page.locator("[data-field=tags]")).to_contain_text("bakery")
    visitor.check_quiet()


def test_choice_is_edited_as_a_select(visit: Opens, firm: dict[str, UUID]) -> None:
    visitor = visit(MERT)
    _open(visitor, firm["Ольга Тимофеева"])
    page = visitor.page
    page.locator("[data-fields]", has=page.locator("[data-field=sex]")).locator("[data-show-empty]").click()
    page.locator("[data-field=sex] [data-edit]").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Sex", exact=True).select_option(label="female")
    page.keyboard.press("Tab")
    expect(page.locator("[data-field=sex]")).to_contain_text("female")
    visitor.check_quiet()


def test_wrong_value_is_said_at_the_field_and_stays_typed(visit: Opens, firm: dict[str, UUID]) -> None:
    visitor = visit(MERT)
    _open(visitor, firm["Petr Král"])
    field = visitor.page.locator("[data-field=emails]")
    field.locator("[data-edit]").focus()
    visitor.page.keyboard.press("Enter")
    field.locator("input").first.fill("nonsense")
    visitor.page.keyboard.press("Enter")
    expect(field.get_by_role("alert")).to_contain_text("not an e-mail address")
    assert field.locator("input").first.input_value() == "nonsense"


def test_stale_edit_shows_both_values_and_keeps_the_one_chosen(visit: Opens, firm: dict[str, UUID]) -> None:
    """C-21 at the desk: never a silent overwrite."""
    visitor = visit(MERT)
    _open(visitor, firm["Ayşe Yıldırım"])
    page = visitor.page
    page.locator("[data-fields]", has=page.locator("[data-field=city]")).locator("[data-show-empty]").click()
    other = visitor.context.request.patch(
        f"/api/v1/contacts/{firm['Ayşe Yıldırım']}",
        data=json.dumps({"city": "Ankara"}),
        headers={"Content-Type": "application/json", "Origin": page.url.split("/contacts")[0]},
    )
    assert other.ok, other.text()
    field = page.locator("[data-field=city]")
    field.locator("[data-edit]").focus()
    page.keyboard.press("Enter")
    page.keyboard.type("İzmir")
    page.keyboard.press("Enter")
    expect(page.locator("[data-theirs]")).to_have_text("Ankara")
    expect(page.locator("[data-yours]")).to_have_text("İzmir")
    page.get_by_role("button", name="Keep yours").click()
    expect(field).to_contain_text("İzmir")


def test_relation_is_added_by_searching(visit: Opens, firm: dict[str, UUID]) -> None:
    visitor = visit(MERT)
    _open(visitor, firm["Ольга Тимофеева"])
    page = visitor.page
    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name="Add a relation").click()
    page.get_by_label("Ольга Тимофеева is").select_option("colleague_of")
    page.get_by_role("combobox", name="Contact").fill("yildirim")
    page.get_by_role("option", name="Ayşe Yıldırım").click()
    page.get_by_role("button", name="Save", exact=True).last.click()
    expect(page.locator(".desk-relations")).to_contain_text("Ayşe Yıldırım")
    visitor.check_quiet()


def test_panel_that_raises_shows_an_error_card_and_the_page_lives(site: Site, firm: dict[str, UUID]) -> None:
    front = _front(site)

    def broken(store: object, contact_id: UUID) -> dict[str, str]:
        raise RuntimeError("Petr Král owes 500")

    offered = [
        Owned("desk", Panel("desk.broken", "Broken", broken, "none.html")),
        Owned("desk", Panel("desk.template", "Template", lambda s, c: {}, "missing.html")),
        Owned("desk", Panel("desk.silent", "Silent", lambda s, c: None, "none.html")),
    ]
    front.plugins = _Offering(front.plugins, offered)
    with site.house.store(site.house.person(site.people[MERT]), readonly=True) as store:
        shown = show_panels(front, store, front.speech(store), firm["Petr Král"])["analytical"]
        assert [(card.name, card.failed) for card in shown] == [
            ("desk.broken", True),
            ("desk.template", True),
        ]
        assert store.may("contact.read")


def _front(site: Site) -> object:
    from retinue_desk.rendering import Front

    return Front(site.house)


class _Offering:
    """The house's plugins, offering other panels."""

    def __init__(self, plugins: object, offered: list[Owned[Panel]]) -> None:
        self._plugins, self._offered = plugins, offered

    def offered(self, kind: type, store: object) -> list[Owned[Panel]]:
        return self._offered

    def __getattr__(self, name: str) -> object:
        return getattr(self._plugins, name)


def test_field_being_edited_is_accessible(visit: Opens, firm: dict[str, UUID]) -> None:
    visitor = visit(MERT, theme="dark", width=390)
    _open(visitor, firm["Petr Král"])
    visitor.page.locator("[data-field=emails] [data-edit]").focus()
    visitor.page.keyboard.press("Enter")
    visitor.check_axe()
    visitor.check_quiet()


def test_reader_without_rights_sees_no_way_to_change(site: Site, visit: Opens, firm: dict[str, UUID]) -> None:
    """A button that would be refused is not offered."""
    assert actor_with("contact.read").may("contact.read")
    with site.house.store(actor_with("contact.read"), readonly=True) as store:
        front = _front(site)
        from retinue_desk.card import Card

        card = Card(
            store, site.house.catalogues.of(store, "contact"), firm["Petr Král"], speech=front.speech(store)
        )  # type: ignore[attr-defined]
        assert not [line for line in (*card.business(), *card.reach()) if line.editor]
        assert card.relations == []
    assert re.fullmatch(r"[0-9a-f-]{36}", str(firm["Petr Král"]))
