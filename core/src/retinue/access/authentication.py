"""Who sends a request: the owner of a session cookie or of an API token, with the rights they have at
this moment.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy import select, update

from retinue.access.actors import actor_of, is_usable_at, roles_of
from retinue.access.addresses import is_allowed, parse_networks
from retinue.access.credentials import snapshot_of
from retinue.access.guard import Caller, Guard, Opens, doorkeeper
from retinue.access.models import Account, ApiToken, SignInSession
from retinue.access.rights import Rights, narrow_to_scopes
from retinue.access.secret import digest, is_csrf_token, is_token
from retinue.access.sessions import live_session, session_over, wrong_address
from retinue.actor import Actor, Reach
from retinue.errors import Denied, Unauthenticated
from retinue.storage import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFacts:
    """What the wire says about a request; `address` is the client's behind trusted proxies.

    That an unsafe request comes from a page of ours is the edge's to see; a `csrf` that came along must be
    the session's own in any case.
    """

    address: str = ""
    cookie: str | None = None
    bearer: str | None = None
    csrf: str | None = None


def authenticate_request(opens: Opens, facts: RequestFacts, *, guard: Guard) -> Actor:
    """Return who sends the request; Unauthenticated if nobody, Denied from a wrong address or a foreign page.

    A token in the header wins over a cookie, and a bad one is never made good by a cookie.
    """
    if facts.bearer is not None:
        return _token_owner(opens, facts, guard)
    if not facts.cookie:
        raise session_over()
    return _session_owner(opens, facts, facts.cookie, guard)


# ---- sessions -----
def _session_owner(opens: Opens, facts: RequestFacts, secret: str, guard: Guard) -> Actor:
    with doorkeeper(opens, Caller(facts.address), readonly=True) as store:
        session = live_session(store, secret, guard)
        if facts.csrf is not None and not is_csrf_token(secret, facts.csrf):
            raise Denied("The form token belongs to another session.", code="csrf", remedy="Reload the page.")
        account = store.get(Account, session.account_id)
        if not _comes_from_allowed(store, account, facts.address, guard):
            raise wrong_address()
        actor = actor_of(store, account, guard, facts.address)
        if snapshot_of(store, account).must_change:
            actor = replace(actor, permissions={})
        due = store.now - session.seen_at >= guard.rules.session_touch
    if due:
        _touch_session(opens, session.id, facts.address)
    return replace(actor, session_id=session.id)


def _touch_session(opens: Opens, session_id: UUID, address: str) -> None:
    """Note that a session was used, at most once a minute, so that reading does not become writing."""
    with doorkeeper(opens, Caller(address)) as store:
        mine = (SignInSession.id == session_id) & (SignInSession.expires_at > store.now)
        store.change(update(SignInSession).where(mine).values(seen_at=store.now))


def _comes_from_allowed(store: Store, account: Account, address: str, guard: Guard) -> bool:
    return is_allowed(address, guard.rules.allowed) and is_usable_at(roles_of(store, account.id), address)


# ---- tokens -----
def _token_owner(opens: Opens, facts: RequestFacts, guard: Guard) -> Actor:
    secret = facts.bearer or ""
    if not is_token(secret):
        raise _bad_token()
    with doorkeeper(opens, Caller(facts.address), readonly=True) as store:
        row: ApiToken | None = store.first(select(ApiToken).where(ApiToken.secret_hash == digest(secret)))
        account = store.find(Account, row.account_id) if row is not None else None
        if row is None or account is None or not _is_good(store, row, account):
            raise _bad_token()
        allowed = _comes_from_allowed(store, account, facts.address, guard)
        allowed = allowed and is_allowed(facts.address, parse_networks(row.addresses))
        actor = _token_actor(store, row, account, guard=guard, address=facts.address)
        used_long_ago = row.used_at is None or store.now - row.used_at >= guard.rules.token_touch
        refused_long_ago = row.refused_at is None or store.now - row.refused_at >= guard.rules.token_touch
    if not allowed:
        if refused_long_ago:
            _note_refusal(opens, row, facts.address)
        raise wrong_address()
    if used_long_ago:
        with doorkeeper(opens, Caller(facts.address)) as store:
            store.change(update(ApiToken).where(ApiToken.id == row.id).values(used_at=store.now))
    return actor


def _is_good(store: Store, row: ApiToken, account: Account) -> bool:
    alive = row.revoked_at is None and row.created_at <= store.now < row.expires_at
    snapshot = snapshot_of(store, account)
    return alive and account.is_active and snapshot.epoch == row.epoch


def _token_actor(store: Store, row: ApiToken, account: Account, *, guard: Guard, address: str) -> Actor:
    owner = actor_of(store, account, guard, address)
    scopes: dict[str, Reach] = guard.permissions.known(row.scopes)
    rights = narrow_to_scopes(Rights(owner.permissions, owner.hidden_fields, owner.locked_fields), scopes)
    return replace(
        owner,
        kind="token",
        name=f"{account.name} ({row.name})"[:200],
        permissions=rights.permissions,
        token_id=row.id,
    )


def _note_refusal(opens: Opens, row: ApiToken, address: str) -> None:
    """Record a token that comes from a wrong address, at most once an hour: a program tries again and
    again.
    """
    with doorkeeper(opens, Caller(address)) as store:
        store.change(update(ApiToken).where(ApiToken.id == row.id).values(refused_at=store.now))
        detail = {"account": str(row.account_id), "token": str(row.id), "address": address}
        store.record("token.refuse", detail=detail)


def _bad_token() -> Unauthenticated:
    return Unauthenticated(
        "The API token is unknown, expired or revoked.",
        code="bad-token",
        remedy="Send a valid one as `Authorization: Bearer retinue_pat_…`.",
        headers={"WWW-Authenticate": "Bearer"},
    )
