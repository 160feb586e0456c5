"""Grants: what a plugin's code may do at all, beside what its user may; more than was agreed to waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from retinue.actor import acting_plugin, as_plugin
from retinue.app.lifecycle.deeds import plan_action
from retinue.contacts.service import create_contact
from retinue.errors import Conflict, Denied
from retinue.plugins import Grants, Manifest, PluginState, discover
from retinue.plugins.grants import GRANT, grants_faults, wanted_beyond
from retinue.storage import AuditEntry
from retinue.testing.fixtures import person
from retinue.web import outbound

if TYPE_CHECKING:
    from conftest import Site
    from retinue.testing.house import Crm

ADMIN = person("plugin.enable", "plugin.approve", "plugin.read")
TOML = """
title = "Greedy"
grants = [{grants}]
[[permissions]]
name = "greedy.act"
label = "Act"
[[routes]]
path = "/greedy"
handlers = "retinue_greedy.routes:ROUTES"
"""
ROUTES = """
from retinue import Store
from retinue.web import post
from retinue.contacts import create_contacts

@post("/", permission="greedy.act", status=200)
def act(store: Store) -> None:
    '''Create a contact.'''
    store.require("greedy.act")
    create_contacts(store, [{"kind": "person", "given_name": "Jan", "family_name": "Novák"}])

ROUTES = [act]
"""


def take(site: Site, crm: Crm, *grants: str) -> None:
    wanted = ", ".join(f'"{grant}"' for grant in grants)
    site.install("greedy", {"routes.py": ROUTES}, toml=TOML.replace("{grants}", wanted))
    crm.house.catalogue = discover()


@pytest.fixture
def greedy(site: Site, crm: Crm) -> Crm:
    take(site, crm)
    crm.house.enable(ADMIN, "greedy")
    crm.rebuild()
    return crm


def names(crm: Crm, action: str) -> list[tuple[str | None, dict[str, object]]]:
    with crm.store() as store:
        found = store.scalars(select(AuditEntry).where(AuditEntry.action == action))
        return [(entry.plugin, entry.detail) for entry in found]


def test_plugin_without_grant_is_denied_by_name_and_audited(greedy: Crm) -> None:
    """EX-17"""
    answer = greedy.user().client.post("/greedy", {})
    assert answer.status_code == 403, answer.text
    assert answer.json()["plugin"] == "greedy"
    assert answer.json()["permission"].startswith("contact.")
    ((plugin, detail),) = names(greedy, "plugin.refuse")
    assert plugin == "greedy"
    assert detail["reasons"][0]["code"] == "grant"


def test_upgrade_that_wants_more_waits_until_it_is_approved(site: Site, greedy: Crm) -> None:
    """EX-17"""
    take(site, greedy, "contact.*")
    greedy.house.refresh(force=True)
    greedy.rebuild()
    user = greedy.user().client
    assert user.post("/greedy", {}).status_code == 404
    with greedy.store(readonly=True) as store:
        (row,) = store.scalars(select(PluginState).where(PluginState.name == "greedy"))
        assert "wants more than was agreed to: contact.*" in row.reason
    stranger = person("plugin.read")
    with pytest.raises(Denied):
        greedy.house.approve(stranger, "greedy")
    answer = user.post("/plugins/greedy/approve", {})
    assert answer.json() == {"granted": ["contact.*"]}
    greedy.rebuild()
    assert greedy.user().client.post("/greedy", {}).status_code == 200
    assert [detail["grants"] for _, detail in names(greedy, "plugin.approve")] == [["contact.*"]]
    with pytest.raises(Conflict, match="wants nothing new"):
        greedy.house.approve(ADMIN, "greedy")


def test_host_is_called_only_with_its_grant(greedy: Crm) -> None:
    """EX-17"""
    with as_plugin("greedy"), pytest.raises(Denied, match=r"not granted net:example\.org"):
        outbound.shared().check("https://example.org/")
    assert outbound.shared().check("https://example.org/").host == "example.org"


CALLER = """
from retinue import hookimpl
from retinue.web import outbound

@hookimpl
def contacts_created(store, contacts):
    outbound.shared().check("https://example.org/")
"""


def test_hook_calls_a_host_only_with_its_grant(site: Site, crm: Crm) -> None:
    """EX-17: hooks, like routes and jobs, act as their plugin; once they are done nobody acts."""
    site.install("caller", body=CALLER)
    site.turn_on(crm.house, "caller")
    with crm.store() as store:
        create_contact(store, {"kind": "person", "family_name": "Novák"})
    failures = crm.house.plugins.watch.failures
    assert [(f.plugin, f.hook, f.error) for f in failures] == [("caller", "contacts_created", "Denied")]
    assert acting_plugin() is None


def test_plan_of_enabling_lists_the_grants(site: Site, crm: Crm) -> None:
    """EX-17"""
    take(site, crm, "contact.*", "net:example.org")
    plan = plan_action(crm.house, ADMIN, "enable", "greedy")
    assert [item.name for item in plan.items if item.kind == "grants"] == ["contact.*", "net:example.org"]


@pytest.mark.parametrize("grant", ["contact", "contact.Read", "net:", "net:a b", "**", ".*"])
def test_word_that_is_no_grant_is_a_fault(grant: str) -> None:
    """EX-17"""
    (fault,) = grants_faults(Manifest(name="greedy", grants=(grant,)))
    assert fault.code == "PLG034"


@given(st.lists(st.sampled_from(["*", "contact.*", "contact.read", "tag.create", "net:*", "net:a.example"])))
def test_nothing_waits_that_was_agreed_to(agreed: list[str]) -> None:
    """EX-17"""
    assert all(GRANT.fullmatch(grant) for grant in agreed)
    manifest = Manifest(name="greedy", grants=tuple(agreed))
    assert wanted_beyond(manifest, {"grants": agreed}) == []
    assert set(wanted_beyond(manifest, {})) == set(agreed)
    assert not Grants(frozenset({"contact.read"}))("contact.erase")
