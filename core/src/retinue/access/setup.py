"""The first visit: an installation without any account is taken over by whoever holds its code.

The code follows from the installation's own keys, so that every process prints the same one and none is kept anywhere. It
opens nothing any more as soon as there is an account.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from retinue.access.builtin import ADMINISTRATOR, ensure_builtin_roles
from retinue.access.guard import Caller, Guard, Opens, doorkeeper
from retinue.access.models import Account, Role
from retinue.access.secret import plain_recovery_code
from retinue.access.service import create_account
from retinue.access.tries import give_tries_back, take_tries, too_many, try_keys
from retinue.errors import Conflict, Invalid, Problem
from retinue.storage import Store

_LETTERS, _GROUP = 24, 6
_SAID = "The first account exists already."


def awaits_setup(store: Store) -> bool:
    """Say whether nobody can sign in yet, since there is no account at all."""
    return store.system("first visit").first(select(Account.id).limit(1)) is None


def setup_code(store: Store) -> str:
    """Return the code of the first visit, 120 bits in groups that can be read aloud; "" once there is an account."""
    if not awaits_setup(store):
        return ""
    letters = base64.b32encode(store.blind_token("setup", "first visit")).decode().lower()[:_LETTERS]
    return "-".join(letters[start : start + _GROUP] for start in range(0, _LETTERS, _GROUP))


def setup_address(code: str, origin: str) -> str:
    """Return where the first visit begins: the code stands behind ``#``, where no server and no log sees it."""
    return f"{origin}/setup#{code}"


def set_up(opens: Opens, code: str, draft: Mapping[str, Any], caller: Caller, *, guard: Guard) -> None:
    """Make the first account, an administrator's, with the password they chose; then they sign in.

    Raises Conflict once there is an account, Invalid for a wrong code or a draft that the rules refuse, TooMany for guessing.
    """
    _check_code(opens, code, caller, guard)
    with doorkeeper(opens, caller) as store:
        role = store.get(
            Role, ensure_builtin_roles(store)[ADMINISTRATOR].id, lock=True
        )  # one takes it, not two
        if not awaits_setup(store):
            raise _taken()
        values = {**draft, "email": draft["login"], "must_change": False, "role_ids": [role.id]}
        account = create_account(store, values, guard=guard)
        store.record("account.set_up", detail={"account": str(account.id)})


def _check_code(opens: Opens, code: str, caller: Caller, guard: Guard) -> None:
    """Refuse a code that is not the installation's; every try counts, and its counter outlives the refusal."""
    with doorkeeper(opens, caller) as store:
        right = plain_recovery_code(setup_code(store))
        if not right:
            raise _taken()
        keys = try_keys(store, "setup", caller.address or "unknown", caller)
        wait = take_tries(store, keys, guard.rules)
        fits = hmac.compare_digest(plain_recovery_code(code).encode(), right.encode())
        if wait is None and fits:
            give_tries_back(store, keys, guard.rules)
    if wait is not None:
        raise too_many(wait)
    if not fits:
        problem = Problem("/code", "This is not the code that was printed.", "wrong-code")
        remedy = "Take it from what `retinue serve` printed at its start."
        raise Invalid("The code is wrong.", code="wrong-code", problems=[problem], remedy=remedy)


def _taken() -> Conflict:
    return Conflict(_SAID, code="set-up", remedy="Sign in, or ask an administrator for an account.")
