"""Accounts: on both databases."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import select

from retinue.access import (
    Account,
    AccountRole,
    Role,
    actor_of,
    change_account,
    change_role,
    create_account,
    create_role,
    deactivate_account,
    get_account,
    list_accounts,
)
from retinue.actor import Actor, Reach
from retinue.errors import Conflict, Denied, Invalid, RetinueError
from retinue.storage import new_id

from .conftest import PASSWORD, Office


class Told:
    """A set of hooks that remembers what it was told."""

    def __init__(self) -> None:
        self.accounts: list[str] = []

    def accounts_deactivated(self, store: object, accounts: list[Account]) -> None:
        self.accounts += [account.login for account in accounts]


def _role(office: Office, admin: Actor, name: str, **parts: object) -> Role:
    with office.database.store(admin) as store:
        role = create_role(store, {"name": name, **parts}, guard=office.guard)
    office.roles[name] = role.id
    return role


# ---- accounts
def test_account_is_made_with_roles_and_password(office: Office, admin: Actor) -> None:
    draft = {
        "login": " Anna@Example.com ",
        "name": "Anna Nováková",
        "email": "anna@example.com",
        "language": "cs",
        "time_zone": "Europe/Prague",
        "role_ids": [office.roles["Manager"]],
        "password": PASSWORD,
    }
    with office.database.store(admin) as store:
        made = create_account(store, draft, guard=office.guard)
    with office.database.store(admin) as store:
        found = get_account(store, made.id)
        assert (found.login, found.name, found.language) == ("anna@example.com", "Anna Nováková", "cs")
        assert [account.login for account in list_accounts(store)] == ["anna@example.com", "root"]
        assert actor_of(store, found, office.guard).language == "cs"
    assert office.sign_in("anna@example.com").must_change
    (entry,) = [entry for entry in office.audit("account.create") if entry.row_id == made.id]
    assert entry.actor_id == admin.id


def test_account_login_is_taken_in_any_case(office: Office, admin: Actor) -> None:
    office.account("anna")
    with pytest.raises(Conflict) as refused, office.database.store(admin) as store:
        create_account(store, {"login": "ANNA", "name": "Other"}, guard=office.guard)
    assert refused.value.code == "login-taken"
    boris = office.account("boris")
    with pytest.raises(Conflict), office.database.store(admin) as store:
        change_account(store, boris, {"login": "Anna"}, guard=office.guard)


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"time_zone": "Mars/Olympus"}, "/time_zone"),
        ({"name": "  "}, "/name"),
        ({"login": ""}, "/login"),
        ({"role_ids": [new_id()]}, "/role_ids/0"),
        ({"password": "Secret123"}, "/password"),
    ],
)
def test_account_with_wrong_values_is_invalid_and_leaves_nothing(
    office: Office, admin: Actor, changes: dict[str, object], pointer: str
) -> None:
    with pytest.raises(Invalid) as refused, office.database.store(admin) as store:
        create_account(store, {"login": "x", "name": "X", **changes}, guard=office.guard)
    assert [problem.pointer for problem in refused.value.problems] == [pointer]
    assert office.find("x") is None


def test_account_password_may_not_be_made_of_its_own_name(office: Office, admin: Actor) -> None:
    draft = {"login": "anna.kovar", "name": "Anna Kovar", "password": "anna.kovar.2026"}
    with pytest.raises(Invalid) as refused, office.database.store(admin) as store:
        create_account(store, draft, guard=office.guard)
    assert refused.value.problems[0].code == "context"


def test_person_may_change_own_name_and_nothing_else(office: Office) -> None:
    account = office.account("anna", "Manager")
    anna = office.actor("anna")
    with office.database.store(anna) as store:
        change_account(store, account, {"name": "Anna N.", "language": "tr"}, guard=office.guard)
    assert office.find("anna").name == "Anna N."
    for changes in ({"login": "boss"}, {"role_ids": [office.roles["Administrator"]]}, {"email": "a@b.cz"}):
        with pytest.raises(Denied), office.database.store(anna) as store:
            change_account(store, account, changes, guard=office.guard)
    boris = office.account("boris")
    with pytest.raises(Denied), office.database.store(anna) as store:
        change_account(store, boris, {"name": "B"}, guard=office.guard)


def test_person_without_right_reads_own_account_only(office: Office) -> None:
    account, other = office.account("anna"), office.account("boris")
    with office.database.store(office.actor("anna")) as store:
        assert get_account(store, account).login == "anna"
    for ask in (lambda store: get_account(store, other), list_accounts):
        with pytest.raises(Denied), office.database.store(office.actor("anna")) as store:
            ask(store)


def test_deactivation_is_told_to_plugins(office: Office, admin: Actor) -> None:
    account, told = office.account("anna"), Told()
    for _ in range(2):
        with office.database.store(admin, hooks=told) as store:
            deactivate_account(store, account, guard=office.guard)
    assert told.accounts == ["anna"]
    assert len(office.audit("account.deactivate")) == 1
    assert not office.find("anna").is_active
    with office.system() as store:
        assert dict(actor_of(store, store.get(Account, account), office.guard).permissions) == {}


def test_last_administrator_stays(office: Office, admin: Actor) -> None:
    """The last administrator cannot be deactivated, nor lose the role; with a second one both work."""
    for deed in (
        lambda store: deactivate_account(store, admin.id, guard=office.guard),
        lambda store: change_account(store, admin.id, {"role_ids": []}, guard=office.guard),
    ):
        with pytest.raises(Conflict) as refused, office.database.store(admin) as store:
            deed(store)
        assert (refused.value.status, refused.value.code) == (409, "last-administrator")
    second = office.account("second", "Administrator")
    with office.database.store(admin) as store:
        deactivate_account(store, second, guard=office.guard)
    with pytest.raises(Conflict), office.database.store(admin) as store:
        deactivate_account(store, admin.id, guard=office.guard)


def test_two_administrators_cannot_deactivate_each_other_at_once(office: Office, admin: Actor) -> None:
    office.account("second", "Administrator")
    second, results = office.actor("second"), []
    start = threading.Barrier(2)

    def fire(actor: Actor, target: object) -> None:
        start.wait(10)
        try:
            with office.database.store(actor) as store:
                deactivate_account(store, target, guard=office.guard)
            results.append("done")
        except RetinueError as refused:
            results.append(refused.code)

    threads = [
        threading.Thread(target=fire, args=(admin, second.id)),
        threading.Thread(target=fire, args=(second, admin.id)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    with office.system() as store:
        active = store.scalars(
            select(Account.login)
            .join(AccountRole, AccountRole.account_id == Account.id)
            .where(AccountRole.role_id == office.roles["Administrator"], Account.is_active.is_(True))
        )
    assert len(active) == 1
    assert sorted(results) in (["done", "last-administrator"], ["busy", "done"])


def test_own_role_cannot_be_raised(office: Office, admin: Actor) -> None:
    """Whoever may change accounts and roles gives nobody, himself least, more than he holds."""
    rights = {
        **dict.fromkeys(("account.create", "account.change", "account.read", "account.deactivate"), "all"),
        **dict.fromkeys(("role.read", "role.create", "role.change"), "all"),
        "contact.read": "team",
    }
    role = _role(office, admin, "Office head", permissions=rights)
    account = office.account("head", "Office head")
    head = office.actor("head")
    administrators = office.roles["Administrator"]
    wider = {**rights, "contact.read": "all"}
    attempts = [
        lambda store: change_account(
            store, account, {"role_ids": [role.id, administrators]}, guard=office.guard
        ),
        lambda store: change_role(store, role.id, {"permissions": wider}, guard=office.guard),
        lambda store: create_role(store, {"name": "Mine", "permissions": wider}, guard=office.guard),
        lambda store: create_account(
            store, {"login": "puppet", "name": "P", "role_ids": [administrators]}, guard=office.guard
        ),
        lambda store: change_account(store, admin.id, {"email": "head@example.com"}, guard=office.guard),
        lambda store: change_account(store, admin.id, {"role_ids": []}, guard=office.guard),
        lambda store: deactivate_account(store, admin.id, guard=office.guard),
    ]
    for attempt in attempts:
        with pytest.raises(Denied) as refused, office.database.store(head) as store:
            attempt(store)
        assert refused.value.code == "above-own-rights"
    assert office.find("puppet") is None
    assert office.actor("head").reach("contact.read") is Reach.TEAM
    with office.database.store(head) as store:
        create_role(store, {"name": "Less", "permissions": {"contact.read": "own"}}, guard=office.guard)


def test_role_may_not_uncover_what_its_maker_cannot_see(office: Office, admin: Actor) -> None:
    rights = {"role.create": "all", "contact.read": "all"}
    _role(office, admin, "Blind", permissions=rights, hidden_fields=["contact.revenue"])
    office.account("blind", "Blind")
    blind = office.actor("blind")
    assert blind.hidden_fields == {"contact.revenue"}
    with pytest.raises(Denied), office.database.store(blind) as store:
        create_role(store, {"name": "Seeing", "permissions": {"contact.read": "all"}}, guard=office.guard)
    with office.database.store(blind) as store:
        draft = {
            "name": "Also blind",
            "permissions": {"contact.read": "all"},
            "hidden_fields": ["contact.revenue"],
        }
        create_role(store, draft, guard=office.guard)
