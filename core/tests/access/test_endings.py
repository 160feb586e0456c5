"""How everything signed in ends, and how passwords change: on both databases."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import update

from retinue.access import (
    Account,
    ApiToken,
    TokenDraft,
    change_account,
    change_own_password,
    create_token,
    deactivate_account,
    reactivate_account,
    set_password,
)
from retinue.access.models import Credential
from retinue.actor import Actor
from retinue.errors import Conflict, Denied, Invalid, TooMany, Unauthenticated

from .conftest import HOME, PASSWORD, Office

OTHER = "meadow violin salt"


def _caller(address: str = HOME):
    from retinue.access import Caller

    return Caller(address)


# ---- everything ends
def _token(office: Office, login: str, scopes: dict[str, str]) -> str:
    if office.find(login) is None:
        office.account(login, "Manager")
    with office.database.store(office.actor(login)) as store:
        return create_token(store, TokenDraft(name="robot", scopes=scopes), guard=office.guard)[1]


def test_leaver_loses_two_sessions_and_a_token_at_once(office: Office, admin: Actor) -> None:
    """C-15: deactivate somebody with 2 sessions and 1 token: the next call on each of the 3 is 401."""
    account = office.account("anna", "Manager")
    one, two = office.sign_in("anna"), office.sign_in("anna")
    token = _token(office, "anna", {"contact.read": "own"})
    assert {office.who(one).id, office.who(two).id, office.who(bearer=token).id} == {account}
    with office.database.store(admin) as store:
        deactivate_account(store, account, guard=office.guard)
    for facts in ({"cookie": one.secret}, {"cookie": two.secret}, {"bearer": token}):
        with pytest.raises(Unauthenticated) as refused:
            office.who(**facts)
        assert refused.value.status == 401
    assert office.audit("account.deactivate")[0].actor_id == admin.id
    with office.database.store(admin) as store:
        reactivate_account(store, account, guard=office.guard)
    for facts in ({"cookie": one.secret}, {"cookie": two.secret}, {"bearer": token}):
        with pytest.raises(Unauthenticated):
            office.who(**facts)
    assert office.sign_in("anna").secret


def test_password_change_ends_everything_but_the_new_session(office: Office) -> None:
    """F4: after a password change no session and no token of before is alive."""
    office.account("anna", "Manager")
    one, two = office.sign_in("anna"), office.sign_in("anna")
    token = _token(office, "anna", {"contact.read": "own"})
    fresh = change_own_password(
        office.database, office.who(one), PASSWORD, OTHER, caller=_caller(), guard=office.guard
    )
    for facts in ({"cookie": one.secret}, {"cookie": two.secret}, {"bearer": token}):
        with pytest.raises(Unauthenticated):
            office.who(**facts)
    assert office.who(fresh).kind == "person"
    with pytest.raises(Unauthenticated):
        office.sign_in("anna")
    assert office.sign_in("anna", OTHER).secret
    (entry,) = office.audit("account.change_password")
    assert entry.fields == []


def test_change_of_roles_ends_what_is_signed_in(office: Office, admin: Actor) -> None:
    """F4: whoever gets another role signs in again."""
    account = office.account("anna", "Manager")
    signed_in = office.sign_in("anna")
    token = _token(office, "anna", {"contact.read": "own"})
    with office.database.store(admin) as store:
        change_account(store, account, {"role_ids": [office.roles["Manager"]]}, guard=office.guard)
    assert office.who(signed_in).kind == "person", "the same roles are no change"
    with office.database.store(admin) as store:
        change_account(store, account, {"role_ids": [office.roles["Reader"]]}, guard=office.guard)
    for facts in ({"cookie": signed_in.secret}, {"bearer": token}):
        with pytest.raises(Unauthenticated):
            office.who(**facts)


def test_epoch_alone_voids_session_and_token(office: Office) -> None:
    """A7: a row that was being made while everything ended carries the old epoch, and is dead for it."""
    office.account("anna", "Manager")
    signed_in, token = office.sign_in("anna"), _token(office, "anna", {"contact.read": "own"})
    with office.system() as store:
        store.change(update(Credential).values(epoch=Credential.epoch + 1))
    for facts in ({"cookie": signed_in.secret}, {"bearer": token}):
        with pytest.raises(Unauthenticated):
            office.who(**facts)


def test_session_opened_while_everything_ends_is_dead(office: Office, admin: Actor) -> None:
    """A7: a sign-in whose password was checked before the deactivation does not slip through after it."""
    from retinue.access.guard import doorkeeper
    from retinue.access.signing_in import _begin, _open_proved

    account = office.account("anna", "Manager")
    attempt = _begin(office.database, "anna", _caller(), office.guard)
    with office.database.store(admin) as store:
        deactivate_account(store, account, guard=office.guard)
        reactivate_account(store, account, guard=office.guard)
    with pytest.raises(Unauthenticated):
        _open_proved(
            office.database, attempt.snapshot, attempt.keys, _caller(), guard=office.guard, rehashed=None
        )
    with doorkeeper(office.database, _caller()) as store:
        assert store.find(Account, account).is_active
    assert office.rows(ApiToken) == []


def test_revoked_right_is_gone_for_every_request_after_the_commit(office: Office, admin: Actor) -> None:
    """A7: eight threads ask without pause; none that begins after the commit gets through."""
    account = office.account("anna", "Manager")
    signed_in = office.sign_in("anna")
    committed, stop = threading.Event(), threading.Event()
    late, served = [], []

    def ask() -> None:
        while not stop.is_set():
            after = committed.is_set()
            try:
                office.who(signed_in)
                served.append(1)
                if after:
                    late.append(1)
            except Unauthenticated:
                if after:
                    return

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    while len(served) < 20:
        stop.wait(0.01)
    with office.database.store(admin) as store:
        deactivate_account(store, account, guard=office.guard)
    committed.set()
    for thread in threads:
        thread.join(30)
    stop.set()
    assert late == []


# ---- passwords
def test_own_password_cannot_be_one_of_the_last_five(office: Office) -> None:
    """C-18: an old password used again within five is 422 naming the rule reused."""
    office.account("anna")
    words = [
        "meadow violin salt",
        "copper lantern fog",
        "walnut bridge noon",
        "pebble cactus ink",
        "harbour quilt rye",
    ]
    current = PASSWORD
    actor = office.actor("anna")
    for word in words:
        for old in (current, PASSWORD):
            with pytest.raises(Invalid) as refused:
                change_own_password(
                    office.database, actor, current, old, caller=_caller(), guard=office.guard
                )
            assert [problem.code for problem in refused.value.problems] == ["reused"]
        actor = office.who(
            change_own_password(office.database, actor, current, word, caller=_caller(), guard=office.guard)
        )
        current = word
    actor = office.who(
        change_own_password(
            office.database, actor, current, "saffron ladder owl", caller=_caller(), guard=office.guard
        )
    )
    change_own_password(
        office.database, actor, "saffron ladder owl", PASSWORD, caller=_caller(), guard=office.guard
    )
    assert office.sign_in("anna").secret


def test_own_password_needs_the_current_one_and_guesses_are_counted(office: Office) -> None:
    office.account("anna")
    actor = office.actor("anna")
    for _ in range(10):
        with pytest.raises(Invalid) as refused:
            change_own_password(office.database, actor, "wrong", OTHER, caller=_caller(), guard=office.guard)
        assert refused.value.code == "wrong-password"
    with pytest.raises(TooMany):
        change_own_password(office.database, actor, PASSWORD, OTHER, caller=_caller(), guard=office.guard)


def test_short_password_is_refused_with_the_rule_length(office: Office) -> None:
    """C-18: least length 12: 'Secret123' → 422 naming the rule length."""
    office.account("anna")
    with pytest.raises(Invalid) as refused:
        change_own_password(
            office.database, office.actor("anna"), PASSWORD, "Secret123", caller=_caller(), guard=office.guard
        )
    assert refused.value.status == 422
    assert [(problem.pointer, problem.code) for problem in refused.value.problems] == [
        ("/password", "length")
    ]


def test_password_set_by_an_administrator_must_be_changed(office: Office, admin: Actor) -> None:
    account = office.account("anna", "Manager")
    signed_in = office.sign_in("anna")
    set_password(office.database, admin, account, OTHER, guard=office.guard)
    with pytest.raises(Unauthenticated):
        office.who(signed_in)
    owing = office.sign_in("anna", OTHER)
    assert owing.must_change
    actor = office.who(owing)
    assert dict(actor.permissions) == {}
    fresh = change_own_password(
        office.database, actor, OTHER, "copper lantern fog", caller=_caller(), guard=office.guard
    )
    assert not fresh.must_change
    assert office.who(fresh).may("contact.read")
    with pytest.raises(Invalid):
        set_password(office.database, admin, account, PASSWORD, guard=office.guard)


def test_password_of_somebody_who_may_more_cannot_be_set(office: Office, admin: Actor) -> None:
    """Taking over an account gives its rights: only who holds them everywhere may do it."""
    from retinue.access import create_role

    with office.database.store(admin) as store:
        rights = {"account.set_password": "all", "account.read": "all", "contact.read": "own"}
        office.roles["Desk"] = create_role(
            store, {"name": "Desk", "permissions": rights}, guard=office.guard
        ).id
    office.account("desk", "Desk")
    manager, plain = office.account("anna", "Manager"), office.account("plain")
    desk = office.actor("desk")
    for target in (manager, admin.id):
        with pytest.raises(Denied) as refused:
            set_password(office.database, desk, target, OTHER, guard=office.guard)
        assert refused.value.code == "above-own-rights"
    set_password(office.database, desk, plain, OTHER, guard=office.guard)


def test_two_password_changes_at_once_are_one(office: Office, admin: Actor) -> None:
    from retinue.access.password_changes import _snapshot, put_password

    account = office.account("anna")
    with office.system() as store:
        snapshot = _snapshot(store, account)
    set_password(office.database, admin, account, OTHER, guard=office.guard)
    with pytest.raises(Conflict), office.database.store(admin) as store:
        put_password(store, snapshot, "hash", must_change=False)
    assert office.sign_in("anna", OTHER).secret
