"""Passkeys against an authenticator in software: adding, signing in, proving, and everything that is refused."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from retinue.access import (
    Caller,
    Passkey,
    SignedIn,
    SignInSession,
    TokenDraft,
    add_passkey,
    create_token,
    deactivate_account,
    list_passkeys,
    offer_passkey,
    offer_proof,
    offer_sign_in,
    prove_with_passkey,
    remove_passkey,
    rename_passkey,
    reset_second_factor,
    sign_in_with_passkey,
)
from retinue.access.models import Challenge
from retinue.actor import Actor
from retinue.errors import Conflict, Denied, Invalid, Misconfigured, NotFound, RetinueError, Unauthenticated
from retinue.storage import MODELS

from .authenticator import BE, BS, ORIGIN, UP, UV, Authenticator, b64
from .conftest import HOME, PASSWORD, Office, with_rules

HERE = Caller(HOME)
one_database = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""For what is decided before the database is asked."""


@pytest.fixture
def place(office: Office) -> Office:
    made = with_rules(office, origin=ORIGIN)
    made.account("anna", "Manager")
    return made


def enrol(place: Office, device: Authenticator, login: str = "anna", actor: Actor | None = None) -> Any:
    """Add `device` to the account; return what the service returned."""
    actor = actor or place.actor(login)
    with place.database.store(actor) as store:
        options = offer_passkey(store, guard=place.guard)
    answer = device.create(options)
    with place.database.store(actor) as store:
        return add_passkey(store, answer, "Laptop", HERE, guard=place.guard)


def enter(place: Office, device: Authenticator, pending: str | None = None, **more: Any) -> SignedIn:
    caller = Caller(**{"address": HOME, **more})
    options = offer_sign_in(place.database, pending, caller, guard=place.guard)
    return sign_in_with_passkey(place.database, device.get(options), pending, caller, guard=place.guard)


def code_of(call: Callable[[], Any]) -> str:
    with pytest.raises(RetinueError) as refused:
        call()
    return refused.value.code


# ---- adding
def test_passkey_added_ends_everything_else_and_gives_recovery_codes(place: Office) -> None:
    """F4: it is a change of the second factor like any other."""
    before = place.sign_in("anna")
    with place.database.store(place.who(before)) as store:
        token = create_token(store, TokenDraft(name="x", scopes={"contact.read": "own"}), guard=place.guard)[
            1
        ]
    row, done = enrol(place, Authenticator(flags=UP | UV | BE | BS), actor=place.who(before))
    assert (row.name, row.is_synced, row.transports) == ("Laptop", True, ["internal"])
    assert len(done.recovery_codes) == 10
    for facts in ({"cookie": before.secret}, {"bearer": token}):
        with pytest.raises(Unauthenticated):
            place.who(**facts)
    assert place.who(done.signed_in).kind == "person"
    again = enrol(place, Authenticator(), actor=place.who(done.signed_in))
    assert again[1].recovery_codes == [], "those of the first one are still good"
    assert len(place.audit("account.add_passkey")) == 2


@one_database
def test_passkey_options_name_the_site_and_ask_for_the_person(place: Office) -> None:
    actor = place.actor("anna")
    with place.database.store(actor) as store:
        options = offer_passkey(store, guard=place.guard)
    assert options["rp"] == {"name": "Retinue", "id": "crm.example"}
    assert options["attestation"] == "none"
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert options["user"]["id"] == b64(actor.id.bytes)
    device = Authenticator()
    enrol(place, device, actor=actor)
    signed_in = enter(place, device)
    with place.database.store(place.who(signed_in)) as store:
        options = offer_passkey(store, guard=place.guard)
    assert [one["id"] for one in options["excludeCredentials"]] == [b64(device.credential_id)]


@one_database
@pytest.mark.parametrize(
    "odd",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://crm.example"},
        {"host": "evil.example"},
        {"flags": UP},
        {"flags": UV},
        {"client": {"type": "webauthn.get"}},
        {"client": {"challenge": b64(b"x" * 32)}},
        {"client": {"crossOrigin": True}},
        {"client": {"topOrigin": "https://evil.example"}},
        {"client": {"challenge": 7}},
    ],
    ids=str,
)
def test_passkey_from_elsewhere_is_not_added(place: Office, odd: dict[str, Any]) -> None:
    """Wrong origin, host, flags, kind, question or frame: 422, nothing kept, nobody signed out."""
    signed_in = place.sign_in("anna")
    with pytest.raises(Invalid):
        enrol(place, Authenticator(**odd), actor=place.who(signed_in))
    assert place.rows(Passkey) == []
    assert place.who(signed_in).kind == "person"


