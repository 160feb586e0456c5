"""Links that set a new password: an administrator gives one, or a person asks and a plugin delivers it.

A link holds 256 random bits behind ``#``, where no server and no log sees them. It works once, for some hours,
and dies with everything else when the password, the second factor or the roles of the account change.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select

from retinue.access.challenges import find_challenge, put_challenge, take_challenge
from retinue.access.credentials import (
    Snapshot,
    account_by_login,
    active_account,
    locked_credential,
    normal_login,
    snapshot_of,
)
from retinue.access.guard import Caller, Guard, Opens, doorkeeper
from retinue.access.models import Account, Challenge
from retinue.access.password_changes import checked_hash, put_password, require_may_set_password
from retinue.access.secret import RESET_PREFIX, is_token, new_token
from retinue.access.tries import give_tries_back, take_tries, too_many, try_keys
from retinue.errors import Invalid, Problem
from retinue.storage import Store

LINK, ASKED = "reset.link", "reset.ask"
_PAUSE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class PasswordReset:
    """A link for one account; `link` is a secret, to be shown or sent once and kept nowhere."""

    account_id: UUID
    link: str = field(repr=False)
    expires_at: datetime


def issue_reset(store: Store, account_id: UUID, *, guard: Guard) -> PasswordReset:
    """Make a link by which the account's owner sets a new password, for an administrator to hand over."""
    require_may_set_password(store, account_id, guard)
    made = _issue(store.system("make a reset link"), account_id, "administrator", guard=guard)
    store.record("account.issue_reset", detail={"account": str(account_id)})
    return made


def use_reset(opens: Opens, token: str, password: str, caller: Caller, *, guard: Guard) -> None:
    """Set the password by a link; every session and token ends, a second factor stays. Then one signs in.

    A password the rules refuse does not use the link up.
    """
    snapshot = _checked(opens, token, caller, guard)
    fresh = checked_hash(password, snapshot, guard)
    with doorkeeper(opens, caller) as store:
        taken = take_challenge(store, LINK, token) is not None
        if taken:
            put_password(store, snapshot, fresh, must_change=False)
            store.record("account.use_reset", detail={"account": str(snapshot.account_id)})
    if not taken:
        raise _bad_link()


def ask_reset(opens: Opens, login: str, caller: Caller, *, guard: Guard) -> None:
    """Note that somebody wants a link; whoever asks for whomever, the answer and the work are the same."""
    with doorkeeper(opens, caller) as store:
        keys = try_keys(store, "reset", normal_login(login), caller)
        wait = take_tries(store, keys, guard.rules)
        if wait is None:
            account = account_by_login(store, login)
            account_id = account.id if account is not None and account.is_active else None
            put_challenge(store, ASKED, secrets.token_urlsafe(32), guard=guard, account_id=account_id)
    if wait is not None:
        raise too_many(wait)


def issue_asked_resets(store: Store, *, guard: Guard) -> int:
    """Make the links people asked for and tell the plugins, one of which may deliver them; return how many."""
    system = store.system("make reset links")
    asked = system.scalars(select(Challenge).where(Challenge.kind == ASKED).limit(500))
    wanted = {row.account_id for row in asked if row.account_id and row.expires_at > store.now}
    system.change(delete(Challenge).where(Challenge.id.in_([row.id for row in asked])))
    resets = [
        _issue(system, account_id, "person", guard=guard)
        for account_id in sorted(wanted - _lately(system, guard))
        if _may_sign_in(system, account_id)
    ]
    for reset in resets:
        store.record("account.ask_reset", detail={"account": str(reset.account_id)})
    if resets and store.hooks is not None:
        store.hooks.password_resets_asked(store=store, resets=resets)
    return len(resets)


# ---- checks -----
def _issue(system: Store, account_id: UUID, by: str, *, guard: Guard) -> PasswordReset:
    account = active_account(system, account_id)
    token, life = new_token(RESET_PREFIX), guard.rules.reset_life
    detail = {"epoch": str(locked_credential(system, account.id).epoch), "by": by}
    row = put_challenge(system, LINK, token, guard=guard, account_id=account.id, detail=detail, life=life)
    place = f"{guard.rules.origin}{guard.rules.base_path}/reset-password"
    return PasswordReset(account.id, f"{place}#{token}", row.expires_at)


def _lately(system: Store, guard: Guard) -> set[UUID]:
    """Return the accounts that asked a short while ago: nobody fills another one's mailbox."""
    young = Challenge.expires_at > system.now + guard.rules.reset_life - _PAUSE
    rows = system.scalars(select(Challenge).where(Challenge.kind == LINK, young))
    return {row.account_id for row in rows if row.account_id and row.detail.get("by") == "person"}


def _may_sign_in(system: Store, account_id: UUID) -> bool:
    account = system.find(Account, account_id)
    return account is not None and account.is_active


def _checked(opens: Opens, token: str, caller: Caller, guard: Guard) -> Snapshot:
    """Return what the new password is checked against; Invalid for a link that is no good, and the try counts."""
    snapshot: Snapshot | None = None
    with doorkeeper(opens, caller) as store:
        keys = try_keys(store, "reset.use", caller.address or "unknown", caller)
        wait = take_tries(store, keys, guard.rules)
        row = find_challenge(store, LINK, token) if wait is None and is_token(token, RESET_PREFIX) else None
        account = store.find(Account, row.account_id) if row is not None else None
        if row is not None and account is not None and account.is_active:
            found = snapshot_of(store, account)
            snapshot = found if row.detail.get("epoch") == str(found.epoch) else None
        if snapshot is not None:
            give_tries_back(store, keys, guard.rules)
    if wait is not None:
        raise too_many(wait)
    if snapshot is None:
        raise _bad_link()
    return snapshot


def _bad_link() -> Invalid:
    problem = Problem("/token", "It is unknown, used, or too old.", "bad-link")
    return Invalid("This link is no good.", code="bad-link", problems=[problem], remedy="Ask for a new one.")
