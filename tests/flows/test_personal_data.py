"""Personal data of core and of every bundled plugin: what a copy shows, what an erasure removes."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from retinue.actor import Actor
from retinue.errors import Denied
from retinue.plugins import discover
from retinue.plugins.ordering import topological
from retinue.storage import personal_registry, privacy_faults
from retinue.testing.privacy import assert_personal_data

NEEDS = {name: found.manifest.requires for name, found in discover().items()}
PLUGINS = topological(NEEDS, NEEDS)
"""Every installed plugin, those that others require first."""


@pytest.fixture
def full(crm):
    for name in PLUGINS:
        crm.house.enable(Actor.system("test"), name)
    crm.rebuild()
    return crm


def test_markers_in_every_personal_column_are_copied_and_erased(full):
    """EX-14, GD-x2, GD-x3"""
    lifted = {"lifted_at": datetime(2026, 1, 1, tzinfo=UTC), "tables": []}
    values = {
        "gdpr_hold": lifted,
        "orders_order": {"payment": "paid"},
        "orders_subscription": {"status": "active"},
    }
    made = assert_personal_data(full.house, *PLUGINS, values=values, least=25)
    assert {table for table, _ in made.held.values()} >= {
        "contact",
        "interaction",
        "relation",
        "io_external_id",
    }


def test_marker_test_fails_where_data_are_left(crm, monkeypatch):
    """EX-14: guards the guard"""
    monkeypatch.setattr("retinue.testing.privacy.erase_contact", lambda store, contact_id, reason: None)
    with pytest.raises(AssertionError, match=r"erased data are left: .*contact\.city in table contact"):
        assert_personal_data(crm.house)


def test_copy_over_http_has_core_tags_and_plugins_and_is_audited(full):
    """GD-08"""
    api = full.user().client
    made = api.post(
        "/contacts", {"given_name": "Jana", "family_name": "Malá", "emails": [{"value": "jana@example.cz"}]}
    )
    api.post("/tags/contacts", {"contacts": [made.json()["id"]], "add": ["vip"]})
    answer = api.post(f"/contacts/{made.json()['id']}/copy", {})
    assert answer.status_code == 200, answer.text
    sections = {section["name"]: section for section in answer.json()["sections"]}
    assert sections["contact"]["records"][0]["emails"][0]["value"] == "jana@example.cz"
    assert sections["contact"]["labels"]["family_name"]
    with full.store(readonly=True) as store:
        from retinue.history.service import read_audit

        entries = read_audit(store, action="contact.export")
    assert [str(entry["contact_id"]) for entry in entries] == [made.json()["id"]]


def test_copy_needs_its_own_permission(crm):
    """GD-08"""
    from retinue.contacts.copying import copy_contact

    user = crm.user({"contact.read": "all", "contact.create": "all"})
    made = user.client.post("/contacts", {"given_name": "Jana", "family_name": "Malá"}).json()
    assert user.client.post(f"/contacts/{made['id']}/copy", {}).status_code == 403
    with pytest.raises(Denied), crm.house.store(user.actor) as store:
        copy_contact(store, UUID(made["id"]))


def test_every_personal_column_says_a_purpose():
    """GD-x1"""
    assert [held for held in personal_registry() if not held.purpose] == []


def test_undeclared_table_about_contacts_is_named(full):
    """EX-14, GD-x1"""
    with full.store(readonly=True) as store:
        assert list(privacy_faults(store)) == []
    with full.house.database.transaction() as connection:
        kind = "uuid" if connection.dialect.name == "postgresql" else "char(32)"
        connection.exec_driver_sql(
            f"CREATE TABLE side_note (id {kind} PRIMARY KEY, contact_id {kind} REFERENCES contact (id))"
        )
        connection.exec_driver_sql(
            f"CREATE TABLE side_page (note_id {kind} REFERENCES side_note (id), body text)"
        )
    with full.store(readonly=True) as store:
        faults = "\n".join(privacy_faults(store))
    assert "side_note" in faults
    assert "side_page" in faults
