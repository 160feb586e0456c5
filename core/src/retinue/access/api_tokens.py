"""API tokens: a program's way to act as an account, within scopes that never exceed the owner's rights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from retinue.access.actors import require_may_become, rights_of, roles_of
from retinue.access.addresses import parse_networks
from retinue.access.credentials import active_account, locked_credential
from retinue.access.guard import Guard
from retinue.access.models import ApiToken
from retinue.access.proof import require_fresh
from retinue.access.rights import Rights, exceeding
from retinue.access.secret import digest, new_token
from retinue.actor import Reach
from retinue.errors import Denied, Invalid, NotFound, Problem
from retinue.storage import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenDraft:
    """What a new token shall be; `days` None asks for the installation's usual life."""

    name: str
    scopes: Mapping[str, str]
    days: int | None = None
    addresses: Sequence[str] = field(default_factory=tuple)
    account_id: UUID | None = None


def create_token(store: Store, draft: TokenDraft, *, guard: Guard) -> tuple[ApiToken, str]:
    """Make a token for oneself, or with `token.create` for all for any account below one's rights.

    Returns the row and the token itself, which is not kept and cannot be shown again.
    """
    owner = _owner(store, "token.create", draft.account_id)
    if store.actor.kind == "token":
        raise Denied(
            "A token cannot make tokens.", code="person-required", remedy="Sign in with your password."
        )
    if store.actor.kind == "person":
        require_fresh(store, guard)
    system = store.system("make a token")
    account = active_account(system, owner)
    _check_scopes(store, system, owner, draft.scopes, guard=guard)
    parse_networks(draft.addresses)
    days = min(draft.days or guard.rules.token_days, guard.rules.token_days)
    secret = new_token()
    row = ApiToken(
        account_id=account.id,
        epoch=locked_credential(system, account.id).epoch,
        name=draft.name,
        secret_hash=digest(secret),
        scopes=dict(draft.scopes),
        addresses=list(draft.addresses),
        created_at=store.now,
        expires_at=store.now + timedelta(days=days),
    )
    system.add(row)
    system.flush()
    store.record(
        "token.create", detail={"account": str(owner), "token": str(row.id), "scopes": dict(draft.scopes)}
    )
    return row, secret


def list_tokens(store: Store, account_id: UUID | None = None, *, everybody: bool = False) -> list[ApiToken]:
    """Return the tokens of one account (one's own unless named), or with `token.read` for all those of
    everybody.
    """
    statement = select(ApiToken).order_by(ApiToken.created_at.desc(), ApiToken.id)
    if everybody:
        if store.require("token.read") is not Reach.ALL:
            raise Denied("You may see your own tokens only.", code="permission")
    else:
        statement = statement.where(ApiToken.account_id == _owner(store, "token.read", account_id))
    return store.system("list tokens").scalars(statement)


def revoke_token(store: Store, token_id: UUID) -> None:
    """Void a token for good; the row stays so that the audit can be read."""
    row = store.system("revoke a token").find(ApiToken, token_id)
    if row is None:
        raise NotFound("There is no such token.")
    _owner(store, "token.revoke", row.account_id)
    if row.revoked_at is None:
        row.revoked_at = store.now
        store.record("token.revoke", detail={"account": str(row.account_id), "token": str(row.id)})


def _owner(store: Store, permission: str, account_id: UUID | None) -> UUID:
    """Return whose token is meant; those of others need the permission for all, else they do not exist."""
    reach = store.require(permission)
    if account_id in (None, store.actor.id) and store.actor.id is not None:
        return store.actor.id
    if account_id is None:
        raise Invalid(
            "Name the account.", problems=[Problem("/account_id", "An account is needed.", "required")]
        )
    if reach is not Reach.ALL:
        raise NotFound("There is no such account or token.")
    return account_id


def _check_scopes(
    store: Store, system: Store, owner: UUID, scopes: Mapping[str, str], *, guard: Guard
) -> None:
    """Raise Invalid for scopes that are unknown or beyond the owner, Denied for those beyond the maker."""
    wanted = guard.permissions.parse(scopes, "/scopes")
    if not wanted:
        raise Invalid(
            "A token needs scopes.",
            problems=[Problem("/scopes", "Name at least one permission.", "required")],
        )
    rights = rights_of(roles_of(system, owner), guard.permissions)
    beyond = exceeding(Rights(wanted, rights.hidden_fields, rights.locked_fields), rights)
    if beyond:
        problems = [
            Problem(f"/scopes/{name}", "The account does not have this right.", "scope") for name in beyond
        ]
        raise Invalid(
            "A token cannot do more than its owner.", problems=problems, remedy="Leave these scopes out."
        )
    if owner != store.actor.id:
        require_may_become(
            store.actor, Rights(wanted, rights.hidden_fields, rights.locked_fields), "This token"
        )
