"""Accounts: making, changing, deactivating. Roles, teams, sessions and tokens have modules of their own."""

from __future__ import annotations

import json
import zoneinfo
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from retinue.access.actors import require_not_above, rights_of, roles_of
from retinue.access.credentials import end_everything, locked_credential, normal_login
from retinue.access.factors import clear_factor
from retinue.access.guard import Guard
from retinue.access.models import Account, AccountRole, Role
from retinue.access.password_changes import refuse_password, require_may_set_password
from retinue.access.passwords import password_problems
from retinue.access.roles import load_roles, require_an_administrator_left
from retinue.access.secret import digest
from retinue.errors import Conflict, Denied, Invalid, Problem
from retinue.storage import Store, fold

_OPEN = ("login", "name", "email", "language", "time_zone")
_OWN = frozenset({"name", "language", "time_zone", "preferences"})
_MOST_PREFERENCES = 8_000
"""How many characters pages may remember for one person, as JSON."""


def list_accounts(store: Store, *, active: bool | None = None) -> list[Account]:
    """Return the accounts by name; with `active`, only those that are, or are not."""
    store.require("account.read")
    statement = select(Account).order_by(func.lower(Account.name), Account.id)
    if active is not None:
        statement = statement.where(Account.is_active.is_(active))
    return store.scalars(statement)


def find_accounts(store: Store, texts: Iterable[str]) -> dict[str, UUID]:
    """Return the active accounts that `texts` name, by text: by login or e-mail, else by a name only one has."""
    store.require("contact.assign")
    active = store.rows(
        select(Account.id, Account.login, Account.email, Account.name)
        .where(Account.is_active.is_(True))
        .order_by(Account.id)
    )
    exact = {row.email.casefold(): row.id for row in active if row.email}
    exact |= {row.login.casefold(): row.id for row in active}
    named: dict[str, list[UUID]] = {}
    for row in active:
        named.setdefault(fold(row.name), []).append(row.id)
    found: dict[str, UUID] = {}
    for text in texts:
        same = named.get(fold(text), [])
        holder = exact.get(text.strip().casefold()) or (same[0] if len(same) == 1 else None)
        if holder is not None:
            found[text] = holder
    return found


def get_account(store: Store, account_id: UUID) -> Account:
    """Return one account; one's own needs no permission."""
    if account_id != store.actor.id:
        store.require("account.read")
    return store.get(Account, account_id)


def role_ids_of(store: Store, account_ids: Sequence[UUID]) -> dict[UUID, list[UUID]]:
    """Return the ids of the roles of many accounts, in one statement."""
    found: dict[UUID, list[UUID]] = {account_id: [] for account_id in account_ids}
    pairs = select(AccountRole.account_id, AccountRole.role_id).where(AccountRole.account_id.in_(account_ids))
    for row in store.rows(pairs.order_by(AccountRole.id)):
        found[row.account_id].append(row.role_id)
    return found


def create_account(store: Store, draft: Mapping[str, Any], *, guard: Guard) -> Account:
    """Make an account with roles, and with a password if one is given (to be changed at the first sign-in).

    Without a password nobody can sign in to it: it may still own API tokens.
    """
    store.require("account.create")
    roles = load_roles(store, list(draft.get("role_ids", ())))
    require_not_above(store.actor, rights_of(roles, guard.permissions), "The account's roles")
    if roles:
        store.watch("account.change_roles", digest(normal_login(draft["login"])).hex(), *roles)
    values = {name: draft[name] for name in _OPEN if draft.get(name) is not None}
    values["login"] = normal_login(draft["login"])
    _check_values(values)
    _check_login(store, values["login"], None)
    password = draft.get("password")
    fresh = _first_hash(password, values, guard) if password is not None else None
    account = Account(is_active=True, created_at=store.now, updated_at=store.now, **values)
    store.add(account)
    store.flush()
    store.add(*(AccountRole(account_id=account.id, role_id=role.id) for role in roles))
    credential = locked_credential(store.system("make a credential"), account.id)
    if fresh is not None:
        credential.password_hash, credential.password_at = fresh, store.now
        credential.must_change = bool(draft.get("must_change", True))
    store.flush()
    return account


def change_account(store: Store, account_id: UUID, changes: Mapping[str, Any], *, guard: Guard) -> Account:
    """Change an account's open values and roles; people may change their own name, language and time zone.

    When the roles change, whatever is signed in with the account ends.
    """
    own = account_id == store.actor.id and store.actor.kind == "person"
    if not (own and set(changes) <= _OWN):
        store.require("account.change")
    account = store.get(Account, account_id, lock=True)
    values = {name: changes[name] for name in _OPEN if name in changes}
    if not own:
        _refuse_above(store, account_id, guard)
    if "login" in values:
        values["login"] = normal_login(values["login"])
        _check_login(store, values["login"], account_id)
    _check_values(values)
    for name, value in values.items():
        setattr(account, name, value)
    if own and "preferences" in changes:
        account.preferences = _preferences(account.preferences or {}, changes["preferences"])
    account.updated_at = store.now
    if "role_ids" in changes:
        _set_roles(store, account_id, list(changes["role_ids"]), guard=guard)
    store.flush()
    return account


