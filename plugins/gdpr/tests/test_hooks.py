"""What the plugin answers when core asks, and does when core tells: one test for each hook; and the language it speaks."""

from __future__ import annotations

from typing import Any

import pytest
from gdpr_kit import begin, person, say
from sqlalchemy import select

from retinue import Problem
from retinue.contacts import create_contact, erase_contact, merge_contacts
from retinue.errors import Invalid
from retinue_gdpr.models import Consent, Standing, Suppression

ADDRESS = {"kind": "person", "given_name": "Eva", "emails": [{"value": "eva@example.cz"}]}


def test_hook_contacts_created_notes_who_has_to_be_told(crm: Any) -> None:
    """GD-02"""
    contact_id = person(crm)
    with crm.store(readonly=True) as store:
        assert [row.contact_id for row in store.scalars(select(Standing))] == [contact_id]


def test_hook_contacts_merged_joins_consents_by_the_stricter(crm: Any) -> None:
    """GD-x17"""
    begin(crm)
    first, second = person(crm), person(crm, "Jana")
    say(crm, first, "newsletter", "given")
    say(crm, second, "newsletter", "withdrawn")
    with crm.store() as store:
        merge_contacts(store, first, [second])
    with crm.store(readonly=True) as store:
        held = store.scalars(select(Consent).where(Consent.contact_id == first))
        assert [row.state for row in held] == ["withdrawn"]


def test_hooks_contacts_erased_and_contact_errors_keep_out_who_asked_to_be_forgotten(crm: Any) -> None:
    """GD-x16: the hash of the address stays, and a draft with that address is complained about in its place."""
    contact_id = person(crm)
    with crm.store() as store:
        assert store.hooks.contact_errors(store=store, contacts=[ADDRESS]) == []
        erase_contact(store, contact_id, reason="asked")
    with crm.store() as store:
        assert {row.reason for row in store.scalars(select(Suppression))} == {"erased"}
        found: list[Problem] = store.hooks.contact_errors(store=store, contacts=[{"emails": []}, ADDRESS])
        assert [problem.pointer.split("/")[1] for problem in found] == ["1"]
        with pytest.raises(Invalid):
            create_contact(store, ADDRESS)


def test_hook_erasure_refusals_names_the_basis_of_a_hold_until_it_is_lifted(crm: Any) -> None:
    """GD-x12"""
    contact_id, api = person(crm), crm.user().client
    hold = api.post("/gdpr/holds", {"contact_id": str(contact_id), "basis": "a claim in court"}).json()
    with crm.store(readonly=True) as store:
        (refusal,) = store.hooks.erasure_refusals(store=store, contact_ids=[contact_id])
        assert (refusal.contact_id, refusal.reason, refusal.code) == (contact_id, "a claim in court", "hold")
    assert api.post(f"/gdpr/holds/{hold['id']}/lift").status_code == 200
    with crm.store(readonly=True) as store:
        assert store.hooks.erasure_refusals(store=store, contact_ids=[contact_id]) == []


def test_hook_contact_exports_gives_the_log_of_consents_of_who_has_one(crm: Any) -> None:
    """GD-08"""
    begin(crm)
    contact_id, silent = person(crm), person(crm, "Jana")
    say(crm, contact_id, "newsletter", "given")
    with crm.store() as store:
        given = store.hooks.contact_exports(store=store, contact_ids=[contact_id, silent])
    ours = [export for export in given if export.section == "gdpr_consent_event"]
    assert [export.contact_id for export in ours] == [contact_id]
    assert [(r["purpose"], r["event"]) for r in ours[0].records] == [("newsletter", "given")]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("cs", ("Co vám smíme posílat", "Nabídky", "Nic mi neposílejte")),
        ("de", ("Was wir Ihnen senden dürfen", "Angebote", "Senden Sie mir nichts")),
        ("en", ("What we may send you", "Offers", "Send me nothing")),
        ("ru", ("Что нам можно вам присылать", "Предложения", "Ничего мне не присылать")),
        ("tr", ("Size neler gönderebiliriz", "Teklifler", "Bana hiçbir şey göndermeyin")),
    ],
)
def test_preference_centre_speaks_the_language_of_the_browser(
    crm: Any, language: str, words: tuple[str, ...]
) -> None:
    """GD-03: title, purposes and buttons, and what is said of a link that is not good."""
    begin(crm)
    body = {"kind": "preferences", "contact_id": str(person(crm))}
    url = crm.user().client.post("/gdpr/links", body).json()["url"]
    page = crm.client.get(url, headers={"Accept-Language": f"{language},en;q=0.5"}).text
    assert f'<html lang="{language}"' in page
    assert [word for word in words if word not in page] == []
    spoilt = crm.client.get("/privacy/preferences/spoilt", headers={"Accept-Language": language}).text
    assert ("This link is not valid." in spoilt) == (language == "en")
