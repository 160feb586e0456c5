"""Passkeys: adding, naming, removing; signing in with one, alone or after the password; proving again."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from retinue.access import passkey_wire as wire
from retinue.access.challenges import put_challenge, take_challenge
from retinue.access.credentials import active_account, require_person
from retinue.access.factors import (
    Confirmed,
    count_codes,
    drop_idle_codes,
    factor_changed,
)
from retinue.access.guard import Caller, Guard, Opens, doorkeeper
from retinue.access.models import Account, Passkey, SignInSession
from retinue.access.passkey_wire import Person, Presented, to_text
from retinue.access.proof import note_proof, require_fresh
from retinue.access.secret import digest
from retinue.access.sessions import SignedIn, live_session, open_session
from retinue.access.signing_in import admit, entered
from retinue.access.tries import give_tries_back, take_tries, too_many, try_keys
from retinue.actor import Actor
from retinue.errors import Conflict, Invalid, NotFound, Problem, RetinueError, Unauthenticated
from retinue.storage import Store

MOST_PASSKEYS = 20
ADD, SIGN_IN, PROVE = "passkey.add", "passkey.sign_in", "passkey.prove"


# ---- one's own passkeys
def offer_passkey(store: Store, *, guard: Guard) -> dict[str, Any]:
    """Return what the signed-in person's browser needs to make a passkey; nothing changes until it answers."""
    account_id = require_fresh(store, guard)
    system = store.system("offer a passkey")
    account = active_account(system, account_id)
    held = _passkeys(system, account_id)
    if len(held) >= MOST_PASSKEYS:
        raise Conflict(f"There are {MOST_PASSKEYS} passkeys already.", remedy="Remove one first.")
    challenge = secrets.token_bytes(32)
    person = Person(account_id.bytes, account.login, account.name)
    taken = [row.credential_id for row in held]
    options = wire.registration_options(guard.rules, challenge, person, taken)
    put_challenge(system, ADD, to_text(challenge), guard=guard, account_id=account_id)
    return options


def add_passkey(
    store: Store, credential: Mapping[str, Any], name: str, caller: Caller, *, guard: Guard
) -> tuple[Passkey, Confirmed]:
    """Keep the passkey that a browser made; every session and token ends, a new session takes over.

    Recovery codes are made if the account has none left to fall back on.
    """
    account_id = require_fresh(store, guard)
    system = store.system("add a passkey")
    presented = wire.read_presented(credential)
    question = take_challenge(system, ADD, presented.challenge)
    made = None
    if question is not None and question.account_id == account_id:
        made = wire.check_registration(guard.rules, credential, presented.challenge)
    if made is None:
        problem = Problem("/credential", "It does not answer the question of this page.", "credential")
        raise Invalid("This passkey cannot be added.", problems=[problem], remedy="Start again.")
    if _by_credential(system, made.credential_id) is not None:
        raise Conflict("This passkey is known already.", code="passkey-known", remedy="Use another device.")
    row = Passkey(
        account_id=account_id,
        credential_hash=digest(to_text(made.credential_id)),
        credential_id=made.credential_id,
        public_key=made.public_key,
        sign_count=made.sign_count,
        transports=made.transports,
        is_synced=made.is_synced,
        name=name,
        created_at=store.now,
    )
    system.add(row)
    system.flush()
    codes = count_codes(system, account_id) == 0
    action = "account.add_passkey"
    return row, factor_changed(store, account_id, caller, guard=guard, action=action, codes=codes)


def list_passkeys(store: Store) -> list[Passkey]:
    """Return the signed-in person's passkeys, the oldest first."""
    return _passkeys(store.system("list passkeys"), require_person(store))


def rename_passkey(store: Store, passkey_id: UUID, name: str) -> Passkey:
    """Give one of one's own passkeys another name."""
    row = _own(store, passkey_id, require_person(store))
    row.name = name
    return row


def remove_passkey(store: Store, passkey_id: UUID, caller: Caller, *, guard: Guard) -> SignedIn:
    """Remove one of one's own passkeys; every session and token ends, a new session takes over."""
    account_id = require_fresh(store, guard)
    system = store.system("remove a passkey")
    system.remove(_own(store, passkey_id, account_id))
    system.flush()
    drop_idle_codes(system, account_id)
    action = "account.remove_passkey"
    return factor_changed(store, account_id, caller, guard=guard, action=action, codes=False).signed_in


# ---- signing in
def offer_sign_in(opens: Opens, pending: str | None, caller: Caller, *, guard: Guard) -> dict[str, Any]:
    """Return what a browser needs to present a passkey: any, or those of a session that owes the second factor."""
    challenge = secrets.token_bytes(32)
    with doorkeeper(opens, caller) as store:
        session = _pending(store, pending, guard)
        known = _passkeys(store, session.account_id) if session else []
        ids = [row.credential_id for row in known]
        options = wire.sign_in_options(guard.rules, challenge, ids, verify=session is None)
        put_challenge(store, SIGN_IN, to_text(challenge), guard=guard)
    return options