def deactivate_account(store: Store, account_id: UUID, *, guard: Guard) -> Account:
    """Lock somebody out at once: sessions and tokens are void from the commit on. Contacts stay where
    they are.
    """
    store.require("account.deactivate")
    account = store.get(Account, account_id, lock=True)
    if not account.is_active:
        return account
    _refuse_above(store, account_id, guard)
    if any(role.is_admin for role in roles_of(store, account_id)):
        require_an_administrator_left(store, account_id)
    store.deed("account.deactivate", account.name)
    account.is_active, account.deactivated_at, account.updated_at = False, store.now, store.now
    store.flush()
    ended = end_everything(store.system("lock somebody out"), account_id)
    store.record("account.deactivate", detail={"account": str(account_id), "ended": ended})
    if store.hooks is not None:
        store.hooks.accounts_deactivated(store=store, accounts=[account])
    return account


def reactivate_account(store: Store, account_id: UUID, *, guard: Guard) -> Account:
    """Let somebody in again; what ended stays ended."""
    store.require("account.deactivate")
    account = store.get(Account, account_id, lock=True)
    _refuse_above(store, account_id, guard)
    if not account.is_active:
        account.is_active, account.deactivated_at, account.updated_at = True, None, store.now
        store.record("account.reactivate", detail={"account": str(account_id)})
    return account


def reset_second_factor(store: Store, account_id: UUID, *, guard: Guard) -> None:
    """Take away the second factor of somebody who lost it; everything of theirs ends."""
    require_may_set_password(store, account_id, guard)
    store.get(Account, account_id)
    clear_factor(store, account_id)


# ---- checks -----
def _refuse_above(store: Store, account_id: UUID, guard: Guard) -> None:
    """Raise Denied for an account that may more than the actor: its mail address or login could be made
    one's own.
    """
    require_not_above(store.actor, rights_of(roles_of(store, account_id), guard.permissions), "This account")


def _set_roles(store: Store, account_id: UUID, role_ids: list[UUID], *, guard: Guard) -> None:
    wanted = load_roles(store, role_ids)
    held: list[Role] = roles_of(store, account_id)
    if {role.id for role in wanted} == {role.id for role in held}:
        return
    if account_id == store.actor.id and store.actor.kind == "token":
        raise Denied("A token cannot change the roles of its owner.", code="own-roles")
    require_not_above(store.actor, rights_of(wanted, guard.permissions), "The account's roles")
    store.watch("account.change_roles", account_id, *wanted)
    if any(role.is_admin for role in held) and not any(role.is_admin for role in wanted):
        require_an_administrator_left(store, account_id)
    kept = {role.id for role in wanted}
    for row in store.scalars(select(AccountRole).where(AccountRole.account_id == account_id)):
        if row.role_id not in kept:
            store.remove(row)
    added = kept - {role.id for role in held}
    store.add(*(AccountRole(account_id=account_id, role_id=role_id) for role_id in sorted(added)))
    store.flush()
    end_everything(store.system("roles changed"), account_id)


def _check_login(store: Store, login: str, account_id: UUID | None) -> None:
    other = store.first(select(Account).where(Account.login == login))
    if other is not None and other.id != account_id:
        raise Conflict(f"The login {login} is taken.", code="login-taken", extra={"id": str(other.id)})


def _check_values(values: Mapping[str, Any]) -> None:
    zone = values.get("time_zone")
    if zone is not None and zone not in zoneinfo.available_timezones():
        raise Invalid(
            "Unknown time zone.",
            problems=[Problem("/time_zone", "Write it like Europe/Prague.", "time-zone")],
        )
    for name in ("login", "name"):
        if name in values and not str(values[name]).strip():
            raise Invalid(
                "A value is missing.", problems=[Problem(f"/{name}", "This must not be empty.", "required")]
            )


def _preferences(kept: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return what pages remember after `changes`, of which None forgets a name."""
    merged = {name: value for name, value in {**kept, **changes}.items() if value is not None}
    if len(json.dumps(merged)) > _MOST_PREFERENCES:
        fault = Problem("/preferences", f"At most {_MOST_PREFERENCES} characters are kept.", "too-long")
        raise Invalid("That is too much to remember.", problems=[fault])
    return merged


def _first_hash(password: str, values: Mapping[str, Any], guard: Guard) -> str:
    words = [str(values.get(name) or "") for name in ("login", "name", "email")]
    refuse_password(password_problems(password, guard.rules, words=words))
    return guard.hasher.hash(password)
