"""Roles and teams: on both databases."""

from __future__ import annotations

import pytest

from retinue.access import (
    Account,
    Role,
    add_member,
    change_account,
    change_role,
    create_account,
    create_role,
    create_team,
    deactivate_account,
    ensure_builtin_roles,
    forget_expired,
    get_team,
    list_members,
    list_roles,
    list_teams,
    remove_member,
    remove_role,
    remove_team,
    rename_team,
)
from retinue.access.models import SignInSession, TryCounter
from retinue.actor import Actor, Reach
from retinue.errors import Conflict, Denied, Invalid, NotFound

from .conftest import Office


def _role(office: Office, admin: Actor, name: str, **parts: object) -> Role:
    with office.database.store(admin) as store:
        role = create_role(store, {"name": name, **parts}, guard=office.guard)
    office.roles[name] = role.id
    return role


# ---- roles
def test_builtin_roles_are_made_once(office: Office, admin: Actor) -> None:
    with office.database.store(admin) as store:
        assert {role.id for role in ensure_builtin_roles(store).values()} == set(office.roles.values())
        assert [role.name for role in list_roles(store)] == [
            "Administrator",
            "Manager",
            "Reader",
            "Team lead",
        ]


def test_builtin_roles_reach_as_far_as_they_say(office: Office) -> None:
    """C-13: a manager reaches the own contacts, a team lead the team's, an administrator all."""
    reaches = {}
    for name in ("Manager", "Team lead", "Administrator", "Reader"):
        office.account(name.lower().replace(" ", ""), name)
        actor = office.actor(name.lower().replace(" ", ""))
        reaches[name] = (
            actor.reach("contact.read").word,
            actor.reach("contact.change").word,
            actor.may("contact.export"),
        )
    assert reaches == {
        "Manager": ("own", "own", False),
        "Team lead": ("team", "team", True),
        "Administrator": ("all", "all", True),
        "Reader": ("all", "none", False),
    }


def test_role_with_unknown_permission_names_the_nearest(office: Office, admin: Actor) -> None:
    with pytest.raises(Invalid) as refused, office.database.store(admin) as store:
        create_role(store, {"name": "R", "permissions": {"contact.chnage": "own"}}, guard=office.guard)
    assert "contact.change" in refused.value.problems[0].detail


@pytest.mark.parametrize(
    "parts",
    [
        {"hidden_fields": ["revenue"]},
        {"locked_fields": ["contact."]},
        {"addresses": ["somewhere"]},
        {"is_admin": True},
    ],
)
def test_role_with_wrong_parts_is_invalid(office: Office, admin: Actor, parts: dict[str, object]) -> None:
    with pytest.raises(Invalid):
        _role(office, admin, "R", **parts)


def test_role_change_holds_good_at_the_next_call(office: Office, admin: Actor) -> None:
    """A7: rights are looked up at every call; nobody has to sign in again."""
    role = _role(office, admin, "Sales", permissions={"contact.read": "all"})
    office.account("anna", "Sales")
    signed_in = office.sign_in("anna")
    assert office.who(signed_in).reach("contact.read") is Reach.ALL
    with office.database.store(admin) as store:
        change_role(store, role.id, {"permissions": {"contact.read": "own"}}, guard=office.guard)
    assert office.who(signed_in).reach("contact.read") is Reach.OWN


def test_role_in_use_and_the_administrators_role_stay(office: Office, admin: Actor) -> None:
    role = _role(office, admin, "Sales")
    office.account("anna", "Sales")
    with pytest.raises(Conflict), office.database.store(admin) as store:
        remove_role(store, role.id)
    for deed in (
        lambda store: remove_role(store, office.roles["Administrator"]),
        lambda store: change_role(store, office.roles["Administrator"], {"name": "X"}, guard=office.guard),
        lambda store: create_role(store, {"name": "SALES"}, guard=office.guard),
    ):
        with pytest.raises(Conflict), office.database.store(admin) as store:
            deed(store)
    anna = office.find("anna").id
    with office.database.store(admin) as store:
        change_account(store, anna, {"role_ids": []}, guard=office.guard)
        remove_role(store, role.id)


def test_role_of_a_vanished_plugin_is_inert(office: Office, admin: Actor) -> None:
    role = _role(office, admin, "Sales", permissions={"contact.read": "own"})
    with office.system() as store:
        store.get(Role, role.id).permissions = {"contact.read": "own", "loyalty.adjust": "all"}
    office.account("anna", "Sales")
    assert dict(office.actor("anna").permissions) == {"contact.read": Reach.OWN}


