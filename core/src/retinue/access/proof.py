"""Proof that the person is still there: what is delicate asks for a password or code given a short while
ago.
"""

from __future__ import annotations

from uuid import UUID

from retinue.access.credentials import active_account, require_person, snapshot_of
from retinue.access.guard import Caller, Guard, Opens, doorkeeper
from retinue.access.models import SignInSession
from retinue.access.sessions import session_over
from retinue.access.tries import give_tries_back, take_tries, too_many, try_keys
from retinue.actor import Actor
from retinue.errors import Denied, Invalid, Problem
from retinue.storage import Store


def require_fresh(store: Store, guard: Guard) -> UUID:
    """Return the id of the signed-in person; Denied unless they proved who they are within the last
    minutes.
    """
    account_id = require_person(store)
    session_id = store.actor.session_id
    row = store.system("look at a session").find(SignInSession, session_id) if session_id else None
    if row is None or store.now - row.proved_at > guard.rules.step_up:
        minutes = int(guard.rules.step_up.total_seconds() // 60)
        raise Denied(
            "Prove again who you are.",
            code="proof-required",
            remedy="Give your password or passkey once more, then repeat the request.",
            extra={"minutes": minutes},
        )
    return account_id


def prove_again(opens: Opens, actor: Actor, password: str, caller: Caller, *, guard: Guard) -> None:
    """Take the password of the signed-in person once more and note the time on the session; wrong ones
    count.
    """
    check_own_password(opens, actor, password, caller, guard=guard)
    with doorkeeper(opens, caller) as store:
        note_proof(store, actor)


def note_proof(store: Store, actor: Actor) -> None:
    """Note the time on the actor's session; whoever calls it has seen the proof. `store` is the system's."""
    row = store.find(SignInSession, actor.session_id) if actor.session_id else None
    if row is None or row.account_id != actor.id:
        raise session_over()
    row.proved_at = store.now
    store.record("session.prove", detail={"account": str(actor.id), "session": str(row.id)})


def check_own_password(opens: Opens, actor: Actor, password: str, caller: Caller, *, guard: Guard) -> None:
    """Raise Invalid unless `password` is the actor's own; guesses are counted like those of a stranger."""
    with doorkeeper(opens, caller) as store:
        account = active_account(store, actor.id or UUID(int=0))
        keys = try_keys(store, "proof", str(account.id), caller)
        wait, snapshot = take_tries(store, keys, guard.rules), snapshot_of(store, account)
    if wait is not None:
        raise too_many(wait)
    if not guard.hasher.verify(snapshot.password_hash, password):
        problem = Problem("/current_password", "This is not your password.", "wrong-password")
        raise Invalid("The password is wrong.", code="wrong-password", problems=[problem])
    with doorkeeper(opens, caller) as store:
        give_tries_back(store, keys, guard.rules)
