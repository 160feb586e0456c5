"""Providers people may sign in with, and which identity there belongs to which account."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select

from retinue.access.actors import require_not_above, rights_of
from retinue.access.credentials import active_account, end_everything, require_person
from retinue.access.guard import Guard
from retinue.access.models import Identity, Provider, Role
from retinue.access.oidc_wire import ALGORITHMS, Client, check_issuer
from retinue.access.password_changes import require_may_set_password
from retinue.access.proof import require_fresh
from retinue.errors import Conflict, Invalid, NotFound, Problem
from retinue.storage import Store

_NAME = re.compile(r"[a-z][a-z0-9-]{0,38}")
_PARTS = (
    *("name", "label", "issuer", "client_id", "client_secret", "scopes", "algorithms"),
    *("is_active", "trusts_factor", "creates_accounts", "default_role_id"),
)
DEFAULTS: Mapping[str, Any] = {
    "scopes": ["openid", "profile", "email"],
    "algorithms": ["RS256", "PS256", "ES256", "EdDSA"],
    "is_active": True,
    "trusts_factor": False,
    "creates_accounts": False,
    "default_role_id": None,
    "client_secret": None,
}


# ---- providers
def list_providers(store: Store) -> list[Provider]:
    """Return every provider by name."""
    store.require("provider.read")
    return store.system("list providers").scalars(select(Provider).order_by(Provider.name))


def open_providers(store: Store) -> list[Provider]:
    """Return the providers a sign-in page offers. `store` is the system's."""
    return store.scalars(select(Provider).where(Provider.is_active.is_(True)).order_by(Provider.name))


def create_provider(store: Store, draft: Mapping[str, Any], *, guard: Guard) -> Provider:
    """Add a provider; the role of the accounts it makes may not reach beyond one's own rights."""
    store.require("provider.create")
    _require_there(store, guard)
    row = Provider(**{name: draft.get(name, DEFAULTS.get(name)) for name in _PARTS})
    return _save(store, row, "provider.create", guard=guard)


def change_provider(store: Store, provider_id: UUID, changes: Mapping[str, Any], *, guard: Guard) -> Provider:
    """Change a provider; whoever is signed in by it stays so, and new sign-ins follow what it now says."""
    store.require("provider.change")
    _require_there(store, guard)
    row = store.system("change a provider").get(Provider, provider_id, lock=True)
    for name in _PARTS:
        if name in changes:
            setattr(row, name, changes[name])
    return _save(store, row, "provider.change", guard=guard)


def remove_provider(store: Store, provider_id: UUID, *, guard: Guard) -> None:
    """Remove a provider; identities stay, and serve again if it comes back with the same issuer."""
    store.require("provider.remove")
    _require_there(store, guard)
    system = store.system("remove a provider")
    system.remove(system.get(Provider, provider_id))
    store.record("provider.remove", detail={"provider": str(provider_id)})


def provider_named(store: Store, name: str) -> Provider:
    """Return a provider in use; NotFound otherwise. `store` is the system's."""
    row: Provider | None = store.first(
        select(Provider).where(Provider.name == name, Provider.is_active.is_(True))
    )
    if row is None:
        raise NotFound("There is no such sign-in service.", code="no-provider")
    return row


def client_of(row: Provider) -> Client:
    """Return a provider as values that outlive the transaction."""
    return Client(
        issuer=row.issuer,
        client_id=row.client_id,
        secret=row.client_secret or None,
        algorithms=tuple(row.algorithms),
    )


# ---- identities
def link_identity(store: Store, account_id: UUID, provider: str, subject: str, *, guard: Guard) -> Identity:
    """Say, as an administrator, who an account is at a provider; whatever was signed in with it ends."""
    require_may_set_password(store, account_id, guard)
    system = store.system("link an identity")
    active_account(system, account_id)
    row = put_identity(system, account_id, provider_named(system, provider).issuer, subject)
    end_everything(system, account_id)
    store.record("account.link_identity", detail={"account": str(account_id), "identity": str(row.id)})
    return row


