"""The second factor and step-up: on both databases."""

from __future__ import annotations

import threading
from datetime import timedelta

import pyotp
import pytest
from sqlalchemy import select, update

from retinue.access import (
    ApiToken,
    Caller,
    Role,
    SignInSession,
    TokenDraft,
    confirm_sign_in,
    confirm_totp,
    count_recovery_codes,
    create_token,
    offer_totp,
    prove_again,
    remove_totp,
    renew_recovery_codes,
    reset_second_factor,
)
from retinue.access.models import Credential, RecoveryCode
from retinue.actor import Actor
from retinue.errors import Conflict, Denied, Invalid, RetinueError, TooMany, Unauthenticated

from .conftest import HOME, PASSWORD, Office, current_code

HERE = Caller(HOME)
READ = {"contact.read": "own"}


def _draft(**parts: object) -> TokenDraft:
    return TokenDraft(**{"name": "robot", "scopes": READ, **parts})


def _make(office: Office, actor: Actor, **parts: object) -> tuple[ApiToken, str]:
    with office.database.store(actor) as store:
        return create_token(store, _draft(**parts), guard=office.guard)


# ---- the second factor
def _enrol(office: Office, login: str = "anna") -> tuple[str, list[str], str]:
    """Return seed, recovery codes and the session's secret of an account that just set a second factor."""
    actor = office.actor(login)
    with office.database.store(actor) as store:
        enrolment = offer_totp(store, guard=office.guard)
    assert enrolment.seed in enrolment.address
    with office.database.store(actor) as store:
        done = confirm_totp(store, current_code(enrolment.seed), HERE, guard=office.guard)
    return enrolment.seed, done.recovery_codes, done.signed_in.secret


def _next_step(office: Office) -> None:
    """Let the code of this moment count as not used yet: what half a minute of waiting would do."""
    with office.system() as store:
        store.change(update(Credential).values(totp_step=Credential.totp_step - 10))


def test_second_factor_is_asked_for_after_it_was_confirmed(office: Office) -> None:
    """F4: setting it ends every session and token; the id changes when the code is given."""
    office.account("anna", "Manager")
    before = office.sign_in("anna")
    _, token = _make(office, office.who(before))
    seed, codes, secret = _enrol(office)
    assert len(codes) == 10
    for facts in ({"cookie": before.secret}, {"bearer": token}):
        with pytest.raises(Unauthenticated):
            office.who(**facts)
    assert office.who(cookie=secret).kind == "person"
    _next_step(office)
    pending = office.sign_in("anna")
    assert pending.is_pending
    assert pending.device is None
    with pytest.raises(Unauthenticated):
        office.who(pending)
    full = confirm_sign_in(office.database, pending.secret, current_code(seed), HERE, guard=office.guard)
    assert full.secret != pending.secret
    assert office.who(full).kind == "person"
    with pytest.raises(Unauthenticated):
        confirm_sign_in(office.database, pending.secret, current_code(seed), HERE, guard=office.guard)
    _next_step(office)
    assert not office.sign_in("anna", code=current_code(seed)).is_pending


def test_second_factor_code_works_once(office: Office) -> None:
    """F6: a code seen over the shoulder is worth nothing, not even the one used to enrol."""
    office.account("anna")
    seed, _, _ = _enrol(office)
    with office.system() as store:
        used = pyotp.TOTP(seed).at(store.scalar(select(Credential.totp_step)) * 30)
    with pytest.raises(Unauthenticated) as refused:
        office.sign_in("anna", code=used)
    assert refused.value.code == "wrong-code"
    _next_step(office)
    code = current_code(seed)
    assert not office.sign_in("anna", code=code).is_pending
    with pytest.raises(Unauthenticated):
        office.sign_in("anna", code=code)


def test_second_factor_code_used_twice_at_once_works_once(office: Office) -> None:
    """F6: eight parallel sign-ins with the same code are one."""
    office.account("anna")
    seed, _, _ = _enrol(office)
    _next_step(office)
    pending = [office.sign_in("anna") for _ in range(8)]
    code, results = current_code(seed), []

    def confirm(secret: str) -> None:
        try:
            confirm_sign_in(office.database, secret, code, HERE, guard=office.guard)
            results.append("in")
        except RetinueError as refused:
            results.append(refused.code)

    threads = [threading.Thread(target=confirm, args=(one.secret,)) for one in pending]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(results) == ["in"] + ["wrong-code"] * 7


def test_second_factor_guesses_are_counted(office: Office) -> None:
    """F2: with the password known, ten codes and no more."""
    office.account("anna")
    seed, _, _ = _enrol(office)
    _next_step(office)
    pending = office.sign_in("anna")
    wrong = [
        code
        for code in (f"{number:06}" for number in range(13))
        if not pyotp.TOTP(seed).verify(code, valid_window=1)
    ]
    for code in wrong[:10]:
        with pytest.raises(Unauthenticated):
            confirm_sign_in(office.database, pending.secret, code, HERE, guard=office.guard)
    with pytest.raises(TooMany):
        confirm_sign_in(office.database, pending.secret, current_code(seed), HERE, guard=office.guard)


