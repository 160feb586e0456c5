"""A stored change can be explained, and a refused one too: plugins, versions, order, vetoes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from retinue.actor import Actor
from retinue.contacts.erasing import erase_contact
from retinue.errors import Conflict

if TYPE_CHECKING:
    from conftest import Site
    from retinue.testing.house import Crm

SYSTEM = Actor.system("test")
WRITER = """
from retinue import hookimpl

@hookimpl
def contacts_created(store, contacts):
    store.record("greeter.greet", contact_id=contacts[0].id)
"""
FAILS = "from retinue import hookimpl\n@hookimpl(after='greeter')\ndef contacts_created():\n    1 / 0\n"
STRICT = """
from retinue import hookimpl, Problem, Refusal

@hookimpl
def contact_errors(contacts):
    places = [n for n, c in enumerate(contacts) if c["name"] == "Nobody"]
    return [Problem(f"/{n}/name", "Nobody is not a name", "strict-name") for n in places]

@hookimpl
def erasure_refusals(contact_ids):
    return [Refusal(i, "an invoice is open", "strict-invoice") for i in contact_ids]
"""


@pytest.fixture
def strict(site: Site, crm: Crm) -> Crm:
    """Return an installation with three plugins: one writes, one fails, one refuses."""
    site.install("greeter", body=WRITER, version="2.0")
    site.install("fails", body=FAILS, version="0.1")
    site.install("strict", body=STRICT, version="7.1")
    site.turn_on(crm.house, "greeter", "fails", "strict")
    crm.rebuild()
    return crm


def answers(explained: dict[str, Any], hook: str) -> list[dict[str, Any]]:
    """Return the answers of plugins to a hook, core's rooms left out."""
    (call,) = [call for call in explained["hooks"] if call["hook"] == hook]
    return [answer for answer in call["answers"] if not answer["plugin"].startswith("retinue.")]


def test_stored_change_tells_who_answered_in_which_version_and_order(strict: Crm) -> None:
    """EX-8, EX-11: attribution that outlives the request, by change set or by audit entry."""
    admin = strict.user().client
    contact = admin.post("/contacts", {"name": "Ada"}).json()
    entries = admin.get(f"/audit?contact_id={contact['id']}").json()["items"]
    explained = admin.get(f"/audit/{entries[0]['change_set_id']}/hooks").json()
    assert explained == admin.get(f"/audit/{entries[0]['id']}/hooks").json()
    assert (explained["refused"], explained["action"]) == (False, "contact.create")
    greeter, fails = answers(explained, "contacts_created")
    assert (greeter["plugin"], greeter["version"], greeter["wrote"]) == ("greeter", "2.0", 1)
    assert fails["place"] > greeter["place"]
    assert {name: fails[name] for name in ("version", "reason", "wrote", "failures")} == {
        "version": "0.1",
        "reason": "asked to stand after greeter",
        "wrote": 0,
        "failures": ["ZeroDivisionError"],
    }
    (strict_answer,) = answers(explained, "contact_errors")
    assert (strict_answer["plugin"], strict_answer["objections"]) == ("strict", [])


def test_later_versions_do_not_change_what_is_told_of_earlier_changes(strict: Crm, site: Site) -> None:
    admin = strict.user().client
    contact = admin.post("/contacts", {"name": "Ada"}).json()
    (entry, *_) = admin.get(f"/audit?contact_id={contact['id']}").json()["items"]
    strict.house.disable(SYSTEM, "strict")
    strict.house.disable(SYSTEM, "fails")
    explained = admin.get(f"/audit/{entry['id']}/hooks").json()
    assert [a["plugin"] for a in answers(explained, "contacts_created")] == ["greeter", "fails"]


def test_refused_deed_leaves_an_entry_with_plugin_hook_and_reason(strict: Crm) -> None:
    """EX-8: nothing was written, and yet it can be told who refused, without telling what."""
    admin = strict.user().client
    refused = admin.post("/contacts", {"name": "Nobody"})
    assert refused.status_code == 422
    explained = admin.get(f"/audit/{refused.json()['change_set_id']}/hooks").json()
    assert (explained["refused"], explained["label"]) == (True, "Refused by strict")
    (answer,) = answers(explained, "contact_errors")
    assert (answer["version"], answer["objections"]) == (
        "7.1",
        [{"code": "strict-name", "pointer": "/0/name"}],
    )
    (entry,) = admin.get("/audit?action=plugin.refuse").json()["items"]
    assert (entry["plugin"], entry["hook"], entry["detail"]["answered"]) == (
        "strict",
        "contact_errors",
        "invalid",
    )
    assert "Nobody" not in str(entry)


def test_refused_erasure_is_kept_with_the_contact(strict: Crm) -> None:
    admin = strict.user().client
    contact_id = admin.post("/contacts", {"name": "Ada"}).json()["id"]
    with pytest.raises(Conflict), strict.store() as store:
        erase_contact(store, UUID(contact_id))
    (entry,) = admin.get(f"/audit?contact_id={contact_id}&action=plugin.refuse").json()["items"]
    assert entry["detail"]["reasons"] == [{"code": "strict-invoice", "contact_id": contact_id}]


@pytest.mark.parametrize("config", ["sqlite"], indirect=True)
def test_complaint_of_core_itself_leaves_no_entry(strict: Crm) -> None:
    """A typing error in a form is no event."""
    admin = strict.user().client
    assert "change_set_id" not in admin.post("/contacts", {"name": "A", "emails": [{"value": "x"}]}).json()
    assert admin.get("/audit?action=plugin.refuse").json()["items"] == []


@pytest.mark.parametrize("config", ["sqlite"], indirect=True)
def test_only_own_changes_are_explained_to_whom_the_audit_shows_only_those(strict: Crm) -> None:
    rights = {"audit.read": "own", "contact.read": "own", "contact.create": "own"}
    one, two = strict.user(rights).client, strict.user(rights).client
    refused = one.post("/contacts", {"name": "Nobody"}).json()["change_set_id"]
    assert one.get(f"/audit/{refused}/hooks").status_code == 200
    assert two.get(f"/audit/{refused}/hooks").status_code == 404
    assert one.get(f"/audit/{uuid4()}/hooks").status_code == 404
