"""Changing passwords. Hashes are computed between two transactions; the second one refuses what changed
meanwhile.
"""

from __future__ import annotations

from uuid import UUID

from retinue.access.actors import require_may_become, rights_of, roles_of
from retinue.access.credentials import (
    Snapshot,
    active_account,
    end_everything,
    locked_credential,
    snapshot_of,
)
from retinue.access.guard import Caller, Guard, Opens
from retinue.access.models import Account
from retinue.access.passwords import is_reused, password_problems, reuse_problem
from retinue.access.proof import check_own_password
from retinue.access.sessions import SignedIn, open_session
from retinue.actor import Actor
from retinue.errors import Conflict, Denied, Invalid, Problem
from retinue.storage import Store


def change_own_password(
    opens: Opens, actor: Actor, current: str, new: str, *, caller: Caller, guard: Guard
) -> SignedIn:
    """Give the signed-in person a new password; every session and token ends, a new session takes over."""
    if actor.kind != "person" or actor.id is None:
        raise Denied("Only a signed-in person may change their password.", code="person-required")
    check_own_password(opens, actor, current, caller, guard=guard)
    with opens.store(actor, readonly=True) as store:
        snapshot = _snapshot(store, actor.id)
    fresh = checked_hash(new, snapshot, guard)
    with opens.store(actor) as store:
        store.deed("account.change_password")
        system = put_password(store, snapshot, fresh, must_change=False)
        store.record("account.change_password", detail={"account": str(actor.id)})
        return open_session(system, system.get(Account, actor.id), caller, guard=guard)


def set_password(
    opens: Opens, actor: Actor, account_id: UUID, new: str, *, guard: Guard, must_change: bool = True
) -> None:
    """Give somebody else a password, by default one to be changed at the next sign-in; everything of
    theirs ends.
    """
    with opens.store(actor, readonly=True) as store:
        require_may_set_password(store, account_id, guard)
        snapshot = _snapshot(store, account_id)
    fresh = checked_hash(new, snapshot, guard)
    with opens.store(actor) as store:
        require_may_set_password(store, account_id, guard)
        store.deed("account.set_password")
        put_password(store, snapshot, fresh, must_change=must_change)
        store.record("account.set_password", detail={"account": str(account_id)})


def require_may_set_password(store: Store, account_id: UUID, guard: Guard) -> None:
    """Raise unless the actor may take over this account: it must not reach beyond his own rights."""
    store.require("account.set_password")
    roles = roles_of(store, account_id)
    require_may_become(store.actor, rights_of(roles, guard.permissions), "This account")


def checked_hash(new: str, snapshot: Snapshot, guard: Guard) -> str:
    """Return the hash of a new password that obeys the rules and was not used before; Invalid names the
    rule.
    """
    problems = password_problems(
        new, guard.rules, words=snapshot.words, second_factor=snapshot.has_second_factor
    )
    history = snapshot.earlier_hashes[: guard.rules.password_history]
    earlier = [stored for stored in (snapshot.password_hash, *history) if stored]
    if not problems and guard.rules.password_history and is_reused(guard.hasher, new, earlier):
        problems = [reuse_problem(guard.rules.password_history)]
    refuse_password(problems)
    return guard.hasher.hash(new)


def refuse_password(problems: list[Problem]) -> None:
    """Raise Invalid if a new password has problems."""
    if problems:
        raise Invalid(
            "This password cannot be taken.", code="password", problems=problems, remedy=problems[0].detail
        )


def _snapshot(store: Store, account_id: UUID) -> Snapshot:
    system = store.system("look at a credential")
    return snapshot_of(system, active_account(system, account_id))


def put_password(store: Store, snapshot: Snapshot, fresh: str, *, must_change: bool) -> Store:
    """Put the new hash in place, the old one among the earlier, and end everything; return the system's
    store.
    """
    system = store.system("replace a password")
    credential = locked_credential(system, snapshot.account_id)
    if credential.epoch != snapshot.epoch:
        raise Conflict(
            "The password was changed at the same time by somebody else.", remedy="Sign in and try again."
        )
    old = [credential.password_hash] if credential.password_hash else []
    # A list too long is no harm: the history may be made longer later.
    credential.earlier_hashes = [*old, *credential.earlier_hashes][:24]
    credential.password_hash, credential.password_at = fresh, store.now
    credential.must_change = must_change
    end_everything(system, snapshot.account_id)
    return system
