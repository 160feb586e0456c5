"""Signing in and out. What fails is counted and committed first and refused afterwards; no hash is computed while a
transaction is open, since on SQLite everybody else would wait for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, update

from retinue.access.actors import roles_of, usable_somewhere
from retinue.access.addresses import is_allowed
from retinue.access.credentials import Snapshot, account_by_login, active_account, locked_credential, snapshot_of
from retinue.access.devices import known_device, remember_device
from retinue.access.factors import use_code
from retinue.access.guard import Caller, Guard, Opens, doorkeeper
from retinue.access.models import Account, SignInSession
from retinue.access.secret import digest, new_secret
from retinue.access.tries import give_tries_back, take_tries, too_many, try_keys
from retinue.actor import Actor, Reach
from retinue.errors import Denied, NotFound, RetinueError, Unauthenticated
from retinue.storage import Store


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What a sign-in gives the browser: secrets for its two cookies, shown here and nowhere else.

    `is_pending` says that the second factor is still owed; until then the session opens nothing.
    """

    account_id: UUID
    session_id: UUID
    secret: str
    expires_at: datetime
    is_pending: bool = False
    must_change: bool = False
    device: str | None = None


@dataclass(frozen=True, slots=True)
class _Attempt:
    keys: Sequence[bytes]
    snapshot: Snapshot | None
    wait: int | None


# ---- the first factor --------------------------------------------------------------------------------------------
def sign_in(opens: Opens, login: str, password: str, caller: Caller, *, guard: Guard, code: str | None = None) -> SignedIn:
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
        keys = try_keys(store, "password", login.strip().lower(), caller, device=device)
        wait = take_tries(store, keys, guard.rules)
        known = account is not None and account.is_active
        return _Attempt(keys, snapshot_of(store, account) if account and known else None, wait)


def _open_proved(
    opens: Opens, snapshot: Snapshot, keys: Sequence[bytes], caller: Caller, *, guard: Guard, rehashed: str | None
) -> SignedIn:
    refusal: RetinueError | None = None
    signed_in: SignedIn | None = None
    with doorkeeper(opens, caller) as store:
        give_tries_back(store, keys, guard.rules)
        account = _still_valid(store, snapshot)
        if account is None:
            refusal = _wrong()
        elif not _address_allowed(store, account, caller.address, guard):
            store.record("session.refuse", detail={"account": str(account.id), "address": caller.address})
            refusal = wrong_address()
        else:
            if rehashed:
                locked_credential(store, account.id).password_hash = rehashed
            signed_in = open_session(store, account, caller, guard=guard, pending=snapshot.has_totp)
    if signed_in is None:
        raise refusal or _wrong()
    return signed_in


def _still_valid(store: Store, snapshot: Snapshot) -> Account | None:
    """Return the account, unless it was deactivated or its password changed while the hash was computed."""
    credential = locked_credential(store, snapshot.account_id)
    account = store.find(Account, snapshot.account_id)
    same = credential.epoch == snapshot.epoch and credential.password_hash == snapshot.password_hash
    return account if account is not None and account.is_active and same else None


def _address_allowed(store: Store, account: Account, address: str, guard: Guard) -> bool:
    return is_allowed(address, guard.rules.allowed) and usable_somewhere(roles_of(store, account.id), guard, address)


def wrong_address() -> Denied:
    """Return the refusal of an address outside the allow-list."""
    return Denied(
        "Signing in is not allowed from this address.",
        code="address",
        remedy="Use a network your administrator has allowed.",
    )


def _wrong() -> Unauthenticated:
    return Unauthenticated("Login or password is wrong.", code="wrong-credentials", remedy="Check both and try again.")


# ---- the second factor -------------------------------------------------------------------------------------------
def confirm_sign_in(opens: Opens, secret: str, code: str, caller: Caller, *, guard: Guard) -> SignedIn:
    """Turn a pending session into a full one with a code of the authenticator or a recovery code; the id changes."""
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
            "This code is wrong or was used already.", code="wrong-code", remedy="Wait for the next code of your app."
        )
    return signed_in


