"""Signing in and sessions: on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest

from retinue.access import (
    SignInSession,
    csrf_token,
    deactivate_account,
    end_other_sessions,
    end_session,
    list_sessions,
    sign_out,
)
from retinue.access.models import Credential
from retinue.actor import Actor
from retinue.errors import Denied, NotFound, TooMany, Unauthenticated
from retinue.storage import new_id

from .conftest import HOME, PASSWORD, Office, with_rules

OTHER = "meadow violin salt"


def _wrong(office: Office, login: str, times: int, **more: object) -> list[int]:
    statuses = []
    for _ in range(times):
        with pytest.raises((Unauthenticated, TooMany)) as refused:
            office.sign_in(login, "wrong", **more)
        statuses.append(refused.value.status)
    return statuses


# ---- the plain way
def test_sign_in_opens_a_session_that_authenticates(office: Office) -> None:
    account = office.account("Anna@Example.com", "Manager")
    signed_in = office.sign_in(" anna@example.COM ")
    actor = office.who(signed_in)
    assert (actor.kind, actor.id, actor.session_id) == ("person", account, signed_in.session_id)
    assert actor.reach("contact.read").word == "own"
    assert actor.address == HOME
    assert len(office.audit("session.create")) == 1


def test_sign_in_secret_is_not_in_the_database(office: Office) -> None:
    """F5: what the database holds opens no session."""
    office.account("anna")
    signed_in = office.sign_in("anna")
    row = office.rows(SignInSession)[0]
    assert row.secret_hash != signed_in.secret.encode()
    with pytest.raises(Unauthenticated):
        office.who(cookie=row.secret_hash.hex())


@pytest.mark.parametrize(
    ("login", "password"), [("anna", "wrong"), ("nobody", PASSWORD), ("gone", PASSWORD), ("empty", "")]
)
def test_sign_in_refuses_alike_whatever_is_wrong(
    office: Office, admin: Actor, login: str, password: str
) -> None:
    """F3: wrong password, unknown login, deactivated account, account without password: one answer."""
    office.account("anna")
    office.account("empty", password=None)
    gone = office.account("gone")
    with office.database.store(admin) as store:
        deactivate_account(store, gone, guard=office.guard)
    with pytest.raises(Unauthenticated) as refused:
        office.sign_in(login, password)
    assert refused.value.code == "wrong-credentials"
    assert refused.value.detail == "Login or password is wrong."


def test_sign_in_gives_a_new_id_each_time(office: Office) -> None:
    office.account("anna")
    first, second = office.sign_in("anna"), office.sign_in("anna")
    assert first.secret != second.secret
    assert office.who(first).id == office.who(second).id


def test_sign_in_hashes_again_when_parameters_rise(office: Office) -> None:
    from retinue.access import HashCost

    office.account("anna")
    before = office.rows(Credential)[0].password_hash
    stronger = with_rules(office, cost=HashCost(16, 1, 1))
    first = office.sign_in("anna")
    stronger.sign_in("anna")
    after = office.rows(Credential)[0].password_hash
    assert "m=8," in before
    assert "m=16," in after
    assert stronger.who(first).kind == "person"
    assert stronger.sign_in("anna").secret


def test_session_idles_out_and_ends(office: Office) -> None:
    office.account("anna")
    idle, old = office.sign_in("anna"), office.sign_in("anna")
    office.age(SignInSession, timedelta(minutes=29), "seen_at")
    assert office.who(old).kind == "person"
    office.age(SignInSession, timedelta(minutes=2), "seen_at")
    assert office.who(old).kind == "person", "using it at minute 29 keeps it alive"
    with pytest.raises(Unauthenticated):
        office.who(idle)
    office.age(SignInSession, timedelta(hours=12), "opened_at", "expires_at")
    with pytest.raises(Unauthenticated):
        office.who(old)


def test_session_writes_its_last_use_once_a_minute(office: Office) -> None:
    office.account("anna")
    signed_in = office.sign_in("anna")
    before = office.rows(SignInSession)[0].seen_at
    office.who(signed_in)
    assert office.rows(SignInSession)[0].seen_at == before
    office.age(SignInSession, timedelta(seconds=61), "seen_at")
    office.who(signed_in)
    assert office.rows(SignInSession)[0].seen_at >= before


def test_session_from_the_future_is_not_believed(office: Office) -> None:
    """D8: a clock set back revives nothing."""
    office.account("anna")
    signed_in = office.sign_in("anna")
    office.age(SignInSession, timedelta(hours=-1), "opened_at", "seen_at", "expires_at")
    with pytest.raises(Unauthenticated):
        office.who(signed_in)


def test_session_refuses_the_form_token_of_another(office: Office) -> None:
    """F6: a form token a stranger got for his own session does not work in mine."""
    office.account("anna")
    mine, his = office.sign_in("anna"), office.sign_in("anna")
    assert office.who(mine, csrf=csrf_token(mine.secret)).kind == "person"
    with pytest.raises(Denied) as refused:
        office.who(mine, csrf=csrf_token(his.secret))
    assert refused.value.code == "csrf"


def test_request_without_credentials_is_nobody(office: Office) -> None:
    for facts in ({}, {"cookie": ""}, {"cookie": "x" * 5000}, {"bearer": ""}, {"bearer": "x"}):
        with pytest.raises(Unauthenticated):
            office.who(**facts)


def test_bad_token_is_not_made_good_by_a_cookie(office: Office) -> None:
    office.account("anna")
    with pytest.raises(Unauthenticated):
        office.who(office.sign_in("anna"), bearer="retinue_pat_x")


# ---- sessions of one's own and of others
def test_sessions_can_be_listed_and_ended(office: Office) -> None:
    office.account("anna", "Manager")
    one, two, three = (office.sign_in("anna") for _ in range(3))
    actor = office.who(three)
    with office.database.store(actor) as store:
        assert {row.id for row in list_sessions(store)} == {one.session_id, two.session_id, three.session_id}
        end_session(store, one.session_id)
    with pytest.raises(Unauthenticated):
        office.who(one)
    with office.database.store(actor) as store:
        assert end_other_sessions(store) == 1
    with pytest.raises(Unauthenticated):
        office.who(two)
    with office.database.store(actor) as store:
        sign_out(store)
    with pytest.raises(Unauthenticated):
        office.who(three)


def test_session_of_somebody_else_does_not_exist(office: Office, admin: Actor) -> None:
    office.account("anna", "Manager")
    office.account("boris", "Manager")
    anna, boris = office.sign_in("anna"), office.actor("boris")
    for session_id in (anna.session_id, new_id()):
        with pytest.raises((NotFound, Denied)) as refused, office.database.store(boris) as store:
            end_session(store, session_id)
        assert refused.value.status in (403, 404)
    with pytest.raises((NotFound, Denied)), office.database.store(boris) as store:
        list_sessions(store, anna.account_id)
    assert office.who(anna).kind == "person"
    with office.database.store(admin) as store:
        assert len(list_sessions(store, anna.account_id)) == 1
        end_session(store, anna.session_id)
    with pytest.raises(Unauthenticated):
        office.who(anna)