def test_passkey_question_is_for_one_person_once_and_soon(place: Office) -> None:
    place.account("boris", "Manager")
    anna, boris, device = place.actor("anna"), place.actor("boris"), Authenticator()
    with place.database.store(anna) as store:
        options = offer_passkey(store, guard=place.guard)
    with pytest.raises(Invalid), place.database.store(boris) as store:
        add_passkey(store, device.create(options), "Theirs", HERE, guard=place.guard)
    place.age(Challenge, timedelta(minutes=11), "expires_at")
    with pytest.raises(Invalid), place.database.store(anna) as store:
        add_passkey(store, device.create(options), "Late", HERE, guard=place.guard)
    done = enrol(place, device)[1]
    with pytest.raises(Conflict) as known:
        enrol(place, device, actor=place.who(done.signed_in))
    assert known.value.code == "passkey-known"


def test_passkey_needs_a_fresh_proof_and_a_person(place: Office) -> None:
    actor = place.actor("anna")
    place.age(SignInSession, timedelta(minutes=16), "proved_at")
    with pytest.raises(Denied) as stale, place.database.store(actor) as store:
        offer_passkey(store, guard=place.guard)
    assert stale.value.code == "proof-required"
    with pytest.raises(Denied), place.database.store(Actor(kind="token", id=actor.id)) as store:
        offer_passkey(store, guard=place.guard)


@one_database
def test_passkeys_need_a_host_name(office: Office) -> None:
    office.account("anna", "Manager")
    numbered = with_rules(office, origin="http://127.0.0.1:8000")
    with pytest.raises(Misconfigured) as refused, numbered.database.store(numbered.actor("anna")) as store:
        offer_passkey(store, guard=numbered.guard)
    assert refused.value.code == "passkeys-off"


# ---- signing in
def test_passkey_alone_signs_in_and_no_code_is_asked(place: Office) -> None:
    device = Authenticator()
    enrol(place, device)
    options = offer_sign_in(place.database, None, HERE, guard=place.guard)
    assert options.get("allowCredentials", []) == [], "a stranger learns nobody's credentials"
    signed_in = enter(place, device)
    assert not signed_in.is_pending
    assert place.who(signed_in).id == place.find("anna").id
    assert place.rows(Passkey)[0].used_at is not None
    assert len(place.audit("session.create")) >= 1


def test_passkey_completes_a_password_without_verifying_the_person_again(place: Office) -> None:
    device = Authenticator()
    enrol(place, device)
    pending = place.sign_in("anna")
    assert (pending.is_pending, pending.factors) == (True, ("passkey", "recovery"))
    with pytest.raises(Unauthenticated):
        place.who(pending)
    device.flags = UP
    assert code_of(lambda: enter(place, device)) == "wrong-passkey", "alone it has to verify the person"
    signed_in = enter(place, device, pending.secret)
    assert place.who(signed_in).kind == "person"
    assert signed_in.secret != pending.secret
    with pytest.raises(Unauthenticated):
        place.who(pending)


def test_recovery_code_stands_in_for_a_lost_passkey(place: Office) -> None:
    codes = enrol(place, Authenticator())[1].recovery_codes
    assert place.sign_in("anna", code=codes[0]).is_pending is False
    assert code_of(lambda: place.sign_in("anna", code=codes[0])) == "wrong-code"


def test_passkey_of_somebody_else_does_not_complete_a_password(place: Office) -> None:
    place.account("boris", "Manager")
    anna, boris = Authenticator(), Authenticator()
    enrol(place, anna)
    enrol(place, boris, "boris")
    pending = place.sign_in("anna")
    assert code_of(lambda: enter(place, boris, pending.secret)) == "wrong-passkey"


@one_database
@pytest.mark.parametrize(
    "odd",
    [
        {"origin": "https://evil.example"},
        {"host": "evil.example"},
        {"flags": UP},
        {"flags": UV},
        {"client": {"type": "webauthn.create"}},
        {"credential_id": b"unknown" * 4},
        {"step": 0},
        {"step": -1},
        {"key": Authenticator().key},
    ],
    ids=lambda odd: next(iter(odd)),
)
def test_passkey_that_is_not_quite_right_opens_nothing(place: Office, odd: dict[str, Any]) -> None:
    """F6: all are answered alike; a counter that does not grow is a copy, and noted."""
    device = Authenticator()
    enrol(place, device)
    enter(place, device)
    sessions = len(place.rows(SignInSession))
    for name, value in odd.items():
        setattr(device, name, value)
    assert code_of(lambda: enter(place, device)) == "wrong-passkey"
    assert len(place.rows(SignInSession)) == sessions
    assert len(place.audit("passkey.suspect")) == (1 if "step" in odd else 0)