# ---- sessions ----------------------------------------------------------------------------------------------------
def open_session(
    store: Store, account: Account, caller: Caller, *, guard: Guard, pending: bool = False
) -> SignedIn:
    """Make a session with a new id for `account`, whose owner was proved just now. `store` is the system's."""
    credential, secret, rules = locked_credential(store, account.id), new_secret(), guard.rules
    row = SignInSession(
        account_id=account.id,
        epoch=credential.epoch,
        secret_hash=digest(secret),
        is_pending=pending,
        opened_at=store.now,
        seen_at=store.now,
        proved_at=store.now,
        expires_at=store.now + (rules.pending_life if pending else rules.session_life),
        address=caller.address,
        agent=caller.agent[:200],
    )
    store.add(row)
    store.flush()
    device = None
    if not pending:
        device = remember_device(store, account.id, caller.device, rules)
        store.record("session.create", detail={"account": str(account.id), "session": str(row.id)})
    return SignedIn(account.id, row.id, secret, row.expires_at, pending, credential.must_change, device)


def live_session(store: Store, secret: str, guard: Guard, *, pending: bool = False) -> SignInSession:
    """Return the session with this secret; Unauthenticated if it ended, idled out or was voided."""
    row: SignInSession | None = store.first(select(SignInSession).where(SignInSession.secret_hash == digest(secret)))
    if row is None or row.is_pending is not pending or not is_live(row, store.now, guard):
        raise session_over()
    if snapshot_epoch(store, row.account_id) != row.epoch:
        raise session_over()
    return row


def is_live(row: SignInSession, now: datetime, guard: Guard) -> bool:
    """Say whether a session has neither reached its end nor idled out; one from the future is not believed."""
    idle = guard.rules.session_idle
    return row.opened_at - timedelta(minutes=5) <= now < row.expires_at and now - row.seen_at < idle


def snapshot_epoch(store: Store, account_id: UUID) -> int | None:
    """Return the epoch of an active account, None for one that is gone or deactivated."""
    account = store.find(Account, account_id)
    return snapshot_of(store, account).epoch if account is not None and account.is_active else None


def session_over() -> Unauthenticated:
    """Return the refusal that sends people to the sign-in page."""
    return Unauthenticated("You are not signed in, or your session is over.", remedy="Sign in again.")


def list_sessions(store: Store, account_id: UUID | None = None) -> list[SignInSession]:
    """Return the live sessions of one account: one's own, or anybody's with `session.read` for all."""
    owner = _whose(store, "session.read", account_id)
    mine = (SignInSession.account_id == owner) & (SignInSession.expires_at > store.now)
    full = mine & SignInSession.is_pending.is_(False)
    return store.system("list sessions").scalars(select(SignInSession).where(full).order_by(SignInSession.opened_at.desc()))


def end_session(store: Store, session_id: UUID) -> None:
    """End one session: one's own, or anybody's with `session.revoke` for all."""
    row = store.system("end a session").find(SignInSession, session_id)
    if row is None:
        raise NotFound("There is no such session.")
    _whose(store, "session.revoke", row.account_id)
    row.expires_at = store.now
    store.record("session.revoke", detail={"account": str(row.account_id), "session": str(row.id)})


def sign_out(store: Store) -> None:
    """End the session this store was opened with."""
    if store.actor.session_id is not None:
        end_session(store, store.actor.session_id)


def end_other_sessions(store: Store) -> int:
    """End every other session of the actor; return how many there were."""
    owner = _whose(store, "session.revoke", None)
    others = (SignInSession.account_id == owner) & (SignInSession.expires_at > store.now)
    if store.actor.session_id is not None:
        others &= SignInSession.id != store.actor.session_id
    system = store.system("end other sessions")
    count = system.change(update(SignInSession).where(others).values(expires_at=store.now))
    store.record("session.revoke", detail={"account": str(owner), "sessions": count})
    return count


def _whose(store: Store, permission: str, account_id: UUID | None) -> UUID:
    """Return whose sessions are meant; those of others need the permission for all, else they do not exist."""
    actor: Actor = store.actor
    if actor.kind in ("person", "token") and account_id in (None, actor.id) and actor.id is not None:
        return actor.id
    if account_id is None:
        raise Denied("Name an account.", code="account-required")
    if store.require(permission) is not Reach.ALL:
        raise NotFound("There is no such session.")
    return account_id