def put_identity(system: Store, account_id: UUID, issuer: str, subject: str) -> Identity:
    """Make the link; Conflict if this identity belongs to an account already."""
    if identity_of(system, issuer, subject) is not None:
        raise Conflict("This identity belongs to an account already.", code="identity-taken")
    row = Identity(account_id=account_id, issuer=issuer, subject=subject, created_at=system.now)
    system.add(row)
    system.flush()
    return row


def identity_of(system: Store, issuer: str, subject: str) -> Identity | None:
    """Return the link of the pair (issuer, sub), which alone says who somebody is."""
    same = (Identity.issuer == issuer) & (Identity.subject == subject)
    found: Identity | None = system.first(select(Identity).where(same))
    return found


def list_identities(store: Store, account_id: UUID | None = None) -> list[dict[str, Any]]:
    """Return the identities of an account: one's own, or anybody's with ``account.read``."""
    owner = account_id if account_id is not None else require_person(store)
    if owner != store.actor.id:
        store.require("account.read")
    system = store.system("list identities")
    labels = {row.issuer: row.label for row in system.scalars(select(Provider))}
    mine = select(Identity).where(Identity.account_id == owner).order_by(Identity.created_at)
    shown = ("id", "issuer", "created_at", "used_at")
    return [
        {**{name: getattr(row, name) for name in shown}, "label": labels.get(row.issuer, row.issuer)}
        for row in system.scalars(mine)
    ]


def unlink_identity(store: Store, identity_id: UUID, *, guard: Guard) -> None:
    """Take a link away, one's own or as an administrator; whatever is signed in with the account ends."""
    system = store.system("unlink an identity")
    row = system.find(Identity, identity_id)
    if row is None:
        raise NotFound("There is no such identity.")
    if row.account_id == store.actor.id:
        require_fresh(store, guard)
    else:
        require_may_set_password(store, row.account_id, guard)
    account_id = row.account_id
    system.remove(row)
    end_everything(system, account_id)
    store.record("account.unlink_identity", detail={"account": str(account_id), "identity": str(identity_id)})


# ---- checks -----
def _require_there(store: Store, guard: Guard) -> None:
    """A provider lets people in: whoever changes one by a page proves first that it is really them."""
    if store.actor.kind != "system":
        require_fresh(store, guard)


def _save(store: Store, row: Provider, action: str, *, guard: Guard) -> Provider:
    _check(store, row, guard)
    system = store.system("save a provider")
    system.add(row)
    system.flush()
    store.record(action, detail={"provider": str(row.id), "name": row.name, "issuer": row.issuer})
    return row


def _check(store: Store, row: Provider, guard: Guard) -> None:
    problems = []
    if not _NAME.fullmatch(row.name or ""):
        problems.append(Problem("/name", "Write a short name of small letters.", "name"))
    try:
        check_issuer(row.issuer or "")
    except ValueError as fault:
        problems.append(Problem("/issuer", str(fault), "issuer"))
    if not row.algorithms or set(row.algorithms) - set(ALGORITHMS):
        problems.append(Problem("/algorithms", f"Choose from {', '.join(ALGORITHMS)}.", "algorithm"))
    if "openid" not in row.scopes:
        problems.append(Problem("/scopes", "The scope openid is needed.", "scope"))
    system = store.system("check a provider")
    role = system.find(Role, row.default_role_id) if row.default_role_id else None
    if role is None and (row.default_role_id or row.creates_accounts):
        problems.append(Problem("/default_role_id", "Name a role for the accounts it makes.", "role"))
    if problems:
        raise Invalid("This provider cannot be used.", problems=problems)
    if role is not None:
        require_not_above(store.actor, rights_of([role], guard.permissions), "The role of new accounts")
    with system.session.no_autoflush:
        same = select(Provider).where((Provider.name == row.name) | (Provider.issuer == row.issuer))
        if any(other is not row for other in system.scalars(same)):
            raise Conflict(
                "There is such a provider already.", code="provider-taken", remedy="Change that one."
            )