def test_passkey_without_a_counter_signs_in_again_and_again(place: Office) -> None:
    device = Authenticator(step=0)
    enrol(place, device)
    assert all(enter(place, device).secret for _ in range(3))
    assert place.audit("passkey.suspect") == []


def test_passkey_answer_is_good_once(place: Office) -> None:
    """F6: replay of a captured answer, with a fresh question beside it."""
    device = Authenticator(step=0)
    enrol(place, device)
    answer = device.get(offer_sign_in(place.database, None, HERE, guard=place.guard))

    def replay() -> Any:
        offer_sign_in(place.database, None, HERE, guard=place.guard)
        return sign_in_with_passkey(place.database, copy.deepcopy(answer), None, HERE, guard=place.guard)

    assert replay().secret
    assert code_of(replay) == "wrong-passkey"


@one_database
@pytest.mark.parametrize(
    "rubbish",
    [{}, {"id": "x"}, {"id": 1, "response": {}}, {"id": "%%", "response": {"clientDataJSON": "e30"}}],
)
def test_rubbish_is_no_answer_of_a_passkey(place: Office, rubbish: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refused:
        sign_in_with_passkey(place.database, rubbish, None, HERE, guard=place.guard)
    assert [problem.pointer for problem in refused.value.problems] == ["/credential"]


def test_passkey_of_a_leaver_or_from_a_wrong_address_opens_nothing(place: Office) -> None:
    place.account("root", "Administrator")
    device = Authenticator()
    enrol(place, device)
    fenced = with_rules(place, origin=ORIGIN, allowed=["198.51.100.0/24"])
    assert code_of(lambda: enter(fenced, device)) == "address"
    assert len(place.audit("session.refuse")) == 1
    anna = place.find("anna").id
    with place.database.store(place.actor("root")) as store:
        deactivate_account(store, anna, guard=place.guard)
    assert code_of(lambda: enter(place, device)) == "wrong-passkey"


# ---- proving, naming, removing
def test_passkey_proves_who_is_there(place: Office) -> None:
    device = Authenticator()
    actor = place.who(enrol(place, device)[1].signed_in)
    place.age(SignInSession, timedelta(minutes=16), "proved_at")
    with place.database.store(actor) as store:
        options = offer_proof(store, guard=place.guard)
    assert [one["id"] for one in options["allowCredentials"]] == [b64(device.credential_id)]
    stray = device.get(offer_sign_in(place.database, None, HERE, guard=place.guard))
    with pytest.raises(Unauthenticated):
        prove_with_passkey(place.database, actor, stray, HERE, guard=place.guard)
    prove_with_passkey(place.database, actor, device.get(options), HERE, guard=place.guard)
    with place.database.store(actor) as store:
        offer_passkey(store, guard=place.guard)


def test_passkey_is_named_and_removed_by_its_owner_alone(place: Office) -> None:
    place.account("boris", "Manager")
    row, done = enrol(place, Authenticator())
    anna, boris = place.who(done.signed_in), place.actor("boris")
    with pytest.raises(NotFound), place.database.store(boris) as store:
        rename_passkey(store, row.id, "Mine")
    with pytest.raises(NotFound), place.database.store(boris) as store:
        remove_passkey(store, row.id, HERE, guard=place.guard)
    with place.database.store(anna) as store:
        rename_passkey(store, row.id, "Old laptop")
    with place.database.store(anna) as store:
        assert [one.name for one in list_passkeys(store)] == ["Old laptop"]
    with place.database.store(anna) as store:
        signed_in = remove_passkey(store, row.id, HERE, guard=place.guard)
    with pytest.raises(Unauthenticated):
        place.who(done.signed_in)
    assert place.who(signed_in).kind == "person"
    assert not place.sign_in("anna").is_pending
    assert place.rows(MODELS["account_recovery_code"]) == []


def test_administrator_takes_lost_passkeys_away(place: Office) -> None:
    place.account("root", "Administrator")
    device = Authenticator()
    enrol(place, device)
    anna = place.find("anna").id
    with place.database.store(place.actor("root")) as store:
        reset_second_factor(store, anna, guard=place.guard)
    assert place.rows(Passkey) == []
    assert not place.sign_in("anna", PASSWORD).is_pending
    assert code_of(lambda: enter(place, device)) == "wrong-passkey"