def sign_in_with_passkey(
    opens: Opens, credential: Mapping[str, Any], pending: str | None, caller: Caller, *, guard: Guard
) -> SignedIn:
    """Open a session for a passkey: alone if its device verified the person, else after the password.

    A passkey that verified the person is two factors in one, so no code is asked for.
    """
    presented = wire.read_presented(credential)
    keys = _take_try(opens, presented, caller, guard)
    outcome: SignedIn | RetinueError = _wrong()
    with doorkeeper(opens, caller) as store:
        session = _pending(store, pending, guard)
        row = _proved(store, credential, presented, SIGN_IN, guard=guard, verify=session is None)
        account = store.find(Account, row.account_id) if row is not None else None
        if account is not None and account.is_active and session is None:
            outcome = admit(store, account, caller, guard=guard)
        elif account is not None and session is not None and session.account_id == account.id:
            session.expires_at = store.now
            outcome = open_session(store, account, caller, guard=guard)
        if isinstance(outcome, SignedIn):
            give_tries_back(store, keys, guard.rules)
    return entered(outcome)


# ---- proving again
def offer_proof(store: Store, *, guard: Guard) -> dict[str, Any]:
    """Return what the signed-in person's browser needs to prove with a passkey who is there."""
    account_id = require_person(store)
    system, challenge = store.system("offer a proof"), secrets.token_bytes(32)
    ids = [row.credential_id for row in _passkeys(system, account_id)]
    if not ids:
        raise Conflict("There is no passkey.", code="no-passkey", remedy="Give your password.")
    options = wire.sign_in_options(guard.rules, challenge, ids)
    put_challenge(system, PROVE, to_text(challenge), guard=guard, account_id=account_id)
    return options


def prove_with_passkey(
    opens: Opens, actor: Actor, credential: Mapping[str, Any], caller: Caller, *, guard: Guard
) -> None:
    """Note on the session that its owner is there, by one of their passkeys."""
    presented = wire.read_presented(credential)
    keys = _take_try(opens, presented, caller, guard)
    with doorkeeper(opens, caller) as store:
        row = _proved(store, credential, presented, PROVE, guard=guard, verify=True)
        right = row is not None and row.account_id == actor.id
        if right:
            give_tries_back(store, keys, guard.rules)
            note_proof(store, actor)
    if not right:
        raise _wrong()


# ---- checks -----
def _take_try(opens: Opens, presented: Presented, caller: Caller, guard: Guard) -> list[bytes]:
    with doorkeeper(opens, caller) as store:
        keys = try_keys(store, "passkey", to_text(presented.credential_id), caller)
        wait = take_tries(store, keys, guard.rules)
    if wait is not None:
        raise too_many(wait)
    return keys


def _proved(
    store: Store,
    credential: Mapping[str, Any],
    presented: Presented,
    kind: str,
    *,
    guard: Guard,
    verify: bool,
) -> Passkey | None:
    """Return the passkey if it answers a question of `kind`; a counter that went back is a copy, and refused."""
    question = take_challenge(store, kind, presented.challenge)
    row = _by_credential(store, presented.credential_id)
    if question is None or row is None:
        return None
    if question.account_id not in (None, row.account_id):
        return None
    count = wire.check_signature(
        guard.rules, credential, presented.challenge, public_key=row.public_key, verify=verify
    )
    if count is None:
        return None
    # A counter of 0 is no counter. Of two that present the same count at once only one gets through.
    grown = Passkey.sign_count < count if count or row.sign_count else Passkey.sign_count == 0
    mine = update(Passkey).where(Passkey.id == row.id, grown)
    if not store.change(mine.values(sign_count=count, used_at=store.now)):
        store.record("passkey.suspect", detail={"account": str(row.account_id), "passkey": str(row.id)})
        return None
    return row


def _pending(store: Store, secret: str | None, guard: Guard) -> SignInSession | None:
    """Return the session that owes the second factor, None if this browser has none."""
    if not secret:
        return None
    try:
        return live_session(store, secret, guard, pending=True)
    except Unauthenticated:
        return None


def _passkeys(system: Store, account_id: UUID) -> list[Passkey]:
    mine = select(Passkey).where(Passkey.account_id == account_id)
    return system.scalars(mine.order_by(Passkey.created_at, Passkey.id))


def _by_credential(system: Store, credential_id: bytes) -> Passkey | None:
    same = select(Passkey).where(Passkey.credential_hash == digest(to_text(credential_id)))
    found: Passkey | None = system.first(same)
    return found


def _own(store: Store, passkey_id: UUID, account_id: UUID) -> Passkey:
    row = store.system("find a passkey").find(Passkey, passkey_id)
    if row is None or row.account_id != account_id:
        raise NotFound("There is no such passkey.")
    return row


def _wrong() -> Unauthenticated:
    return Unauthenticated(
        "This passkey does not open anything here.",
        code="wrong-passkey",
        remedy="Try again, or sign in with your password.",
    )
