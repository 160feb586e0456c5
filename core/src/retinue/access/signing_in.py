"""Signing in. What fails is counted and committed first and refused afterwards; no hash is computed while a
transaction is open, since on SQLite everybody else would wait for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from retinue.access.actors import is_usable_at, roles_of
from retinue.access.addresses import is_allowed
from retinue.access.credentials import (
    Snapshot,
    account_by_login,
    active_account,
    locked_credential,
    normal_login,
    snapshot_of,
)
from retinue.access.devices import known_device
from retinue.access.factors import second_factors, use_code
from retinue.access.guard import Caller, Guard, Opens, doorkeeper
from retinue.access.models import Account
from retinue.access.sessions import SignedIn, live_session, open_session, wrong_address
from retinue.access.tries import give_tries_back, take_tries, too_many, try_keys
from retinue.errors import RetinueError, Unauthenticated
from retinue.storage import Store


@dataclass(frozen=True, slots=True)
class _Attempt:
    keys: Sequence[bytes]
    snapshot: Snapshot | None
    wait: int | None


# ---- the first factor -----
def sign_in(
    opens: Opens, login: str, password: str, caller: Caller, *, guard: Guard, code: str | None = None
) -> SignedIn:
    """Open a session for the right login and password, and the right code where the account asks for one.

    Without the code the session stays pending until `confirm_sign_in`. Unknown login, wrong password and
    deactivated account are answered alike and after the same time.
    """
    attempt = _begin(opens, login, caller, guard)
    if attempt.wait is not None:
        raise too_many(attempt.wait)
    snapshot = attempt.snapshot
    right = guard.hasher.verify(snapshot.password_hash if snapshot else None, password)
    if not right or snapshot is None:
        raise _wrong()
    stored = snapshot.password_hash or ""
    stronger = guard.hasher.hash(password) if guard.hasher.is_weaker(stored) else None
    signed_in = _open_proved(opens, snapshot, attempt.keys, caller, guard=guard, rehashed=stronger)
    if code is not None and signed_in.is_pending:
        return confirm_sign_in(opens, signed_in.secret, code, caller, guard=guard)
    return signed_in


def _begin(opens: Opens, login: str, caller: Caller, guard: Guard) -> _Attempt:
    with doorkeeper(opens, caller) as store:
        account = account_by_login(store, login)
        device = known_device(store, account.id, caller.device) if account else None
        keys = try_keys(store, "password", normal_login(login), caller, device=device)
        wait = take_tries(store, keys, guard.rules)
        known = account is not None and account.is_active
        return _Attempt(keys, snapshot_of(store, account) if account and known else None, wait)


def _open_proved(
    opens: Opens,
    snapshot: Snapshot,
    keys: Sequence[bytes],
    caller: Caller,
    *,
    guard: Guard,
    rehashed: str | None,
) -> SignedIn:
    outcome: SignedIn | RetinueError = _wrong()
    with doorkeeper(opens, caller) as store:
        give_tries_back(store, keys, guard.rules)
        account = _still_valid(store, snapshot)
        if account is not None:
            if rehashed:
                locked_credential(store, account.id).password_hash = rehashed
            outcome = admit(
                store, account, caller, guard=guard, pending=second_factors(store, snapshot.account_id)
            )
    return entered(outcome)


def admit(
    store: Store, account: Account, caller: Caller, *, guard: Guard, pending: Sequence[str] = ()
) -> SignedIn | RetinueError:
    """Open a session for somebody who proved who they are, unless the address is wrong.

    The refusal is returned, not raised, so that what was noted about it is committed: see `entered`.
    """
    if not _address_allowed(store, account, caller.address, guard):
        store.record("session.refuse", detail={"account": str(account.id), "address": caller.address})
        return wrong_address()
    return open_session(store, account, caller, guard=guard, pending=pending)


def entered(outcome: SignedIn | RetinueError) -> SignedIn:
    """Return the session, or raise the refusal, once the transaction has ended."""
    if isinstance(outcome, RetinueError):
        raise outcome
    return outcome


def _still_valid(store: Store, snapshot: Snapshot) -> Account | None:
    """Return the account, unless it was deactivated or its password changed while the hash was computed."""
    same = locked_credential(store, snapshot.account_id).epoch == snapshot.epoch
    account = store.find(Account, snapshot.account_id)
    return account if account is not None and account.is_active and same else None


def _address_allowed(store: Store, account: Account, address: str, guard: Guard) -> bool:
    return is_allowed(address, guard.rules.allowed) and is_usable_at(roles_of(store, account.id), address)


def _wrong() -> Unauthenticated:
    return Unauthenticated(
        "Login or password is wrong.", code="wrong-credentials", remedy="Check both and try again."
    )


# ---- the second factor -----
def confirm_sign_in(opens: Opens, secret: str, code: str, caller: Caller, *, guard: Guard) -> SignedIn:
    """Turn a pending session into a full one with a code of the authenticator or a recovery code; the id
    changes.
    """
    with doorkeeper(opens, caller) as store:
        session = live_session(store, secret, guard, pending=True)
        device = known_device(store, session.account_id, caller.device)
        keys = try_keys(store, "code", str(session.account_id), caller, device=device)
        wait = take_tries(store, keys, guard.rules)
    if wait is not None:
        raise too_many(wait)
    signed_in: SignedIn | None = None
    with doorkeeper(opens, caller) as store:
        session = live_session(store, secret, guard, pending=True)
        if use_code(store, session.account_id, code, guard):
            give_tries_back(store, keys, guard.rules)
            session.expires_at = store.now
            account = active_account(store, session.account_id)
            signed_in = open_session(store, account, caller, guard=guard)
    if signed_in is None:
        raise Unauthenticated(
            "This code is wrong or was used already.",
            code="wrong-code",
            remedy="Wait for the next code of your app.",
        )
    return signed_in