def test_pending_session_lives_five_minutes(office: Office) -> None:
    office.account("anna")
    seed, _, _ = _enrol(office)
    _next_step(office)
    pending = office.sign_in("anna")
    office.age(SignInSession, timedelta(minutes=6), "opened_at", "seen_at", "expires_at")
    with pytest.raises(Unauthenticated):
        confirm_sign_in(office.database, pending.secret, current_code(seed), HERE, guard=office.guard)


def test_recovery_code_stands_in_once(office: Office) -> None:
    office.account("anna")
    _, codes, secret = _enrol(office)
    assert not office.sign_in("anna", code=codes[0].upper().replace("-", " ")).is_pending
    with pytest.raises(Unauthenticated):
        office.sign_in("anna", code=codes[0])
    with office.database.store(office.who(cookie=secret)) as store:
        assert count_recovery_codes(store) == 9
        fresh = renew_recovery_codes(store, guard=office.guard)
    with pytest.raises(Unauthenticated):
        office.sign_in("anna", code=codes[1])
    assert not office.sign_in("anna", code=fresh[1]).is_pending
    assert len(office.audit("account.use_recovery_code")) == 2


def test_recovery_code_of_somebody_else_is_wrong(office: Office) -> None:
    office.account("anna")
    office.account("boris")
    _, codes, _ = _enrol(office, "anna")
    _enrol(office, "boris")
    with pytest.raises(Unauthenticated):
        office.sign_in("boris", code=codes[0])


def test_second_factor_can_be_taken_away(office: Office) -> None:
    office.account("anna")
    _, _, secret = _enrol(office)
    actor = office.who(cookie=secret)
    with pytest.raises(Conflict), office.database.store(actor) as store:
        offer_totp(store, guard=office.guard)
    with office.database.store(actor) as store:
        fresh = remove_totp(store, HERE, guard=office.guard)
    with pytest.raises(Unauthenticated):
        office.who(cookie=secret)
    assert office.who(fresh).kind == "person"
    assert not office.sign_in("anna").is_pending
    assert office.rows(RecoveryCode) == []


def test_second_factor_lost_is_reset_by_an_administrator(office: Office, admin: Actor) -> None:
    account = office.account("anna")
    _, _, secret = _enrol(office)
    with office.database.store(admin) as store:
        reset_second_factor(store, account, guard=office.guard)
    with pytest.raises(Unauthenticated):
        office.who(cookie=secret)
    assert not office.sign_in("anna").is_pending
    office.account("boris", "Manager")
    with pytest.raises(Denied), office.database.store(office.actor("boris")) as store:
        reset_second_factor(store, account, guard=office.guard)


def test_second_factor_needs_the_right_code_to_be_set(office: Office) -> None:
    office.account("anna")
    actor = office.actor("anna")
    with pytest.raises(Conflict), office.database.store(actor) as store:
        confirm_totp(store, "000000", HERE, guard=office.guard)
    with office.database.store(actor) as store:
        seed = offer_totp(store, guard=office.guard).seed
    with pytest.raises(Invalid), office.database.store(actor) as store:
        confirm_totp(store, f"{(int(current_code(seed)) + 1) % 10**6:06}", HERE, guard=office.guard)
    assert office.rows(Credential)[0].totp_at is None
    assert office.who(office.sign_in("anna")).kind == "person"


def test_short_password_is_allowed_beside_a_second_factor(office: Office) -> None:
    from retinue.access import change_own_password

    office.account("anna")
    _, _, secret = _enrol(office)
    actor = office.who(cookie=secret)
    assert change_own_password(
        office.database, actor, PASSWORD, "kxvmqzpj", caller=HERE, guard=office.guard
    ).secret


def test_seed_is_sealed_in_the_row(office: Office) -> None:
    office.account("anna")
    seed, _, _ = _enrol(office)
    with office.system() as store:
        row = store.first(select(Credential))
        assert row.totp_seed == seed
        assert seed.encode() not in row.sealed_data


# ---- step-up
def test_delicate_deeds_need_a_fresh_proof(office: Office) -> None:
    office.account("anna", "Manager")
    actor = office.actor("anna")
    office.age(SignInSession, timedelta(minutes=16), "proved_at")
    for deed in (
        lambda store: offer_totp(store, guard=office.guard),
        lambda store: create_token(store, _draft(), guard=office.guard),
    ):
        with pytest.raises(Denied) as refused, office.database.store(actor) as store:
            deed(store)
        assert refused.value.code == "proof-required"
    with pytest.raises(Invalid):
        prove_again(office.database, actor, "wrong", HERE, guard=office.guard)
    prove_again(office.database, actor, PASSWORD, HERE, guard=office.guard)
    assert _make(office, actor)[1]


def test_proof_counts_wrong_passwords(office: Office) -> None:
    office.account("anna", "Manager")
    actor = office.actor("anna")
    for _ in range(10):
        with pytest.raises(Invalid):
            prove_again(office.database, actor, "wrong", HERE, guard=office.guard)
    with pytest.raises(TooMany):
        prove_again(office.database, actor, PASSWORD, HERE, guard=office.guard)


def test_builtin_administrator_role_grants_what_is_declared(office: Office, admin: Actor) -> None:
    assert set(admin.permissions) == {permission.name for permission in office.guard.permissions}
    with office.system() as store:
        assert store.first(select(Role).where(Role.is_admin.is_(True))).permissions == {}
