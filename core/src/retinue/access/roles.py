"""Roles: sets of permissions with their reach. Nobody gives, or changes, more than he holds himself."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from retinue.access.actors import require_not_above, rights_of
from retinue.access.addresses import parse_networks
from retinue.access.guard import Guard
from retinue.access.models import Account, AccountRole, Role
from retinue.errors import Conflict, Invalid, Problem
from retinue.storage import Store

_FIELD = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
_PARTS = ("name", "permissions", "hidden_fields", "locked_fields", "addresses")


def list_roles(store: Store) -> list[Role]:
    """Return all roles by name."""
    store.require("role.read")
    return store.scalars(select(Role).order_by(Role.name))


def get_role(store: Store, role_id: UUID) -> Role:
    """Return one role."""
    store.require("role.read")
    return store.get(Role, role_id)


def create_role(store: Store, draft: Mapping[str, Any], *, guard: Guard) -> Role:
    """Make a role; it may allow no more than its maker holds."""
    store.require("role.create")
    store.watch("role.create", _fingerprint(draft))
    role = Role(is_admin=False, permissions={}, hidden_fields=[], locked_fields=[], addresses=[])
    _fill(store, role, draft, guard=guard)
    require_not_above(store.actor, rights_of([role], guard.permissions), "This role")
    store.add(role)
    store.flush()
    return role


def change_role(store: Store, role_id: UUID, changes: Mapping[str, Any], *, guard: Guard) -> Role:
    """Change a role; neither what it was nor what it becomes may exceed the rights of who changes it."""
    store.require("role.change")
    role = store.get(Role, role_id, lock=True)
    _refuse_admin(role)
    store.watch("role.change", role, _fingerprint(changes))
    require_not_above(store.actor, rights_of([role], guard.permissions), "This role")
    _fill(store, role, changes, guard=guard)
    require_not_above(store.actor, rights_of([role], guard.permissions), "The role as changed")
    store.flush()
    return role


def remove_role(store: Store, role_id: UUID) -> None:
    """Remove a role nobody has any more."""
    store.require("role.remove")
    role = store.get(Role, role_id, lock=True)
    _refuse_admin(role)
    used = store.count(select(AccountRole.id).where(AccountRole.role_id == role_id))
    if used:
        raise Conflict(
            f"{used} accounts have this role.", code="in-use", remedy="Give them another role first."
        )
    store.remove(role)


def load_roles(store: Store, role_ids: list[UUID]) -> list[Role]:
    """Return the roles with these ids; Invalid points at each that does not exist."""
    wanted = list(dict.fromkeys(role_ids))
    found = (
        {role.id: role for role in store.scalars(select(Role).where(Role.id.in_(wanted)))} if wanted else {}
    )
    problems = [
        Problem(f"/role_ids/{index}", "There is no such role.", "unknown")
        for index, role_id in enumerate(role_ids)
        if role_id not in found
    ]
    if problems:
        raise Invalid("Some roles do not exist.", problems=problems)
    return [found[role_id] for role_id in wanted]


def require_an_administrator_left(store: Store, without: UUID) -> None:
    """Raise Conflict if nobody but `without` is an active administrator.

    The administrators' role is locked first, so that two who deactivate each other cannot both succeed.
    """
    system = store.system("count administrators")
    system.scalars(select(Role).where(Role.is_admin.is_(True)).with_for_update())
    others = (
        select(func.count(func.distinct(Account.id)))
        .select_from(AccountRole)
        .join(Role, Role.id == AccountRole.role_id)
        .join(Account, Account.id == AccountRole.account_id)
        .where(Role.is_admin.is_(True), Account.is_active.is_(True), Account.id != without)
    )
    if not system.scalar(others):
        raise Conflict(
            "This is the last administrator.",
            code="last-administrator",
            remedy="Make somebody else administrator first.",
        )


def _fill(store: Store, role: Role, given: Mapping[str, Any], *, guard: Guard) -> None:
    """Put checked values into `role`; only what is given changes."""
    unknown = sorted(set(given) - set(_PARTS))
    if unknown:
        raise Invalid(
            "A role has no such part.",
            problems=[Problem(f"/{name}", "unknown", "unknown") for name in unknown],
        )
    if "permissions" in given:
        guard.permissions.parse(given["permissions"])
    parse_networks(given.get("addresses", ()))
    for name in ("hidden_fields", "locked_fields"):
        _check_fields(given.get(name, ()), f"/{name}")
    if "name" in given:
        _check_name(store, role, given["name"])
    for name in _PARTS:
        if name in given:
            value = given[name]
            setattr(role, name, sorted(value) if name.endswith("_fields") else value)


def _fingerprint(given: Mapping[str, Any]) -> str:
    """Return what an approval of these values is bound to."""
    return hashlib.sha256(json.dumps(dict(given), sort_keys=True, default=str).encode()).hexdigest()[:40]


def _check_fields(names: list[str], pointer: str) -> None:
    problems = [
        Problem(
            f"{pointer}/{index}", f"{name!r} is no field: write noun.field, like contact.revenue.", "field"
        )
        for index, name in enumerate(names)
        if not _FIELD.fullmatch(name)
    ]
    if problems:
        raise Invalid("Some fields are not valid.", problems=problems)


def _check_name(store: Store, role: Role, name: str) -> None:
    same = select(Role).where(func.lower(Role.name) == name.lower())
    other = next((found for found in store.scalars(same) if found is not role), None)
    if other is not None:
        raise Conflict(
            f"There is a role named {other.name} already.", code="name-taken", extra={"id": str(other.id)}
        )


def _refuse_admin(role: Role) -> None:
    if role.is_admin:
        raise Conflict(
            "The administrators' role cannot be changed.", code="built-in", remedy="Make another role."
        )
