"""Links that set a new password: from an administrator, or asked for; on both databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from retinue.access import (
    Caller,
    TokenDraft,
    ask_reset,
    change_account,
    create_role,
    create_token,
    deactivate_account,
    issue_asked_resets,
    issue_reset,
    use_reset,
)
from retinue.access.models import Challenge
from retinue.access.secret import RESET_PREFIX, new_token
from retinue.actor import Actor
from retinue.errors import Denied, Invalid, TooMany, Unauthenticated

from .conftest import AWAY, HOME, PASSWORD, SYSTEM, Office

HERE = Caller(HOME)
NEW = "meadow violin salt"


def _link(office: Office, admin: Actor, login: str = "anna") -> str:
    account = office.find(login).id
    with office.database.store(admin) as store:
        link = issue_reset(store, account, guard=office.guard).link
    place, _, token = link.partition("#")
    assert place == "http://localhost:8000/reset-password"
    return token


def _use(office: Office, token: str, password: str = NEW, **more: Any) -> None:
    use_reset(office.database, token, password, Caller(**{"address": HOME, **more}), guard=office.guard)


def _refused(office: Office, token: str) -> str:
    with pytest.raises(Invalid) as refused:
        _use(office, token)
    return refused.value.code


def test_reset_link_sets_the_password_once_and_ends_everything(office: Office, admin: Actor) -> None:
    """F4, F6: sessions and tokens die with the old password; the link used a second time is no good."""
    office.account("anna", "Manager")
    before = office.sign_in("anna")
    with office.database.store(office.who(before)) as store:
        bearer = create_token(
            store, TokenDraft(name="x", scopes={"contact.read": "own"}), guard=office.guard
        )[1]
    token, other = _link(office, admin), _link(office, admin)
    assert token.startswith(RESET_PREFIX)
    _use(office, token)
    for facts in ({"cookie": before.secret}, {"bearer": bearer}):
        with pytest.raises(Unauthenticated):
            office.who(**facts)
    with pytest.raises(Unauthenticated):
        office.sign_in("anna", PASSWORD)
    assert not office.sign_in("anna", NEW).must_change
    assert [_refused(office, one) for one in (token, other)] == ["bad-link"] * 2
    assert [len(office.audit(f"account.{verb}_reset")) for verb in ("issue", "use")] == [2, 1]
    assert token not in str([row.__dict__ for row in office.rows(Challenge)])


def test_reset_link_survives_a_refused_password(office: Office, admin: Actor) -> None:
    office.account("anna", "Manager")
    token = _link(office, admin)
    for bad, rule in (("short", "length"), (PASSWORD, "reused")):
        with pytest.raises(Invalid) as refused:
            _use(office, token, bad)
        assert [(one.pointer, one.code) for one in refused.value.problems] == [("/password", rule)]
    _use(office, token)


@pytest.mark.parametrize("cause", ["age", "roles", "deactivated", "unknown", "mistyped"])
def test_reset_link_is_dead(office: Office, admin: Actor, cause: str) -> None:
    anna = office.account("anna", "Manager")
    token = _link(office, admin)
    if cause == "age":
        office.age(Challenge, timedelta(hours=25), "expires_at")
    elif cause == "unknown":
        token = new_token(RESET_PREFIX)
    elif cause == "mistyped":
        token = token[:-1]
    else:
        with office.database.store(admin) as store:
            if cause == "roles":
                change_account(store, anna, {"role_ids": [office.roles["Reader"]]}, guard=office.guard)
            else:
                deactivate_account(store, anna, guard=office.guard)
    assert _refused(office, token) == "bad-link"
    if cause != "deactivated":
        assert office.sign_in("anna").secret


def test_reset_links_cannot_be_guessed_at(office: Office) -> None:
    assert [_refused(office, new_token(RESET_PREFIX)) for _ in range(10)] == ["bad-link"] * 10
    with pytest.raises(TooMany):
        _use(office, new_token(RESET_PREFIX))
    assert _refused_elsewhere(office) == "bad-link"


def _refused_elsewhere(office: Office) -> str:
    with pytest.raises(Invalid) as refused:
        _use(office, new_token(RESET_PREFIX), address=AWAY)
    return refused.value.code


def test_reset_link_for_somebody_who_may_more_is_refused(office: Office, admin: Actor) -> None:
    with office.database.store(admin) as store:
        rights = {"account.set_password": "all", "account.read": "all"}
        office.roles["Desk"] = create_role(
            store, {"name": "Desk", "permissions": rights}, guard=office.guard
        ).id
    office.account("desk", "Desk")
    with pytest.raises(Denied) as refused:
        _link(office, office.actor("desk"), "root")
    assert refused.value.code == "above-own-rights"


# ---- asked for
class Postman:
    def __init__(self) -> None:
        self.sent: list[Any] = []

    def password_resets_asked(self, store: object, resets: list[Any]) -> None:
        self.sent += resets


def _deliver(office: Office) -> list[Any]:
    postman = Postman()
    with office.database.store(SYSTEM, hooks=postman) as store:
        issue_asked_resets(store, guard=office.guard)
    return postman.sent


def test_reset_asked_for_is_delivered_to_accounts_that_exist(office: Office) -> None:
    """F3: whoever asks for whomever, the same row is written; only the job knows whether there is an account."""
    anna = office.account("anna", "Manager")
    for login in ("anna", "nobody", " ANNA "):
        ask_reset(office.database, login, HERE, guard=office.guard)
    rows = office.rows(Challenge)
    assert {(row.kind, str(row.detail)) for row in rows} == {("reset.ask", "{}")}
    assert len(rows) == 3
    (sent,) = _deliver(office)
    assert sent.account_id == anna
    assert sent.link not in repr(sent)
    _use(office, sent.link.partition("#")[2])
    assert office.sign_in("anna", NEW).secret
    assert _deliver(office) == []


def test_reset_asked_for_again_and_again_fills_no_mailbox(office: Office) -> None:
    office.account("anna", "Manager")
    for _ in range(3):
        ask_reset(office.database, "anna", HERE, guard=office.guard)
        _deliver(office)
    assert len(office.rows(Challenge)) == 1, "one link, and no question left"
    for _ in range(7):
        ask_reset(office.database, "anna", HERE, guard=office.guard)
    with pytest.raises(TooMany):
        ask_reset(office.database, "anna", HERE, guard=office.guard)


def test_reset_asked_for_by_a_leaver_makes_no_link(office: Office, admin: Actor) -> None:
    anna = office.account("anna", "Manager")
    ask_reset(office.database, "anna", HERE, guard=office.guard)
    with office.database.store(admin) as store:
        deactivate_account(store, anna, guard=office.guard)
    assert _deliver(office) == []
