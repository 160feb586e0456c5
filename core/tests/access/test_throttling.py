"""Being slowed down, and kept out by address: on both databases."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from retinue.access import (
    SignInSession,
    TokenDraft,
    create_token,
)
from retinue.access.models import Device, TryCounter
from retinue.actor import Actor
from retinue.errors import Denied, TooMany, Unauthenticated

from .conftest import AWAY, HOME, Office, with_rules

OTHER = "meadow violin salt"


def _wrong(office: Office, login: str, times: int, **more: object) -> list[int]:
    statuses = []
    for _ in range(times):
        with pytest.raises((Unauthenticated, TooMany)) as refused:
            office.sign_in(login, "wrong", **more)
        statuses.append(refused.value.status)
    return statuses


def _token(office: Office, login: str, scopes: dict[str, str]) -> str:
    if office.find(login) is None:
        office.account(login, "Manager")
    with office.database.store(office.actor(login)) as store:
        return create_token(store, TokenDraft(name="robot", scopes=scopes), guard=office.guard)[1]


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