# ---- teams
def test_team_has_members_and_a_lead(office: Office, admin: Actor) -> None:
    anna, boris = office.account("anna", "Team lead"), office.account("boris", "Manager")
    with office.database.store(admin) as store:
        north, south = create_team(store, "North"), create_team(store, "South")
        add_member(store, north.id, anna, lead=True)
        add_member(store, north.id, boris)
        add_member(store, north.id, boris)
    assert office.actor("boris").team_ids == {north.id}
    lead = office.actor("anna")
    with office.database.store(lead) as store:
        assert [team.name for team in list_teams(store)] == ["North"]
        assert [(m.is_lead, a.login) for m, a in list_members(store, north.id)] == [
            (True, "anna"),
            (False, "boris"),
        ]
        rename_team(store, north.id, "Far north")
        remove_member(store, north.id, boris)
    assert office.actor("boris").team_ids == frozenset()
    for deed in (
        lambda store: add_member(store, south.id, anna),
        lambda store: get_team(store, south.id),
        lambda store: remove_member(store, north.id, boris),
    ):
        with pytest.raises(NotFound), office.database.store(lead) as store:
            deed(store)
    with office.database.store(admin) as store:
        assert [team.name for team in list_teams(store)] == ["Far north", "South"]


def test_team_is_changed_by_its_lead_only(office: Office, admin: Actor) -> None:
    anna = office.account("anna", "Team lead")
    with office.database.store(admin) as store:
        north = create_team(store, "North")
        add_member(store, north.id, anna)
    with pytest.raises(Denied) as refused, office.database.store(office.actor("anna")) as store:
        add_member(store, north.id, anna, lead=True)
    assert refused.value.code == "lead-required"


def test_team_name_is_unique_and_members_keep_it(office: Office, admin: Actor) -> None:
    anna = office.account("anna")
    with office.database.store(admin) as store:
        north = create_team(store, "North")
        add_member(store, north.id, anna)
    for deed in (lambda store: create_team(store, "NORTH"), lambda store: remove_team(store, north.id)):
        with pytest.raises(Conflict), office.database.store(admin) as store:
            deed(store)
    with office.database.store(admin) as store:
        remove_member(store, north.id, anna)
        remove_team(store, north.id)


def test_team_takes_no_deactivated_account(office: Office, admin: Actor) -> None:
    anna = office.account("anna")
    with office.database.store(admin) as store:
        north = create_team(store, "North")
        deactivate_account(store, anna, guard=office.guard)
    with pytest.raises(Invalid), office.database.store(admin) as store:
        add_member(store, north.id, anna)


# ---- denied calls change nothing
def test_manager_may_do_nothing_to_accounts_roles_and_teams(office: Office, admin: Actor) -> None:
    """A6: each deed is refused, and no row has changed."""
    office.account("anna", "Manager")
    actor, role = office.actor("anna"), office.roles["Reader"]
    deeds = [
        lambda store: create_account(store, {"login": "x", "name": "X"}, guard=office.guard),
        lambda store: change_account(store, admin.id, {"name": "X"}, guard=office.guard),
        lambda store: deactivate_account(store, admin.id, guard=office.guard),
        list_roles,
        lambda store: create_role(store, {"name": "X"}, guard=office.guard),
        lambda store: change_role(store, role, {"name": "X"}, guard=office.guard),
        lambda store: remove_role(store, role),
        lambda store: create_team(store, "X"),
    ]
    before = [(row.login, row.name) for row in office.rows(Account)], [row.name for row in office.rows(Role)]
    for deed in deeds:
        with pytest.raises(Denied), office.database.store(actor) as store:
            deed(store)
    assert before == (
        [(row.login, row.name) for row in office.rows(Account)],
        [row.name for row in office.rows(Role)],
    )


def test_housekeeping_forgets_what_ended_long_ago(office: Office) -> None:
    from datetime import timedelta

    office.account("anna")
    office.sign_in("anna")
    with office.system() as store:
        assert forget_expired(store, office.guard.rules) == 0
    office.age(SignInSession, timedelta(days=40), "opened_at", "seen_at", "expires_at")
    office.age(TryCounter, timedelta(days=2), "since", "until")
    with office.system() as store:
        assert forget_expired(store, office.guard.rules) == 3
    assert office.rows(SignInSession) == office.rows(TryCounter) == []
