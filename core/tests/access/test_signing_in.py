"""Signing in, being slowed down, being locked out: on both databases."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from retinue.access import (
    Account,
    ApiToken,
    SignInSession,
    TokenDraft,
    change_account,
    change_own_password,
    create_token,
    csrf_token,
    deactivate_account,
    end_other_sessions,
    end_session,
    list_sessions,
    reactivate_account,
    set_password,
    sign_out,
)
from retinue.access.models import Credential, Device, TryCounter
from retinue.actor import Actor
from retinue.errors import Conflict, Denied, Invalid, NotFound, TooMany, Unauthenticated
from retinue.storage import new_id

from .conftest import AWAY, HOME, PASSWORD, Office, with_rules

OTHER = "meadow violin salt"


def _caller(address: str = HOME):
    from retinue.access import Caller

    return Caller(address)


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


# ---- being slowed down
def test_sign_in_after_ten_wrong_tries_waits_15_minutes(office: Office) -> None:
    """C-18: ten wrong tries, then 429 with Retry-After, for the right password as well."""
    office.account("anna")
    assert _wrong(office, "anna", 10) == [401] * 10
    with pytest.raises(TooMany) as refused:
        office.sign_in("anna")
    assert 895 <= int(refused.value.headers["Retry-After"]) <= 900
    assert len(office.audit("sign_in.close")) == 2, "one for the account, one for the address"
    office.age(TryCounter, timedelta(minutes=15), "since", "until")
    assert office.sign_in("anna").secret


def test_sign_in_counts_an_address_over_all_accounts(office: Office) -> None:
    office.account("anna")
    for number in range(10):
        _wrong(office, f"user{number}", 1)
    with pytest.raises(TooMany):
        office.sign_in("anna")
    assert office.sign_in("anna", address=AWAY).secret


def test_sign_in_counts_an_account_over_all_addresses(office: Office) -> None:
    """F2: a hundred addresses give no more guesses than one."""
    office.account("anna")
    statuses = [_wrong(office, "anna", 1, address=f"192.0.2.{n}")[0] for n in range(30)]
    assert statuses == [401] * 10 + [429] * 20


def test_sign_in_for_an_unknown_login_is_slowed_down_alike(office: Office) -> None:
    """F3: the throttle does not tell who exists either."""
    office.account("anna")
    known = [_wrong(office, "anna", 1, address=f"192.0.2.{n}")[0] for n in range(12)]
    unknown = [_wrong(office, "nobody", 1, address=f"198.18.0.{n}")[0] for n in range(12)]
    assert known == unknown == [401] * 10 + [429] * 2


def test_sign_in_from_a_known_device_is_not_locked_by_strangers(office: Office) -> None:
    """F2: the attacker closes the account and the office's address; the known browser still gets in."""
    office.account("anna")
    device = office.sign_in("anna").device
    _wrong(office, "anna", 12, address=AWAY)
    _wrong(office, "anna", 12, address=HOME)
    with pytest.raises(TooMany):
        office.sign_in("anna", device="made up")
    again = office.sign_in("anna", device=device)
    assert office.who(again).kind == "person"
    assert again.device is None, "it keeps its cookie"


def test_known_device_has_a_limit_of_its_own(office: Office) -> None:
    office.account("anna")
    device = office.sign_in("anna").device
    assert _wrong(office, "anna", 12, device=device) == [401] * 10 + [429] * 2
    assert office.sign_in("anna").secret, "the browser's tries close nothing for others"


def test_device_of_one_account_is_no_device_of_another(office: Office) -> None:
    office.account("anna")
    office.account("boris")
    device = office.sign_in("boris").device
    assert _wrong(office, "anna", 11, device=device)[-1] == 429
    with pytest.raises(TooMany):
        office.sign_in("anna", device=device)


def test_devices_are_limited_in_number(office: Office) -> None:
    office.account("anna")
    for _ in range(23):
        office.sign_in("anna")
    assert len(office.rows(Device)) == 20


def test_right_password_does_not_use_up_tries(office: Office) -> None:
    office.account("anna")
    for _ in range(12):
        office.sign_in("anna")
    assert {row.tries for row in office.rows(TryCounter)} == {0}
    _wrong(office, "anna", 9)
    assert office.sign_in("anna").secret
    assert {row.tries for row in office.rows(TryCounter)} == {9}
    assert _wrong(office, "anna", 2) == [401, 429]


