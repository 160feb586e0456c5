"""Sessions: opaque ids in a cookie, their hash in the database, alive until idle, old, ended or voided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from retinue.access.credentials import end_everything, locked_credential, require_person, snapshot_of
from retinue.access.devices import name_browser, remember_device
from retinue.access.guard import Caller, Guard
from retinue.access.models import Account, SignInSession
from retinue.access.secret import digest, new_secret
from retinue.actor import Actor, Reach
from retinue.errors import Denied, NotFound, Unauthenticated
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
    factors: tuple[str, ...] = ()


def open_session(
    store: Store, account: Account, caller: Caller, *, guard: Guard, pending: Sequence[str] = ()
) -> SignedIn:
    """Make a session with a new id for `account`, whose owner was proved just now. `store` is the
    system's.

    `pending` names the second factors that can complete it; with none it is complete at once.
    """
    credential, secret, rules = locked_credential(store, account.id), new_secret(), guard.rules
    row = SignInSession(
        account_id=account.id,
        epoch=credential.epoch,
        secret_hash=digest(secret),
        is_pending=bool(pending),
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
    owed, factors = credential.must_change, tuple(pending)
    return SignedIn(account.id, row.id, secret, row.expires_at, bool(pending), owed, device, factors)


def live_session(store: Store, secret: str, guard: Guard, *, pending: bool = False) -> SignInSession:
    """Return the session with this secret; Unauthenticated if it ended, idled out or was voided."""
    row: SignInSession | None = store.first(
        select(SignInSession).where(SignInSession.secret_hash == digest(secret))
    )
    if row is None or row.is_pending is not pending or not is_live(row, store.now, guard):
        raise session_over()
    if living_epoch(store, row.account_id) != row.epoch:
        raise session_over()
    return row


def is_live(row: SignInSession, now: datetime, guard: Guard) -> bool:
    """Say whether a session has neither reached its end nor idled out; one from the future is not
    believed.
    """
    idle = guard.rules.session_idle
    return row.opened_at - timedelta(minutes=5) <= now < row.expires_at and now - row.seen_at < idle


def living_epoch(store: Store, account_id: UUID) -> int | None:
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
    return store.system("list sessions").scalars(
        select(SignInSession).where(full).order_by(SignInSession.opened_at.desc())
    )


def describe_sessions(store: Store, rows: Sequence[SignInSession]) -> list[dict[str, Any]]:
    """Return sessions as the wire shows them: with the browser's name, and which of them asks."""
    return [
        {
            **{name: getattr(row, name) for name in _SHOWN},
            "device": name_browser(row.agent),
            "is_current": row.id == store.actor.session_id,
        }
        for row in rows
    ]


_SHOWN = ("id", "account_id", "opened_at", "seen_at", "expires_at", "proved_at", "address", "agent")


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
    """Return whose sessions are meant; those of others need the permission for all, else they do not
    exist.
    """
    actor: Actor = store.actor
    if account_id in (None, actor.id) and actor.id is not None:
        if actor.kind != "person":
            store.require(permission)
        return actor.id
    if account_id is None:
        raise Denied("Name an account.", code="account-required")
    if store.require(permission) is not Reach.ALL:
        raise NotFound("There is no such session.")
    return account_id


def sign_out_everywhere(store: Store) -> int:
    """End every session and token of the signed-in person, this one too; return how many there were."""
    account_id = require_person(store)
    ended = end_everything(store.system("sign out everywhere"), account_id)
    store.record("session.revoke", detail={"account": str(account_id), "ended": ended})
    return ended


def sign_out_account(store: Store, account_id: UUID) -> int:
    """End every session and token of somebody; return how many there were."""
    if store.require("session.revoke") is not Reach.ALL:
        raise NotFound("There is no such account.")
    store.get(Account, account_id)
    ended = end_everything(store.system("sign somebody out"), account_id)
    store.record("session.revoke", detail={"account": str(account_id), "ended": ended})
    return ended


def wrong_address() -> Denied:
    """Return the refusal of an address outside the allow-list."""
    return Denied(
        "Signing in is not allowed from this address.",
        code="address",
        remedy="Use a network your administrator has allowed.",
    )