def test_parallel_tries_at_the_limit_share_one_allowance(office: Office) -> None:
    """F6: twelve at once, with four tries left, are four."""
    office.account("anna")
    _wrong(office, "anna", 6)
    statuses: list[int] = []
    start = threading.Barrier(12)

    def guess(number: int) -> None:
        start.wait(10)
        statuses.extend(_wrong(office, "anna", 1, address=f"192.0.2.{number}"))

    threads = [threading.Thread(target=guess, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(statuses) == [401] * 4 + [429] * 8


def test_password_typed_as_login_is_not_kept(office: Office) -> None:
    """F5: what is typed into the wrong field stands nowhere in the counters, not even as a plain hash."""
    from retinue.access.secret import digest

    _wrong(office, "my secret password", 1)
    keys = {row.key_hash for row in office.rows(TryCounter)}
    assert len(keys) == 2
    assert digest("password:account:my secret password") not in keys


# ---- addresses
def test_sign_in_from_outside_the_allow_list_is_refused_and_recorded(office: Office) -> None:
    """C-17: allow 203.0.113.0/24: 203.0.113.7 gets in, 198.51.100.9 gets 403 and one audit row."""
    office.account("anna")
    fenced = with_rules(office, allowed=["203.0.113.0/24"])
    assert fenced.who(fenced.sign_in("anna")).kind == "person"
    with pytest.raises(Denied) as refused:
        fenced.sign_in("anna", address=AWAY)
    assert (refused.value.status, refused.value.code) == (403, "address")
    (entry,) = fenced.audit("session.refuse")
    assert entry.detail["address"] == AWAY
    assert not [row for row in fenced.rows(SignInSession) if row.address == AWAY]


def test_session_carried_to_another_address_is_refused(office: Office) -> None:
    office.account("anna")
    fenced = with_rules(office, allowed=["203.0.113.0/24"])
    signed_in = fenced.sign_in("anna")
    with pytest.raises(Denied):
        fenced.who(signed_in, address=AWAY)
    assert fenced.who(signed_in).kind == "person"


def test_token_from_outside_the_allow_list_is_refused(office: Office) -> None:
    """C-17: an API token from the second address gets 403; the audit has it once an hour."""
    secret = _token(office, "anna", {"contact.read": "own"})
    fenced = with_rules(office, allowed=["203.0.113.0/24"])
    assert fenced.who(bearer=secret).kind == "token"
    for _ in range(3):
        with pytest.raises(Denied) as refused:
            fenced.who(bearer=secret, address=AWAY)
        assert refused.value.status == 403
    assert len(fenced.audit("token.refuse")) == 1


def test_role_bound_to_addresses_counts_only_there(office: Office, admin: Actor) -> None:
    """C-17 by role: the strong role holds good in the office, the weak one everywhere."""
    from retinue.access import create_role

    with office.database.store(admin) as store:
        strong = {"name": "Strong", "permissions": {"contact.read": "all"}, "addresses": ["203.0.113.0/24"]}
        office.roles["Strong"] = create_role(store, strong, guard=office.guard).id
    office.account("anna", "Strong", "Manager")
    office.account("boris", "Strong")
    anna = office.sign_in("anna", address=AWAY)
    assert office.who(anna, address=AWAY).reach("contact.read").word == "own"
    assert office.who(anna, address=HOME).reach("contact.read").word == "all"
    with pytest.raises(Denied):
        office.sign_in("boris", address=AWAY)
    assert office.sign_in("boris", address=HOME).secret


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
        office.database, office.who(one), PASSWORD, OTHER, _caller(), guard=office.guard
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
                change_own_password(office.database, actor, current, old, _caller(), guard=office.guard)
            assert [problem.code for problem in refused.value.problems] == ["reused"]
        actor = office.who(
            change_own_password(office.database, actor, current, word, _caller(), guard=office.guard)
        )
        current = word
    actor = office.who(
        change_own_password(
            office.database, actor, current, "saffron ladder owl", _caller(), guard=office.guard
        )
    )
    change_own_password(office.database, actor, "saffron ladder owl", PASSWORD, _caller(), guard=office.guard)
    assert office.sign_in("anna").secret


def test_own_password_needs_the_current_one_and_guesses_are_counted(office: Office) -> None:
    office.account("anna")
    actor = office.actor("anna")
    for _ in range(10):
        with pytest.raises(Invalid) as refused:
            change_own_password(office.database, actor, "wrong", OTHER, _caller(), guard=office.guard)
        assert refused.value.code == "wrong-password"
    with pytest.raises(TooMany):
        change_own_password(office.database, actor, PASSWORD, OTHER, _caller(), guard=office.guard)


def test_short_password_is_refused_with_the_rule_length(office: Office) -> None:
    """C-18: least length 12: 'Secret123' → 422 naming the rule length."""
    office.account("anna")
    with pytest.raises(Invalid) as refused:
        change_own_password(
            office.database, office.actor("anna"), PASSWORD, "Secret123", _caller(), guard=office.guard
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
        office.database, actor, OTHER, "copper lantern fog", _caller(), guard=office.guard
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
    from retinue.access.password_changes import _replace, _snapshot

    account = office.account("anna")
    with office.system() as store:
        snapshot = _snapshot(store, account)
    set_password(office.database, admin, account, OTHER, guard=office.guard)
    with pytest.raises(Conflict), office.database.store(admin) as store:
        _replace(store, snapshot, "hash", must_change=False)
    assert office.sign_in("anna", OTHER).secret
